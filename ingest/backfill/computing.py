"""The second pass: tickets that are indexed are given to the due ledger, few at a time, and counted as they settle.

It follows the first pass at a distance, so that a ticket finds its neighbours, and without waiting for the last one: on
a small plan years of history take days to read. What is given is computed by any worker, in the backfill's lane.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from ingest.backfill.record import BackfillRecord
from ingest.context import WorkerContext

LEAD = 2_000
"""Tickets that are indexed before the first of them is computed, if there are so many."""
MOST_AHEAD = 10_000
"""Of 3 KB each, what was read for them: then reading waits for the writers."""
GIVEN = 256
"""At a time; far more than a few workers run, far less than would hide other tenants' history."""
GIVEN_FOR_MONEY = 32
"""The same where a budget must not be overrun by what is still being written."""
LOOK_EVERY_S = 0.1


class Stop(Enum):
    """Why the backfill stops before its end."""

    PAUSE = "pause"
    CANCEL = "cancel"
    BUDGET = "budget"


@dataclass
class Computing:
    """Gives tickets to the ledger and counts them.

    `indexed_all` says that the first pass has ended, `stop` that this one shall; `hold` tells the first pass to wait.
    """

    context: WorkerContext
    record: BackfillRecord
    at_once: int
    indexed_all: Callable[[], bool]
    stopping: Callable[[], Stop | None]
    hold: Callable[[bool], None]
    over_budget: Callable[[], Awaitable[bool]]

    async def run(self) -> Stop | None:
        """Compute until nothing is left, or until what was begun has ended after a stop, which is returned.

        Raises:
            BackfillLost: another worker does it.
        """
        while True:
            indexed_all = self.indexed_all()
            stop = self.stopping() or (Stop.BUDGET if await self.over_budget() else None)
            if stop:
                return await self._wind_up(stop)
            waiting = await self.look()
            _, indexed, given = await self.record.sizes()
            self.hold(indexed > MOST_AHEAD)
            room = min(self.at_once - given, indexed if indexed_all else indexed - LEAD)
            if room > 0:
                await self._give(room)
            elif indexed_all and not indexed and given == waiting:
                await self._leave_waiting()
                return None
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Count those that have settled; returns how many wait for another attempt."""
        ids = await self.record.first_of(self.record.given, 0, 2 * GIVEN)
        states = await self.context.ledger.states_of(self.record.host, ids) if ids else {}
        settled = {"current": "computed", "dead": "dead"}
        found = {ticket_id: settled[state] for ticket_id, state in states.items() if state in settled}
        if found:
            await self.record.add_settled(found)
        return sum(state == "waiting" for state in states.values())

    async def _give(self, room: int) -> None:
        record = self.record
        for ticket_id in await record.first_of(record.indexed, 0, room):
            await self.context.ledger.mark(record.host, ticket_id, "backfill", moving=[record.indexed, record.given])

    async def _wind_up(self, stop: Stop) -> Stop:
        """Let what is being computed end. Unless it is a pause, what nobody has begun is taken back."""
        while True:
            waiting = await self.look()
            if stop is not Stop.PAUSE:
                for ticket_id in await self.record.first_of(self.record.given, 0, 2 * GIVEN):
                    moving = [self.record.given, self.record.indexed]
                    await self.context.ledger.withdraw(self.record.host, ticket_id, moving)
            _, _, given = await self.record.sizes()
            if given <= waiting:
                return stop
            await asyncio.sleep(LOOK_EVERY_S)

    async def _leave_waiting(self) -> None:
        """They get their next attempts by themselves, however long the outage is that they wait for."""
        ids = await self.record.first_of(self.record.given, 0, 2 * GIVEN)
        if ids:
            await self.record.add_settled(dict.fromkeys(ids, "waiting"))
