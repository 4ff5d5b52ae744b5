"""How many streams an agent and a tenant may have open: a place each, leased in Redis and renewed by its process.

So the number holds over all processes, and the places of a killed one are free again after half a minute.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.caller import Caller
from shared import keys, lifetimes
from shared.errors import StoreUnavailable, TooManyStreams
from shared.problems import store_answers
from shared.redis import script

EVERYBODY = "all"
LEASE_MS = int(lifetimes.STREAM_LEASE.total_seconds() * 1000)

log = structlog.get_logger()


class StreamPlaces:
    """Leases places; `renew_forever` must run beside the streams. A limit of 0 is none."""

    def __init__(self, state: Redis, most_of_agent: int, most_of_tenant: int) -> None:
        self._state = state
        self._take = script(state, "take_stream")
        self._most = (most_of_agent, most_of_tenant)
        self._held: dict[str, tuple[str, str]] = {}

    @asynccontextmanager
    async def held(self, caller: Caller) -> AsyncIterator[None]:
        """A place for as long as the block runs.

        Raises:
            TooManyStreams: there is none.
            StoreUnavailable, RedisError: Redis does not answer.
        """
        if not any(self._most):
            yield
            return
        token = secrets.token_hex(8)
        places = (keys.streams(caller.host, str(caller.agent_id)), keys.streams(caller.host, EVERYBODY))
        async with store_answers():
            full = await self._take(keys=places, args=[token, LEASE_MS, *self._most])
        if full:
            who = ("this agent", "the whole account")[full - 1]
            raise TooManyStreams(f"{self._most[full - 1]} streams of {who} are open: close one first")
        self._held[token] = places
        try:
            yield
        finally:
            del self._held[token]
            await self._free(token, places)

    async def _free(self, token: str, places: tuple[str, str]) -> None:
        # Also while the stream is being cancelled, and where Redis is away: then the lease ends by itself.
        try:
            async with store_answers(), self._state.pipeline(transaction=False) as pipe:
                for place in places:
                    pipe.zrem(place, token)
                await pipe.execute()
        except (RedisError, OSError, StoreUnavailable) as error:
            log.info("a stream's place ends by itself", reason=type(error).__name__)

    async def renew_forever(self) -> None:
        """Keep the places of this process's streams, until cancelled."""
        while True:
            await asyncio.sleep(LEASE_MS / 3000)
            try:
                await self._renew()
            except (RedisError, OSError, StoreUnavailable) as error:
                log.warning("places of streams are not renewed", reason=type(error).__name__)

    async def _renew(self) -> None:
        tokens: dict[str, list[str]] = {}
        for token, places in self._held.items():
            for place in places:
                tokens.setdefault(place, []).append(token)
        if not tokens:
            return
        async with store_answers():
            seconds, micros = await self._state.time()
            until = seconds * 1000 + micros // 1000 + LEASE_MS
            async with self._state.pipeline(transaction=False) as pipe:
                for place, holders in tokens.items():
                    pipe.zadd(place, dict.fromkeys(holders, until))
                    pipe.pexpire(place, LEASE_MS)
                await pipe.execute()
