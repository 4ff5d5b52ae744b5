"""The progress of a tenant's backfill: begun by who wants it, written by its job, read by whoever watches."""

import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.redis import script

DataType = Literal["tickets", "solutions"]
QUEUED_FOR = timedelta(minutes=1)
"""A backfill that no worker has taken by then is queued again by whoever asks again."""


class BackfillWanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to bring in: of tickets those that changed at `since` or later and before `until` (None: without bound)."""

    data_types: list[DataType] = msgspec.field(default_factory=lambda: ["tickets", "solutions"])
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = BackfillWanted()


class BackfillCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backfill is; `state` is "", queued, listing, indexing, computing, done or failed (then `error` says why).

    Of `tickets` that are not `current`, so many are `prepared` (read and indexed) or could not be (`unprepared`); later
    `computed`, `waiting` for another attempt, or `dead`. `id` is "" where nobody asked for a name.
    """

    id: str = ""
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
        self._host = host
        self._key = keys.backfill(host)

    async def want(self, wanted: BackfillWanted) -> tuple[str, bool]:
        """The id of the backfill that goes on, or of a new one, and whether it is new: its job is to be queued then."""
        begin = script(self._state, "begin_backfill")
        lifetime, patience = keys.BACKFILL_LIFETIME.total_seconds(), QUEUED_FOR.total_seconds()
        args: list[str | int | bytes] = [
            secrets.token_urlsafe(12),
            msgspec.json.encode(wanted),
            int(lifetime),
            int(patience * 1000),
        ]
        names = [self._key, keys.backfill_lease(self._host)]
        found, new = await begin(keys=names, args=args)
        return found.decode(), bool(new)

    async def wanted(self) -> BackfillWanted:
        """What the backfill that was begun last is to bring in."""
        raw: bytes | None = await self._state.hget(self._key, "wanted")  # type: ignore[misc]
        return msgspec.json.decode(raw, type=BackfillWanted) if raw else EVERYTHING

    async def begin(self) -> None:
        """Start counting anew; its name and what is wanted stay."""
        names = ["id", "wanted"]
        kept: list[bytes | None] = await self._state.hmget(self._key, names)  # type: ignore[misc]
        told = {name: value for name, value in zip(names, kept, strict=True) if value is not None}
        async with self._state.pipeline(transaction=True) as pipe:
            pipe.delete(self._key)
            pipe.hset(self._key, mapping={**told, "state": "listing"})
            pipe.expire(self._key, keys.BACKFILL_LIFETIME)
            await pipe.execute()

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

    async def alive(self) -> bool:
        """Whether a worker is at it."""
        return bool(await self._state.exists(keys.backfill_lease(self._host)))

    async def read(self) -> BackfillCounts:
        """The counts now."""
        row: dict[bytes, bytes] = await self._state.hgetall(self._key)  # type: ignore[misc]
        return msgspec.convert(
            {name.decode(): value.decode() for name, value in row.items()}, BackfillCounts, strict=False
        )
