"""`canvas tenant …`: connect Freshdesk accounts, and look at them. What changes one has a module of its own."""

import json
import sys
from pathlib import Path

import rich_click as click
from pydantic import SecretStr

from deploy.commands.tenant_keys import reencrypt
from deploy.commands.tenant_opened import console, facts, redis_opened
from deploy.commands.tenant_remove import remove
from deploy.commands.tenant_settings import change
from deploy.commands.tenant_view import PLACEHOLDER_URL, SCOPES, list_tenants, said, show_tenant
from deploy.commands.tenant_webhooks import install, rotate
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from deploy.standard_streams import one_line
from ingest.freshdesk.client import freshdesk_http
from ingest.registration import CREATION, UPDATES, register_tenant, rule_body, webhook_url
from shared.errors import BadInput
from shared.tenants import GLOBAL_SCOPE, parse_host

FROM_STDIN = "-"

json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs")


@click.group()
def tenant() -> None:
    """Connect Freshdesk accounts, look at them, change and remove them.

    Example:  canvas tenant add acme.freshdesk.com
    """


@tenant.command("add")
@click.argument("host")
@click.option(
    "--api-key",
    envvar="FRESHDESK_API_KEY",
    help="API key of a Freshdesk agent; - reads it from standard input; asked for if it is not given",
)
@data_option
def add(host: str, api_key: str | None, data: Path | None) -> None:
    """Check an API key and store the account HOST (yourcompany.freshdesk.com).

    The key stays out of the shell's history where it is asked for, piped in, or set as FRESHDESK_API_KEY. Adding an
    account again replaces its key and reads anew what the account says; its secrets and settings stay.

    Example:  canvas tenant add acme.freshdesk.com < key.txt
    """
    settings = load_settings(data)
    run(settings, _add(settings, parse_host(host), _key(api_key)))


@tenant.command("list")
@json_option
@data_option
def show_all(as_json: bool, data: Path | None) -> None:
    """List the connected accounts.

    Example:  canvas tenant list
    """
    settings = load_settings(data)
    run(settings, list_tenants(settings, as_json=as_json))


@tenant.command("show")
@click.argument("host")
@json_option
@data_option
def show(host: str, as_json: bool, data: Path | None) -> None:
    """Show all that is known of the account HOST, except its secrets.

    Example:  canvas tenant show acme.freshdesk.com
    """
    settings = load_settings(data)
    run(settings, show_tenant(settings, parse_host(host), as_json=as_json))


for command in (install, rotate, change, reencrypt, remove):
    tenant.add_command(command)


def _key(given: str | None) -> SecretStr:
    """The API key: from the option, the environment, a prompt, or standard input."""
    if given is None and sys.stdin.isatty():
        given = str(click.prompt("API key", hide_input=True))
    key = one_line(None if given == FROM_STDIN else given, "API key")
    if not key:
        raise BadInput("There is no API key: pipe it in, or set FRESHDESK_API_KEY")
    return SecretStr(key)


async def _add(settings: AllSettings, host: str, api_key: SecretStr) -> None:
    async with redis_opened(settings) as (_, context), freshdesk_http() as http:
        freshdesk = context.freshdesk_over(http, host, api_key)
        found, secret = await register_tenant(context, freshdesk, host, api_key.get_secret_value())
    console.print(f"[green]Connected[/green] {host} as agent {found.agent_id}, language {found.language}")
    console.print(facts(said(found)))
    if found.ticket_scope != GLOBAL_SCOPE:
        console.print(
            f"[yellow]This agent sees only {SCOPES.get(found.ticket_scope, 'some tickets')}:[/yellow] others get no "
            "Canvas and are never found as similar. Use the key of an agent who sees all tickets."
        )
    if secret is None:
        console.print("Its webhook secrets and settings stay as they are.")
        return
    _say_rules(webhook_url(settings.deploy.public_url or PLACEHOLDER_URL, host), secret, host)


def _say_rules(url: str, secret: str, host: str) -> None:
    console.print(f"\nWebhook URL     {url}\nWebhook secret  {secret}\n")
    console.print(f"Let us make the rules:  canvas tenant install-webhooks {host} --public-url https://…")
    console.print("Or make them by hand, Admin > Workflows > Automations, with these bodies:")
    for rule_type, label in ((CREATION, "Ticket Creation"), (UPDATES, "Ticket Updates")):
        console.print(f"\n[bold]{label}[/bold]")
        console.print_json(json.dumps(rule_body(rule_type, url, secret)))
