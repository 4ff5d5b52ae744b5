"""The job `backfill`: bring a tenant's existing articles and tickets in, in two passes.

First everything is indexed, then Canvases are computed: a ticket can only find neighbours that are there already. What
is current (same revision, same recipe) is skipped, so a second run costs one list call a hundred tickets.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.jobs.articles import index_articles
from ingest.prepared import Prepared, put_prepared
from ingest.stages import clean, embed, fetch
from ingest.stopwatch import Stopwatch
from shared import keys
from shared.canvas_store import to_ms
from shared.errors import CanvasError
from shared.queues import Queue
from shared.tenants import Tenant

REACH = timedelta(days=365 * 3)
CONCURRENCY = 4
"""Enough to hide Freshdesk's latency; the embedding model uses the cores."""

log = structlog.get_logger()


class Progress:
    """Counts of a backfill, kept in Redis for whoever watches."""

    def __init__(self, context: WorkerContext, host: str) -> None:
        self._state = context.redis.state
        self._key = keys.backfill(host)

    async def begin(self) -> None:
        """Start counting anew."""
        await self._state.delete(self._key)
        await self.set(state="listing")

    async def set(self, **values: str | int) -> None:
        """Set some of: state, articles, tickets, current, prepared, failed."""
        await self._state.hset(self._key, mapping=values)  # type: ignore[misc]
        await self._state.expire(self._key, keys.BACKFILL_LIFETIME)

    async def count(self, name: str) -> None:
        """Add one."""
        await self._state.hincrby(self._key, name, 1)  # type: ignore[misc]


async def backfill(job: dict[str, Any], host: str) -> None:
    """Index what is new, then mark it due on the backfill lane; the queue's workers do the rest."""
    context: WorkerContext = job["context"]
    tenant = await context.tenants.get(host)
    if tenant is None:
        log.warning("unknown tenant", host=host)
        return
    progress = Progress(context, host)
    await progress.begin()
    try:
        await _backfill(context, tenant, progress)
    except CanvasError as error:
        # Nothing is lost: what was indexed stays, and the next backfill goes on with what is missing.
        await progress.set(state="failed", error=error.code)
        log.warning("backfill failed", host=host, code=error.code)


async def _backfill(context: WorkerContext, tenant: Tenant, progress: Progress) -> None:
    freshdesk = context.freshdesk(tenant)
    pending = [ticket_id async for ticket_id in _outdated(context, tenant, freshdesk, progress)]
    await progress.set(state="indexing", tickets=len(pending))
    await progress.set(articles=await index_articles(context, tenant, freshdesk))
    slots = asyncio.Semaphore(CONCURRENCY)

    async def prepare(ticket_id: int) -> None:
        async with slots:
            await _prepare(context, tenant, ticket_id, progress)

    async with asyncio.TaskGroup() as tasks:
        for ticket_id in pending:
            tasks.create_task(prepare(ticket_id))
    await _make_due(context, tenant.host, pending)
    await progress.set(state="computing")


async def _outdated(
    context: WorkerContext, tenant: Tenant, freshdesk: FreshdeskClient, progress: Progress
) -> AsyncIterator[int]:
    """Ids of the tickets whose stored Canvas is not of their newest revision and of today's recipe."""
    seen: set[int] = set()
    current = 0
    async for page in freshdesk.tickets_updated_since(datetime.now(UTC) - REACH):
        revisions = {int(row["id"]): to_ms(datetime.fromisoformat(row["updated_at"])) for row in page}
        stored = await context.ledger.committed(tenant.host, list(revisions))
        for ticket_id, revision in revisions.items():
            if ticket_id in seen:
                continue
            seen.add(ticket_id)
            if stored.get(ticket_id) == (revision, context.recipe):
                current += 1
            else:
                yield ticket_id
    await progress.set(current=current)


async def _prepare(context: WorkerContext, tenant: Tenant, ticket_id: int, progress: Progress) -> None:
    # Read before the fetch: a change that is marked meanwhile makes what we prepare here void.
    generation = await context.ledger.generation(tenant.host, ticket_id)
    watch = Stopwatch()
    try:
        with watch.stage(fetch.NAME):
            ticket = await fetch.fetch(context.freshdesk(tenant), ticket_id)
        with watch.stage(clean.NAME):
            thread = await asyncio.to_thread(clean.clean, ticket, tenant.statuses)
        with watch.stage(embed.NAME):
            embedded = await embed.embed(thread, context.embedder)
            await embed.index(tenant.host, thread, embedded, context.vectors)
    except CanvasError as error:
        # The second pass tries again, with the attempts and the backoff of every run.
        await progress.count("failed")
        log.warning("not prepared", host=tenant.host, ticket=ticket_id, code=error.code)
        return
    prepared = Prepared(generation=generation + 1, thread=thread, embedded=embedded, stages=watch.reports)
    await put_prepared(context.redis.state, tenant.host, prepared)
    await progress.count("prepared")


async def _make_due(context: WorkerContext, host: str, ticket_ids: Sequence[int]) -> None:
    """Newest tickets first: those are the ones that agents open."""
    for ticket_id in sorted(ticket_ids, reverse=True):
        await context.ledger.mark(host, ticket_id, "backfill")
        await context.queue.precompute(Queue.BACKFILL, host, ticket_id)
