"""`canvas reconcile HOST`: look now for what webhooks missed, and say what was found."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import rich_click as click
from click.exceptions import Exit
from rich.console import Console

from deploy.commands.tenant_opened import redis_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from ingest.context import ReceiverContext
from shared import workers
from shared.errors import CanvasError
from shared.reconcile_state import ReconcileSchedule, ReconcileState, reconcile_state
from shared.tenants import parse_host

console = Console(soft_wrap=True)
LOOK_EVERY_S = 0.1
WORKER_WITHIN_S = 5.0


@click.command()
@click.argument("host")
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs")
@data_option
def reconcile(host: str, as_json: bool, data: Path | None) -> None:
    """Find now what webhooks missed.

    Looks through the ticket lists of HOST; the workers must be running.

    Ends with 1 if the pass was stopped; it is tried again by itself.

    Example:  canvas reconcile acme.freshdesk.com
    """
    settings = load_settings(data)
    run(settings, _reconcile(settings, host, as_json=as_json))


async def _reconcile(settings: AllSettings, host: str, *, as_json: bool) -> None:
    host = parse_host(host)
    async with redis_opened(settings) as (_, context):
        await context.tenants.require(host)
        found = await watch_pass(context, host)
    if as_json:
        click.echo(msgspec.json.encode({"host": host, **msgspec.structs.asdict(found)}).decode())
        if found.code:
            raise Exit(1)
        return
    if found.code:
        raise CanvasError(f"The pass stopped ({found.code}) and is tried again by itself; nothing is skipped meanwhile")
    console.print(f"{found.found} changes had been missed and are due now, {found.left} tickets left the lists")
    if found.updated:
        # Some minutes before now, or the last change: Freshdesk's list lags, so that its end is always read again.
        again = datetime.fromtimestamp(found.updated / 1000, UTC)
        console.print(f"The next pass reads what changed since {again:%Y-%m-%d %H:%M:%S} UTC")


async def watch_pass(context: ReceiverContext, host: str) -> ReconcileState:
    """Ask for a pass and wait for its end.

    Raises:
        CanvasError: no worker is there to do it.
    """
    asked, started = await ReconcileSchedule(context.redis.state).ask(host), time.monotonic()
    while True:
        found = await reconcile_state(context.redis.state, host)
        if found.began_ms >= asked:
            return found
        if time.monotonic() - started > WORKER_WITHIN_S and not await workers.reports(context.redis.state):
            raise CanvasError("No worker is running: start `canvas up`, or `canvas worker`")
        await asyncio.sleep(LOOK_EVERY_S)
