"""`canvas tenant …`: connect Freshdesk accounts, and look at them. What changes one has a module of its own."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement

from deploy.commands.tenant_keys import reencrypt
from deploy.commands.tenant_opened import console, facts, moment, redis_opened
from deploy.commands.tenant_remove import remove
from deploy.commands.tenant_settings import change, chosen
from deploy.commands.tenant_webhooks import install, rotate
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from deploy.status_view import plain_table
from ingest.context import ReceiverContext
from ingest.freshdesk.client import freshdesk_http
from ingest.last_webhook import last_webhook
from ingest.registration import CREATION, UPDATES, register_tenant, rule_body, webhook_url
from shared.due_view import DueView
from shared.errors import BadInput, StartupError
from shared.tenants import GLOBAL_SCOPE, Tenant, parse_host

PLACEHOLDER_URL = "https://YOUR-PUBLIC-ADDRESS"
SCOPES = {GLOBAL_SCOPE: "all tickets", 2: "the tickets of its groups", 3: "its own tickets"}
FROM_STDIN = "-"
WIDEST = 1000
"""Columns of a list that nothing is cut from."""


@click.group()
def tenant() -> None:
    """Connect Freshdesk accounts, look at them, change and remove them."""


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
@data_option
def show_all(data: Path | None) -> None:
    """List the connected accounts.

    Example:  canvas tenant list
    """
    settings = load_settings(data)
    run(settings, _list(settings))


@tenant.command("show")
@click.argument("host")
@data_option
def show(host: str, data: Path | None) -> None:
    """Show all that is known of the account HOST, except its secrets.

    Example:  canvas tenant show acme.freshdesk.com
    """
    settings = load_settings(data)
    run(settings, _show(settings, parse_host(host)))


for command in (install, rotate, change, reencrypt, remove):
    tenant.add_command(command)


def _key(given: str | None) -> SecretStr:
    """The API key: from the option, the environment, a prompt, or standard input."""
    if given is None and sys.stdin.isatty():
        given = str(click.prompt("API key", hide_input=True))
    key = (sys.stdin.readline() if given in {None, FROM_STDIN} else given or "").strip()
    if not key:
        raise BadInput("There is no API key: pipe it in, or set FRESHDESK_API_KEY")
    return SecretStr(key)


async def _add(settings: AllSettings, host: str, api_key: SecretStr) -> None:
    async with redis_opened(settings) as (_, context), freshdesk_http() as http:
        freshdesk = context.freshdesk_over(http, host, api_key)
        found, secret = await register_tenant(context, freshdesk, host, api_key.get_secret_value())
    console.print(f"[green]Connected[/green] {host} as agent {found.agent_id}, language {found.language}")
    console.print(facts(_said(found)))
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


async def _list(settings: AllSettings) -> None:
    table = plain_table("host", "language", "plan", "agent", "due", "dead", "connected", right=("due", "dead"))
    async with redis_opened(settings) as (_, context):
        hosts = await context.tenants.hosts()
        counts = await DueView(context.redis.state).counts_of(hosts)
        for host in hosts:
            found = await context.tenants.get(host)
            if found is not None:
                language = found.settings.language or found.language
                plan = escape(found.account.plan) if found.account else ""
                figures = (str(found.agent_id), str(counts[host].due), str(counts[host].dead))
                table.add_row(host, language, plan, *figures, f"{found.created_at:%Y-%m-%d}")
    if not table.row_count:
        console.print("No account is connected yet: `canvas tenant add HOST`")
        return
    # Hosts are copied from here: a narrow terminal breaks the line, it does not cut the name.
    whole = Measurement.get(console, console.options.update(width=WIDEST), table).maximum
    Console(soft_wrap=True, highlight=False, width=max(console.width, whole)).print(table)


async def _show(settings: AllSettings, host: str) -> None:
    async with redis_opened(settings) as (_, context):
        found = await context.tenants.require(host)
        counts = await DueView(context.redis.state).counts(host)
        received = await last_webhook(context.redis.state, host)
        encrypted = _encrypted(context, found)
    secrets = "1" if found.valid_secrets == 1 else f"{found.valid_secrets}, a rotation is not finished"
    console.print(f"[bold]{host}[/bold]")
    console.print(facts([("connected", moment(found.created_at)), *_said(found)]))
    console.print("\n[bold]Work[/bold]")
    oldest = f", the oldest for {counts.oldest_due_s:.0f} s" if counts.oldest_due_s is not None else ""
    console.print(
        facts(
            [
                ("due", f"{counts.due} ({counts.running} are run now{oldest})"),
                ("given up", f"{counts.dead}" + (f": canvas dead list {host}" if counts.dead else "")),
                ("last webhook", _ago(received)),
                ("webhook URL", webhook_url(settings.deploy.public_url or PLACEHOLDER_URL, host)),
                ("valid secrets", secrets),
                ("encrypted by", encrypted),
            ]
        )
    )
    console.print("\n[bold]Settings[/bold]")
    console.print(facts(chosen(found.settings)))


def _said(found: Tenant) -> list[tuple[str, str]]:
    """What the account says about itself, label and value."""
    account = found.account
    rows = [("agent", f"{found.agent_id}, sees {SCOPES.get(found.ticket_scope, 'some tickets')}")]
    if account is not None:
        rows.append(("account", f"{account.name} ({account.account_id}), {account.data_center}, {account.timezone}"))
        rows.append(("plan", account.plan or "not said"))
    limit = found.calls_a_minute
    rows.append(("rate limit", "not said" if limit is None else f"{limit} calls a minute"))
    rows.append(("languages", ", ".join(found.languages) or "not said"))
    statuses = ", ".join(f"{number} {name}" for number, name in sorted(found.statuses.items()))
    rows.append(("statuses", statuses or "not shown to this agent: Freshdesk's own names are used"))
    return rows


def _encrypted(context: ReceiverContext, found: Tenant) -> str:
    try:
        current = context.tenants.is_current(found)
    except StartupError:
        return "a key that is missing: put it back into CANVAS_MASTER_KEYS, or add the account again"
    return "the first master key" if current else "an older one: canvas tenant reencrypt"


def _ago(at: datetime | None) -> str:
    if at is None:
        return "none in 30 days"
    seconds = (datetime.now(UTC) - at).total_seconds()
    return f"{moment(at)} ({max(0, seconds) / 60:.0f} minutes ago)"
