"""What the due ledger says about tickets, for `/init`, backfills, people and metrics. It changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from shared import keys

TicketState = Literal["current", "due", "dead"]
QueueState = Literal["current", "due", "waiting", "dead"]


@dataclass(frozen=True)
class DueCounts:
    """How many tickets of a tenant are due, and where those stand; `oldest_due_s` is the age of the longest due one.

    `waiting` for a calm moment or the next attempt, `ready` for the dispatcher (`ready_backfill`: of these, history),
    `out` on a queue, `running` with a worker; `history` counts the backfill lane in all of these but `running`. `dead`
    ones are not due.
    """

    due: int
    waiting: int
    ready: int
    ready_backfill: int
    out: int
    running: int
    dead: int
    oldest_due_s: float | None
    history: int


@dataclass(frozen=True)
class DeadLetter:
    """A ticket that was given up after `attempts`, and the error code of the last one."""

    ticket_id: int
    since: datetime
    code: str
    attempts: int


COUNTS = 10
"""Commands that count the tickets of one tenant."""
HOSTS_AT_ONCE = 10
"""Packing their commands takes about 1 ms, and nothing else runs meanwhile."""


RECORD = ("want", "done", "dead")
"""The fields of a ticket's record that say how it stands."""


def state_of_record(want: bytes | None, done: bytes | None, dead: bytes | None) -> tuple[TicketState, int]:
    """How a ticket stands by its record (see `RECORD`), and how many changes are not computed yet.

    The same as `DueView.state_of` says, from a key of the ticket's own: who is told of its changes hears of no other's.
    """
    newer = max(0, int(want or 0) - int(done or 0))
    return ("current" if not newer else "dead" if dead else "due"), newer


class DueView:
    """Reads the ledger of all tenants."""

    def __init__(self, state: Redis) -> None:
        self._state = state

    async def generation(self, host: str, ticket_id: int) -> int:
        """How many changes of a ticket were marked so far."""
        return int(await self._state.hget(keys.record(host, ticket_id), "want") or 0)  # type: ignore[misc]

    async def is_due(self, host: str, ticket_id: int) -> bool:
        """Whether the newest revision of a ticket is still to be computed."""
        return await self.state_of(host, ticket_id) == "due"

    async def state_of(self, host: str, ticket_id: int) -> TicketState:
        """Whether a ticket is current, due, or dead (given up after too many attempts)."""
        async with self._state.pipeline(transaction=False) as pipe:
            pipe.zscore(keys.due(host), str(ticket_id))
            pipe.zscore(keys.dead(host), str(ticket_id))
            due, dead = await pipe.execute()
        return "due" if due is not None else "dead" if dead is not None else "current"

    async def made_by(self, host: str, ticket_id: int) -> str:
        """The span (W3C `traceparent`) of the run that made the ticket's Canvas, "" where nothing was traced."""
        found: bytes | None = await self._state.hget(keys.record(host, ticket_id), "made_by")  # type: ignore[misc]
        return (found or b"").decode()

    async def states_of(self, host: str, ticket_ids: Sequence[int]) -> dict[int, QueueState]:
        """For each ticket: current, due (now), waiting (for a calm moment or its next attempt), or dead."""
        now = await self._now_ms()
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket_id in ticket_ids:
                for place in (keys.due(host), keys.dead(host), keys.turn(host, "live"), keys.turn(host, "backfill")):
                    pipe.zscore(place, str(ticket_id))
            scores = await pipe.execute()
        states: dict[int, QueueState] = {}
        for i, ticket_id in enumerate(ticket_ids):
            due, dead, *turns = scores[4 * i : 4 * i + 4]
            waiting = any(turn is not None and turn > now for turn in turns)
            if due is not None:
                states[ticket_id] = "waiting" if waiting else "due"
            else:
                states[ticket_id] = "current" if dead is None else "dead"
        return states

    async def count_due(self, host: str) -> int:
        """How many tickets of a tenant are due."""
        return int(await self._state.zcard(keys.due(host)))

    async def counts(self, host: str) -> DueCounts:
        """Where the tickets of a tenant stand; one round trip besides the clock's."""
        return (await self.counts_of([host]))[host]

    async def counts_of(self, hosts: Sequence[str]) -> dict[str, DueCounts]:
        """The same for many tenants in as many round trips; the event loop is given a chance between chunks of them."""
        now = await self._now_ms()
        found: dict[str, DueCounts] = {}
        for first in range(0, len(hosts), HOSTS_AT_ONCE):
            chunk = hosts[first : first + HOSTS_AT_ONCE]
            async with self._state.pipeline(transaction=False) as pipe:
                for host in chunk:
                    _ask_counts(pipe, host, now)
                answers = await pipe.execute()
            for i, host in enumerate(chunk):
                found[host] = _counts(answers[COUNTS * i : COUNTS * (i + 1)], now)
        return found

    async def dead_letters(self, host: str, offset: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Tickets that were given up, longest ago first."""
        rows = await self._state.zrange(keys.dead(host), offset, offset + limit - 1, withscores=True)
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket, _ in rows:
                pipe.hmget(keys.record(host, int(ticket)), ["error", "attempts"])
            records = await pipe.execute()
        return [
            DeadLetter(int(ticket), datetime.fromtimestamp(at / 1000, UTC), (error or b"").decode(), int(attempts or 0))
            for (ticket, at), (error, attempts) in zip(rows, records, strict=True)
        ]

    async def committed(self, host: str, ticket_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Revision (ms) and recipe of the last Canvas written for each ticket that has one."""
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket_id in ticket_ids:
                pipe.hmget(keys.record(host, ticket_id), ["revision", "recipe"])
            rows = await pipe.execute()
        return {
            ticket_id: (int(revision), (recipe or b"").decode())
            for ticket_id, (revision, recipe) in zip(ticket_ids, rows, strict=True)
            if revision is not None
        }

    async def _now_ms(self) -> int:
        seconds, micros = await self._state.time()
        return int(seconds) * 1000 + int(micros) // 1000


def _ask_counts(pipe: Pipeline, host: str, now: int) -> None:
    pipe.zcard(keys.due(host))
    pipe.zcount(keys.turn(host, "live"), f"({now}", "+inf")
    pipe.zcount(keys.turn(host, "backfill"), f"({now}", "+inf")
    pipe.zcount(keys.turn(host, "live"), "-inf", now)
    pipe.zcount(keys.turn(host, "backfill"), "-inf", now)
    pipe.zcard(keys.out(host, "live"))
    pipe.zcard(keys.out(host, "backfill"))
    pipe.zcard(keys.held(host))
    pipe.zcard(keys.dead(host))
    pipe.zrange(keys.due(host), 0, 0, withscores=True)


def _counts(answers: Sequence[Any], now: int) -> DueCounts:
    due, *turns, out_live, out_backfill, held, dead, oldest = answers
    waiting_live, waiting_backfill, ready_live, ready_backfill = turns
    return DueCounts(
        due=due,
        waiting=waiting_live + waiting_backfill,
        ready=ready_live + ready_backfill,
        ready_backfill=ready_backfill,
        out=out_live + out_backfill,
        running=held,
        dead=dead,
        oldest_due_s=max(0.0, (now - oldest[0][1]) / 1000) if oldest else None,
        history=waiting_backfill + ready_backfill + out_backfill,
    )
