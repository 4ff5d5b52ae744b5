"""`canvas tenant reencrypt`: the middle step of a change of the master keys."""

from pathlib import Path

import rich_click as click

from deploy.commands.tenant_opened import console, redis_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from ingest.context import ReceiverContext
from shared.errors import CanvasError, StartupError


@click.command("reencrypt")
@data_option
def reencrypt(data: Path | None) -> None:
    """Encrypt all stored credentials with the first master key, so that the others can be dropped.

    To replace the master key: put a new one first (CANVAS_MASTER_KEYS=new,old, or a line of its own on top of
    master.key), restart every process, run this, take the old one away and restart again. Webhook secrets stay valid
    all the time, and the rules in Freshdesk need no change.

    Example:  canvas tenant reencrypt
    """
    settings = load_settings(data)
    run(settings, _reencrypt(settings))


async def _reencrypt(settings: AllSettings) -> None:
    problems: list[str] = []
    async with redis_opened(settings) as (_, context):
        hosts = await context.tenants.hosts()
        for host in hosts:
            problems += await _one(context, host)
    if problems:
        for problem in problems:
            console.print(f"[yellow]![/yellow] {problem}")
        raise CanvasError("Keep the old master keys until these are settled")
    console.print(f"{len(hosts)} account{'' if len(hosts) == 1 else 's'}: the first master key alone is enough now")


async def _one(context: ReceiverContext, host: str) -> list[str]:
    """Encrypt one tenant's credentials anew; what stands against dropping the old keys."""
    tenant = await context.tenants.get(host)
    if tenant is None:
        return []
    try:
        if not context.tenants.is_current(tenant):
            tenant = await context.tenants.update(host, context.tenants.reencrypted)
            console.print(f"[green]✓[/green] {host}")
    except StartupError:
        return [f"{host}: no master key decrypts its credentials; put its key back, or add the account again"]
    if not tenant.webhook_hashes:
        return []
    remedy = f"run `canvas tenant rotate-secret {host}`, and then again with --finish"
    return [f"{host}: a webhook secret is known by its hash only (an older version made it): {remedy}"]
