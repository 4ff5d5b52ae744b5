"""The one object that a serve process opens: Redis, the queue, and an HTTP client for the one call that serve makes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from serve.credentials import CredentialChecker
from serve.followers import HEARTBEAT_S, RunFollowers
from shared.canvas_store import CanvasStore
from shared.due import Debounce, DueLedger
from shared.queues import Enqueuer, enqueuer
from shared.redis import RedisClients, redis_clients
from shared.settings import Settings
from shared.tenants import FRESHDESK_TIMEOUT, TenantRegistry
from shared.vault import Vault


@dataclass(frozen=True)
class ServeContext:
    """Everything a handler may use."""

    settings: Settings
    redis: RedisClients
    canvases: CanvasStore
    ledger: DueLedger
    queue: Enqueuer
    followers: RunFollowers
    credentials: CredentialChecker


@asynccontextmanager
async def serve_context(settings: Settings, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[ServeContext]:
    """Open what serve needs, and close it at the end."""
    async with (
        redis_clients(settings) as redis,
        enqueuer(settings) as queue,
        # Neither redirects nor proxies: the caller's API key goes to the tenant's own host or nowhere.
        httpx.AsyncClient(timeout=FRESHDESK_TIMEOUT, follow_redirects=False, trust_env=False) as http,
        RunFollowers(redis.state, heartbeat_s) as followers,
    ):
        vault = Vault.from_settings(settings)
        tenants = TenantRegistry(redis.state, vault)
        yield ServeContext(
            settings=settings,
            redis=redis,
            canvases=CanvasStore(redis.cache),
            ledger=DueLedger(redis.state, Debounce.from_settings(settings)),
            queue=queue,
            followers=followers,
            credentials=CredentialChecker(settings, redis.state, tenants, vault, http),
        )
