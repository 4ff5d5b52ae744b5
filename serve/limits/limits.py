"""How much one agent, one tenant and one address may ask for: requests a second, expensive ones a minute, streams.

Handlers call `serve.routes.access.admitted`; the fast path of hits calls `spend_now`. Requests in general are counted
in process memory and settled in Redis (`serve.limits.buckets`), and let through where Redis does not answer; expensive
ones, session tokens and wrong keys are counted one by one, and refused then.
"""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from types import TracebackType
from typing import Self

from redis.asyncio import Redis

from serve.caller import Caller
from serve.limits.buckets import Bucket, Buckets, Policy
from serve.limits.stream_places import StreamPlaces
from serve.settings import ServeSettings
from shared import keys
from shared.problems import store_answers
from shared.tasks import beside

Headers = list[tuple[bytes, bytes]]

AGENT_BURST_S = 5
TENANT_BURST_S = 4
ADDRESS_BURST_S = 4
MOST_CALLERS = 20_000
"""Whose buckets stand in process memory, about 1 KB each. Beyond that it begins anew, with what Redis knows."""


class Kind(StrEnum):
    """What a request costs: a read, something expensive (a model is asked), or a session token."""

    READ = "read"
    COSTLY = "costly"
    SESSION = "session"


class Limits:
    """Counts requests and streams; use as an async context manager."""

    def __init__(self, state: Redis, settings: ServeSettings) -> None:
        self._buckets = Buckets(state)
        self._places = StreamPlaces(state, settings.streams_agent, settings.streams_tenant)
        self._agent = Policy("agent", settings.limit_agent, settings.limit_agent * AGENT_BURST_S)
        self._tenant = Policy("tenant", settings.limit_tenant, settings.limit_tenant * TENANT_BURST_S)
        self._address = Policy("address", settings.limit_address, settings.limit_address * ADDRESS_BURST_S)
        costly, sessions, wrong = settings.limit_costly, settings.limit_sessions, settings.limit_wrong_keys
        self._few = {
            Kind.COSTLY: Policy("costly", costly / 60, costly),
            Kind.SESSION: Policy("session", sessions / 60, sessions),
        }
        self._wrong = [
            Policy("wrong keys of an address", wrong / 60, 2 * wrong),
            Policy("wrong keys of a tenant", 3 * wrong / 60, 6 * wrong),
        ]
        # What a caller's requests are counted in, its own bucket first; of few enough callers to be put together anew.
        self._of_caller: dict[tuple[str, int], tuple[Bucket, ...]] = {}
        self._of_tenant: dict[str, Bucket] = {}
        self._of_address: dict[str, Bucket] = {}
        self._beside: contextlib.AbstractAsyncContextManager[None] | None = None

    async def __aenter__(self) -> Self:
        self._beside = beside(self._buckets.settle_forever(), self._places.renew_forever())
        await self._beside.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beside is not None:
            await self._beside.__aexit__(kind, error, trace)

    def spend_now(self, caller: Caller, address: str) -> Headers | None:
        """Count a read of a caller without waiting, and return the `RateLimit` headers of its answer.

        None says that Redis must be asked first: let the request fall through to a handler. About 4 µs.

        Raises:
            RateLimited: over a limit.
        """
        buckets = self._shared(caller, address)
        if not self._buckets.spend_now(buckets):
            return None
        return buckets[0].headers() if buckets else []

    async def spend(self, caller: Caller, address: str = "", kind: Kind = Kind.READ) -> Headers:
        """Count a request of a caller, and return the `RateLimit` headers of its answer. `address` "" is not counted.

        Raises:
            RateLimited: over a limit; its message names it.
            StoreUnavailable: something expensive, and Redis does not answer.
        """
        buckets = self._shared(caller, address)
        await self._buckets.spend(buckets)
        policy = self._few.get(kind)
        if policy is not None and policy.rate:
            async with store_answers():
                await self._buckets.take([keys.limit(caller.host, f"{policy.name}:{caller.agent_id}")], [policy])
        return buckets[0].headers() if buckets else []

    async def spend_address(self, address: str) -> None:
        """Count a request of an address before its credential is looked at.

        Raises:
            RateLimited: over the limit.
        """
        if self._address.rate and address:
            await self._buckets.spend([self._bucket_of(address)])

    @asynccontextmanager
    async def unknown_key(self, host: str, address: str) -> AsyncIterator["UnknownKey"]:
        """Before Freshdesk is asked about a key: it counts as a wrong one unless it is found to be right.

        So strangers can't use up the tenant's calls, and many agents who come at the same time are not held up.

        Raises:
            RateLimited: too many wrong ones, from this address or for this tenant.
            StoreUnavailable: Redis does not answer.
        """
        tried = UnknownKey()
        if not self._wrong[0].rate:
            yield tried
            return
        names = [keys.limit(host, f"wrong-keys:{address}"), keys.limit(host, "wrong-keys")]
        async with store_answers():
            await self._buckets.take(names, self._wrong)
        yield tried
        if tried.right:
            async with store_answers():
                await self._buckets.take(names, self._wrong, -1)

    def stream(self, caller: Caller) -> contextlib.AbstractAsyncContextManager[None]:
        """Hold a place among the streams of the agent and of the tenant for as long as the block runs.

        Raises:
            TooManyStreams: there is none.
            StoreUnavailable: Redis does not answer.
        """
        return self._places.held(caller)

    def _shared(self, caller: Caller, address: str) -> tuple[Bucket, ...]:
        """The agent's bucket first: what clients read of the others would tell them of strangers."""
        own = self._of_caller.get((caller.host, caller.agent_id)) or self._begin(caller)
        return (*own, self._bucket_of(address)) if self._address.rate and address else own

    def _begin(self, caller: Caller) -> tuple[Bucket, ...]:
        host, made = caller.host, []
        if len(self._of_caller) >= MOST_CALLERS:
            self._of_caller.clear()
            self._of_tenant.clear()
        if self._agent.rate:
            made.append(Bucket(host, keys.limit(host, f"agent:{caller.agent_id}"), self._agent))
        if self._tenant.rate:
            made.append(self._of_tenant.setdefault(host, Bucket(host, keys.limit(host, "tenant"), self._tenant)))
        return self._of_caller.setdefault((host, caller.agent_id), tuple(made))

    def _bucket_of(self, address: str) -> Bucket:
        found = self._of_address.get(address)
        if found is None:
            if len(self._of_address) >= MOST_CALLERS:
                self._of_address.clear()
            found = self._of_address[address] = Bucket("", keys.limit_of_address(address), self._address)
        return found


class UnknownKey:
    """A key that Freshdesk is being asked about; set `right` when it is one."""

    right = False
