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
from collections import OrderedDict
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared import keys
from shared.errors import RateLimited
from shared.redis import script

SETTLE_S = 0.05
ANSWER_S = 0.5
"""How long a settlement waits for Redis before requests are let through uncounted."""
UNCOUNTED_S = 1.0
"""For how long they are, before Redis is asked again."""
LEAST_AHEAD = 8
AHEAD_S = 0.25
MOST_BUCKETS = 20_000
"""Buckets in process memory, about 0.5 KB each."""
TOGETHER = 200
"""Buckets of one script call: below 1 ms of Redis's time."""

log = structlog.get_logger()


class Policy(NamedTuple):
    """A bucket's kind: `name` as clients read it, tokens a second, and how many it holds; rate 0 is no limit."""

    name: str
    rate: float
    burst: float

    @property
    def ahead(self) -> float:
        """Tokens that one process may spend before it has settled them."""
        return max(LEAST_AHEAD, self.rate * AHEAD_S)

    @property
    def header(self) -> bytes:
        """The value of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): quota and window in seconds."""
        return b'"%b";q=%d;w=%d' % (self.name.encode(), self.burst, max(1, math.ceil(self.burst / self.rate)))


class Bucket:
    """One bucket as this process knows it; `level` was true at `at` (monotonic s), before what is unsettled."""

    __slots__ = ("at", "key", "level", "policy", "sent", "slot", "unsettled")

    def __init__(self, slot: str, key: str, policy: Policy) -> None:
        self.slot, self.key, self.policy = slot, key, policy
        self.level, self.at = policy.burst, time.monotonic()
        self.unsettled = 0
        self.sent = 0

    def left(self, now: float) -> float:
        """Tokens that are left as far as this process knows: other processes may have taken some."""
        filled = self.level + (now - self.at) * self.policy.rate
        return min(self.policy.burst, filled) - self.unsettled - self.sent

    def header(self, now: float) -> bytes:
        """The value of `RateLimit`: tokens left, and the seconds until the bucket is full."""
        left = max(0.0, self.left(now))
        full = math.ceil((self.policy.burst - left) / self.policy.rate)
        return b'"%b";r=%d;t=%d' % (self.policy.name.encode(), left, full)


class OverLimit(RateLimited):
    """An empty bucket: the message names the limit, `headers` are the `RateLimit` headers of the answer."""

    def __init__(self, policy: Policy, left: float) -> None:
        seconds = math.ceil(max(1.0, (1 - left) / policy.rate))
        most = f"{policy.burst:g} at once and {policy.rate * 60:g} a minute"
        super().__init__(f"The limit `{policy.name}` is {most}", retry_after=timedelta(seconds=seconds))
        state = b'"%b";r=0;t=%d' % (policy.name.encode(), seconds)
        self.headers = [(b"ratelimit-policy", policy.header), (b"ratelimit", state)]


class Buckets:
    """All buckets of a process. `settle_forever` must run beside the requests."""

    def __init__(self, state: Redis) -> None:
        self._spend = script(state, "spend_tokens")
        self._process = secrets.token_hex(6)
        self._call = 0
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._dirty: dict[str, Bucket] = {}
        self._wanted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._settled = asyncio.Event()
        self._uncounted_until = 0.0

    def bucket(self, slot: str, key: str, policy: Policy) -> Bucket:
        """The bucket of a key; those of one slot (the tenant's host, or "") are settled together."""
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = Bucket(slot, key, policy)
            while len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        return found

    def spend_now(self, buckets: list[Bucket]) -> bool:
        """Spend one token of each without waiting; False where Redis must be asked first. About 2 µs.

        Raises:
            RateLimited: one of them is empty.
        """
        now = time.monotonic()
        if now < self._uncounted_until:
            return True
        ready = True
        for bucket in buckets:
            left = bucket.left(now)
            if left < 1:
                raise OverLimit(bucket.policy, left)
            ready = ready and bucket.unsettled + bucket.sent < bucket.policy.ahead
        if ready:
            for bucket in buckets:
                if bucket.unsettled == 0:
                    self._dirty[bucket.key] = bucket
                bucket.unsettled += 1
            self._wanted.set()
        return ready

    async def spend(self, buckets: list[Bucket]) -> None:
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
        return [self._process, self._call, int(keys.LIMIT_LIFETIME.total_seconds() * 1000)]

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
        dirty, self._dirty = self._dirty, {}
        for bucket in dirty.values():
            bucket.sent, bucket.unsettled = bucket.unsettled, 0
        try:
            async with asyncio.timeout(ANSWER_S):
                for slot in {bucket.slot for bucket in dirty.values()}:
                    same = [bucket for bucket in dirty.values() if bucket.slot == slot]
                    for start in range(0, len(same), TOGETHER):
                        await self._settle(same[start : start + TOGETHER])
        except (RedisError, OSError, TimeoutError) as error:
            if time.monotonic() >= self._uncounted_until + UNCOUNTED_S:
                log.warning("requests are not counted: Redis does not answer", reason=type(error).__name__)
            self._uncounted_until = time.monotonic() + UNCOUNTED_S
        finally:
            for bucket in dirty.values():
                bucket.sent = 0
            settled, self._settled = self._settled, asyncio.Event()
            settled.set()

    async def _settle(self, buckets: list[Bucket]) -> None:
        args: list[Any] = []
        for bucket in buckets:
            args += [bucket.policy.rate / 1000, bucket.policy.burst, bucket.sent, 1]
        answers = await self._spend(keys=[bucket.key for bucket in buckets], args=[*self._head(), *args])
        now = time.monotonic()
        for bucket, (_, level) in zip(buckets, answers, strict=True):
            bucket.level, bucket.at, bucket.sent = level / 1000, now, 0
