"""Token buckets that all processes share, spent from process memory and settled in Redis afterwards.

A request must not wait for a round trip to be counted. So each process admits what the bucket's last known level
allows, at most `ahead` tokens between two settlements, and settles twenty times a second for all of its buckets at
once. Together, processes so admit at most `ahead` tokens each above what the bucket holds; then they wait for Redis or
refuse. What must be exact (few and expensive requests) is asked for one by one.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared import lifetimes
from shared.errors import RateLimited
from shared.redis import script

SETTLE_S = 0.05
ANSWER_S = 0.5
"""How long a settlement waits for Redis before requests are let through uncounted."""
UNCOUNTED_S = 1.0
"""For how long they are, before Redis is asked again."""
LEAST_AHEAD = 8
AHEAD_S = 0.25
TOGETHER = 200
"""Buckets of one round trip: 1 ms of the event loop, less of Redis's time."""

log = structlog.get_logger()


class Policy:
    """A bucket's kind: `name` as clients read it, tokens a second, and how many it holds; rate 0 is no limit.

    `ahead` is how many tokens a process may spend before it has settled them; `header` is the value of
    `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): the quota and its window in seconds.
    """

    __slots__ = ("ahead", "burst", "header", "name", "rate")

    def __init__(self, name: str, rate: float, burst: float) -> None:
        self.name, self.rate, self.burst = name, rate, burst
        self.ahead = max(LEAST_AHEAD, rate * AHEAD_S)
        window = max(1, math.ceil(burst / rate)) if rate else 0
        self.header = (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name.encode(), burst, window))

    def state(self, left: float, seconds: float) -> tuple[bytes, bytes]:
        """The header `RateLimit`: how many tokens are left, and in how many seconds there are more."""
        return b"ratelimit", b'"%b";r=%d;t=%d' % (self.name.encode(), max(0.0, left), math.ceil(seconds))


class Bucket:
    """One bucket as this process knows it; `level` was true at `at` (monotonic s), before what is unsettled.

    Those of one `slot` (the tenant's host, or "") are settled together. `sent` is what is being settled now, `room`
    how much may be spent for certain before the next settlement.
    """

    __slots__ = ("at", "key", "level", "policy", "room", "sent", "slot", "unsettled")

    def __init__(self, slot: str, key: str, policy: Policy) -> None:
        self.slot, self.key, self.policy = slot, key, policy
        self.level, self.at = policy.burst, time.monotonic()
        self.unsettled = 0
        self.sent = 0
        self.room = min(policy.ahead, policy.burst)

    def left(self, now: float) -> float:
        """Tokens that are left as far as this process knows: other processes may have taken some."""
        filled = self.level + (now - self.at) * self.policy.rate
        return min(self.policy.burst, filled) - self.unsettled - self.sent

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The `RateLimit` headers of an answer: what is left, and when the bucket will be full."""
        left = self.left(time.monotonic())
        return [self.policy.header, self.policy.state(left, (self.policy.burst - left) / self.policy.rate)]


class OverLimit(RateLimited):
    """An empty bucket: the message names the limit, `headers` are the `RateLimit` headers of the answer."""

    def __init__(self, policy: Policy, left: float) -> None:
        seconds = math.ceil(max(1.0, (1 - left) / policy.rate))
        most = f"{policy.burst:g} at once and {policy.rate * 60:g} a minute"
        super().__init__(f"The limit `{policy.name}` is {most}", retry_after=timedelta(seconds=seconds))
        self.headers = [policy.header, policy.state(0, seconds)]


class Buckets:
    """All buckets of a process. `settle_forever` must run beside the requests."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._spend = script(state, "spend_tokens")
        self._process = secrets.token_hex(6)
        self._call = 0
        self._dirty: list[Bucket] = []
        self._wanted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._settled = asyncio.Event()
        self._uncounted_until = 0.0

    def spend_now(self, buckets: Sequence[Bucket]) -> bool:
        """Spend one token of each without waiting; False where Redis must be asked first.

        Raises:
            RateLimited: one of them is empty.
        """
        if self._uncounted_until and time.monotonic() < self._uncounted_until:
            return True
        ready = True
        for bucket in buckets:
            spent = bucket.unsettled + bucket.sent
            if spent < bucket.room:
                continue
            left = bucket.left(time.monotonic())
            if left < 1:
                raise OverLimit(bucket.policy, left)
            if spent >= bucket.policy.ahead:
                ready = False
        if ready:
            for bucket in buckets:
                if bucket.unsettled == 0:
                    self._dirty.append(bucket)
                bucket.unsettled += 1
            self._wanted.set()
        return ready

    async def spend(self, buckets: Sequence[Bucket]) -> None:
        """Spend one token of each, after a settlement where there are too many that Redis has not heard of.

        Raises:
            RateLimited: one of them is empty.
        """
        while not self.spend_now(buckets):
            settled = self._settled
            self._wanted.set()
            self._urgent.set()
            await settled.wait()

    async def take(self, slot_keys: list[str], policies: list[Policy], tokens: int = 1) -> None:
        """Take tokens of buckets that are counted exactly, of all or of none; a negative number gives them back.

        Raises:
            RateLimited: one of them has too few.
            RedisError: nobody can say.
        """
        args: list[Any] = []
        for policy in policies:
            args += [policy.rate / 1000, policy.burst, tokens, 0]
        answers = await self._spend(keys=slot_keys, args=[*self._head(), *args])
        short = [place for place, (spent, _) in enumerate(answers) if not spent]
        if short:
            for place, (spent, _) in enumerate(answers):
                if spent:
                    given_back = [policies[place].rate / 1000, policies[place].burst, -tokens, 1]
                    await self._spend(keys=[slot_keys[place]], args=[*self._head(), *given_back])
            raise OverLimit(policies[short[0]], answers[short[0]][1] / 1000)

    def _head(self) -> list[Any]:
        self._call += 1
        return [self._process, self._call, int(lifetimes.LIMIT_LIFETIME.total_seconds() * 1000)]

    async def settle_forever(self) -> None:
        """Settle what was spent, every 50 ms while there is something; until cancelled."""
        while True:
            await self._wanted.wait()
            try:
                async with asyncio.timeout(SETTLE_S):
                    await self._urgent.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            self._urgent.clear()
            await self.settle()

    async def settle(self) -> None:
        """Tell Redis what was spent and learn the levels. Where it does not answer, nobody is counted for a second."""
        dirty, self._dirty = self._dirty, []
        for bucket in dirty:
            bucket.sent, bucket.unsettled = bucket.unsettled, 0
        try:
            async with asyncio.timeout(ANSWER_S):
                for trip in _trips(dirty):
                    await self._settle(trip)
        except (RedisError, OSError, TimeoutError) as error:
            if time.monotonic() >= self._uncounted_until + UNCOUNTED_S:
                log.warning("requests are not counted: Redis does not answer", reason=type(error).__name__)
            self._uncounted_until = time.monotonic() + UNCOUNTED_S
        finally:
            for bucket in dirty:
                bucket.sent = 0
            settled, self._settled = self._settled, asyncio.Event()
            settled.set()

    async def _settle(self, trip: list[list[Bucket]]) -> None:
        async with self._state.pipeline(transaction=False) as pipe:
            for buckets in trip:
                args: list[Any] = []
                for bucket in buckets:
                    args += [bucket.policy.rate / 1000, bucket.policy.burst, bucket.sent, 1]
                await self._spend(keys=[bucket.key for bucket in buckets], args=[*self._head(), *args], client=pipe)
            answers = await pipe.execute()
        now = time.monotonic()
        for buckets, levels in zip(trip, answers, strict=True):
            for bucket, (_, level) in zip(buckets, levels, strict=True):
                bucket.level, bucket.at, bucket.sent = level / 1000, now, 0
                bucket.room = min(bucket.policy.ahead, level // 1000)


def _trips(buckets: list[Bucket]) -> list[list[list[Bucket]]]:
    """Buckets in round trips of about `TOGETHER`, and these in script calls of one slot each."""
    by_slot: dict[str, list[Bucket]] = {}
    for bucket in buckets:
        by_slot.setdefault(bucket.slot, []).append(bucket)
    trips: list[list[list[Bucket]]] = [[]]
    size = 0
    for same in by_slot.values():
        for start in range(0, len(same), TOGETHER):
            call = same[start : start + TOGETHER]
            if size and size + len(call) > TOGETHER:
                trips.append([])
                size = 0
            trips[-1].append(call)
            size += len(call)
    return trips
