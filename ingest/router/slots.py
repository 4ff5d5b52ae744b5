"""How many calls a provider gets at once from this process, with a share that is kept for whoever waits at a screen.

A backfill may fill what is left, never the reserved share; when a call ends, an agent's is next, then a live ticket's.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Literal

from ingest.writers.failures import failed

Priority = Literal["interactive", "live", "backfill"]
RANKS: dict[Priority, int] = {"interactive": 0, "live": 1, "backfill": 2}


class Slots:
    """`total` calls at once, of which `reserved` are for interactive ones alone."""

    def __init__(self, total: int, reserved: int) -> None:
        self.total = total
        self.reserved = min(reserved, total - 1)  # something must be left for the others
        self._used = 0
        self._used_by_others = 0
        self._order = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def taken(self, priority: Priority, deadline: float) -> AsyncIterator[None]:
        """Hold a slot for the block.

        Raises:
            StageFailed: there was none until `deadline` (of the loop's clock).
        """
        try:
            async with asyncio.timeout_at(deadline):
                await self._acquire(RANKS[priority])
        except TimeoutError:
            raise failed("rate_limited") from None  # by ourselves
        try:
            yield
        finally:
            self._release(RANKS[priority])

    async def _acquire(self, rank: int) -> None:
        if self._fits(rank) and not any(waiting <= rank for waiting, _, _ in self._waiting):
            self._take(rank)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(rank)  # the slot came together with the cancellation
            raise

    def _fits(self, rank: int) -> bool:
        if self._used >= self.total:
            return False
        return rank == 0 or self._used_by_others < self.total - self.reserved

    def _take(self, rank: int) -> None:
        self._used += 1
        self._used_by_others += rank > 0

    def _release(self, rank: int) -> None:
        self._used -= 1
        self._used_by_others -= rank > 0
        while self._waiting:
            first, _, turn = self._waiting[0]
            if turn.cancelled():
                heapq.heappop(self._waiting)
                continue
            if not self._fits(first):
                return  # those behind it rank no better
            heapq.heappop(self._waiting)
            self._take(first)
            turn.set_result(None)
