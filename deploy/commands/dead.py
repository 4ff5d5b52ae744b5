"""`canvas dead …`: the tickets that failed too often, why they did, and what becomes of them.

A dead ticket keeps its old Canvas, and is tried again by itself as soon as it changes or an agent opens it. No command
here shows a ticket's text: only ids, counts, times and codes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import rich_click as click
from redis.asyncio import Redis
from rich.console import Console

from deploy.data_folder import redis_asked, redis_ready
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from deploy.status_view import plain_table
from deploy.ticket_record import meaning, read_record
from deploy.verdict import in_words
from shared import keys, workers
from shared.due import DueLedger
from shared.due_view import DeadLetter
from shared.errors import BadInput
from shared.redis import redis_clients
from shared.tenants import parse_host

CHUNK = 200
"""Tickets replayed or dropped between two looks at the list of dead ones."""

json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs")
tickets_argument = click.argument("tickets", nargs=-1, type=click.IntRange(1, 10**15 - 1), metavar="[TICKET]...")
all_option = click.option("--all", "every", is_flag=True, help="All dead tickets of HOST")


@click.group()
def dead() -> None:
    """Tickets that were given up: look, try again, or drop.

    Example:  canvas dead list acme.freshdesk.com
    """


@dead.command("list")
@click.argument("host", required=False)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most tickets of an account"
)
@json_option
@data_option
def show_all(host: str | None, limit: int, as_json: bool, data: Path | None) -> None:
    """List the tickets that were given up, of HOST or of all accounts, longest ago first.

    Example:  canvas dead list acme.freshdesk.com
    """
    settings = load_settings(data)
    run(settings, _list(settings, parse_host(host) if host else None, limit, as_json))


@dead.command("show")
@click.argument("host")
@click.argument("ticket", type=click.IntRange(1, 10**15 - 1))
@json_option
@data_option
def show(host: str, ticket: int, as_json: bool, data: Path | None) -> None:
    """Show what the ledger knows of one ticket, dead or not; never its text.

    Example:  canvas dead show acme.freshdesk.com 123
    """
    settings = load_settings(data)
    run(settings, _show(settings, parse_host(host), ticket, as_json))


@dead.command("replay")
@click.argument("host")
@tickets_argument
@all_option
@data_option
def replay(host: str, tickets: tuple[int, ...], every: bool, data: Path | None) -> None:
    """Make dead tickets of HOST due again: the running workers try them at once, as often as new ones.

    Example:  canvas dead replay acme.freshdesk.com 123 124
    """
    _one_way(tickets, every)
    settings = load_settings(data)
    run(settings, _replay(settings, parse_host(host), tickets))


@dead.command("drop")
@click.argument("host")
@tickets_argument
@all_option
@click.option("--yes", is_flag=True, help="Don't ask")
@data_option
def drop(host: str, tickets: tuple[int, ...], every: bool, yes: bool, data: Path | None) -> None:
    """Take tickets of HOST off the list: they are not computed until their next change.

    Example:  canvas dead drop acme.freshdesk.com 123
    """
    _one_way(tickets, every)
    settings, host = load_settings(data), parse_host(host)
    if not yes:
        # Asked between two looks: an event loop would swallow the Ctrl-C of who is asked.
        count = run(settings, _count(settings, host, tickets))
        if count:
            which = "1 ticket" if count == 1 else f"{count:,} tickets"
            click.confirm(f"Drop {which} of {host} until the next change?", abort=True, err=True)
    run(settings, _drop(settings, host, tickets))


def _one_way(tickets: tuple[int, ...], every: bool) -> None:
    if bool(tickets) == every:
        raise click.UsageError("Name the tickets, or say --all")


async def _list(settings: AllSettings, host: str | None, limit: int, as_json: bool) -> None:
    letters: dict[str, list[DeadLetter]] = {}
    total = 0
    async with _opened(settings, host) as state:
        ledger = DueLedger(state)
        hosts = [host] if host else sorted(member.decode() for member in await state.smembers(keys.TENANTS))  # type: ignore[misc]
        for name, counts in (await ledger.counts_of(hosts)).items():
            total += counts.dead
            if counts.dead:
                letters[name] = await ledger.dead_letters(name, 0, limit)
    rows = [(name, letter) for name, found in letters.items() for letter in found]
    if as_json:
        click.echo(_json({"total": total, "dead": [_row(name, letter) for name, letter in rows]}))
    else:
        _show_list(rows, total, whole_names=host is None)


def _show_list(rows: list[tuple[str, DeadLetter]], total: int, whole_names: bool) -> None:
    console = Console(highlight=False)
    if not rows:
        console.print("[green]No ticket is given up.[/green]")
        return
    names = ["tenant"] if whole_names else []
    table = plain_table(*names, "ticket", "given up", "tries", "code", right=("ticket", "tries"))
    for host, letter in rows:
        cells = [str(letter.ticket_id), f"{_age(letter.since)} ago", str(letter.attempts), letter.code or "-"]
        table.add_row(*([host] if whole_names else []), *cells)
    console.print(table)
    if total > len(rows):
        console.print(f"… and {total - len(rows):,} more (--limit)", style="dim")
    legend = plain_table("code", "what it means")
    for code in sorted({letter.code for _, letter in rows}):
        legend.add_row(code or "-", meaning(code))
    host, first = rows[0]
    console.print("", legend, "", f"Try again: canvas dead replay {host} {first.ticket_id}", sep="\n")
    console.print(f"Leave it:  canvas dead drop {host} {first.ticket_id}")


async def _show(settings: AllSettings, host: str, ticket_id: int, as_json: bool) -> None:
    async with _opened(settings, host) as state:
        record = await read_record(state, host, ticket_id)
    if record is None:
        raise BadInput(f"The ledger has no ticket {ticket_id} of {host}: no webhook, backfill or agent has named it")
    if as_json:
        click.echo(_json(record))
        return
    table = plain_table("", "")
    table.show_header = False
    for name, value in msgspec.structs.asdict(record).items():
        if isinstance(value, datetime):
            past = value <= datetime.now(UTC)
            value = f"{value:%Y-%m-%d %H:%M:%S} UTC" + (f" ({_age(value)} ago)" if past else "")  # noqa: PLW2901
        if value not in (None, ""):
            table.add_row(name.replace("_", " "), str(value))
    Console(highlight=False).print(table)


async def _replay(settings: AllSettings, host: str, tickets: tuple[int, ...]) -> None:
    done = 0
    async with _opened(settings, host) as state:
        ledger = DueLedger(state)
        async for chunk in _chunks(ledger, host, tickets):
            done += await ledger.replay(host, chunk)
        alive = await workers.reports(state)
    _say(done, "due again", tickets)
    if done and not alive:
        click.echo("No worker is alive: they are tried when you start `canvas up` or `canvas worker`.", err=True)


async def _drop(settings: AllSettings, host: str, tickets: tuple[int, ...]) -> None:
    done = 0
    async with _opened(settings, host) as state:
        ledger = DueLedger(state)
        async for chunk in _chunks(ledger, host, tickets):
            done += await ledger.drop(host, chunk)
    _say(done, "dropped until the next change", tickets)


async def _count(settings: AllSettings, host: str, tickets: tuple[int, ...]) -> int:
    """How many tickets are dead: of those named, or else of all."""
    async with _opened(settings, host) as state:
        ledger = DueLedger(state)
        counts = await ledger.counts(host)
        if not tickets:
            return counts.dead
        letters = await ledger.dead_letters(host, 0, counts.dead)
    return len({letter.ticket_id for letter in letters} & set(tickets))


async def _chunks(ledger: DueLedger, host: str, tickets: tuple[int, ...]) -> AsyncIterator[list[int]]:
    """The tickets named, or else all that are dead now; what is given up meanwhile is not among them."""
    named = list(tickets)
    if not named:
        counts = await ledger.counts(host)
        named = [letter.ticket_id for letter in await ledger.dead_letters(host, 0, counts.dead)]
    for first in range(0, len(named), CHUNK):
        yield named[first : first + CHUNK]


def _say(done: int, what: str, tickets: tuple[int, ...]) -> None:
    click.echo(f"{done:,} ticket{'' if done == 1 else 's'} {what}")
    if len(set(tickets)) > done:
        others = len(set(tickets)) - done
        click.echo(
            f"{others:,} of those that you named {'is' if others == 1 else 'are'} not dead: left alone", err=True
        )


@asynccontextmanager
async def _opened(settings: AllSettings, host: str | None) -> AsyncIterator[Redis]:
    async with redis_ready(settings.shared) as shared, redis_clients(shared) as redis, redis_asked():
        if host is not None and not await redis.state.exists(keys.tenant(host)):
            raise BadInput(f"{host} is not connected: run `canvas tenant add {host}` first")
        yield redis.state


def _row(host: str, letter: DeadLetter) -> dict[str, object]:
    age_s = round((datetime.now(UTC) - letter.since).total_seconds(), 1)
    row = {"host": host, "ticket_id": letter.ticket_id, "since": letter.since, "age_s": age_s}
    return {**row, "code": letter.code, "attempts": letter.attempts, "meaning": meaning(letter.code)}


def _json(document: object) -> str:
    return msgspec.json.encode(document).decode()


def _age(since: datetime) -> str:
    return in_words((datetime.now(UTC) - since).total_seconds())
