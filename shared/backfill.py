"""The progress of a tenant's backfill: written by its job, read by whoever watches."""

import msgspec
from redis.asyncio import Redis

from shared import keys


class BackfillCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backfill is; `state` is "", listing, indexing, computing, done or failed (then `error` says why).

    Of `tickets` that are not `current`, so many are `prepared` (read and indexed) or could not be (`unprepared`); later
    `computed`, `waiting` for another attempt, or `dead`.
    """

    state: str = ""
    error: str = ""
    articles: int = 0
    current: int = 0
    tickets: int = 0
    prepared: int = 0
    unprepared: int = 0
    computed: int = 0
    waiting: int = 0
    dead: int = 0


class BackfillProgress:
    """Reads and writes the counts of one tenant's backfill."""

    def __init__(self, state: Redis, host: str) -> None:
        self._state = state
        self._key = keys.backfill(host)

    async def begin(self) -> None:
        """Start counting anew."""
        await self.forget()
        await self.set(state="listing")

    async def forget(self) -> None:
        """Forget the last backfill, so that its end is not taken for that of the next."""
        await self._state.delete(self._key)

    async def set(self, **values: str | int) -> None:
        """Set fields of `BackfillCounts`."""
        await self._state.hset(self._key, mapping=values)  # type: ignore[misc]
        await self._state.expire(self._key, keys.BACKFILL_LIFETIME)

    async def count(self, name: str) -> None:
        """Add one to a field."""
        await self._state.hincrby(self._key, name, 1)  # type: ignore[misc]

    async def read(self) -> BackfillCounts:
        """The counts now."""
        row: dict[bytes, bytes] = await self._state.hgetall(self._key)  # type: ignore[misc]
        return msgspec.convert(
            {name.decode(): value.decode() for name, value in row.items()}, BackfillCounts, strict=False
        )
