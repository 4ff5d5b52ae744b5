"""When a tenant is reconciled, and by whom: any worker process whose turn it is, one at a time.

The schedule stands in Redis, spread over the tenants by chance, and so does the lease of a pass: of two processes that
look at once one goes away, and a killed one is followed by another when its lease has ended.
"""

import asyncio
import random
import time
from datetime import timedelta

import structlog
from redis.exceptions import RedisError

from ingest.context import WorkerContext
from ingest.reconciler.passes import Pass
from shared import lifetimes
from shared.errors import CanvasError, FreshdeskLimited, Transient
from shared.logs import failure
from shared.metrics import RECONCILE_PASSES, RECONCILE_SUCCESS
from shared.reconcile_state import PassLease, PassLost, ReconcileSchedule, ReconcileState, reconcile_state
from shared.tasks import beside, stop
from shared.tenants import Tenant

LOOK_EVERY_S = 1.0
PLAN_EVERY_S = 10.0
AT_ONCE = 8
"""Passes of one process; nearly all of their time is Freshdesk's."""
PASS_LIMIT = timedelta(minutes=10)
"""A pass that waits for calls that its account does not have must not hold up other tenants; what it read is kept."""
AFTER_FAILURE = timedelta(seconds=30)
JITTER = (0.8, 1.0)

log = structlog.get_logger()


async def reconcile_tenants(context: WorkerContext) -> None:
    """Reconcile all tenants, each about every `context.reconcile_every`, until cancelled."""
    passes: dict[str, asyncio.Task[None]] = {}
    schedule, planned_at = ReconcileSchedule(context.redis.state), 0.0
    try:
        while True:
            try:
                if time.monotonic() >= planned_at:
                    await _plan(context, schedule)
                    planned_at = time.monotonic() + min(PLAN_EVERY_S, context.reconcile_every.total_seconds() / 4)
                for host in await schedule.due(limit=2 * AT_ONCE):
                    passes = {known: task for known, task in passes.items() if not task.done()}
                    if host not in passes and len(passes) < AT_ONCE:
                        passes[host] = asyncio.create_task(_guarded(context, host))
            except (RedisError, OSError) as error:
                log.warning("reconciler waits", reason=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        for task in passes.values():
            await stop(task)


async def _plan(context: WorkerContext, schedule: ReconcileSchedule) -> None:
    """Give new tenants their first pass, some time within the interval, and forget those that are gone."""
    # In this order: a tenant is registered before it is planned, so that none is forgotten that just came.
    known, registered = await schedule.known(), set(await context.tenants.hosts())
    for host in registered - known:
        share = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
        await schedule.plan(host, context.reconcile_every * share, unless_planned=True)
    for host in known - registered:
        await schedule.forget(host)


async def _guarded(context: WorkerContext, host: str) -> None:
    try:
        await reconcile_tenant(context, host)
    except (RedisError, OSError) as error:
        # Its turn stays: it is tried again in a second.
        log.warning("reconcile pass interrupted", host=host, reason=type(error).__name__)


async def reconcile_tenant(context: WorkerContext, host: str) -> ReconcileState | None:
    """Do a tenant's pass if it is due; returns how it went, or None where it was not ours to do.

    Raises:
        RedisError, OSError: Redis is away; the pass is done when it is back.
    """
    schedule, lease = ReconcileSchedule(context.redis.state), PassLease(context.redis.state, host)
    tenant = await context.tenants.get(host)
    if tenant is None:
        await schedule.forget(host)
        return None
    if not await lease.take():
        return None
    try:
        # Looked at again, now that we have the lease: another process may just have done it.
        return await _leased(context, tenant, lease, schedule) if await schedule.is_due(host) else None
    except PassLost:
        log.warning("reconcile pass lost its lease", host=host)
        return None
    finally:
        # Also when the process stops: another one need not wait for the lease to end.
        await asyncio.shield(lease.end())


async def _leased(
    context: WorkerContext, tenant: Tenant, lease: PassLease, schedule: ReconcileSchedule
) -> ReconcileState:
    host, began = tenant.host, await schedule.now_ms()
    before = await reconcile_state(context.redis.state, host)
    this = Pass(context, tenant, lease, before)
    error = await _run(this, lease, schedule, host)
    ended = await schedule.now_ms()
    report: dict[str, int | str] = {
        "began_ms": began,
        "ended_ms": ended,
        "succeeded_ms": before.succeeded_ms if error else ended,
        "code": error.code if error else "",
        "found": this.found,
        "left": this.left,
        "found_total": before.found_total + this.found,
        "left_total": before.left_total + this.left,
    }
    await lease.write(*[("set", field, value) for field, value in report.items()])
    RECONCILE_PASSES.labels(result=error.code if error else "done").inc()
    if error is None:
        RECONCILE_SUCCESS.set(ended / 1000)
    await _plan_next(context, schedule, host, began, error)
    return await reconcile_state(context.redis.state, host)


async def _run(this: Pass, lease: PassLease, schedule: ReconcileSchedule, host: str) -> CanvasError | None:
    """Run a pass to its end or its failure, which is returned."""
    error: CanvasError | None = None
    try:
        async with beside(_renew(lease, schedule, host)), asyncio.timeout(PASS_LIMIT.total_seconds()):
            await this.run()
    except TimeoutError:
        error = FreshdeskLimited(retry_after=AFTER_FAILURE)
    except CanvasError as failed:
        error = failed
    except (PassLost, RedisError, OSError):
        raise
    except Exception as bug:  # noqa: BLE001
        # The edge of the process: a bug in one tenant's pass must not end those of the others, and has to be seen.
        log.error("bug in a reconcile pass", host=host, **failure(bug))  # noqa: TRY400
        error = CanvasError()
    if error is not None:
        log.warning("reconcile pass stopped", host=host, code=error.code)
    return error


async def _plan_next(
    context: WorkerContext, schedule: ReconcileSchedule, host: str, began: int, error: CanvasError | None
) -> None:
    after = context.reconcile_every * random.uniform(*JITTER)  # noqa: S311 - spreads load, hides nothing
    if isinstance(error, Transient):
        after = min(after, max(AFTER_FAILURE, error.retry_after))
    await schedule.plan(host, after)
    if (await reconcile_state(context.redis.state, host)).asked_ms > began:
        await schedule.plan(host, timedelta(0))


async def _renew(lease: PassLease, schedule: ReconcileSchedule, host: str) -> None:
    while True:
        # Out of the way of those that are due: a pass that takes long must not hide them from other processes.
        await schedule.plan(host, lifetimes.RECONCILE_LEASE)
        await asyncio.sleep(lifetimes.RECONCILE_LEASE.total_seconds() / 3)
        await lease.write()
