"""The job `backfill`: bring a tenant's existing articles and tickets in, in two passes.

First everything is indexed, then Canvases are computed: a ticket can only find neighbours that are there already. What
is current (same revision, same recipe) is skipped, so a second run costs one list call a hundred tickets. One backfill
a tenant goes on at a time; a second one leaves it alone.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from redis.exceptions import LockError, LockNotOwnedError, RedisError

from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.limits import Priority
from ingest.jobs.articles import index_articles
from ingest.prepared import Prepared, put_prepared
from ingest.stages import clean, embed, fetch
from ingest.stopwatch import Stopwatch
from shared import keys
from shared.backfill import BackfillProgress, BackfillWanted
from shared.canvas_store import to_ms
from shared.errors import CanvasError
from shared.logs import failure
from shared.tasks import beside
from shared.tenants import Tenant

REACH = timedelta(days=365 * 3)
CONCURRENCY = 4
"""Enough to hide Freshdesk's latency; the embedding model uses the cores."""
LOOK_EVERY_S = 0.2
LOOK_AT = 500
"""Tickets asked for at each look: those that were queued first."""

log = structlog.get_logger()


async def backfill(job: dict[str, Any], host: str) -> None:
    """Index what is new, mark it due on the backfill lane, and count until the queue's workers are done with it."""
    context: WorkerContext = job["context"]
    tenant = await context.tenants.get(host)
    if tenant is None:
        log.warning("unknown tenant", host=host)
        return
    # A killed worker's lease ends within its lifetime, so that this waits for it; a live one is renewed.
    lease = context.redis.state.lock(
        keys.backfill_lease(host),
        timeout=keys.BACKFILL_LEASE.total_seconds(),
        blocking_timeout=keys.BACKFILL_LEASE.total_seconds() + 1,
    )
    try:
        async with lease, beside(_renew(lease)):
            await _report(context, tenant)
    except LockNotOwnedError:
        log.warning("backfill lost its lease", host=host)
    except LockError:
        log.info("a backfill is going on already", host=host)


async def _renew(lease: Any) -> None:
    while True:
        await asyncio.sleep(keys.BACKFILL_LEASE.total_seconds() / 3)
        await lease.reacquire()


async def _report(context: WorkerContext, tenant: Tenant) -> None:
    progress = BackfillProgress(context.redis.state, tenant.host)
    await progress.begin()
    try:
        await _backfill(context, tenant, progress)
    except CanvasError as error:
        # Nothing is lost: what was indexed stays, and the next backfill goes on with what is missing.
        await progress.set(state="failed", error=error.code)
        log.warning("backfill failed", host=tenant.host, code=error.code)
    except Exception as error:  # noqa: BLE001
        # The edge of the process: arq would log the message, which may quote a ticket, and nobody would be told.
        await progress.set(state="failed", error="internal")
        log.error("backfill failed", host=tenant.host, **failure(error))  # noqa: TRY400


async def _backfill(context: WorkerContext, tenant: Tenant, progress: BackfillProgress) -> None:
    freshdesk = context.freshdesk(tenant, Priority.BACKFILL, patient=True)
    wanted = await progress.wanted()
    pending: list[int] = []
    if "tickets" in wanted.data_types:
        pending = [ticket_id async for ticket_id in _outdated(context, tenant, freshdesk, progress, wanted)]
    # Newest first: those are the ones that agents open.
    pending.sort(reverse=True)
    await progress.set(state="indexing", tickets=len(pending))
    if "solutions" in wanted.data_types:
        await progress.set(articles=await index_articles(context, tenant, freshdesk))
    slots = asyncio.Semaphore(CONCURRENCY)

    async def prepare(ticket_id: int) -> None:
        async with slots:
            await progress.count("prepared" if await prepare_ticket(context, tenant, ticket_id) else "unprepared")

    async with asyncio.TaskGroup() as tasks:
        for ticket_id in pending:
            tasks.create_task(prepare(ticket_id))
    await progress.set(state="computing")
    await make_due(context, tenant.host, pending)
    await _until_computed(context, tenant.host, pending, progress)
    await progress.set(state="done")


async def _outdated(
    context: WorkerContext,
    tenant: Tenant,
    freshdesk: FreshdeskClient,
    progress: BackfillProgress,
    wanted: BackfillWanted,
) -> AsyncIterator[int]:
    """Ids of the wanted tickets whose stored Canvas is not of their newest revision and of today's recipe."""
    seen: set[int] = set()
    current = 0
    recipe = context.recipe_of(tenant).canvas
    until = math.inf if wanted.until is None else to_ms(wanted.until)
    async for page in freshdesk.tickets_updated_since(wanted.since or datetime.now(UTC) - REACH):
        revisions = {int(row["id"]): to_ms(datetime.fromisoformat(row["updated_at"])) for row in page}
        if min(revisions.values()) >= until:
            break  # they come in this order
        revisions = {ticket_id: revision for ticket_id, revision in revisions.items() if revision < until}
        stored = await context.ledger.committed(tenant.host, list(revisions))
        for ticket_id, revision in revisions.items():
            if ticket_id in seen:
                continue
            seen.add(ticket_id)
            if stored.get(ticket_id) == (revision, recipe):
                current += 1
            else:
                yield ticket_id
    await progress.set(current=current)


async def prepare_ticket(context: WorkerContext, tenant: Tenant, ticket_id: int) -> bool:
    """Fetch, clean, embed and index one ticket; one that can't be is tried again by its run, with a run's patience."""
    # Read before the fetch: a change that is marked meanwhile makes what we prepare here void.
    generation = await context.ledger.generation(tenant.host, ticket_id)
    watch = Stopwatch()
    try:
        with watch.stage(fetch.NAME):
            freshdesk = context.freshdesk(tenant, Priority.BACKFILL, patient=True)
            ticket = await fetch.fetch(freshdesk, ticket_id)
        with watch.stage(clean.NAME):
            thread = await asyncio.to_thread(clean.clean_for, tenant, ticket)
        with watch.stage(embed.NAME):
            embedded, reused = await embed.place(tenant.host, thread, context.embedder, context.vectors)
        if reused:
            watch.reuse(embed.NAME)
    except (RedisError, OSError):
        raise
    except Exception as error:  # noqa: BLE001
        # One ticket of a shape that nobody foresaw must not end the backfill of all the others.
        log.warning("not prepared", host=tenant.host, ticket=ticket_id, **failure(error))
        return False
    prepared = Prepared(generation=generation + 1, thread=thread, embedded=embedded, stages=watch.reports)
    await put_prepared(context.redis.state, tenant.host, prepared)
    return True


async def make_due(context: WorkerContext, host: str, ticket_ids: Sequence[int]) -> None:
    """Mark tickets on the backfill lane; they get their turn in this order."""
    for ticket_id in ticket_ids:
        await context.ledger.mark(host, ticket_id, "backfill")


async def _until_computed(
    context: WorkerContext, host: str, ticket_ids: Sequence[int], progress: BackfillProgress
) -> None:
    """Count tickets as the workers settle them: computed, waiting for another attempt, or given up."""
    left = list(ticket_ids)
    counts = {"current": 0, "waiting": 0, "dead": 0}
    while left:
        states = await context.ledger.states_of(host, left[:LOOK_AT])
        for state in states.values():
            if state != "due":
                counts[state] += 1
        left = [ticket_id for ticket_id in left if states.get(ticket_id, "due") == "due"]
        await progress.set(computed=counts["current"], waiting=counts["waiting"], dead=counts["dead"])
        if left:
            await asyncio.sleep(LOOK_EVERY_S)
