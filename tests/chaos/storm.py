"""The load that most scenarios share: thousands of changes over a minute, while something is done to the processes."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from shared.tasks import beside
from tests.chaos.history import Findings, History
from tests.chaos.load import play, schedule
from tests.chaos.world import World
from tests.waiting import wait_until

SETTLE_WITHIN_S = 60.0
"""How long we look; what a scenario allows is its own affair."""


@dataclass(frozen=True)
class Storm:
    """How much load, and over how many seconds."""

    changes: int
    tickets: int
    seconds: float
    processes: int = 4


@dataclass(frozen=True)
class Weathered:
    """What came of a storm; `settled_s` is the time from the last accepted webhook to nothing being due."""

    settled_s: float
    history: History
    findings: Findings

    @property
    def runs(self) -> int:
        """How many runs were begun."""
        return len(self.history.claims)


async def weather(
    world: World,
    storm: Storm,
    trouble: Coroutine[Any, Any, None],
    over: Callable[[], None] = lambda: None,
    enough: Callable[[], bool] = lambda: True,
) -> Weathered:
    """Play the load beside `trouble`, wait until nothing is due, and check what must be true.

    `over` is called when the load has ended. On a busy machine it may end before there was `enough` trouble.
    """
    world.add_tickets(storm.tickets)
    changes = schedule(world.random, storm.changes, storm.tickets, storm.seconds)
    async with beside(_until_it_ends(trouble)):
        await play(changes, world.change_and_tell)
        await wait_until(enough, SETTLE_WITHIN_S)
    over()
    settled = await world.settled(SETTLE_WITHIN_S)
    history = await world.history()
    findings = await world.check(history)
    findings.examples["last settled"] = history.last_settled(world.sender.sent.last_ms)
    return Weathered(settled, history, findings)


async def _until_it_ends(trouble: Coroutine[Any, Any, None]) -> None:
    await trouble
