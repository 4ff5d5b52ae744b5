"""`canvas tenant install-webhooks` and `rotate-secret`: the automation rules in Freshdesk and the secret they carry."""

from pathlib import Path

import rich_click as click

from deploy.commands.tenant_opened import Opened, console, https_address, tenant_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from ingest.registration import Rotation, finish_rotation, install_webhooks, rotate_secret
from ingest.webhook_auth import SECRET_HEADER
from shared.errors import BadInput

public_url_option = click.option(
    "--public-url", help="HTTPS address by which Freshdesk reaches us (default: CANVAS_PUBLIC_URL)"
)


@click.command("install-webhooks")
@click.argument("host")
@public_url_option
@data_option
def install(host: str, public_url: str | None, data: Path | None) -> None:
    """Create or repair the two automation rules of HOST through Freshdesk's API (needs an admin's key).

    They send ids only, and the secret in a header. They fire for agents and requesters, not for what other rules do;
    Prompt Canvas itself changes no ticket, so that no loop can arise.

    Example:  canvas tenant install-webhooks acme.freshdesk.com --public-url https://abc.ngrok.app
    """
    settings = load_settings(data)
    run(settings, _install(settings, host, public_url))


@click.command("rotate-secret")
@click.argument("host")
@public_url_option
@click.option("--finish", is_flag=True, help="Drop the old secret, now that all rules carry the new one")
@data_option
def rotate(host: str, public_url: str | None, finish: bool, data: Path | None) -> None:
    """Replace the webhook secret of HOST; the old one stays valid beside the new one until --finish.

    The new one is put into the rules where the key is an admin's and the public address is known; else it is shown, for
    rules that were made by hand. Calling it again goes on with a rotation that was begun.

    Example:  canvas tenant rotate-secret acme.freshdesk.com
    """
    settings = load_settings(data)
    run(settings, _finish(settings, host) if finish else _rotate(settings, host, public_url))


async def _install(settings: AllSettings, host: str, public_url: str | None) -> None:
    url = https_address(settings, public_url)
    async with tenant_opened(settings, host) as opened:
        await _install_rules(opened, url)


async def _install_rules(opened: Opened, url: str) -> None:
    for line in await install_webhooks(opened.context, opened.freshdesk, opened.tenant, url):
        outcome, _, rest = line.partition(":")
        color = "yellow" if outcome == "duplicate" else "green"
        console.print(f"[{color}]{outcome}[/{color}]:{rest}")


async def _rotate(settings: AllSettings, host: str, public_url: str | None) -> None:
    known = public_url or settings.deploy.public_url
    address = https_address(settings, public_url) if known else ""  # refused before a secret is made
    async with tenant_opened(settings, host) as opened:
        rotation = await rotate_secret(opened.context, opened.tenant.host)
        console.print(
            "Going on with the rotation that was begun: two secrets are valid."
            if rotation.resumed
            else "Made a new secret; the old one stays valid."
        )
        if address:
            try:
                await _install_rules(opened, address)
            except BadInput as error:
                _show_secret(rotation, error.detail)
        else:
            _show_secret(rotation, "the public address is not known (--public-url or CANVAS_PUBLIC_URL)")
    console.print(f"When all rules carry the new one:  canvas tenant rotate-secret {rotation.tenant.host} --finish")


def _show_secret(rotation: Rotation, reason: str) -> None:
    console.print(f"[yellow]The rules were not changed:[/yellow] {reason}")
    console.print(f"Put the new secret into the header {SECRET_HEADER} of both rules:\n\n{rotation.secret}\n")


async def _finish(settings: AllSettings, host: str) -> None:
    async with tenant_opened(settings, host) as opened:
        dropped = await finish_rotation(opened.context, opened.freshdesk, opened.tenant)
    console.print(f"Dropped {dropped} old {'secret' if dropped == 1 else 'secrets'}; one is valid.")
