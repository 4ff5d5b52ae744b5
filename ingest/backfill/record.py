"""What the worker that does a tenant's backfill writes down: each step in one script, refused once its lease is lost.

A ticket stands in one of three lists on its way, `pending` ─▶ `indexed` ─▶ `given` (to the due ledger), ordered by its
place: open tickets before others, newest first. They are in Redis, so that the process holds none of them.
"""

from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from ingest.backfill.walk import WalkCursor
from ingest.freshdesk.listing import ListedTicket
from ingest.stages.clean import RESOLVED_STATUSES
from shared import keys, lifetimes
from shared.backfill import BackfillOptions, BackfillProgress, BackfillState
from shared.redis import script

OPEN_FIRST = 10**10
"""Seconds, above any time in this century; with the time itself it is an integer that a sorted set keeps exactly."""
BY_ID = 1
"""The place of a ticket that no list has shown: after all others."""


class BackfillLost(Exception):
    """Another worker does this backfill now, or it is gone: stop quietly."""


class BackfillRecord:
    """The record and the lists of one tenant's backfill, for who holds its lease (`token`)."""

    def __init__(self, state: Redis, host: str, token: str) -> None:
        self._state = state
        self.host = host
        self._token = token
        self._key, self._lease = keys.backfill(host), keys.backfill_lease(host)
        kinds = ("pending", "indexed", "given", "requesters")
        self.pending, self.indexed, self.given, self.requesters = (keys.backfill_list(host, kind) for kind in kinds)
        self._lifetime = int(lifetimes.BACKFILL_LIFETIME.total_seconds())
        self._write = script(state, "backfill_state")
        self._listed = script(state, "backfill_listed")
        self._indexed = script(state, "backfill_indexed")
        self._settled = script(state, "backfill_settled")

    async def options(self) -> BackfillOptions:
        """What is wanted."""
        return await BackfillProgress(self._state, self.host).options()

    async def note(self, *, add: Mapping[str, int] | None = None, **values: str | int) -> str:
        """Set and add to fields of the record; returns what its steering asks for: "", "pause" or "cancel".

        Raises:
            BackfillLost: the lease is no longer ours; nothing was written.
        """
        args: list[str | int] = [self._token, self._lifetime]
        for field, value in values.items():
            args += ["set", field, value]
        for field, amount in (add or {}).items():
            args += ["add", field, amount]
        asked: bytes | None = await self._write(keys=[self._key, self._lease], args=args)
        if asked is None:
            raise BackfillLost
        return asked.decode()

    async def enter(self, state: BackfillState) -> None:
        """Say what the backfill does now. Raises as `note` does."""
        await self.note(state=state)

    async def cursor(self) -> WalkCursor | None:
        """How far the tickets were listed; None before the first page."""
        raw: bytes | None = await self._state.hget(self._key, "cursor")  # type: ignore[misc]
        return msgspec.json.decode(raw, type=WalkCursor) if raw else None

    async def is_noted(self, field: str) -> bool:
        """Whether a field was set."""
        return bool(await self._state.hexists(self._key, field))  # type: ignore[misc]

    async def highest(self) -> int:
        """The highest id that a list has shown."""
        return int(await self._state.hget(self._key, "highest") or 0)  # type: ignore[misc]

    async def add_listed(self, tickets: Sequence[ListedTicket], cursor: WalkCursor, listed: int, highest: int) -> None:
        """Tickets that are to be read, of `listed` that were looked at. Raises as `note` does."""
        rows: list[str | int] = []
        for ticket in tickets:
            name = (ticket.requester.name or "") if ticket.requester else ""
            rows += [ticket.id, place_of(ticket), name]
        args: list[str | int | bytes] = [self._token, msgspec.json.encode(cursor), listed, listed - len(tickets)]
        names = [self._key, self._lease, self.pending, self.indexed, self.given, self.requesters]
        args += [highest, self._lifetime, *rows]
        if await self._listed(keys=names, args=args) == -1:
            raise BackfillLost

    async def add_ids(self, ticket_ids: Sequence[int]) -> None:
        """Tickets that are to be read although no list has shown them, unless they wait already."""
        async with self._state.pipeline(transaction=True) as pipe:
            pipe.zadd(self.pending, dict.fromkeys(map(str, ticket_ids), BY_ID), nx=True)
            pipe.expire(self.pending, self._lifetime)
            added, _ = await pipe.execute()
        await self.note(add={"tickets": added})

    async def first_pending(self, limit: int) -> list[tuple[int, float, str | None]]:
        """The tickets that are read next: id, place and the requester's name where a list has told it."""
        rows = await self._state.zrange(self.pending, 0, limit - 1, withscores=True)
        if not rows:
            return []
        names = await self._state.hmget(self.requesters, [ticket for ticket, _ in rows])  # type: ignore[misc]
        return [
            (int(ticket), place, name.decode() if name else None)
            for (ticket, place), name in zip(rows, names, strict=True)
        ]

    async def add_indexed(self, ticket_id: int, place: float, *, prepared: bool) -> None:
        """A pending ticket was read, or could not be. Raises as `note` does."""
        args: list[str | int | float] = [
            self._token,
            ticket_id,
            place,
            "prepared" if prepared else "unprepared",
            self._lifetime,
        ]
        names = [self._key, self._lease, self.pending, self.indexed, self.requesters]
        if await self._indexed(keys=names, args=args) == -1:
            raise BackfillLost

    async def first_of(self, which: str, first: int, limit: int) -> list[int]:
        """So many tickets of the list `indexed` or `given`, from the `first`-th (0) on."""
        return [int(ticket) for ticket in await self._state.zrange(which, first, first + limit - 1)]

    async def sizes(self) -> tuple[int, int, int]:
        """How many tickets are pending, indexed, and given to the ledger."""
        async with self._state.pipeline(transaction=False) as pipe:
            for which in (self.pending, self.indexed, self.given):
                pipe.zcard(which)
            pending, indexed, given = await pipe.execute()
        return pending, indexed, given

    async def add_settled(self, found: Mapping[int, str], which: str = "") -> None:
        """Tickets of a list (`given`, if not told) that are done with, each with the field that counts it.

        Raises as `note` does.
        """
        args: list[str | int] = [self._token, self._lifetime]
        for ticket_id, field in found.items():
            args += [ticket_id, field]
        if await self._settled(keys=[self._key, self._lease, which or self.given], args=args) == -1:
            raise BackfillLost

    async def unknown(self, first: int, last: int) -> list[int]:
        """The ids of a range that stand in none of the lists and were never computed."""
        ids = range(first, last + 1)
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket_id in ids:
                pipe.hexists(keys.record(self.host, ticket_id), "revision")
                for which in (self.pending, self.indexed, self.given):
                    pipe.zscore(which, str(ticket_id))
            answers = await pipe.execute()
        rows = [answers[4 * place : 4 * place + 4] for place in range(len(ids))]
        return [
            ticket_id
            for ticket_id, (done, *places) in zip(ids, rows, strict=True)
            if not done and all(place is None for place in places)
        ]

    async def forget_lists(self) -> None:
        """The backfill has ended for good: its lists go."""
        await self._state.delete(self.pending, self.indexed, self.given, self.requesters)


def place_of(ticket: ListedTicket) -> int:
    """Where a ticket stands in the lists: the lower, the earlier."""
    seconds = int(ticket.updated_at.timestamp())
    return -seconds if ticket.status in RESOLVED_STATUSES else -seconds - OPEN_FIRST
