"""`canvas eval --tickets`: replay what happened to tickets, and say what their texts cost and whether they are sound.

Each history is replayed twice through the very pipeline that runs in production, over a private Redis and vector store:
as it runs, and with all that was kept thrown away before each update. Only Freshdesk is left out: the pipeline gets the
cleaned thread of each state, as a backfill's second pass does.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from pydantic import SecretStr

from deploy.embedded_valkey import embedded_valkey
from deploy.evaluation.histories import Histories, History
from deploy.evaluation.remembering import Remembering
from deploy.evaluation.soundness import Checks, Known
from ingest.context import WorkerContext, worker_context
from ingest.freshdesk.client import FreshdeskClient
from ingest.jobs.articles import index_articles
from ingest.jobs.precompute import run_claimed
from ingest.prepared import Prepared, put_prepared
from ingest.settings import IngestSettings
from ingest.stages import clean, embed
from shared import keys
from shared.errors import CanvasError
from shared.models import Canvas, ModelCall
from shared.settings import Settings
from shared.tenant_settings import TenantSettings
from shared.tenants import Tenant

GROWING, SCRATCH = "growing.freshdesk.com", "scratch.freshdesk.com"
MOST_RUNS = 3
"""Of one state: where this machine stands still for as long as a lease lasts, a run is lost."""
_decode = msgspec.json.Decoder(Canvas).decode


class Spent(msgspec.Struct):
    """Input tokens as the provider counts them; `cached` were read from its prompt cache and are part of `input`."""

    calls: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0

    def add(self, call: ModelCall) -> None:
        """Count a call."""
        self.calls += 1
        self.input += call.input_tokens
        self.cached += call.cached_tokens
        self.output += call.output_tokens

    @property
    def fresh(self) -> int:
        """Input that was not read from a cache."""
        return self.input - self.cached


class TicketsReport(msgspec.Struct, kw_only=True):
    """What a replay has found; `spent` and `from_scratch` are by task."""

    model: str
    histories: int = 0
    updates: int = 0
    spent: dict[str, Spent] = msgspec.field(default_factory=dict)
    from_scratch: dict[str, Spent] = msgspec.field(default_factory=dict)
    worst_share: float = 0.0
    degraded: int = 0
    schema_violations: int = 0
    texts: int = 0
    sentences_unsupported: int = 0
    foreign_links: int = 0
    leaked_canaries: int = 0
    leaked_private: int = 0
    findings: list[str] = msgspec.field(default_factory=list)

    @property
    def share(self) -> float:
        """Input tokens as a share of those of recomputing each time; 0 where no model was asked."""
        return _share(self.spent.values(), self.from_scratch.values())

    @property
    def fresh_share(self) -> float:
        """The same without what was read from a prompt cache."""
        whole = sum(spent.fresh for spent in self.from_scratch.values())
        return sum(spent.fresh for spent in self.spent.values()) / whole if whole else 0.0


@dataclass
class Replay:
    """A context with two tenants who get the same tickets; `kept` is the tenant whose Canvases are kept."""

    context: WorkerContext
    tenants: dict[str, Tenant]
    report: TicketsReport
    checks: Checks

    async def index(self, histories: Histories) -> None:
        """Put articles and background tickets where they are found."""
        for tenant in self.tenants.values():
            await index_articles(self.context, tenant, cast(FreshdeskClient, _Articles(histories.articles)))
            for history in histories.tickets:
                if history.background:
                    *_, last = history.states()
                    thread = clean.clean_for(tenant, last)
                    self.checks.know(thread)
                    await embed.place(tenant.host, thread, self.context.embedder, self.context.vectors)

    async def one(self, history: History) -> None:
        """Replay a history for both tenants."""
        spent: dict[str, dict[str, Spent]] = {GROWING: {}, SCRATCH: {}}
        for state in history.states():
            canvases = await asyncio.gather(*(self._update(tenant, state) for tenant in self.tenants.values()))
            for host, canvas in zip(self.tenants, canvases, strict=True):
                for call in canvas.provenance.calls:
                    spent[host].setdefault(call.task, Spent()).add(call)
            await self.checks.check(history, canvases[0], clean.clean_for(self.tenants[GROWING], state), self.report)
        self.report.histories += 1
        self.report.updates += len(history.events)
        share = _share(spent[GROWING].values(), spent[SCRATCH].values())
        self.report.worst_share = max(self.report.worst_share, share)
        for host, kept in ((GROWING, self.report.spent), (SCRATCH, self.report.from_scratch)):
            for task, own in spent[host].items():
                whole = kept.setdefault(task, Spent())
                for name in ("calls", "input", "cached", "output"):
                    setattr(whole, name, getattr(whole, name) + getattr(own, name))

    async def _update(self, tenant: Tenant, state: dict[str, Any]) -> Canvas:
        """Run the pipeline on one state of a ticket."""
        context, host, number = self.context, tenant.host, int(state["id"])
        if host == SCRATCH:
            await context.redis.cache.delete(keys.canvas(host, number), keys.parts(host, number))
        thread = await asyncio.to_thread(clean.clean_for, tenant, state)
        self.checks.know(thread)
        embedded, _ = await embed.place(host, thread, context.embedder, context.vectors)
        generation = await context.ledger.mark(host, number, "backfill")
        await put_prepared(
            context.redis.state, host, Prepared(generation=generation, thread=thread, embedded=embedded, stages=[])
        )
        for _ in range(MOST_RUNS):
            await context.ledger.open_run(host, number, now=True)  # whatever its last attempt was, this one is now
            claim = await context.ledger.claim(host, number)
            if claim is None:
                raise CanvasError(f"Ticket {number} could not be claimed")
            await run_claimed(context, tenant, claim)
            stored = await context.canvases.get(host, number)
            if stored is not None and stored.body:
                return _decode(stored.body)
        raise CanvasError(f"Ticket {number} has no Canvas after its runs")


async def evaluate_tickets(
    ingest: IngestSettings,
    histories: Histories,
    *,
    chosen: TenantSettings | None = None,
    baseline: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> TicketsReport:
    """Replay histories with the models of the settings, or of `chosen.models`; `progress` gets done and all.

    Without `baseline` nothing is recomputed from scratch: the texts are checked, and cost half.

    Raises:
        StartupError: a part can't be opened.
        CanvasError: a ticket could not be run.
    """
    replayed = [history for history in histories.tickets if not history.background]
    async with _replay(ingest, chosen or TenantSettings(), baseline=baseline) as replay:
        await replay.index(histories)
        for number, history in enumerate(replayed):
            if progress:
                progress(number, len(replayed))
            await replay.one(history)
        if progress:
            progress(len(replayed), len(replayed))
        return replay.report


@asynccontextmanager
async def _replay(ingest: IngestSettings, chosen: TenantSettings, *, baseline: bool) -> AsyncIterator[Replay]:
    with tempfile.TemporaryDirectory(prefix="canvas-eval-", ignore_cleanup_errors=True) as folder:
        async with embedded_valkey(Path(folder)) as url:
            settings = Settings(data_dir=Path(folder), redis_url=SecretStr(url), debounce_s=0)
            ingest = ingest.model_copy(update={"qdrant_url": None})
            async with worker_context(settings, ingest) as opened:
                context = replace(opened, embedder=Remembering(opened.embedder))
                tenants = {host: _tenant(context, host, chosen) for host in (GROWING, SCRATCH)[: 1 + baseline]}
                for tenant in tenants.values():
                    await context.tenants.put(tenant)
                writers = chosen.models.get("summary") or context.router.models.names("summary")
                yield Replay(context, tenants, TicketsReport(model=writers[0]), Checks(context.embedder, Known()))


def _tenant(context: WorkerContext, host: str, chosen: TenantSettings) -> Tenant:
    key = context.vault.encrypt("none", host)
    now = datetime.now(UTC)
    return Tenant(host=host, api_key=key, language="en", agent_id=1, created_at=now, statuses={}, settings=chosen)


class _Articles:
    """Stands in for the Freshdesk client where articles are indexed."""

    def __init__(self, articles: list[dict[str, Any]]) -> None:
        self._articles = articles

    async def articles(self) -> AsyncIterator[tuple[dict[str, Any], int]]:
        """Every article with its folder's visibility."""
        for article in self._articles:
            yield article, 1 if article["public"] else 3


def _share(spent: Iterable[Spent], whole: Iterable[Spent]) -> float:
    total = sum(one.input for one in whole)
    return sum(one.input for one in spent) / total if total else 0.0
