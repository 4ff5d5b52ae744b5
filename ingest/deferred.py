"""Texts that wait for a provider's batch, in Redis: what runs put aside, what was handed over, and under which names.

    run ─▶ waiting ─▶ sent (in a batch) ─▶ answered: `ingest.finished` holds the text, and the ticket is due again

One process at a time takes steps here, the one that has the backfill's lease; runs only add to `waiting`. Each step can
be taken twice: a process that is killed between two of them leaves nothing that the next one would do a second time.
"""

import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from ingest.content import Contents
from ingest.router.deferral import DeferredCall
from ingest.router.models import TaskName
from shared import keys, lifetimes
from shared.redis import script

HEAD_BYTES = 24
"""Before each record: the digests of what its summary and its replies are made of."""
SCANNED = 200


class DeferredTicket(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A ticket whose texts wait. `generation` is the one of the run that put them aside; `of` the contents' digests.

    Of a call that was handed over `body` is b""; one that came back is no longer in `calls`.
    """

    ticket_id: int
    generation: int
    language: str
    of: bytes
    calls: list[DeferredCall]

    @property
    def contents(self) -> Contents:
        """What its texts are made of."""
        return Contents(self.of[: HEAD_BYTES // 2], self.of[HEAD_BYTES // 2 :])


class Place(NamedTuple):
    """Which text a call of a batch is, and of which run."""

    ticket_id: int
    task: TaskName
    generation: int


class Batch(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A batch: `intent` is our name for it, `batch_id` the provider's, "" until that is known. The calls' ids are the
    intent and their place in `calls`. It is looked at again at `look_at` (s since the epoch).
    """

    intent: str
    model: str
    begun: datetime
    calls: list[Place]
    batch_id: str = ""
    look_at: float = 0.0
    looks: int = 0

    def call_id(self, number: int) -> str:
        """The id of a call; at most 64 letters, digits and strokes."""
        return f"{self.intent}-{number}"

    def place(self, call_id: str) -> Place | None:
        """Which call it is, None where it is not of this batch."""
        intent, _, number = call_id.rpartition("-")
        known = intent == self.intent and number.isdecimal() and int(number) < len(self.calls)
        return self.calls[int(number)] if known else None


_pack = msgspec.msgpack.Encoder().encode
_ticket = msgspec.msgpack.Decoder(DeferredTicket).decode
_batch = msgspec.msgpack.Decoder(Batch).decode


class DeferredTexts:
    """What waits of one tenant."""

    def __init__(self, state: Redis, host: str) -> None:
        self._state = state
        self._waiting, self._sent, self._batches = (
            keys.backfill_batch(host, kind) for kind in ("waiting", "sent", "batches")
        )

    async def put(self, ticket: DeferredTicket) -> None:
        """Put a ticket's calls aside, unless they were handed over already."""
        defer = script(self._state, "defer")
        args: list[int | bytes] = [ticket.ticket_id, zlib.compress(_pack(ticket), 1), ticket.of]
        args.append(int(lifetimes.BATCH_LIFETIME.total_seconds()))
        await defer(keys=[self._waiting, self._sent], args=args)

    async def waiting(self, limit: int) -> list[DeferredTicket]:
        """About so many tickets that wait to be handed over."""
        found: dict[bytes, bytes] = {}
        async for ticket_id, row in self._state.hscan_iter(self._waiting, count=SCANNED):
            found[ticket_id] = row
            if len(found) >= limit:
                break
        return [_read(row) for row in found.values()]

    async def of(self, ticket_ids: Sequence[int]) -> dict[int, DeferredTicket]:
        """Those of these tickets that wait to be handed over."""
        if not ticket_ids:
            return {}
        rows = await self._state.hmget(self._waiting, [str(ticket_id) for ticket_id in ticket_ids])  # type: ignore[misc]
        return {found.ticket_id: found for row in rows if row is not None for found in [_read(row)]}

    async def counts(self) -> tuple[int, int, int]:
        """How many tickets wait, and were handed over, and how many batches are open."""
        async with self._state.pipeline(transaction=False) as pipe:
            for key in (self._waiting, self._sent, self._batches):
                pipe.hlen(key)
            waiting, sent, batches = await pipe.execute()
        return waiting, sent, batches

    async def sent(self, ticket_id: int) -> DeferredTicket | None:
        """A ticket that was handed over."""
        row: bytes | None = await self._state.hget(self._sent, str(ticket_id))  # type: ignore[misc]
        return None if row is None else _read(row)

    async def all_sent(self) -> AsyncIterator[DeferredTicket]:
        """Tickets that were handed over; one may come twice."""
        async for _, row in self._state.hscan_iter(self._sent, count=SCANNED):
            yield _read(row)

    async def intend(self, batch: Batch) -> None:
        """Write down that a batch is about to be handed over; its tickets wait on until it was."""
        async with self._state.pipeline(transaction=True) as pipe:
            pipe.hset(self._batches, mapping={batch.intent: _pack(batch)})
            pipe.expire(self._batches, lifetimes.BATCH_LIFETIME)
            await pipe.execute()

    async def hand_over(self, batches: Sequence[Batch], tickets: Sequence[DeferredTicket]) -> None:
        """The batches of these tickets have ids now: in one step, their calls' bodies go."""
        async with self._state.pipeline(transaction=True) as pipe:
            for batch in batches:
                pipe.hset(self._batches, mapping={batch.intent: _pack(batch)})
            for ticket in tickets:
                calls = [msgspec.structs.replace(call, body=b"") for call in ticket.calls]
                pipe.hset(
                    self._sent, mapping={str(ticket.ticket_id): _written(msgspec.structs.replace(ticket, calls=calls))}
                )
                pipe.hdel(self._waiting, str(ticket.ticket_id))
            for key in (self._batches, self._sent):
                pipe.expire(key, lifetimes.BATCH_LIFETIME)
            await pipe.execute()

    async def answered(self, ticket: DeferredTicket) -> None:
        """One of its calls has come back: `ticket` is what is left of it."""
        await self._state.hset(self._sent, mapping={str(ticket.ticket_id): _written(ticket)})  # type: ignore[misc]

    async def forget(self, ticket_id: int) -> None:
        """All of a ticket's calls have come back, and its next run is on its way."""
        await self._state.hdel(self._sent, str(ticket_id))  # type: ignore[misc]

    async def batches(self) -> list[Batch]:
        """Those that are open, in no order."""
        return [_batch(row) for row in await self._state.hvals(self._batches)]  # type: ignore[misc]

    async def close(self, batch: Batch) -> None:
        """A batch has been read."""
        await self._state.hdel(self._batches, batch.intent)  # type: ignore[misc]

    async def drop(self) -> None:
        """The backfill was cancelled: nothing waits any more."""
        await self._state.delete(self._waiting, self._sent, self._batches)


def _written(ticket: DeferredTicket) -> bytes:
    return ticket.of + zlib.compress(_pack(ticket), 1)


def _read(row: bytes) -> DeferredTicket:
    return _ticket(zlib.decompress(row[HEAD_BYTES:]))
