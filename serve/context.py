"""The one object that a serve process opens: Redis, the queue, and an HTTP client for the one call that serve makes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx

from serve.credentials.asked_freshdesk import AskedFreshdesk
from serve.credentials.checker import CredentialChecker
from serve.credentials.once import Once
from serve.credentials.tokens import SessionTokens
from serve.hits.reads import CanvasReads, canvas_reads
from serve.limits.address import Addresses
from serve.limits.limits import Limits
from serve.rights.restricted import Restricted
from serve.settings import ServeSettings
from serve.streams.followers import HEARTBEAT_S, RunFollowers
from serve.streams.watching import Watching
from shared.canvas_store import CanvasStore
from shared.due import Debounce, DueLedger
from shared.feedback import Feedback
from shared.questions import Questions
from shared.queues import Enqueuer, enqueuer
from shared.redis import RedisClients, redis_clients
from shared.settings import Settings
from shared.tasks import Unattended
from shared.tenants import FRESHDESK_TIMEOUT, TenantRegistry
from shared.vault import Vault

CONNECTIONS = 5
"""To Redis, whatever number of clients waits for it: one is the followers' reader, and four answer what one process can
ask. `serve.hits.reads` has its own."""
QUEUE_CONNECTIONS = 2


@dataclass(frozen=True)
class ServeContext:
    """Everything a handler may use."""

    settings: Settings
    redis: RedisClients
    canvases: CanvasStore
    reads: CanvasReads
    ledger: DueLedger
    queue: Enqueuer
    followers: RunFollowers
    watching: Watching
    questions: Questions
    feedback: Feedback
    tenants: TenantRegistry
    credentials: CredentialChecker
    tokens: SessionTokens
    limits: Limits
    addresses: Addresses
    restricted: Restricted
    unattended: Unattended
    attachment_hosts: frozenset[str]
    answer_within_s: float


@asynccontextmanager
async def serve_context(
    settings: Settings, heartbeat_s: float = HEARTBEAT_S, serve: ServeSettings | None = None
) -> AsyncIterator[ServeContext]:
    """Open what serve needs, and close it at the end; without `serve`, its settings are those of the environment."""
    serve = serve or ServeSettings()
    async with (
        redis_clients(settings, CONNECTIONS) as redis,
        enqueuer(settings, QUEUE_CONNECTIONS) as queue,
        _to_helpdesks() as http,
        RunFollowers(redis.state, heartbeat_s) as followers,
        Watching(questions := Questions(redis.state), followers) as watching,
        canvas_reads(settings, serve.memory_mb * 1024 * 1024) as reads,
        Limits(redis.state, serve) as limits,
        Once() as once,
        Unattended() as unattended,
    ):
        vault = Vault.from_settings(settings)
        tokens = SessionTokens(vault, timedelta(minutes=serve.session_minutes))
        yield ServeContext(
            settings=settings,
            redis=redis,
            canvases=CanvasStore(redis.cache),
            reads=reads,
            ledger=DueLedger(redis.state, Debounce.from_settings(settings)),
            queue=queue,
            followers=followers,
            watching=watching,
            questions=questions,
            feedback=Feedback(redis.state),
            tenants=TenantRegistry(redis.state, vault),
            credentials=CredentialChecker(redis.state, vault, AskedFreshdesk(settings, http), tokens, limits, once),
            tokens=tokens,
            limits=limits,
            addresses=Addresses(serve.trusted_proxies),
            restricted=Restricted(redis.state),
            unattended=unattended,
            attachment_hosts=frozenset(name.lower() for name in serve.attachment_hosts),
            answer_within_s=serve.answer_s,
        )


def _to_helpdesks() -> httpx.AsyncClient:
    """Neither redirects nor proxies: the caller's API key goes to the tenant's own host or nowhere."""
    return httpx.AsyncClient(timeout=FRESHDESK_TIMEOUT, follow_redirects=False, trust_env=False)
