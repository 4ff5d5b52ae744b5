"""What is known of an account's rate limit right now, for people who look (`canvas status`, metrics).

The count is kept by `ingest.freshdesk.budget`; this only reads it. It changes nothing, so that looking costs no call.
"""

from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis

from shared import keys

HOURLY = frozenset({3000, 5000})
"""Totals of old accounts, which have so many calls an hour; all others are by the minute (see `take_call.lua`)."""
PRIORITIES = ("interactive", "live", "backfill")


@dataclass(frozen=True)
class RateLimit:
    """An account's calls as we count them, in credits.

    `total` is None as long as no answer has named it, or where the account has no limit (then `unlimited`). `used`
    counts the last `window_s` seconds, other apps' calls included as far as answers told of them. `resets_in_s` is when
    the oldest of the used ones is free again, 0 where none is used. `blocked_for_s` and `lists_blocked_for_s` are what
    is left of a refusal (429) of all calls, and of ticket lists. `queued_for_s` is, by priority, how far ahead places
    are given to calls that found no credits; 0 where nobody queues.
    """

    total: int | None
    unlimited: bool
    used: int
    window_s: float
    resets_in_s: float
    blocked_for_s: float
    lists_blocked_for_s: float
    queued_for_s: dict[str, float]

    @property
    def remaining(self) -> int | None:
        """Credits that are left, or None where the total is not known."""
        return None if self.total is None else max(0, self.total - self.used)


async def rate_limit(state: Redis, host: str, window: timedelta) -> RateLimit:
    """The state of an account's budget; `window` is the settings' `freshdesk_window_s`."""
    async with state.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(keys.calls(host))
        (seconds, micros), fields = await pipe.execute()
    now = seconds * 1000 + micros // 1000
    known = {name.decode(): int(value) for name, value in fields.items()}
    total = known.get("total", 0)
    window_s = window.total_seconds() * (60 if total in HOURLY else 1)
    begin = f"({now - int(window_s * 1000)}"
    async with state.pipeline(transaction=False) as pipe:
        pipe.zcount(keys.call_log(host), begin, "+inf")
        pipe.zrangebyscore(keys.call_log(host), begin, "+inf", start=0, num=1, withscores=True)
        used, oldest = await pipe.execute()

    first_ms = min(float(oldest[0][1]), now) if oldest else 0.0

    def ahead(field: str) -> float:
        return max(0.0, float(known.get(field, 0) - now) / 1000)

    return RateLimit(
        total=total if total > 0 else None,
        unlimited=total < 0,
        used=used,
        window_s=window_s,
        resets_in_s=max(0.0, (first_ms - now) / 1000 + window_s) if oldest else 0.0,
        blocked_for_s=ahead("blocked"),
        lists_blocked_for_s=ahead("lists_blocked"),
        queued_for_s={name: ahead(f"place{number}") for number, name in enumerate(PRIORITIES)},
    )
