"""The run log: a run appends its events to a Redis Stream, and whoever wants to see it reads the stream.

Only the holder of the lease on the ticket (or the question) can append, so a worker that lost it can't mix its words
with its successor's; the successor begins with `reset`. The stream's id is the SSE id, which makes every follower
resumable.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.due import LEASE, Claim
from shared.questions import QuestionClaim
from shared.redis import script

log = structlog.get_logger()

MAX_EVENTS = 20_000
"""A reply of 4,000 tokens is at most that many deltas; beyond five of those a run is broken."""


class Event(StrEnum):
    """Names of a run's events, as they stand in the stream, on the wire and in the sidebar."""

    QUEUED = "queued"
    STARTED = "started"
    RESET = "reset"
    STAGE = "stage"
    SUMMARY_DELTA = "summary.delta"
    SUMMARY = "summary"
    SIMILAR = "similar"
    SOLUTIONS = "solutions"
    REPLY_DELTA = "reply.delta"
    REPLIES = "replies"
    SOURCES = "sources"
    ANSWER_DELTA = "answer.delta"
    ANSWER = "answer"
    REPLY = "reply"
    CANVAS = "canvas"
    DONE = "done"
    ERROR = "error"


WAITING = "waiting"
"""The one event that stands in no log: serve tells it where no worker is there. It has no id."""
FINAL = frozenset({Event.DONE, Event.ERROR})


class LeaseLost(Exception):
    """Another worker has taken the ticket over: stop quietly."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as read back: `data` is JSON, `result` is how the ledger settled (only on the final event)."""

    id: str
    event: str
    data: bytes
    result: str = ""

    @property
    def final(self) -> bool:
        """Whether nothing follows this entry."""
        return self.event in FINAL


def parse_entries(rows: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
    """Entries from what XRANGE and XREAD return; what is no entry of ours is left out."""
    entries = []
    for entry_id, fields in rows:
        try:
            event, data, result = fields[b"event"].decode(), fields[b"data"], fields.get(b"result", b"").decode()
        except (KeyError, UnicodeDecodeError):
            log.warning("unreadable entry in a run's log", entry=entry_id.decode())
        else:
            entries.append(Entry(entry_id.decode(), event, data, result))
    return entries


def _fence(claim: Claim | QuestionClaim) -> tuple[str, str]:
    """The keys of the lease that a claim holds, and of the record that counts what it appends."""
    if isinstance(claim, QuestionClaim):
        return keys.answer_lease(claim.host, claim.run_id), keys.answer(claim.host, claim.run_id)
    return keys.lease(claim.host, claim.ticket_id), keys.record(claim.host, claim.ticket_id)


class RunLog:
    """Appends to and reads the logs of runs."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._append = script(state, "append")

    async def append(self, claim: Claim | QuestionClaim, events: Sequence[tuple[Event, Any]]) -> None:
        """Append events (data is encoded as JSON) and renew the lease; with no events it only renews.

        Raises:
            LeaseLost: the lease is no longer ours; nothing was written.
        """
        names = [keys.run(claim.host, claim.run_id), *_fence(claim)]
        args: list[Any] = [claim.token, int(LEASE.total_seconds() * 1000)]
        args += [int(lifetimes.RUN_LIFETIME.total_seconds()), MAX_EVENTS]
        if not events:
            written = await self._append(keys=names, args=[*args, 0])
        else:
            pairs = [part for event, data in events for part in (event, msgspec.json.encode(data))]
            async with claim.appends.turn:
                claim.appends.count += 1
                written = await self._append(keys=names, args=[*args, claim.appends.count, *pairs])
        if not written:
            raise LeaseLost

    async def read(self, host: str, run_id: str, after: str = "-", limit: int = 500) -> list[Entry]:
        """The next entries after the id `after` ("-" = from the start), oldest first."""
        first = after if after == "-" else f"({after}"
        rows = await self._state.xrange(keys.run(host, run_id), first, "+", count=limit)
        return parse_entries(rows)

    async def last(self, host: str, run_id: str, count: int) -> list[Entry]:
        """The last entries of a run, the newest first."""
        rows = await self._state.xrevrange(keys.run(host, run_id), count=count)
        return parse_entries(rows)

    async def exists(self, host: str, run_id: str) -> bool:
        """Whether the run's log is (still) there for this tenant."""
        return bool(await self._state.exists(keys.run(host, run_id)))
