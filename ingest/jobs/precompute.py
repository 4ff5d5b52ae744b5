"""The job `precompute`: bring one due ticket up to date. Named like the string on the queue.

It claims the ticket, runs the stages while it renews the lease, stores the Canvas by compare-and-set, settles, and
looks again: what changed meanwhile is run at once by the same worker.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from ingest import drafts, finished
from ingest.context import WorkerContext
from ingest.leaving import leave_lists
from ingest.neighbours import tell
from ingest.pipeline import RunResult, run_ticket
from shared.assignments import Assignment
from shared.canvas_store import REVISION_BYTES, StoredCanvas, to_ms
from shared.due import LEASE, Claim, Ending, backoff
from shared.errors import (
    TOMBSTONES,
    CanvasError,
    FreshdeskLimited,
    FreshdeskUnavailable,
    StageFailed,
    StoreUnavailable,
    Transient,
)
from shared.logs import failure
from shared.metrics import RUNS
from shared.models import Canvas
from shared.run_log import Event, LeaseLost
from shared.tasks import beside
from shared.tenants import Tenant
from shared.tracing import span

MAX_LOOKS = 10
"""A ticket that changes without end goes back to the queue after so many runs, to let others pass."""
LOOKS_WITHIN_S = 20.0
RUN_LIMIT = timedelta(seconds=150)
"""Above what one text may take (`CANVAS_TEXT_S`) and what goes before it; a longer run uses up an attempt."""
TICKETS_OWN = frozenset({"refused", "context_too_long", "invalid_output", "bad_request", "truncated", "internal"})
"""Failures that waiting does not heal, since they lie in the ticket's text or in our code."""
HEALING_ATTEMPTS = 4
"""A Canvas that is incomplete for such a reason is made again this often; then it stays until the ticket changes."""
HEALING_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 60, 600, 3600))
"""After an outage of a model, embeddings or vectors; each attempt pays for what works, so they come ever slower."""
OUTAGES = (FreshdeskUnavailable, FreshdeskLimited, StoreUnavailable, StageFailed)
"""No fault of the ticket: its attempts are for what fails because of it."""

REVISION_SECOND = timedelta(seconds=1)
SUSPECT_FROM = 3
"""A ticket whose workers were killed this often may be what killed them."""
SUSPECTS_WAIT = timedelta(seconds=1)

log = structlog.get_logger()


async def precompute(job: dict[str, Any], host: str, ticket_id: int, *_: Any, **__: Any) -> None:
    """Run a ticket until it is no longer due; leaves at once if another worker holds it.

    Arguments that it does not know come from a newer version's dispatcher, during a deploy.
    """
    context: WorkerContext = job["context"]
    try:
        await _until_current(context, host, ticket_id)
    except (RedisError, OSError) as error:
        # The ticket stays due: it gets its turn again when its lease has ended.
        log.warning("run interrupted", host=host, ticket=ticket_id, reason=type(error).__name__)


async def _until_current(context: WorkerContext, host: str, ticket_id: int) -> None:
    tenant = await context.tenants.get(host)
    if tenant is None:
        log.warning("unknown tenant", host=host)
        return
    started = time.monotonic()
    for _ in range(MAX_LOOKS):
        if time.monotonic() - started > LOOKS_WITHIN_S:
            break
        claim = await context.ledger.claim(host, ticket_id)
        if claim is None:
            return
        settled = await _run_traced(context, tenant, claim)
        RUNS.labels(result=settled).inc()
        log.info("run settled", host=host, ticket=ticket_id, run=claim.run_id, result=settled)
        if settled != "again":
            return


async def _run_traced(context: WorkerContext, tenant: Tenant, claim: Claim) -> str:
    """Run a claimed ticket in the trace of what made it due first; the spans of the burst's others are linked."""
    structlog.contextvars.bind_contextvars(host=claim.host, ticket=claim.ticket_id, run=claim.run_id)
    first, links = (*claim.asked_by, "")[0], claim.asked_by[1:]
    ids: dict[str, str | int] = {"host": claim.host, "ticket": claim.ticket_id, "run": claim.run_id}
    with span("run", parent=first, links=links, kind="consumer", attempt=claim.attempt, **ids) as traced:
        if claim.resumed and claim.attempt >= SUSPECT_FROM:
            settled = await _run_suspect(context, tenant, claim)
        else:
            settled = await run_claimed(context, tenant, claim)
        traced.note(result=settled)
    return settled


async def _run_suspect(context: WorkerContext, tenant: Tenant, claim: Claim) -> str:
    """Run a ticket whose workers were killed, one such at a time: the innocent would be killed with the guilty."""
    if context.suspects:
        await context.ledger.release(claim, SUSPECTS_WAIT)
        return "later"
    context.suspects.add(claim.token)
    try:
        return await run_claimed(context, tenant, claim)
    finally:
        context.suspects.discard(claim.token)


async def run_claimed(context: WorkerContext, tenant: Tenant, claim: Claim) -> str:
    """Run a claimed ticket and settle it; returns how it was settled."""
    try:
        async with beside(_renew(context, claim)):
            ending = await _run(context, tenant, claim)
    except LeaseLost:
        # Whoever holds the lease now starts over: nothing of ours was kept but a Canvas that may be newer.
        return "lost"
    except asyncio.CancelledError:
        # The process stops: the next one need not wait for the lease to end.
        await asyncio.shield(context.ledger.release(claim))
        raise
    return await context.ledger.settle(claim, ending)


async def _renew(context: WorkerContext, claim: Claim) -> None:
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 3)
        await context.run_log.append(claim, [])


async def _run(context: WorkerContext, tenant: Tenant, claim: Claim) -> Ending:
    try:
        try:
            async with asyncio.timeout(RUN_LIMIT.total_seconds()):
                result = await run_ticket(context, tenant, claim)
        except tuple(TOMBSTONES.values()) as gone:
            return await _bury(context, claim, gone)
        return await _store(context, claim, result)
    except LeaseLost:
        raise
    except TimeoutError:
        return _postpone(claim, CanvasError("The run took too long"))
    except CanvasError as error:
        return _postpone(claim, error)
    except (RedisError, OSError):
        return _postpone(claim, StoreUnavailable())
    except Exception as error:  # noqa: BLE001
        # The edge of the process: a bug must leave the ticket due with a reason, not kill the worker.
        log.error("run failed", host=claim.host, ticket=claim.ticket_id, **failure(error))  # noqa: TRY400
        return _postpone(claim, CanvasError(f"Unexpected {type(error).__name__}"))


async def _store(context: WorkerContext, claim: Claim, result: RunResult) -> Ending:
    canvas = result.canvas
    lags = to_ms(canvas.revision) < await _known_revision(context, claim)
    stored = await _put(context, claim, result)
    await _announce(context, claim, canvas, stored)
    done: dict[str, Any] = {"ticket_id": canvas.ticket_id, "revision": canvas.revision, "status": canvas.status}
    # An older state than an earlier run has read, whose Canvas is gone: better than none until Freshdesk catches up.
    healthy = canvas.status == "ready" and stored is not None and not lags
    if stored is not None:
        done["etag"] = stored.etag
        await _learn(context, claim, result)
        # Before the ticket is given back: a run that is killed here is run again, and tells then.
        if result.unlisted:
            await leave_lists(context, claim.host, claim.ticket_id)
        else:
            await tell(context, claim, result)
    else:
        # Freshdesk showed us an older state than an earlier run saw (its replicas lag): look again a little later.
        log.info("older than stored", host=claim.host, ticket=claim.ticket_id, run=claim.run_id)
    if claim.listed or canvas.provenance.calls:
        await finished.close(context.redis.state, claim, canvas, again=result.deferred)
    outage = bool(result.failures - TICKETS_OWN)
    return Ending(
        # What waits for a provider's batch is made due by who gets it.
        satisfied=healthy or result.deferred or (claim.attempt >= HEALING_ATTEMPTS and not outage),
        event=Event.DONE,
        data=msgspec.json.encode(done),
        revision=None if stored is None else _committed(canvas.revision, result.read_at),
        # Without a recipe the next backfill makes it again.
        recipe=result.recipe if healthy else "",
        error="" if healthy else "lagging" if lags else canvas.status,
        delay=HEALING_DELAYS[min(claim.attempt, len(HEALING_DELAYS)) - 1],
        outage=outage,
    )


async def _put(context: WorkerContext, claim: Claim, result: RunResult) -> StoredCanvas | None:
    with span("store", status=result.canvas.status) as traced:
        stored = await context.canvases.put(
            claim.host,
            result.canvas,
            claim.generation,
            summary_of=result.summary_of,
            replies_of=result.replies_of,
            covers=result.covers,
            updates=result.updates,
            listed_before=result.listed_before,
            assigned=Assignment(result.thread.group_id, result.thread.responder_id),
        )
        traced.note(etag=stored.etag if stored is not None else "")
    return stored


async def _announce(context: WorkerContext, claim: Claim, canvas: Canvas, stored: StoredCanvas | None) -> None:
    """Tell who follows which Canvas is there now, before what is left to do: this run's, or a later one's."""
    revision_ms = to_ms(canvas.revision)
    if stored is None:
        found = (await context.canvases.read(claim.host, [claim.ticket_id])).get(claim.ticket_id)
        if found is None or found.stored.tombstone:
            return
        stored, revision_ms = found.stored, int(found.head[:REVISION_BYTES])
    told = {
        "etag": stored.etag,
        "revision": datetime.fromtimestamp(revision_ms / 1000, UTC),
        "generated_at": datetime.fromtimestamp(stored.generated_ms / 1000, UTC),
    }
    # Who has lost the ticket is told so when it settles.
    with contextlib.suppress(LeaseLost):
        await context.run_log.append(claim, [(Event.CANVAS, told)])


async def _learn(context: WorkerContext, claim: Claim, result: RunResult) -> None:
    """Count what became of the drafts that this Canvas replaces; after the commit, so that it is counted once."""
    found = await asyncio.to_thread(drafts.judged, result.before, result.thread)
    if found is None:
        return
    log.info("draft judged", host=claim.host, ticket=claim.ticket_id, verdict=found.verdict, model=found.model)
    try:
        await drafts.count(context.redis.state, claim.host, found)
    except (RedisError, OSError) as error:
        log.warning("feedback lost", host=claim.host, reason=type(error).__name__)


async def _known_revision(context: WorkerContext, claim: Claim) -> int:
    """The newest revision (ms) that a run has committed for the ticket, or 0."""
    known = await context.ledger.committed(claim.host, [claim.ticket_id])
    return known.get(claim.ticket_id, (0, ""))[0]


def _committed(revision: datetime, read_at: datetime | None) -> int:
    """The revision (ms) that the ledger may take for read.

    Freshdesk's times are whole seconds: what was read within its revision's own second may have changed in it once
    more. The ledger then takes it for a little older, so that the reconciler looks again should the webhook be lost.
    """
    within = read_at is not None and abs(read_at - revision) < REVISION_SECOND
    return to_ms(revision) - int(within)


async def _bury(context: WorkerContext, claim: Claim, error: CanvasError) -> Ending:
    """The ticket is gone: forget it everywhere, and remember briefly that it is."""
    revision_ms = await _known_revision(context, claim)
    # First what people see: the vector store may be away, and is then asked again.
    await context.canvases.put_tombstone(claim.host, claim.ticket_id, revision_ms, claim.generation, error.code)
    await leave_lists(context, claim.host, claim.ticket_id)
    return Ending(
        satisfied=True,
        event=Event.ERROR,
        data=msgspec.json.encode(error.problem()),
        # The record says that it is gone: the reconciler need not ask for it again until it is restored.
        revision=revision_ms,
        recipe=error.code,
        error=error.code,
    )


def _postpone(claim: Claim, error: CanvasError) -> Ending:
    queues = isinstance(error, FreshdeskLimited)
    delay = backoff(claim.attempt)
    if isinstance(error, Transient):
        # In the queue for calls exactly its place: who comes later leaves calls unused.
        delay = error.retry_after if queues else max(delay, error.retry_after)
    tell = log.info if queues else log.warning
    tell("run postponed", host=claim.host, ticket=claim.ticket_id, code=error.code, seconds=delay.total_seconds())
    return Ending(
        satisfied=False,
        event=Event.ERROR,
        data=msgspec.json.encode(error.problem()),
        error=error.code,
        delay=delay,
        outage=isinstance(error, OUTAGES) and getattr(error, "kind", "") not in TICKETS_OWN,
        queues=queues,
    )
