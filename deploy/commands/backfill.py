"""`canvas backfill HOST`: ask the running workers to bring existing tickets in, watch them do it, and steer them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import rich_click as click
from rich.console import Console

from deploy.backfill_estimate import Budget, tell_estimate
from deploy.backfill_progress import figures, watch_backfill
from deploy.commands.tenant_opened import redis_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from shared.backfill import (
    STANDING_STILL,
    BackfillCounts,
    BackfillOptions,
    BackfillProgress,
    DataType,
    Order,
    check_options,
)
from shared.errors import BadInput, CanvasError
from shared.tenants import parse_host

STATUSES = {"open": 2, "pending": 3, "resolved": 4, "closed": 5}
"""Freshdesk's own; an account may have more, which are named by their numbers (`GET /ticket_fields`)."""
ONLY: dict[str, list[DataType]] = {"tickets": ["tickets"], "articles": ["solutions"]}
OF_TICKETS = ("since", "until", "statuses", "ids", "archived")
WORDS = {"statuses": "status"}
"""Options whose word is not the field's name."""
MOST_IDS = 200_000
MOST_DIGITS = 16

console, beside = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@dataclass(frozen=True)
class _Wish:
    """What the command is to do beside starting: steer, look, or start and leave; and how it talks."""

    order: Order | None
    show: bool
    detach: bool
    as_json: bool
    dry_run: bool = False


def _is_number(word: str) -> bool:
    """Whether it is a number as Freshdesk has them: Python refuses to read one of thousands of digits."""
    return word.isdecimal() and len(word) <= MOST_DIGITS


class StatusList(click.ParamType[list[int]]):
    """Statuses by name or number, parted by commas."""

    name = "STATUS,…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """The numbers."""
        if isinstance(value, list):
            return value
        words = [word.strip().lower() for word in str(value).split(",") if word.strip()]
        unknown = [word[:40] for word in words if word not in STATUSES and not _is_number(word)]
        if unknown or not words:
            names = ", ".join(STATUSES)
            self.fail(f"{', '.join(unknown) or 'nothing'} is no status: name {names}, or a number", param, ctx)
        return [STATUSES.get(word) or int(word) for word in words]


class IdFile(click.ParamType[list[int]]):
    """A file of ticket ids, parted by white space or commas; `-` is the standard input."""

    name = "FILE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """The ids, each once."""
        if isinstance(value, list):
            return value
        try:
            with click.open_file(str(value), encoding="utf-8-sig") as file:  # Excel begins with a byte order mark
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value} can't be read ({type(error).__name__})", param, ctx)
        words = text.replace(",", " ").split()
        wrong = next((word for word in words if not _is_number(word) or not 0 < int(word) < 2**53), None)
        if wrong is not None or not words or len(words) > MOST_IDS:
            found = repr(wrong[:40]) if wrong else len(words)
            self.fail(f"a file of 1 to {MOST_IDS:,} ticket ids is wanted, not {found}", param, ctx)
        return sorted({int(word) for word in words})


@click.command(short_help="Bring existing tickets and articles in.")
@click.argument("host")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Tickets changed then or later.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Tickets changed before (UTC).")
@click.option(
    "--status", "statuses", type=StatusList(), help="Only these: open, pending, resolved, closed, or numbers."
)
@click.option("--ids", type=IdFile(), help="Exactly the tickets of this file, archived ones too.")
@click.option("--archived", is_flag=True, help="Archived tickets too: every id that no list shows, a call each.")
@click.option("--only", type=click.Choice(list(ONLY)), help="Tickets or articles alone.")
@click.option("--reindex", is_flag=True, help="Read and embed again what is current: for a new embedding model.")
@click.option("--refresh-summaries", is_flag=True, help="Write all texts again: for a new prompt or model.")
@click.option(
    "--budget", type=Budget(), metavar="25usd|2Mtok", help="Stop there; the same command with a larger one goes on."
)
@click.option("--batch", is_flag=True, help="Texts at half the price, by the providers' batches: within a day.")
@click.option("--dry-run", is_flag=True, help="Say what it would take and cost, from a sample, and begin nothing.")
@click.option("--detach", is_flag=True, help="Start it and leave; --show tells how it goes.")
@click.option("--show", is_flag=True, help="Say how it goes, and leave.")
@click.option("--pause", "order", flag_value="pause", help="What is being computed ends; --resume goes on.")
@click.option("--resume", "order", flag_value="resume", help="Go on where it was paused.")
@click.option("--cancel", "order", flag_value="cancel", help="End it; what was computed stays.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON at each look, the figures of GET /ingest/{id}.")
@data_option
def backfill(
    host: str,
    data: Path | None,
    order: Order | None,
    show: bool,
    detach: bool,
    dry_run: bool,
    as_json: bool,
    **chosen: object,
) -> None:
    """Precompute the existing tickets, articles and canned responses of HOST.

    The workers must be running (`canvas up`).

    What is current is skipped, so doing it twice costs next to nothing. Stopping to watch (Ctrl-C) does not stop it.

    Example:  canvas backfill acme.freshdesk.com --since 2025-01-01 --budget 20usd
    """
    settings = load_settings(data)
    wish = _Wish(order, show, detach, as_json, dry_run)
    _check_together(wish, [name for name, value in chosen.items() if value])
    run(settings, _backfill(settings, host, wish, _options(chosen)))


def _check_together(wish: _Wish, chosen: Sequence[str]) -> None:
    """Refuse what would be passed over in silence.

    Raises:
        UsageError: options stand together that have nothing to do with each other.
    """
    words = [f"--{WORDS.get(name, name.replace('_', '-'))}" for name in chosen]
    steered = f"--{wish.order}" if wish.order else "--show" if wish.show else ""
    if steered and (words or wish.detach or wish.dry_run):
        other = [*words, *(["--detach"] if wish.detach else []), *(["--dry-run"] if wish.dry_run else [])][0]
        raise click.UsageError(f"{steered} is for the backfill that goes on: {other} would begin another one")
    if wish.dry_run and wish.detach:
        raise click.UsageError("--dry-run begins nothing: there is nothing to leave with --detach")


def _options(chosen: dict[str, object]) -> BackfillOptions:
    only = chosen.pop("only")
    budget = cast("dict[str, object] | None", chosen.pop("budget")) or {}
    given = {name: value for name, value in chosen.items() if value is not None} | budget
    for name in ("since", "until"):
        if name in given:
            given[name] = cast("datetime", given[name]).replace(tzinfo=UTC)
    if only:
        given["data_types"] = ONLY[str(only)]
        if only == "articles" and (narrowed := [name for name in OF_TICKETS if given.get(name)]):
            name = f"--{WORDS.get(narrowed[0], narrowed[0])}"
            raise click.UsageError(f"{name} chooses tickets: --only articles brings none")
    elif "ids" in given:
        given["data_types"] = ["tickets"]
    options = BackfillOptions(**given)  # type: ignore[arg-type]
    try:
        check_options(options)
    except BadInput as error:
        raise click.UsageError(error.detail) from error
    return options


async def _backfill(settings: AllSettings, host: str, wish: _Wish, options: BackfillOptions) -> None:
    host = parse_host(host)
    async with redis_opened(settings) as (_, context):
        await context.tenants.require(host)
        if wish.dry_run:
            await tell_estimate(context, settings.ingest, host, options, as_json=wish.as_json)
            return
        progress = BackfillProgress(context.redis.state, host)
        if wish.order:
            await _steer(progress, host, wish.order)
        elif not wish.show:
            await _want(progress, host, options)
        if wish.order or wish.show or wish.detach:
            _tell(await progress.read(), host, wish, working=await progress.alive())
            return
        watching = Console() if wish.as_json else None
        result = await watch_backfill(context, host, watching, None, as_json=wish.as_json)
    if not wish.as_json:
        _tell(result.counts, host, wish)
        _tell_of_gaps(result.counts, await progress.options())
    counts = result.counts
    if counts.waiting or counts.dead:
        raise CanvasError(
            f"{counts.waiting} tickets wait for their turn or another attempt (that happens by itself), "
            f"{counts.dead} were given up (start the backfill again to try them)"
        )


async def _steer(progress: BackfillProgress, host: str, order: Order) -> None:
    """Steer the backfill that goes on; says so where there is none to be steered."""
    before = (await progress.read()).state
    if before in STANDING_STILL - {"paused"} or (before == "paused" and order == "pause"):
        beside.print(f"No backfill of {host} goes on: there is nothing to {order}")
    await progress.steer(order)


async def _want(progress: BackfillProgress, host: str, options: BackfillOptions) -> None:
    """Begin a backfill, or join the one that goes on; says so where that does something else, or one is lost."""
    before = await progress.read()
    _, new = await progress.want(options)
    if new and before.state in STANDING_STILL - {"done", "cancelled"}:
        stopped = before.state.replace("_", " ")
        beside.print(f"The backfill of {host} that was {stopped} had other options: this one takes its place")
    elif not new and _without_budget(await progress.options()) != _without_budget(options):
        beside.print(f"A backfill of {host} with other options goes on: when it has ended, start this one again")


def _without_budget(options: BackfillOptions) -> BackfillOptions:
    return msgspec.structs.replace(options, budget_usd=None, budget_tokens=None)


def _tell(counts: BackfillCounts, host: str, wish: _Wish, *, working: bool = True) -> None:
    if wish.as_json:
        click.echo(_json(counts))
        return
    if not counts.id:
        console.print(f"There is no backfill of {host}")
        return
    if counts.state != "done":
        asked = f", asked to {counts.asked}" if counts.asked and counts.state != "cancelled" else ""
        alone = "" if working or counts.state in STANDING_STILL | {"queued"} else ", but no worker is at it"
        console.print(f"The backfill of {host} is {counts.state.replace('_', ' ')}{asked}{alone}: {figures(counts)}")
        return
    spent = f", {counts.tokens:,} tokens for ${counts.cost:.2f}" if counts.tokens else ""
    canned = f", {_many(counts.canned, 'canned response')}" if counts.canned > 0 else ""
    console.print(
        f"{_many(counts.computed, 'ticket')} computed, {counts.current:,} were current, "
        f"{_many(counts.articles, 'article')}{canned}{spent}"
    )
    if counts.canned < 0:
        console.print("Canned responses are for an admin's key: replies go without them")
    if counts.missing:
        console.print(f"{_many(counts.missing, 'id')} {'is no ticket' if counts.missing == 1 else 'are no tickets'}")
    if counts.unreached:
        console.print(
            f"{_many(counts.unreached, 'lower id')} too many to be tried: --ids FILE tries those that you name"
        )


def _tell_of_gaps(counts: BackfillCounts, options: BackfillOptions) -> None:
    """How many tickets may be archived, after a walk over all lists; some come twice, so that is about."""
    whole = not (options.archived or options.ids or options.statuses or options.since or options.until)
    gaps = counts.highest - counts.listed
    if whole and counts.state == "done" and gaps > 0:
        console.print(
            f"About {gaps:,} ids up to {counts.highest:,} are on no list: archived, merged or deleted tickets. "
            "--archived tries them, a call each"
        )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _json(counts: BackfillCounts) -> str:
    return msgspec.json.encode(counts).decode()
