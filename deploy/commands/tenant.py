"""`canvas tenant …`: connect Freshdesk accounts."""

import json
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.table import Table

from deploy.data_folder import redis_ready
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from ingest.context import receiver_context
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.registration import (
    CREATION,
    UPDATES,
    install_webhooks,
    register_tenant,
    rule_body,
    webhook_url,
)
from shared.errors import BadInput
from shared.tenants import parse_host

console = Console(soft_wrap=True)
PLACEHOLDER_URL = "https://YOUR-PUBLIC-ADDRESS"


@click.group()
def tenant() -> None:
    """Connect Freshdesk accounts and look at them."""


@tenant.command("add")
@click.argument("host")
@click.option("--api-key", prompt=True, hide_input=True, help="API key of a Freshdesk agent (asked for if not given)")
@data_option
def add(host: str, api_key: str, data: Path | None) -> None:
    """Check an API key and store the account HOST (yourcompany.freshdesk.com).

    Example:  canvas tenant add acme.freshdesk.com
    """
    settings = load_settings(data)
    run(settings, _add(settings, host, api_key))


@tenant.command("install-webhooks")
@click.argument("host")
@click.option("--public-url", help="HTTPS address by which Freshdesk reaches us (default: CANVAS_PUBLIC_URL)")
@data_option
def install(host: str, public_url: str | None, data: Path | None) -> None:
    """Create or repair the two automation rules of HOST through Freshdesk's API (needs an admin's key).

    Example:  canvas tenant install-webhooks acme.freshdesk.com --public-url https://abc.ngrok.app
    """
    settings = load_settings(data)
    run(settings, _install(settings, host, public_url))


@tenant.command("list")
@data_option
def show_all(data: Path | None) -> None:
    """List the connected accounts.

    Example:  canvas tenant list
    """
    settings = load_settings(data)
    run(settings, _list(settings))


async def _add(settings: AllSettings, host: str, api_key: str) -> None:
    host = parse_host(host)
    async with redis_ready(settings.shared) as shared, receiver_context(shared) as context, freshdesk_http() as http:
        freshdesk = FreshdeskClient(http, shared.freshdesk_url(host), api_key)
        found, secret = await register_tenant(context, freshdesk, host, api_key)
    url = webhook_url(settings.deploy.public_url or PLACEHOLDER_URL, host)
    console.print(f"[green]Connected[/green] {host} as agent {found.agent_id}, language {found.language}")
    if secret is None:
        console.print("Its webhook secrets stay as they are; `canvas tenant install-webhooks` makes a new one.")
        return
    console.print(f"Webhook URL     {url}\nWebhook secret  {secret}   (shown once)\n")
    console.print(f"Let us make the rules:  canvas tenant install-webhooks {host} --public-url https://…")
    console.print("Or make them by hand, Admin > Workflows > Automations, with these bodies:")
    for rule_type, label in ((CREATION, "Ticket Creation"), (UPDATES, "Ticket Updates")):
        console.print(f"\n[bold]{label}[/bold]")
        console.print_json(json.dumps(rule_body(rule_type, url, secret)))


async def _install(settings: AllSettings, host: str, public_url: str | None) -> None:
    host, url = parse_host(host), public_url or settings.deploy.public_url
    if not url.startswith("https://"):
        raise BadInput("Freshdesk calls HTTPS addresses only: give one with --public-url or CANVAS_PUBLIC_URL")
    async with redis_ready(settings.shared) as shared, receiver_context(shared) as context, freshdesk_http() as http:
        found = await context.tenants.get(host)
        if found is None:
            raise BadInput(f"{host} is not connected: run `canvas tenant add {host}` first")
        freshdesk = FreshdeskClient(http, shared.freshdesk_url(host), context.tenants.api_key(found))
        for line in await install_webhooks(context, freshdesk, found, url):
            console.print(f"[green]✓[/green] {line}")


async def _list(settings: AllSettings) -> None:
    table = Table("host", "language", "agent", "due", "connected", box=None)
    async with redis_ready(settings.shared) as shared, receiver_context(shared) as context:
        for host in await context.tenants.hosts():
            found = await context.tenants.get(host)
            if found is not None:
                due = str(await context.ledger.count_due(host))
                table.add_row(host, found.language, str(found.agent_id), due, f"{found.created_at:%Y-%m-%d %H:%M}")
    console.print(table)
