"""The due ledger: which tickets need a run, who runs them now, and how a run ends.

Redis holds what is due, arq only carries wake-ups (arq drops an enqueue silently while a job of that id is queued or
running). Each method is one Lua script, so a crash between two of them leaves a ticket due and never half done:

    mark ─▶ due ─▶ claim ─▶ (run) ─▶ settle ─▶ done
              ▲                        ├─▶ again   the ticket changed while the run was going on
              └────────────────────────┴─▶ later   the run failed; the next attempt waits
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.errors import StageFailed
from shared.redis import script

Lane = Literal["live", "backfill"]
Settled = Literal["lost", "done", "again", "later"]
TicketState = Literal["current", "due", "dead"]
QueueState = Literal["current", "due", "waiting", "dead"]

LEASE = keys.LEASE_LIFETIME
MAX_ATTEMPTS = 8
"""With the backoff below a ticket is tried for about three minutes before it is put aside in `dead`."""
OUTAGE_ATTEMPTS = MAX_ATTEMPTS - 2
"""An outage never counts more than this, so that two killed workers on top of it do not give a ticket up."""
PATIENCE = timedelta(hours=24)
"""A ticket waits this long for an outage to end, as Freshdesk's own webhooks do."""
BACKOFF_BASE = timedelta(seconds=1)
BACKOFF_CAP = timedelta(seconds=60)


@dataclass(frozen=True)
class OpenedRun:
    """The run to follow for a ticket; `created` is False for whoever joins."""

    run_id: str
    created: bool


@dataclass(frozen=True)
class Claim:
    """A worker's right to run a ticket: `generation` is the number of changes the run will have read.

    `resumed` says that another worker began this very run and is gone: what it wrote to the log is void. `listed` says
    that the last mark was a backfill's, so that the ticket did not change since the backfill read it.
    """

    host: str
    ticket_id: int
    token: str
    generation: int
    run_id: str
    attempt: int
    resumed: bool
    listed: bool


@dataclass(frozen=True)
class Ending:
    """How a run ends.

    `satisfied` is True where the ticket needs no further attempt; `revision` (ms since the epoch) and `recipe` are
    None and "" where no Canvas was written; `event` and `data` (JSON) are the last ones of the run's log. An `outage`
    is no fault of the ticket, and does not use up its attempts (see `PATIENCE`).
    """

    satisfied: bool
    event: str
    data: bytes
    revision: int | None = None
    recipe: str = ""
    error: str = ""
    delay: timedelta = timedelta(0)
    outage: bool = False


def new_run_id() -> str:
    """An unguessable run id, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def backoff(attempt: int) -> timedelta:
    """How long to wait after the `attempt`-th failure (from 1): doubling up to a minute."""
    return min(BACKOFF_CAP, BACKOFF_BASE * float(2 ** (attempt - 1)))


def _queue_state(due: float | None, dead: float | None, now_ms: int) -> QueueState:
    if due is not None:
        return "waiting" if due > now_ms else "due"
    return "current" if dead is None else "dead"


def _seconds(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds())


class DueLedger:
    """Marks, claims and settles tickets; safe to use from any number of processes."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._mark = script(state, "mark")
        self._open = script(state, "open_run")
        self._claim = script(state, "claim")
        self._settle = script(state, "settle")
        self._release = script(state, "release")

    async def mark(self, host: str, ticket_id: int, lane: Lane = "live") -> int:
        """Mark a ticket as due and return its generation, the number of changes seen so far."""
        names = [keys.record(host, ticket_id), keys.due(host), keys.dead(host)]
        return int(await self._mark(keys=names, args=[ticket_id, lane, _seconds(keys.RECORD_LIFETIME)]))

    async def open_run(self, host: str, ticket_id: int, *, now: bool) -> OpenedRun:
        """Join the run that is queued or going on for a ticket, or queue one. Its log exists when this returns.

        With `now` a ticket that waits for its next attempt, or was given up, is tried at once: an agent has nothing to
        look at. Without it the backoff holds: an old Canvas is better than a provider that is asked in a loop.
        """
        run_id = new_run_id()
        queued = msgspec.json.encode({"ticket_id": ticket_id})
        names = [keys.record(host, ticket_id), keys.due(host), keys.run(host, run_id), keys.dead(host)]
        lifetimes = [_seconds(keys.RECORD_LIFETIME), _seconds(keys.RUN_LIFETIME)]
        args: list[str | int | bytes] = [ticket_id, run_id, *lifetimes, queued, int(now), keys.run(host, "")]
        found, created = await self._open(keys=names, args=args)
        return OpenedRun(found.decode(), bool(created))

    async def claim(self, host: str, ticket_id: int) -> Claim | None:
        """Take a ticket, or None: nothing is due, another worker has it, or its next attempt is not yet."""
        token = secrets.token_hex(12)
        names = [keys.record(host, ticket_id), keys.due(host), keys.lease(host, ticket_id), keys.dead(host)]
        lease_ms = int(LEASE.total_seconds() * 1000)
        # What the followers of a run are told that will never be settled, since its ticket is given up.
        given_up = StageFailed(f"This ticket failed {MAX_ATTEMPTS} times and waits for its next change").problem()
        args: list[str | int | bytes] = [ticket_id, token, lease_ms, new_run_id(), MAX_ATTEMPTS]
        args += [msgspec.json.encode(given_up), _seconds(keys.RUN_LIFETIME), keys.run(host, "")]
        answer = await self._claim(keys=names, args=args)
        if answer[0] != b"run":
            return None
        _, want, run_id, attempt, resumed, listed = answer
        return Claim(host, ticket_id, token, int(want), run_id.decode(), int(attempt), bool(resumed), bool(listed))

    async def settle(self, claim: Claim, ending: Ending) -> Settled:
        """End a claimed run: its last event, the record and the lease change in one step."""
        host, ticket_id = claim.host, claim.ticket_id
        names = [
            keys.record(host, ticket_id),
            keys.due(host),
            keys.lease(host, ticket_id),
            keys.run(host, claim.run_id),
        ]
        delay_ms = int(ending.delay.total_seconds() * 1000)
        revision = "" if ending.revision is None else ending.revision
        lifetime = _seconds(keys.RUN_LIFETIME)
        args: list[str | int | bytes] = [ticket_id, claim.token, claim.generation, int(ending.satisfied), delay_ms]
        args += [revision, ending.recipe, ending.event, ending.data, lifetime, ending.error]
        args += [int(PATIENCE.total_seconds() * 1000) if ending.outage else 0, OUTAGE_ATTEMPTS]
        result: Settled = (await self._settle(keys=names, args=args)).decode()
        return result

    async def release(self, claim: Claim) -> None:
        """Give a claimed ticket back undone: it stays due, and the attempt does not count."""
        names = [keys.record(claim.host, claim.ticket_id), keys.lease(claim.host, claim.ticket_id)]
        await self._release(keys=names, args=[claim.token])

    async def revive(self, host: str) -> int:
        """Make all dead tickets of a tenant due again, and say how many those were."""
        dead = [int(ticket) for ticket in await self._state.zrange(keys.dead(host), 0, -1)]
        for ticket_id in dead:
            await self.mark(host, ticket_id)
        return len(dead)

    async def generation(self, host: str, ticket_id: int) -> int:
        """How many changes of a ticket were marked so far."""
        return int(await self._state.hget(keys.record(host, ticket_id), "want") or 0)  # type: ignore[misc]

    async def is_due(self, host: str, ticket_id: int) -> bool:
        """Whether the newest revision of a ticket is still to be computed."""
        return await self.state_of(host, ticket_id) == "due"

    async def state_of(self, host: str, ticket_id: int) -> TicketState:
        """Whether a ticket is current, due, or dead (due, and given up after too many attempts)."""
        async with self._state.pipeline(transaction=False) as pipe:
            pipe.zscore(keys.due(host), str(ticket_id))
            pipe.zscore(keys.dead(host), str(ticket_id))
            due, dead = await pipe.execute()
        return "due" if due is not None else "dead" if dead is not None else "current"

    async def states_of(self, host: str, ticket_ids: Sequence[int]) -> dict[int, QueueState]:
        """For each ticket: current, due (now), waiting (for its next attempt), or dead."""
        seconds, micros = await self._state.time()
        now = seconds * 1000 + micros // 1000
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket_id in ticket_ids:
                pipe.zscore(keys.due(host), str(ticket_id))
                pipe.zscore(keys.dead(host), str(ticket_id))
            scores = await pipe.execute()
        return {
            ticket_id: _queue_state(due, dead, now)
            for ticket_id, due, dead in zip(ticket_ids, scores[::2], scores[1::2], strict=True)
        }

    async def count_due(self, host: str) -> int:
        """How many tickets of a tenant are due."""
        return int(await self._state.zcard(keys.due(host)))

    async def overdue(
        self, host: str, grace: timedelta, limit: int, skip: int = 0
    ) -> tuple[list[tuple[int, Lane]], int]:
        """Due tickets that nobody holds although they could have been worked on for longer than `grace`.

        Looks at `limit` tickets after the first `skip`, oldest first; also returns how many it looked at.
        """
        seconds, micros = await self._state.time()
        until = seconds * 1000 + micros // 1000 - int(grace.total_seconds() * 1000)
        found = await self._state.zrangebyscore(keys.due(host), "-inf", until, start=skip, num=limit)
        if not found:
            return [], 0
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket in found:
                pipe.exists(keys.lease(host, int(ticket)))
                pipe.hget(keys.record(host, int(ticket)), "lane")
            answers = await pipe.execute()
        leased, lanes = answers[::2], answers[1::2]
        waiting: list[tuple[int, Lane]] = [
            (int(ticket), "backfill" if lane == b"backfill" else "live")
            for ticket, held, lane in zip(found, leased, lanes, strict=True)
            if not held
        ]
        return waiting, len(found)

    async def committed(self, host: str, ticket_ids: list[int]) -> dict[int, tuple[int, str]]:
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
