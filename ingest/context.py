"""The one object that an ingest process opens: every client, once. Receiver, workers and commands share its shape."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from ingest.embeddings.protocol import Embedder
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.providers import open_embedder, open_vectors, open_writers
from ingest.settings import IngestSettings
from ingest.vectors.protocol import VectorStore
from ingest.writers.protocol import Writer
from shared.canvas_store import CanvasStore
from shared.due import Debounce, DueLedger
from shared.queues import Enqueuer, enqueuer
from shared.redis import RedisClients, redis_clients
from shared.run_log import RunLog
from shared.settings import Settings
from shared.tenants import Tenant, TenantRegistry
from shared.vault import Vault


@dataclass(frozen=True)
class ReceiverContext:
    """What the webhook receiver needs: Redis and the tenants, nothing that thinks."""

    settings: Settings
    redis: RedisClients
    vault: Vault
    tenants: TenantRegistry
    ledger: DueLedger
    queue: Enqueuer


@dataclass(frozen=True)
class WorkerContext(ReceiverContext):
    """What a worker needs besides: Freshdesk, vectors, embeddings and writers (the preferred one first)."""

    canvases: CanvasStore
    run_log: RunLog
    http: httpx.AsyncClient
    embedder: Embedder
    vectors: VectorStore
    writers: list[Writer]
    outcomes: dict[str, str] = field(default_factory=dict)
    """By stage, what stopped it the last time, or "": what this process tells `/health`."""

    @property
    def recipe(self) -> str:
        """Names what makes a Canvas: where it changes, Canvases of the same revision are made again."""
        return f"{self.writers[0].name}|{self.embedder.name}|1"

    def freshdesk(self, tenant: Tenant) -> FreshdeskClient:
        """A client with the tenant's own key, for the tenant's own host."""
        return self.freshdesk_with(tenant.host, SecretStr(self.tenants.api_key(tenant)))

    def freshdesk_with(self, host: str, api_key: SecretStr) -> FreshdeskClient:
        """A client for a host with a key that is not stored (yet)."""
        return FreshdeskClient(self.http, self.settings.freshdesk_url(host), api_key.get_secret_value())


@asynccontextmanager
async def receiver_context(settings: Settings) -> AsyncIterator[ReceiverContext]:
    """Open what the receiver needs, and close it at the end."""
    async with redis_clients(settings) as redis, enqueuer(settings) as queue:
        vault = Vault.from_settings(settings)
        tenants = TenantRegistry(redis.state, vault)
        ledger = DueLedger(redis.state, Debounce.from_settings(settings))
        yield ReceiverContext(settings, redis, vault, tenants, ledger, queue)


@asynccontextmanager
async def worker_context(settings: Settings, ingest: IngestSettings) -> AsyncIterator[WorkerContext]:
    """Open what a worker needs, and close it at the end.

    Raises:
        StartupError: a part can't be opened; the error says what to do.
    """
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(receiver_context(settings))
        embedder = await stack.enter_async_context(open_embedder(ingest))
        yield WorkerContext(
            base.settings,
            base.redis,
            base.vault,
            base.tenants,
            base.ledger,
            base.queue,
            canvases=CanvasStore(base.redis.cache),
            run_log=RunLog(base.redis.state),
            http=await stack.enter_async_context(freshdesk_http()),
            embedder=embedder,
            vectors=await stack.enter_async_context(open_vectors(settings, ingest, embedder)),
            writers=await stack.enter_async_context(open_writers(ingest)),
        )
