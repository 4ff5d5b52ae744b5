"""A backfill at the limit of three plans: nearly all allowed calls are used, none is refused, live updates hardly wait.

A minute of the look-alike is shorter than sixty seconds, and so is ours. First the backfill has the account for itself;
then tickets change beside it, for which it leaves free what they will take of the minute (see `take_call.lua`). What is
used is measured over whole minutes of the look-alike's, from the beginning of one to the beginning of another, by the
clock: what passes between a minute's end and the next one's first call counts as unused. Webhooks cost a credit each,
as they do at Freshdesk. Nobody says which sixty seconds Freshdesk counts, so `--counting` plays each of the three ways
in which it may (`deploy/demo/helpdesk/settings.py`); where any sixty count, a minute begins whenever we measure.

A look and a wake-up take as long in a short minute as in a whole one, so they weigh more here: of sixty seconds the
shares are the same or better, and a live ticket that waits for the next minute waits two seconds, not a part of one.
The debounce, during which credits come free for a ticket that has changed, is as short as the minute. A live ticket's
time counts from its end, when it is due.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from deploy.demo.helpdesk.settings import Counting, HelpdeskSettings
from shared import keys
from shared.backfill import BackfillCounts, BackfillProgress
from shared.settings import Settings
from shared.tasks import beside
from tests.chaos.history import Findings
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.world import HOSTS, World, world
from tests.waiting import wait_until

HOST = HOSTS[0]
REFUSED = 429
DEBOUNCE_S = Settings.model_fields["debounce_s"].default
"""Of a whole minute."""
LIVE_P95_S = 1.0
"""From being due to Canvas, with 0.05 s of writing and the look-alike's and our own share of two busy cores."""
LIVE_P95_ANY_S = 1.5
"""Where any sixty seconds count, credits come back one by one: with 95 % of 50 used, a look that costs three waits."""


@dataclass(frozen=True)
class Plan:
    """A plan's calls a minute, how long that minute is, for how many of them each half is measured, and how many
    tickets change in each minute of the second half.
    """

    name: str
    total: int
    window_s: float
    windows: int
    changes: int

    @property
    def debounce_s(self) -> float:
        """As long a part of the minute as it is of a whole one."""
        return float(DEBOUNCE_S * self.window_s / 60)


@dataclass(frozen=True)
class Size:
    """The plans that are played, one after the other, what share of the calls must be used, the live ones' 95 % (where
    it is None, `counting` decides), and which minutes the look-alike counts. `best`: the best minute of each half
    stands for all of them.
    """

    plans: tuple[Plan, ...]
    used: float
    live_s: float | None = None
    counting: Counting = "call"
    best: bool = False


FULL = Size(
    (Plan("trial", 50, 12.0, 3, 4), Plan("growth", 200, 10.0, 3, 10), Plan("enterprise", 700, 30.0, 1, 30)), used=0.95
)
SMALL = Size((Plan("trial", 50, 1.5, 3, 2),), used=0.7, live_s=5.0, best=True)
"""Beside other tests: a machine that stops for half a second takes a third of so short a minute, but not of each."""


class Measured(NamedTuple):
    """Shares of the allowed credits used alone and beside live updates, answers 429, the live ones' 50 and 95 %, s."""

    alone: float
    beside: float
    refused: int
    live_p50_s: float
    live_p95_s: float


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Play each plan in a world of its own."""
    found = [await _play(plan, size, seed, folder / plan.name) for plan in size.plans]
    figures = {name: value for each in found for name, value in each.figures.items()}
    examples = {name: value for each in found for name, value in each.examples.items()}
    return Outcome(figures, all(each.passed for each in found), examples)


async def _play(plan: Plan, size: Size, seed: int, folder: Path) -> Outcome:
    await asyncio.to_thread(folder.mkdir)
    async with (
        world(
            folder,
            seed,
            hosts=HOSTS[:1],
            debounce_s=plan.debounce_s,
            desk=partial(_of, plan, size.counting),
            environment={"CANVAS_FRESHDESK_WINDOW_S": str(plan.window_s)},
        ) as made,
        made.workers(1),
    ):
        made.add_tickets(plan.total * (plan.windows + 3), (HOST,))
        progress = BackfillProgress(made.redis, HOST)
        await progress.want()
        await wait_until(lambda: _reads_tickets(progress), 20 + plan.window_s)
        alone = await _used(made, plan, size, [])
        live: list[float] = []
        async with beside(_change(made, plan, live)):
            # The first minute tells the budget how many tickets change.
            await _next_minute(made, plan)
            both = await _used(made, plan, size, live)
        counts = await progress.read()
        refused = sum(record.status == REFUSED for record in made.desks[HOST].log.requests)
        times = quantiles(live, n=20) if len(live) > 1 else [0.0]
        await progress.steer("cancel")
        await wait_until(lambda: _ended(progress), 30 + plan.window_s)
        await made.settled(30 + plan.window_s)
        return _judged(plan, size, counts, Measured(alone, both, refused, times[len(times) // 2], times[-1]))


def _of(plan: Plan, counting: Counting, settings: HelpdeskSettings) -> HelpdeskSettings:
    return replace(settings, plan=plan.name, window=timedelta(seconds=plan.window_s), counting=counting)


def _judged(plan: Plan, size: Size, counts: BackfillCounts, found: Measured) -> Outcome:
    said = {
        "alone": f"{found.alone:.1%}",
        "beside_live": f"{found.beside:.1%}",
        "429": found.refused,
        "live_p50_s": found.live_p50_s,
        "live_p95_s": found.live_p95_s,
        "calls_a_ticket": counts.credits / max(1, counts.prepared),
    }
    live_s = size.live_s or (LIVE_P95_ANY_S if size.counting == "any" else LIVE_P95_S)
    return outcome(
        {f"{plan.total}/min_{name}": value for name, value in said.items()},
        Findings(),
        used=found.alone >= size.used,
        used_beside=found.beside >= size.used,
        none_refused=found.refused == 0,
        live_in_time=found.live_p95_s <= live_s,
        work_left=counts.prepared < counts.tickets,
    )


async def _used(made: World, plan: Plan, size: Size, told: Sequence[float]) -> float:
    """The share of the allowed credits that is used over the plan's minutes, with those of the webhooks `told`."""
    desk = made.desks[HOST]

    def spent() -> int:
        return len(told) + sum(record.cost for record in desk.log.requests if record.status != REFUSED)

    await _next_minute(made, plan)
    seen = [(spent(), time.monotonic())]
    for _ in range(plan.windows):
        await _next_minute(made, plan)
        seen.append((spent(), time.monotonic()))

    def share(first: int, last: int) -> float:
        (before, began), (after, ended) = seen[first], seen[last]
        return (after - before) / (plan.total * (ended - began) / plan.window_s)

    return max(share(place, place + 1) for place in range(plan.windows)) if size.best else share(0, -1)


async def _next_minute(made: World, plan: Plan) -> None:
    """Wait until the look-alike counts from the beginning again; for a minute, where any is one."""
    limits = made.desks[HOST].limits
    if made.desks[HOST].settings.counting == "any":
        await asyncio.sleep(plan.window_s)
        return
    before = limits._started
    while limits._started == before:
        await asyncio.sleep(0.002)


async def _change(made: World, plan: Plan, took: list[float]) -> None:
    """Tickets change, evenly spread, and their webhooks are told; notes how long each takes until it is current."""
    for place in count():
        began = time.monotonic()
        made.desks[HOST].limits.count()
        await made.change_and_tell(place)
        _, ticket_id = made.tickets[place]
        await wait_until(partial(_is_current, made, ticket_id), 30)
        took.append(time.monotonic() - began - plan.debounce_s)
        await asyncio.sleep(max(0.0, began + plan.window_s / plan.changes - time.monotonic()))


async def _is_current(made: World, ticket_id: int) -> bool:
    await asyncio.sleep(0.01)
    return await made.redis.zscore(keys.due(HOST), str(ticket_id)) is None


async def _reads_tickets(progress: BackfillProgress) -> bool:
    return (await progress.read()).prepared > 2


async def _ended(progress: BackfillProgress) -> bool:
    return (await progress.read()).state == "cancelled"
