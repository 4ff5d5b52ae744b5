"""Whether a tenant is (still) registered, looked up once a second a process for all of its callers.

So what was minted or remembered for a tenant stops working a second after its removal, at most five.
"""

import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.once import Once
from shared import keys
from shared.errors import StoreUnavailable
from shared.problems import store_answers

RECHECK_S = 1.0
UNSEEN_S = 5.0
"""Above RECHECK_S and the longest wait for Redis: of a tenant that was not looked up for so long nothing is known."""


class RegisteredTenants:
    """Remembers which tenants were there a moment ago."""

    def __init__(self, state: Redis, once: Once) -> None:
        self._state = state
        self._once = once
        self._seen: dict[str, float] = {}

    def seen(self, host: str) -> None:
        """Note that the tenant has just been found (or that nobody can tell, and it was there before)."""
        self._seen[host] = time.monotonic()

    def known(self, host: str) -> bool:
        """Whether it was there a moment ago; after a second that is looked up again, beside the requests."""
        age = time.monotonic() - self._seen.get(host, float("-inf"))
        if RECHECK_S < age <= UNSEEN_S:
            _ = self._once.begin(f"tenant {host}", lambda: self._look_up(host))
        return age <= UNSEEN_S

    async def confirmed(self, host: str) -> bool:
        """Whether it is registered, looked up where that is not known.

        Raises:
            StoreUnavailable, RedisError: nobody can say, and this process has not seen it before.
        """
        return self.known(host) or await self._once(f"tenant {host}", lambda: self._look_up(host))

    async def _look_up(self, host: str) -> bool:
        try:
            async with store_answers():
                registered = bool(await self._state.exists(keys.tenant(host)))
        except (RedisError, OSError, StoreUnavailable):
            # A credential ends by itself, within minutes; a Redis that is away must not end it sooner.
            if host not in self._seen:
                raise
            registered = True
        if registered:
            self.seen(host)
        else:
            self._seen.pop(host, None)
        return registered
