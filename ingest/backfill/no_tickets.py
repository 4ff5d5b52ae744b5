"""Ids where a backfill has found no ticket, so that the next one does not spend a call on each of them again.

A bit an id: the hundred thousand ids that a backfill may try take 13 KB. Who asked for an archived ticket alone knows
nothing of others, so the two are kept apart.
"""

from collections.abc import Sequence

from redis.asyncio import Redis

from shared import keys, lifetimes

BLOCK = 100_000
LIFETIME_S = int(lifetimes.NO_TICKETS_LIFETIME.total_seconds())


class NoTickets:
    """What is remembered of a tenant; `archived` tells whether archived tickets alone are asked for."""

    def __init__(self, state: Redis, host: str, *, archived: bool) -> None:
        self._state, self._host = state, host
        self._kind = "archived" if archived else "any"

    async def add(self, ticket_id: int) -> None:
        """There is no ticket of this id."""
        key = self._key(ticket_id)
        async with self._state.pipeline(transaction=True) as pipe:
            pipe.setbit(key, ticket_id % BLOCK, 1)
            pipe.expire(key, LIFETIME_S)
            await pipe.execute()

    async def without(self, ticket_ids: Sequence[int]) -> list[int]:
        """The ids of which nothing is remembered, in their order."""
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket_id in ticket_ids:
                pipe.getbit(self._key(ticket_id), ticket_id % BLOCK)
            bits = await pipe.execute() if ticket_ids else []
        return [ticket_id for ticket_id, bit in zip(ticket_ids, bits, strict=True) if not bit]

    async def count(self, highest: int) -> int:
        """How many ids up to the `highest` are remembered."""
        async with self._state.pipeline(transaction=False) as pipe:
            for first in range(0, highest + 1, BLOCK):
                pipe.bitcount(self._key(first))
            return sum(await pipe.execute())

    def _key(self, ticket_id: int) -> str:
        return keys.no_tickets(self._host, self._kind, ticket_id // BLOCK)
