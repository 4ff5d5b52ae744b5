"""`canvas tenant remove`: forget an account, erase all that was derived for it, and prove it by counting."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import rich_click as click

from deploy.commands.tenant_opened import console, redis_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from deploy.status_view import plain_table
from ingest.context import ReceiverContext, worker_context
from ingest.erasure import WATCH, Erasure, erase_tenant, erasure_of, finish, look, note
from shared import workers
from shared.errors import BadInput, CanvasError
from shared.queues import Queue
from shared.settings import Settings
from shared.tenants import parse_host

LOOK_EVERY_S = 0.2
ASK_AGAIN_S = 15.0
"""A job may be lost, and a worker of an older version does not know it."""
BEGUN_WITHIN_S = 120.0


@click.command("remove")
@click.argument("host")
@click.option("--yes", is_flag=True, help="Do not ask")
@click.option(
    "--watch",
    type=click.FloatRange(0, 3600),
    default=WATCH.total_seconds(),
    show_default=True,
    help="Seconds for which nothing may come back before it counts as erased",
)
@data_option
def remove(host: str, yes: bool, watch: float, data: Path | None) -> None:
    """Disconnect HOST and erase everything that was derived for it: Canvases, vectors, runs, jobs, credentials.

    Nothing in Freshdesk is changed; its two rules there should be deleted by hand. A table shows what was found and
    what is left; exit code 1 if anything is. It can be run again where it was interrupted.

    Example:  canvas tenant remove acme.freshdesk.com
    """
    settings, host = load_settings(data), parse_host(host)
    if not yes and click.prompt(f"This erases all data of {host} here. Type the host to go on") != host:
        raise BadInput("That is not the host: nothing was changed")
    run(settings, _remove(settings, host, timedelta(seconds=watch)))


async def _remove(settings: AllSettings, host: str, watch: timedelta) -> None:
    async with redis_opened(settings) as (shared, context):
        before = await look(context, host)
        if not await context.tenants.remove(host):
            console.print(f"{host} is not connected; erasing what is left of it")
        with console.status(f"Erasing {host}, and watching for {watch.total_seconds():.0f} s that nothing comes back"):
            erased = await _erased(settings, shared, context, host, watch)
        counts = await finish(context, host, erased)
    table = plain_table("what", "found", "left", right=("found", "left"))
    for kind in sorted({*before, *counts}):
        found, left = counts.get(kind, (0, 0))
        # The record itself was gone before the erasure began.
        table.add_row(kind, str(max(found, before.get(kind, 0))), str(left))
    console.print(table)
    remaining = sum(left for _, left in counts.values())
    if remaining:
        raise CanvasError(f"{remaining} things of {host} are left: run this again")
    console.print(f"[green]Nothing of {host} is left.[/green] Delete the rules named Prompt Canvas in Freshdesk.")


async def _erased(
    settings: AllSettings, shared: Settings, context: ReceiverContext, host: str, watch: timedelta
) -> Erasure:
    """Have a worker erase the tenant, since it has the vectors open; without any worker do it here."""
    await note(context, host, Erasure(state="waiting", at=time.time()))
    began, asked = time.monotonic(), float("-inf")
    while True:
        erasure = await erasure_of(context, host)
        if erasure is not None and erasure.state == "done":
            return erasure
        if erasure is not None and erasure.state == "failed":
            raise CanvasError(erasure.error)
        waits = erasure is None or erasure.state == "waiting" or not erasure.going_on
        if waits and not await _worker_alive(context):
            async with worker_context(shared, settings.ingest) as worker:
                return await erase_tenant(worker, host, watch)
        if waits and time.monotonic() - asked > ASK_AGAIN_S:
            asked = time.monotonic()
            await context.queue.erase(host, f"{time.time():.3f}", watch.total_seconds())
        if waits and time.monotonic() - began > BEGUN_WITHIN_S:
            raise CanvasError("No worker began to erase: are all of them of this version?")
        await asyncio.sleep(LOOK_EVERY_S)


async def _worker_alive(context: ReceiverContext) -> bool:
    reports = await workers.reports(context.redis.state)
    return any(Queue.LIVE.value in report.queues for report in reports)
