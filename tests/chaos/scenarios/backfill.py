"""A backfill whose workers are killed: each ticket is committed once, hardly one read twice, no finished text again.

Tickets lie in blocks of one second, more than a page each; some change during the walk, without any webhook.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from shared.backfill import BackfillProgress
from tests.chaos.child import JOURNAL
from tests.chaos.history import History, Ticket
from tests.chaos.journal import read_journal
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.processes import Fleet
from tests.chaos.world import HOSTS, World, world
from tests.waiting import wait_until

HOST = HOSTS[0]
BLOCK = 250
"""Tickets of one second: two and a half pages."""
REPEATED = 0.01
IN_THE_MOMENT_S = 0.02
"""A text that ends just when its worker is killed may not have been kept."""


@dataclass(frozen=True)
class Size:
    """How many tickets, kills and changes during the walk; `writer_s` is what a summary takes."""

    tickets: int
    kills: int
    changes: int
    processes: int
    writer_s: float
    within_s: float


FULL = Size(tickets=20_000, kills=10, changes=200, processes=2, writer_s=0.2, within_s=1800)
SMALL = Size(tickets=600, kills=2, changes=5, processes=2, writer_s=0.05, within_s=90)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Backfill a helpdesk of that size, and kill a worker now and then."""
    async with (
        world(folder, seed, hosts=HOSTS[:1], writer_seconds=size.writer_s) as made,
        made.workers(size.processes, lambda: "backfill_worker") as workers,
    ):
        changed = _lay_out(made, size)
        progress, began = BackfillProgress(made.redis, HOST), time.monotonic()
        await progress.want()
        kills = await _kill(made, workers, size, changed)
        await wait_until(lambda: _ended(progress), size.within_s)
        took = time.monotonic() - began
        await made.settled(30)
        history, counts = await made.history(), await progress.read()
        again = sum(count - 1 for count in _reads(made).values()) - len(changed)
        figures = {
            "tickets": size.tickets,
            "kills": len(kills),
            "took_s": took,
            "per_s": size.tickets / took,
            "state": counts.state,
            "commits": len(history.commits),
            "read_again": again,
            "calls": counts.calls,
            "texts_again": len(_texts_again(made, kills)),
            "deaths": len(workers.deaths),
        }
        findings = await made.check(history)
        findings.add("committed_twice", _committed_twice(history, changed))
        findings.add("texts_again", _texts_again(made, kills))
        return outcome(
            figures,
            findings,
            done=counts.state == "done",
            killed=len(kills) == size.kills,
            hardly_read_again=again <= REPEATED * size.tickets + 8 * size.kills,
            no_other_death=not workers.deaths,
        )


def _lay_out(made: World, size: Size) -> list[Ticket]:
    """Tickets over three months; returns those that are going to change."""
    desk = made.desks[HOST]
    desk.state.tickets.clear()
    desk.log.requests = deque(maxlen=10 * size.tickets)
    newest = desk.now() - timedelta(hours=1)
    blocks = size.tickets // BLOCK + 1
    for place, (_, ticket_id) in enumerate(made.add_tickets(size.tickets, (HOST,))):
        ticket = desk.state.tickets[ticket_id]
        ticket.created_at = ticket.updated_at = newest - timedelta(days=90) * (place // BLOCK) / blocks
        ticket.created_at = ticket.updated_at = ticket.updated_at.replace(microsecond=0)
        ticket.status = 5 if place % 3 else 2
    desk.touch()
    return made.random.sample(made.tickets, size.changes)


async def _kill(made: World, workers: Fleet, size: Size, changing: Sequence[Ticket]) -> list[float]:
    """Kill workers evenly over the backfill's way; returns the moments. Tickets change while the lists are walked."""
    progress = BackfillProgress(made.redis, HOST)
    kills: list[float] = []
    left = list(changing)
    while len(kills) < size.kills:
        counts = await progress.read()
        assert counts.state != "failed", counts
        if left and counts.listed > 0:
            made.change(left.pop())
        way = counts.prepared + counts.computed
        if way >= 2 * size.tickets * (len(kills) + 0.5) / (size.kills + 0.5):
            workers.place(made.random.randrange(size.processes)).kill()
            kills.append(time.monotonic())
        await asyncio.sleep(0.02)
    for ticket in left:
        made.change(ticket)
    return kills


async def _ended(progress: BackfillProgress) -> bool:
    await asyncio.sleep(0.1)
    return (await progress.read()).state in {"done", "failed"}


def _reads(made: World) -> Counter[str]:
    """How often each ticket was read."""
    paths = [record.path for record in made.desks[HOST].log.requests]
    return Counter(path for path in paths if path.rpartition("/")[2].isdecimal() and "/tickets/" in path)


def _committed_twice(history: History, changed: Sequence[Ticket]) -> list[str]:
    """Tickets with another number of commits than one, apart from those that have changed."""
    commits = history.versions().items()
    return [str(ticket) for ticket, found in commits if len(found) != 1 and ticket not in changed]


def _texts_again(made: World, kills: Sequence[float]) -> list[str]:
    """Texts of one state of a ticket that were finished more than once, although there was time to keep the first."""
    ends: dict[str, list[float]] = {}
    for event in read_journal(Path(made.environment[JOURNAL])):
        if event["what"] == "finished":
            ends.setdefault(event["content"], []).append(event["at"])
    return [
        text
        for text, moments in ends.items()
        if len(moments) > 1 and not any(0 <= kill - moments[0] <= IN_THE_MOMENT_S for kill in kills)
    ]
