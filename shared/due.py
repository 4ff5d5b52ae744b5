"""The due ledger: which tickets need a run, who runs them now, and how a run ends.

Redis holds what is due, arq only carries wake-ups (arq drops an enqueue silently while a job of that id is queued or
running). Each method is one Lua script, so a crash between two of them leaves a ticket due and never half done:

    mark ─▶ turn ─▶ dispatch ─▶ out ─▶ claim ─▶ held ─▶ (run) ─▶ settle ─▶ done
             ▲                                                     ├─▶ again   it changed while the run was going on
             └─────────────────────────────────────────────────────┴─▶ later   the run failed; the next attempt waits

Debounce and backoff are a turn that comes later. What is handed out or held by a worker that is gone gets its turn
again (`dispatch` looks); `shared.due_view` reads the same places for people.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.due_view import DueView
from shared.errors import StageFailed
from shared.redis import script
from shared.settings import Settings
from shared.tracing import traceparent

Lane = Literal["live", "backfill"]
Settled = Literal["lost", "done", "again", "later"]

LEASE = lifetimes.LEASE_LIFETIME
MAX_ATTEMPTS = 8
"""With the backoff below a ticket is tried for about three minutes before it is put aside in `dead`."""
OUTAGE_ATTEMPTS = MAX_ATTEMPTS - 2
"""An outage never counts more than this, so that two killed workers on top of it do not give a ticket up."""
PATIENCE = timedelta(hours=24)
"""A ticket waits this long for an outage to end, as Freshdesk's own webhooks do."""
ENDLESS = timedelta(days=3650)
BACKOFF_BASE = timedelta(seconds=1)
BACKOFF_CAP = timedelta(seconds=60)
UNCLAIMED = {"live": timedelta(seconds=4), "backfill": timedelta(seconds=15)}
"""Who was handed out and is not claimed by then has lost its wake-up (arq and killed workers drop some)."""
LOOK_AGAIN_AT = 100
"""Tickets of each place whose time is over that one dispatch looks at."""
REPAIR_BATCH = 500


@dataclass(frozen=True)
class Debounce:
    """A live run waits until its ticket was left alone for `calm`, at most `longest` after the burst's first change."""

    calm: timedelta = timedelta(0)
    longest: timedelta = timedelta(0)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Debounce":
        """As the settings say."""
        return cls(timedelta(seconds=settings.debounce_s), timedelta(seconds=settings.debounce_longest_s))


@dataclass(frozen=True)
class OpenedRun:
    """The run to follow for a ticket; `created` is False for whoever joins, `wake` says that no worker has it yet."""

    run_id: str
    created: bool
    wake: bool


@dataclass
class Appends:
    """Numbers the batches that a run appends to its log, one after the other, so that none is written twice."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    count: int = 0


@dataclass(frozen=True)
class Claim:
    """A worker's right to run a ticket: `generation` is the number of changes the run will have read.

    `resumed` says that another worker began this very run and is gone: what it wrote to the log is void. `listed` says
    that the last mark was a backfill's, so that the ticket did not change since the backfill read it. `viewed` says
    that an agent waits for it. `asked_by` are the spans that made it due (W3C `traceparent`), the first ones first.
    """

    host: str
    ticket_id: int
    token: str
    generation: int
    run_id: str
    attempt: int
    resumed: bool
    listed: bool
    viewed: bool = False
    asked_by: tuple[str, ...] = ()
    appends: Appends = field(default_factory=Appends, compare=False)


@dataclass(frozen=True)
class HandedOut:
    """What a dispatch handed out by lane, and how many tickets of each lane are out now, these included.

    `next_s` is how long the next turn is away, None where no ticket waits.
    """

    live: list[int]
    backfill: list[int]
    live_out: int
    backfill_out: int
    next_s: float | None


@dataclass(frozen=True)
class Ending:
    """How a run ends.

    `satisfied` is True where the ticket needs no further attempt; `revision` (ms since the epoch) and `recipe` are
    None and "" where no Canvas was written; `event` and `data` (JSON) are the last ones of the run's log. An `outage`
    is no fault of the ticket, and does not use up its attempts (see `PATIENCE`). One that `queues` was not tried: it
    waits for its place in Freshdesk's rate limit, however long that takes.
    """

    satisfied: bool
    event: str
    data: bytes
    revision: int | None = None
    recipe: str = ""
    error: str = ""
    delay: timedelta = timedelta(0)
    outage: bool = False
    queues: bool = False


def new_run_id() -> str:
    """An unguessable run id, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def backoff(attempt: int) -> timedelta:
    """How long to wait after the `attempt`-th failure (from 1): doubling up to a minute."""
    return min(BACKOFF_CAP, BACKOFF_BASE * float(2 ** (attempt - 1)))


def _seconds(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds())


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)


def _places(host: str, ticket_id: int) -> list[str]:
    """The keys that `ledger.lua` names, in its order."""
    own = [keys.record(host, ticket_id), keys.lease(host, ticket_id), keys.due(host), keys.dead(host)]
    return [*own, *_turns(host)]


def _turns(host: str) -> list[str]:
    turns = [keys.turn(host, "live"), keys.turn(host, "backfill")]
    return [keys.held(host), *turns, keys.out(host, "live"), keys.out(host, "backfill")]


class DueLedger(DueView):
    """Marks, hands out, claims and settles tickets; safe to use from any number of processes."""

    def __init__(self, state: Redis, debounce: Debounce | None = None) -> None:
        super().__init__(state)
        debounce = debounce or Debounce()
        self._debounce = [_ms(debounce.calm), _ms(debounce.longest)]
        self._mark = script(state, "mark", "ledger")
        self._open = script(state, "open_run", "ledger")
        self._claim = script(state, "claim", "ledger")
        self._settle = script(state, "settle", "ledger")
        self._release = script(state, "release", "ledger")
        self._dispatch = script(state, "dispatch")
        self._repair = script(state, "repair")
        self._drop = script(state, "drop_dead", "ledger")
        self._withdraw = script(state, "withdraw", "ledger")

    async def mark(self, host: str, ticket_id: int, lane: Lane = "live", moving: Sequence[str] = ()) -> int:
        """Mark a ticket as due and return its generation, the number of changes seen so far.

        With `moving` (a backfill's lists: from, to) only in one step with its move between these; 0 where it has moved.
        """
        args = [ticket_id, lane, _seconds(lifetimes.RECORD_LIFETIME), *self._debounce, traceparent()]
        return int(await self._mark(keys=[*_places(host, ticket_id), *moving], args=args))

    async def withdraw(self, host: str, ticket_id: int, moving: Sequence[str]) -> bool:
        """Take a backfill's mark back, unless a worker has the ticket or it changed: it moves between two lists."""
        return bool(await self._withdraw(keys=[*_places(host, ticket_id), *moving], args=[ticket_id]))

    async def open_run(self, host: str, ticket_id: int, *, now: bool) -> OpenedRun:
        """Join the run that is queued or going on for a ticket, or queue one. Its log exists when this returns.

        With `now` a ticket that waits for its next attempt, or was given up, is tried at once: an agent has nothing to
        look at. Without it the backoff holds: an old Canvas is better than a provider that is asked in a loop.
        """
        run_id = new_run_id()
        queued = msgspec.json.encode({"ticket_id": ticket_id})
        lives = [_seconds(lifetimes.RECORD_LIFETIME), _seconds(lifetimes.RUN_LIFETIME)]
        args: list[str | int | bytes] = [ticket_id, run_id, *lives, queued, int(now), keys.run(host, "")]
        args += [_ms(UNCLAIMED["live"]), traceparent()]
        names = [*_places(host, ticket_id), keys.run(host, run_id)]
        found, created, wake = await self._open(keys=names, args=args)
        return OpenedRun(found.decode(), bool(created), bool(wake))

    async def dispatch(self, host: str, live: int, backfill: int) -> HandedOut:
        """Hand out at most so many tickets of each lane whose turn has come, oldest turn first."""
        prefixes = [keys.lease(host, ""), keys.record(host, "")]
        grace = [_ms(UNCLAIMED["live"]), _ms(UNCLAIMED["backfill"])]
        args: list[str | int] = [live, backfill, *grace, LOOK_AGAIN_AT, *prefixes]
        found_live, found_backfill, live_out, backfill_out, next_ms = await self._dispatch(keys=_turns(host), args=args)
        next_s = None if next_ms < 0 else next_ms / 1000
        live_ids, backfill_ids = [int(found) for found in found_live], [int(found) for found in found_backfill]
        return HandedOut(live_ids, backfill_ids, live_out, backfill_out, next_s)

    async def repair(self, host: str) -> int:
        """Give a turn to every due ticket that stands in no place; returns how many those were."""
        repaired, start = 0, 0
        while batch := await self._state.zrange(keys.due(host), start, start + REPAIR_BATCH - 1):
            repaired += int(await self._repair(keys=[*_turns(host), keys.due(host)], args=batch))
            start += REPAIR_BATCH
        return repaired

    async def claim(self, host: str, ticket_id: int) -> Claim | None:
        """Take a ticket, or None: nothing is due, another worker has it, or its turn is not yet."""
        token = secrets.token_hex(12)
        # What the followers of a run are told that will never be settled, since its ticket is given up.
        given_up = StageFailed(f"This ticket failed {MAX_ATTEMPTS} times and waits for its next change").problem()
        args: list[str | int | bytes] = [ticket_id, token, _ms(LEASE), new_run_id(), MAX_ATTEMPTS]
        args += [msgspec.json.encode(given_up), _seconds(lifetimes.RUN_LIFETIME), keys.run(host, "")]
        answer = await self._claim(keys=_places(host, ticket_id), args=args)
        if answer[0] != b"run":
            return None
        _, want, run_id, attempt, resumed, listed, viewed, traces = answer
        flags = bool(resumed), bool(listed), bool(viewed)
        asked_by = tuple(traces.decode().split())
        return Claim(host, ticket_id, token, int(want), run_id.decode(), int(attempt), *flags, asked_by)

    async def settle(self, claim: Claim, ending: Ending) -> Settled:
        """End a claimed run: its last event, the record and the lease change in one step."""
        host, ticket_id = claim.host, claim.ticket_id
        revision = "" if ending.revision is None else ending.revision
        args: list[str | int | bytes] = [ticket_id, claim.token, claim.generation, int(ending.satisfied)]
        args += [_ms(ending.delay), revision, ending.recipe, ending.event, ending.data]
        args += [_seconds(lifetimes.ENDED_RUN_LIFETIME), ending.error]
        patience = ENDLESS if ending.queues else PATIENCE if ending.outage else timedelta(0)
        args += [_ms(patience), OUTAGE_ATTEMPTS, *self._debounce, traceparent()]
        names = [*_places(host, ticket_id), keys.run(host, claim.run_id)]
        result: Settled = (await self._settle(keys=names, args=args)).decode()
        return result

    async def release(self, claim: Claim, delay: timedelta = timedelta(0)) -> None:
        """Give a claimed ticket back undone: its turn comes after `delay`, and the attempt does not count."""
        args: list[str | int] = [claim.ticket_id, claim.token, _ms(delay)]
        await self._release(keys=_places(claim.host, claim.ticket_id), args=args)

    async def replay(self, host: str, ticket_ids: Sequence[int] | None = None) -> int:
        """Make dead tickets due again (None: all of the tenant), and say how many those were."""
        wanted = await self._dead(host, ticket_ids)
        for ticket_id in wanted:
            await self.mark(host, ticket_id)
        return len(wanted)

    async def drop(self, host: str, ticket_ids: Sequence[int] | None = None) -> int:
        """Forget that tickets are dead (None: all of the tenant): they count as current until their next change."""
        wanted = await self._dead(host, ticket_ids)
        for ticket_id in wanted:
            # A mark in between has taken it out of `dead` already: then nothing is dropped.
            await self._drop(keys=_places(host, ticket_id), args=[ticket_id, _seconds(lifetimes.RECORD_LIFETIME)])
        return len(wanted)

    async def _dead(self, host: str, ticket_ids: Sequence[int] | None) -> list[int]:
        dead = [int(ticket) for ticket in await self._state.zrange(keys.dead(host), 0, -1)]
        return dead if ticket_ids is None else [ticket_id for ticket_id in dead if ticket_id in set(ticket_ids)]
