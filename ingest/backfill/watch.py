"""Who does a tenant's backfill: any worker of the backfill queue, one at a time.

Hosts whose backfill has not come to its end stand in Redis (`keys.BACKFILLS`), and workers look there. So a backfill
whose worker is killed is gone on with by another when the lease has ended; arq would keep a job's id locked for as long
as its longest function may take.
"""

import asyncio
from typing import Any

import structlog
from redis.exceptions import LockNotOwnedError, RedisError

from ingest.backfill.record import BackfillLost, BackfillRecord
from ingest.backfill.run import Backfill
from ingest.context import WorkerContext
from shared import keys, lifetimes
from shared.backfill import STANDING_STILL, BackfillProgress
from shared.tasks import beside, stop

LOOK_EVERY_S = 0.25
AT_ONCE = 4
"""Backfills of one process; nearly all of their time is Freshdesk's."""

log = structlog.get_logger()


async def watch_backfills(context: WorkerContext) -> None:
    """Do the backfills that nobody does, until cancelled; then others may go on with them at once."""
    running: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            running = {host: task for host, task in running.items() if not task.done()}
            try:
                for member in await context.redis.state.zrange(keys.BACKFILLS, 0, -1):
                    host = member.decode()
                    if host not in running and len(running) < AT_ONCE:
                        running[host] = asyncio.create_task(_guarded(context, host))
            except (RedisError, OSError) as error:
                log.warning("backfills wait", reason=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        for task in running.values():
            await stop(task)


async def _guarded(context: WorkerContext, host: str) -> None:
    try:
        await do_backfill(context, host)
    except (RedisError, OSError) as error:
        # It stays on the list: it is gone on with in a moment.
        log.warning("backfill interrupted", host=host, reason=type(error).__name__)


async def do_backfill(context: WorkerContext, host: str) -> None:
    """Go on with a tenant's backfill until it ends or stands still, unless another worker is at it.

    Raises:
        RedisError, OSError: Redis is away.
    """
    tenant, state = await context.tenants.get(host), context.redis.state
    if tenant is None:
        await state.zrem(keys.BACKFILLS, host)
        return
    lifetime = lifetimes.BACKFILL_LEASE.total_seconds()
    lease = state.lock(keys.backfill_lease(host), timeout=lifetime, blocking=False, thread_local=False)
    if not await lease.acquire():
        return
    try:
        progress = BackfillProgress(state, host)
        counts = await progress.read()
        if counts.id and (counts.state not in STANDING_STILL or counts.asked == "cancel"):
            token = lease.local.token.decode()
            record = BackfillRecord(state, host, token)
            async with beside(_renew(lease)):
                await Backfill(context, tenant, record, await record.options()).run()
        await state.zrem(keys.BACKFILLS, host)
        if (await progress.read()).state == "queued":
            # Asked for while it ended: whoever asked may have been quicker than our last step.
            await state.zadd(keys.BACKFILLS, {host: 0})
    except (BackfillLost, LockNotOwnedError):
        log.warning("backfill lost its lease", host=host)
    finally:
        await asyncio.shield(_release(lease))


async def _renew(lease: Any) -> None:
    while True:
        await asyncio.sleep(lifetimes.BACKFILL_LEASE.total_seconds() / 3)
        await lease.reacquire()


async def _release(lease: Any) -> None:
    try:
        await lease.release()
    except LockNotOwnedError:
        log.info("the backfill's lease had ended")
