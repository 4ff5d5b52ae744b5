"""`canvas feedback export HOST`: what agents did with suggestions, as CSV for a spreadsheet or JSON for a program."""

import csv
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from deploy.commands.tenant_opened import redis_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from shared.feedback import Feedback, Kept, this_month
from shared.tenants import parse_host

COLUMNS = ("at", "kind", "action", "ticket_id", "item", "reason", "model", "prompt", "agent_id", "etag", "run", "id")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet would take for a formula (OWASP, "CSV injection")."""


@click.group()
def feedback() -> None:
    """What agents did with suggestions.

    Example:  canvas feedback export acme.freshdesk.com > feedback.csv
    """


@feedback.command("export")
@click.argument("host")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Only what came at this time (UTC) or later (default: all that is kept, 90 days)",
)
@click.option("--json", "as_json", is_flag=True, help="JSON: the entries, and this month's acceptance rates")
@data_option
def export(host: str, since: datetime | None, as_json: bool, data: Path | None) -> None:
    """Print the feedback of HOST as CSV. It holds no word of any ticket.

    Example:  canvas feedback export acme.freshdesk.com --since 2026-11-01 > feedback.csv
    """
    settings = load_settings(data)
    run(settings, _export(settings, parse_host(host), since and since.replace(tzinfo=UTC), as_json=as_json))


async def _export(settings: AllSettings, host: str, since: datetime | None, *, as_json: bool) -> None:
    async with redis_opened(settings) as (_, context):
        await context.tenants.require(host)
        store = Feedback(context.redis.state)
        kept = [entry async for entry in store.since(host, since)]
        rates = await store.acceptance(host, this_month()) if as_json else []
    rows = map(_row, kept)
    if as_json:
        document = {"host": host, "acceptance": msgspec.to_builtins(rates), "feedback": list(rows)}
        click.echo(msgspec.json.format(msgspec.json.encode(document)).decode())
    else:
        write_csv(rows)


def write_csv(rows: Iterable[dict[str, Any]]) -> None:
    """Write rows to standard output, no cell of which is a formula."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([cell(row[name]) for name in COLUMNS] for row in rows)


def _row(entry: Kept) -> dict[str, Any]:
    return {**msgspec.structs.asdict(entry.given), "at": entry.at.isoformat(timespec="milliseconds")}


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet computes."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
