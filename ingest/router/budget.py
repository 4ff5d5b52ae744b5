"""A tenant's tokens a day, in Redis: taken before a generation and settled after it.

What a generation will take is not known before, so a typical amount is reserved; at most that much too little per
generation that runs at the same time is how far a day can go over its limit.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared import keys, lifetimes
from shared.redis import script

RESERVED = 4_000
"""A summary of a usual ticket reads 1,500 to 3,000 tokens and writes up to 900; replies read more and write less."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Reservation:
    """Tokens that were taken from a day (the key is the day's) and are still to be settled."""

    key: str
    token: str


class TokenBudget:
    """Takes and settles tokens. Where Redis is away nothing is counted and everything allowed."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._reserve = script(state, "budget_reserve")
        self._settle = script(state, "budget_settle")

    async def reserve(self, host: str, limit: int | None) -> Reservation | None:
        """Take tokens of today (UTC); None where the limit leaves too few. Without a limit they are only counted."""
        reservation = Reservation(keys.tokens(host, _today()), secrets.token_hex(8))
        amount = RESERVED if limit is None else min(RESERVED, limit)  # a small budget is good for one text
        arguments: list[str | int] = [
            reservation.token,
            amount,
            limit or 0,
            int(lifetimes.TOKENS_LIFETIME.total_seconds()),
        ]
        try:
            taken = await self._reserve(keys=[reservation.key], args=arguments)
        except (RedisError, OSError) as error:
            log.warning("tokens not reserved", host=host, reason=type(error).__name__)
            return reservation
        return reservation if taken else None

    async def settle(self, reservation: Reservation, tokens: int) -> None:
        """Say how many tokens it were."""
        try:
            await self._settle(keys=[reservation.key], args=[reservation.token, tokens])
        except (RedisError, OSError) as error:
            # The reservation stands until the day is over, in place of the real number.
            log.warning("tokens not settled", reason=type(error).__name__)

    async def taken(self, host: str) -> int:
        """Tokens of today, reservations included."""
        return int(await self._state.hget(keys.tokens(host, _today()), "taken") or 0)  # type: ignore[misc]


def _today() -> str:
    return f"{datetime.now(UTC):%Y%m%d}"
