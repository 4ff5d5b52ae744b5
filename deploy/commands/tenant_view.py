"""What `canvas tenant list` and `show` say of accounts: to a person, or to a program; never their secrets."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement

from deploy.commands.tenant_opened import console, facts, moment, redis_opened
from deploy.commands.tenant_settings import chosen
from deploy.settings import AllSettings
from deploy.status_view import plain_table
from ingest.context import ReceiverContext
from ingest.last_webhook import last_webhook
from ingest.registration import webhook_url
from shared.due_view import DueCounts, DueView
from shared.errors import StartupError
from shared.tenants import GLOBAL_SCOPE, Tenant

PLACEHOLDER_URL = "https://YOUR-PUBLIC-ADDRESS"
SCOPES = {GLOBAL_SCOPE: "all tickets", 2: "the tickets of its groups", 3: "its own tickets"}
WIDEST = 1000
"""Columns of a list that nothing is cut from."""
SECRET_FIELDS = ("api_key", "webhook_secrets", "webhook_hashes")


async def list_tenants(settings: AllSettings, *, as_json: bool) -> None:
    """Print all accounts, with what is due and dead of each."""
    table = plain_table("host", "language", "plan", "agent", "due", "dead", "connected", right=("due", "dead"))
    rows: list[dict[str, Any]] = []
    async with redis_opened(settings) as (_, context):
        hosts = await context.tenants.hosts()
        counts = await DueView(context.redis.state).counts_of(hosts)
        for host in hosts:
            found = await context.tenants.get(host)
            if found is not None:
                rows.append({**_plain(found), "due": counts[host].due, "dead": counts[host].dead})
                language = found.settings.language or found.language
                plan = escape(found.account.plan) if found.account else ""
                figures = (str(found.agent_id), str(counts[host].due), str(counts[host].dead))
                table.add_row(host, language, plan, *figures, f"{found.created_at:%Y-%m-%d}")
    if as_json:
        click.echo(msgspec.json.encode({"tenants": rows}).decode())
        return
    if not table.row_count:
        console.print("No account is connected yet: `canvas tenant add HOST`")
        return
    # Hosts are copied from here: a narrow terminal breaks the line, it does not cut the name.
    whole = Measurement.get(console, console.options.update(width=WIDEST), table).maximum
    Console(soft_wrap=True, highlight=False, width=max(console.width, whole)).print(table)


async def show_tenant(settings: AllSettings, host: str, *, as_json: bool) -> None:
    """Print all that is known of an account.

    Raises:
        BadInput: it is not connected.
    """
    async with redis_opened(settings) as (_, context):
        found = await context.tenants.require(host)
        counts = await DueView(context.redis.state).counts(host)
        received = await last_webhook(context.redis.state, host)
        encrypted = _encrypted(context, found)
    if as_json:
        figures = {"due": counts.due, "running": counts.running, "dead": counts.dead, "last_webhook": received}
        document = {**_plain(found), **figures, "webhook_url": webhook_url(settings.deploy.public_url, host)}
        click.echo(msgspec.json.encode(document).decode())
        return
    _show(settings, found, counts, received, encrypted)


def _show(settings: AllSettings, found: Tenant, counts: DueCounts, received: datetime | None, encrypted: str) -> None:
    host = found.host
    secrets = "1" if found.valid_secrets == 1 else f"{found.valid_secrets}, a rotation is not finished"
    console.print(f"[bold]{host}[/bold]")
    console.print(facts([("connected", moment(found.created_at)), *said(found)]))
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


def said(found: Tenant) -> list[tuple[str, str]]:
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


def _plain(found: Tenant) -> dict[str, Any]:
    """The record for a program, without what is secret."""
    record = msgspec.to_builtins(found)
    plain = {name: value for name, value in record.items() if name not in SECRET_FIELDS}
    return {**plain, "statuses": {str(number): name for number, name in found.statuses.items()}}
