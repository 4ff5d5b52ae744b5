"""Whether a tenant is (still) registered, looked up once a second a process for all of its callers.

So what was minted or remembered for a tenant stops working a second after its removal, at most five. A tenant that is
added again is another one for tokens: they name the registration that they were minted under, by its time.
"""

import time
from datetime import datetime
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.credentials.once import Once
from shared import keys
from shared.canvas_store import to_ms
from shared.errors import StoreUnavailable
from shared.problems import store_answers

RECHECK_S = 1.0
UNSEEN_S = 5.0
"""Above RECHECK_S and the longest wait for Redis: of a tenant that was not looked up for so long nothing is known."""


class _Record(msgspec.Struct):
    """The one part of a tenant's record that is wanted here."""

    created_at: datetime


class _Seen(NamedTuple):
    at: float
    registration: int


_decode = msgspec.msgpack.Decoder(_Record).decode


class RegisteredTenants:
    """Remembers which tenants were there a moment ago, and since when they are registered (ms since the epoch)."""

    def __init__(self, state: Redis, once: Once) -> None:
        self._state = state
        self._once = once
        self._seen: dict[str, _Seen] = {}

    def found(self, host: str, record: bytes) -> None:
        """Note that the tenant's record has just been read."""
        self._seen[host] = _Seen(time.monotonic(), to_ms(_decode(record).created_at))

    def still(self, host: str) -> None:
        """Note that nobody can tell, and that the tenant was there before."""
        if host in self._seen:
            self._seen[host] = self._seen[host]._replace(at=time.monotonic())

    def registration(self, host: str) -> int:
        """Since when a tenant is registered that was found at any time before; else 0."""
        seen = self._seen.get(host)
        return 0 if seen is None else seen.registration

    def known(self, host: str, registration: int | None = None) -> bool:
        """Whether it was there a moment ago, and by this registration; looked up beside the requests each second."""
        seen = self._seen.get(host)
        if seen is None:
            return False
        age = time.monotonic() - seen.at
        if RECHECK_S < age <= UNSEEN_S:
            _ = self._once.begin(f"tenant {host}", lambda: self._look_up(host))
        return age <= UNSEEN_S and (registration is None or registration == seen.registration)

    async def confirmed(self, host: str, registration: int | None = None) -> bool:
        """Whether it is registered, by this registration where one is named; looked up where that is not known.

        Raises:
            StoreUnavailable, RedisError: nobody can say, and this process has not seen it before.
        """
        if self.known(host, registration):
            return True
        there = await self._once(f"tenant {host}", lambda: self._look_up(host))
        return there and (registration is None or registration == self.registration(host))

    async def _look_up(self, host: str) -> bool:
        try:
            async with store_answers():
                record = await self._state.get(keys.tenant(host))
        except (RedisError, OSError, StoreUnavailable):
            # A credential ends by itself, within minutes; a Redis that is away must not end it sooner.
            if host not in self._seen:
                raise
            self.still(host)
            return True
        if record is None:
            self._seen.pop(host, None)
            return False
        self.found(host, record)
        return True
