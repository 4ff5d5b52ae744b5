"""`canvas backfill HOST`: ask the running workers to bring existing tickets in, and watch them do it."""

from pathlib import Path

import rich_click as click
from rich.console import Console

from deploy.backfill_progress import watch_backfill
from deploy.commands.tenant_opened import redis_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from shared.errors import CanvasError
from shared.tenants import parse_host

console = Console(soft_wrap=True)


@click.command()
@click.argument("host")
@data_option
def backfill(host: str, data: Path | None) -> None:
    """Precompute the existing tickets and articles of HOST; the workers must be running (`canvas up`).

    Example:  canvas backfill acme.freshdesk.com
    """
    settings = load_settings(data)
    run(settings, _backfill(settings, host))


async def _backfill(settings: AllSettings, host: str) -> None:
    host = parse_host(host)
    async with redis_opened(settings) as (_, context):
        await context.tenants.require(host)
        result = await watch_backfill(context, host)
    counts = result.counts
    console.print(f"{counts.computed} tickets computed, {counts.current} were current, {counts.articles} articles")
    if counts.waiting or counts.dead:
        raise CanvasError(
            f"{counts.waiting} tickets wait for their turn or another attempt (that happens by itself), "
            f"{counts.dead} were given up (start the backfill again to try them)"
        )
