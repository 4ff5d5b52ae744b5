"""`canvas backfill HOST`: ask the running workers to bring existing tickets in, and watch them do it."""

from pathlib import Path

import rich_click as click
from rich.console import Console

from deploy.backfill_progress import watch_backfill
from deploy.data_folder import redis_ready
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from ingest.context import receiver_context
from shared.errors import BadInput, CanvasError
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
    async with redis_ready(settings.shared) as shared, receiver_context(shared) as context:
        if await context.tenants.get(host) is None:
            raise BadInput(f"{host} is not connected: run `canvas tenant add {host}` first")
        result = await watch_backfill(context, host)
    counts = result.counts
    console.print(f"{counts.computed} tickets computed, {counts.current} were current, {counts.articles} articles")
    if counts.waiting or counts.dead:
        raise CanvasError(
            f"{counts.waiting} tickets wait for their turn or another attempt (that happens by itself), "
            f"{counts.dead} were given up (start the backfill again to try them)"
        )
