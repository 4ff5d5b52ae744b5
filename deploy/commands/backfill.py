"""`canvas backfill HOST`: ask the running workers to bring existing tickets in, and watch them do it."""

import rich_click as click

from deploy.backfill_progress import watch_backfill
from deploy.data_folder import redis_ready
from deploy.process import run
from deploy.settings import AllSettings, load_settings
from ingest.context import receiver_context
from shared.errors import BadInput
from shared.tenants import parse_host


@click.command()
@click.argument("host")
def backfill(host: str) -> None:
    """Precompute the existing tickets and articles of HOST; the workers must be running (`canvas up`).

    Example:  canvas backfill acme.freshdesk.com
    """
    settings = load_settings()
    run(settings, _backfill(settings, host))


async def _backfill(settings: AllSettings, host: str) -> None:
    host = parse_host(host)
    async with redis_ready(settings.shared) as shared, receiver_context(shared) as context:
        if await context.tenants.get(host) is None:
            raise BadInput(f"{host} is not connected: run `canvas tenant add {host}` first")
        await watch_backfill(context, host)
