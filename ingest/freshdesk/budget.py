"""The account's calls, shared by all processes: each call takes its credits in Redis before it is made.

The count is ours and covers any 60 seconds, since nobody says when Freshdesk's minute begins; answers correct it
downwards. Where they show that it begins anew, and when, what Freshdesk counts itself is taken. While Redis is away no
call is made: nothing could be done with its answer, and a hundred processes that each trusted their own count would
spend the minute's calls of the whole account at once.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingest.freshdesk.limits import Cost, Priority, Reported
from shared import keys, lifetimes
from shared.errors import FreshdeskLimited, StoreUnavailable
from shared.metrics import FRESHDESK_WAIT_SECONDS, TENANT_CALLS_LEFT
from shared.redis import script
from shared.tenants import FRESHDESK_TIMEOUT

UNKNOWN_ACCOUNT = 50
"""Credits a minute until the first answer names the account's total: those of the smallest plan that has an API."""
UNLIMITED = -1
UNANSWERED = Reported(total=None, remaining=None, used=None, blocked_for=None)
LONGEST_CALL = timedelta(seconds=FRESHDESK_TIMEOUT + 1)
PATIENCE = {
    Priority.INTERACTIVE: timedelta(seconds=5),
    Priority.LIVE: timedelta(seconds=1),
    Priority.BACKFILL: timedelta(seconds=1),
}
"""Who would wait longer for its place leaves, so that its worker is free; the script adds the length of one turn."""
BEGUN_PATIENCE = timedelta(seconds=60)
"""Who has spent calls on a ticket already waits this long for the next one: coming back would cost them again."""
LONGEST_SLEEP_S = 30.0
"""Whoever waits for as long as it takes looks again after this: a limit may have been raised."""

log = structlog.get_logger()


@dataclass(frozen=True)
class TakenCall:
    """Credits that were taken for one call; `at_ms` is Redis' time then."""

    id: str
    cost: Cost
    at_ms: int


@dataclass
class Spent:
    """What came of a call: what its answer said, if there was one, and whether Freshdesk heard of it at all.

    A `sound` answer is Freshdesk's own and no proxy's page: where it names no limit, the account has none.
    """

    said: Reported | None = None
    sound: bool = False
    never_sent: bool = False


@dataclass
class Tally:
    """What a client's calls came to: those that Freshdesk heard of, and the credits they took."""

    calls: int = 0
    credits: int = 0


class CallBudget:
    """The budgets of all accounts; one object a process. `window` is a minute, other lengths are for look-alikes."""

    def __init__(self, state: Redis, window: timedelta) -> None:
        self._window_ms = int(window.total_seconds() * 1000)
        self._take = script(state, "take_call")
        self._answer = script(state, "answer_call")

    async def take(self, host: str, cost: Cost, priority: Priority, *, stay: timedelta | None = None) -> TakenCall:
        """Take a call's credits, or wait a moment for them; with `stay` up to that long (`timedelta.max`: for ever).

        Raises:
            FreshdeskLimited: they are not free soon; `retry_after` is this caller's place in the queue for them.
            StoreUnavailable: Redis does not answer.
        """
        call_id, started = secrets.token_hex(8), time.monotonic()
        deadline = started + (stay or PATIENCE[priority]).total_seconds()
        while True:
            left_s = deadline - time.monotonic()
            patience_ms = -1 if stay and left_s > 0 else max(0, int(left_s * 1000))
            taken, ms, leave = await self._ask(host, call_id, cost, priority, patience_ms)
            if taken:
                FRESHDESK_WAIT_SECONDS.labels(priority=priority.name.lower()).observe(time.monotonic() - started)
                return TakenCall(call_id, cost, ms)
            if leave:
                raise FreshdeskLimited(retry_after=timedelta(milliseconds=ms))
            await asyncio.sleep(min(ms / 1000 + 0.001, LONGEST_SLEEP_S))

    async def _ask(
        self, host: str, call_id: str, cost: Cost, priority: Priority, patience_ms: int
    ) -> tuple[bool, int, bool]:
        args: list[str | int] = [call_id, cost.credits, int(priority), int(cost.ticket_list), self._window_ms]
        args += [_ms(LONGEST_CALL), patience_ms, UNKNOWN_ACCOUNT, _ms(lifetimes.CALLS_LIFETIME)]
        try:
            answer = await self._take(keys=[*_keys(host), keys.turn(host, "live"), keys.out(host, "live")], args=args)
        except (RedisError, OSError) as error:
            raise StoreUnavailable from error
        return answer[0] == 1, int(answer[1]), len(answer) > 2 and answer[2] == 1

    async def settle(self, host: str, taken: TakenCall, spent: Spent) -> None:
        """Date the credits of a call that is over, and learn from its answer."""
        said = spent.said or UNANSWERED
        total = UNLIMITED if said.total is None and spent.sound else said.total
        used = 0 if spent.never_sent else said.used or taken.cost.credits
        args: list[str | int] = [taken.id, taken.cost.credits, used, int(taken.cost.ticket_list), taken.at_ms]
        args += [self._window_ms, _ms(LONGEST_CALL), _ms(lifetimes.CALLS_LIFETIME)]
        args += ["" if number is None else number for number in (total, said.remaining)]
        if said.remaining is not None:
            TENANT_CALLS_LEFT.labels(tenant=host).set(said.remaining)
        try:
            await self._answer(keys=_keys(host), args=[*args, _ms(said.blocked_for or timedelta())])
        except (RedisError, OSError) as error:
            # Its credits count as those of a call that is still under way, which is the cautious side.
            log.warning("call not counted", host=host, reason=type(error).__name__)


@dataclass(frozen=True)
class Calls:
    """Whose calls a client makes, and how urgent they are."""

    budget: CallBudget
    host: str
    priority: Priority = Priority.LIVE
    patient: bool = False
    tally: Tally | None = None

    @asynccontextmanager
    async def spending(self, cost: Cost, *, begun: bool = False) -> AsyncIterator[Spent]:
        """Take credits for the call that the block makes; the block notes what came of it. Raises as `take` does.

        `begun` says that earlier calls are worth nothing without this one.
        """
        stay = timedelta.max if self.patient else BEGUN_PATIENCE if begun else None
        taken = await self.budget.take(self.host, cost, self.priority, stay=stay)
        spent = Spent()
        try:
            yield spent
        finally:
            if self.tally is not None and not spent.never_sent:
                self.tally.calls += 1
                self.tally.credits += cost.credits
            await self.budget.settle(self.host, taken, spent)


def _keys(host: str) -> list[str]:
    return [keys.calls(host), keys.call_log(host), keys.call_lists(host)]


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
