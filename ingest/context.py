"""The one object that an ingest process opens: every client, once. Receiver, workers and commands share its shape."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from pydantic import SecretStr

from ingest.embeddings.protocol import Embedder
from ingest.freshdesk.budget import CallBudget, Calls, Tally
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.freshdesk.limits import Priority
from ingest.providers import open_embedder, open_models, open_vectors, rules_of, store_name
from ingest.recipe import Recipe, recipe_of
from ingest.router.breaker import Breaker
from ingest.router.budget import TokenBudget
from ingest.router.router import Router
from ingest.settings import IngestSettings
from ingest.vectors.protocol import VectorStore
from shared.canvas_store import CanvasStore
from shared.due import Debounce, DueLedger
from shared.queues import Enqueuer, enqueuer
from shared.redis import RedisClients, redis_clients
from shared.run_log import RunLog
from shared.settings import Settings
from shared.tenants import Tenant, TenantRegistry, parse_host
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
    calls: CallBudget

    def freshdesk_over(
        self,
        http: httpx.AsyncClient,
        host: str,
        api_key: SecretStr,
        priority: Priority = Priority.INTERACTIVE,
        *,
        patient: bool = False,
        tally: Tally | None = None,
    ) -> FreshdeskClient:
        """A client for a host with any key, over the caller's connections; a person waits for it, unless told.

        Raises:
            BadInput: this is no Freshdesk host: the key goes nowhere.
        """
        calls = Calls(self.calls, parse_host(host), priority, patient, tally)
        return FreshdeskClient(http, self.settings.freshdesk_url(calls.host), api_key.get_secret_value(), calls)


@dataclass(frozen=True)
class WorkerContext(ReceiverContext):
    """What a worker needs besides: Freshdesk, vectors, embeddings and models."""

    canvases: CanvasStore
    run_log: RunLog
    http: httpx.AsyncClient
    embedder: Embedder
    vectors: VectorStore
    router: Router
    suspects: set[str] = field(default_factory=set)
    """Tokens of the claims that run here whose tickets may have killed a worker: one at a time."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """By stage, what stopped it the last time, or "": what this process tells `/health`."""
    reconcile_every: timedelta = timedelta(minutes=5)
    """Between two passes over a tenant's ticket lists."""
    store: str = ""
    """What keeps the vectors, see `ingest.providers.store_name`."""

    def recipe_of(self, tenant: Tenant) -> Recipe:
        """What makes a tenant's Canvases: where it changes, a backfill makes those of the same revision again."""
        return recipe_of(self.router.models, self.embedder.name, tenant.settings, self.store)

    def freshdesk(
        self, tenant: Tenant, priority: Priority = Priority.LIVE, *, patient: bool = False, tally: Tally | None = None
    ) -> FreshdeskClient:
        """A client with the tenant's own key, for the tenant's own host; a `patient` one waits for calls to be free."""
        api_key = SecretStr(self.tenants.api_key(tenant))
        return self.freshdesk_over(self.http, tenant.host, api_key, priority, patient=patient, tally=tally)

    def freshdesk_with(self, host: str, api_key: SecretStr) -> FreshdeskClient:
        """A client for a host with a key that is not stored (yet)."""
        return self.freshdesk_over(self.http, host, api_key)


@asynccontextmanager
async def receiver_context(settings: Settings) -> AsyncIterator[ReceiverContext]:
    """Open what the receiver needs, and close it at the end."""
    async with redis_clients(settings) as redis, enqueuer(settings) as queue:
        vault = Vault.from_settings(settings)
        tenants = TenantRegistry(redis.state, vault)
        ledger = DueLedger(redis.state, Debounce.from_settings(settings))
        calls = CallBudget(redis.state, timedelta(seconds=settings.freshdesk_window_s))
        yield ReceiverContext(settings, redis, vault, tenants, ledger, queue, calls)


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
            base.calls,
            canvases=CanvasStore(base.redis.cache),
            run_log=RunLog(base.redis.state),
            http=await stack.enter_async_context(freshdesk_http()),
            embedder=embedder,
            vectors=await stack.enter_async_context(open_vectors(settings, ingest, embedder)),
            router=Router(
                await stack.enter_async_context(open_models(ingest)),
                Breaker(base.redis.state),
                TokenBudget(base.redis.state),
                rules_of(ingest),
            ),
            reconcile_every=timedelta(seconds=ingest.reconcile_s),
            store=store_name(ingest),
        )
