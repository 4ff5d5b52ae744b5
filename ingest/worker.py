"""Workers: one arq worker a queue, the dispatcher, and the report to `/health`, as tasks of one process.

arq drops wake-ups in many ways (killed worker, enqueue during a run, unknown function in a rolling deploy); the
dispatcher gives a ticket that nobody holds its turn again. arq also exits when Redis is away: it is started again here.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from typing import cast

import structlog
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.exceptions import RedisError

from ingest.backfill.watch import watch_backfills
from ingest.context import WorkerContext
from ingest.dispatcher import Dispatcher
from ingest.jobs.answer import answer, watch_questions
from ingest.jobs.articles import watch_articles
from ingest.jobs.backfill import backfill
from ingest.jobs.erase import erase
from ingest.jobs.precompute import precompute
from ingest.providers import unhurried
from ingest.reconciler.loop import reconcile_tenants
from shared import queues, workers
from shared.queues import Queue
from shared.tasks import beside, stop

RESTART_AFTER_S = 0.5
WITHDRAW_WITHIN_S = 1.0
STOP_AGAIN_S = 0.02

# Measured, from enqueue to start, p50/p95: 257/465 ms at arq's default of 0.5 s, 7/17 ms at 0.01 s.
POLL_DELAY_S = {Queue.INTERACTIVE: 0.01, Queue.LIVE: 0.02, Queue.BACKFILL: 0.05}
MAX_JOBS = {Queue.INTERACTIVE: 20, Queue.LIVE: 20, Queue.BACKFILL: 16}

JOB_TIMEOUT = timedelta(minutes=3)
"""Above the limit of a run."""

log = structlog.get_logger()


@asynccontextmanager
async def workers_running(context: WorkerContext, serving: Sequence[Queue]) -> AsyncIterator[None]:
    """Work on the given queues beside the block; tickets that are run at its end are given back."""
    workers_now: dict[Queue, Worker] = {}

    def free(queue: Queue) -> int:
        worker = workers_now.get(queue)
        return 0 if worker is None else worker.max_jobs - worker.job_counter

    dispatcher = Dispatcher(context, serving, free)
    queues_served = [_supervise(context, queue, workers_now) for queue in serving]
    report = _report(context, serving, workers_now)
    watch = [watch_questions(context)] if Queue.INTERACTIVE in serving else []
    watch += [watch_articles(context), watch_backfills(context)] if Queue.BACKFILL in serving else []
    async with beside(*queues_served, *watch, dispatcher.run(), reconcile_tenants(context), report):
        yield
    with contextlib.suppress(RedisError, OSError):
        async with asyncio.timeout(WITHDRAW_WITHIN_S):
            await workers.withdraw(context.redis.state, worker_name())


def make_worker(context: WorkerContext, queue: Queue, pool: ArqRedis) -> Worker:
    """An arq worker for one queue; results are not kept, since a kept result blocks its id."""
    jobs = [func(cast("WorkerCoroutine", precompute), name=queues.PRECOMPUTE, timeout=JOB_TIMEOUT, keep_result=0)]
    if queue is Queue.INTERACTIVE:
        jobs.append(func(cast("WorkerCoroutine", answer), name=queues.ANSWER, timeout=JOB_TIMEOUT, keep_result=0))
    if queue is Queue.LIVE:
        # Within the same time: who waits for a larger tenant's erasure asks again, and it goes on.
        jobs.append(func(cast("WorkerCoroutine", erase), name=queues.ERASE, timeout=JOB_TIMEOUT, keep_result=0))
    if queue is Queue.BACKFILL:
        jobs.append(func(cast("WorkerCoroutine", backfill), name=queues.BACKFILL, timeout=JOB_TIMEOUT, keep_result=0))
    return Worker(
        functions=jobs,
        queue_name=queue,
        redis_pool=pool,
        ctx={"context": _unhurried(context) if queue is Queue.BACKFILL else context},
        handle_signals=False,
        max_jobs=MAX_JOBS[queue],
        keep_result=0,
        max_tries=1000,  # attempts are counted in the due ledger
        poll_delay=POLL_DELAY_S[queue],
        queue_read_limit=2000,  # above all jobs in flight, or locked ids at the head would hide the rest
        health_check_interval=60,
        health_check_key=f"arq:health:{worker_name()}:{queue}",
        job_serializer=queues.serialize_job,
        job_deserializer=queues.deserialize_job,
        log_results=False,
    )


def _unhurried(context: WorkerContext) -> WorkerContext:
    """Both cores of a small machine full of history would hold up what agents wait for."""
    return replace(context, embedder=unhurried(context.embedder))


def worker_name() -> str:
    """Names this process among all workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def _supervise(context: WorkerContext, queue: Queue, workers_now: dict[Queue, Worker]) -> None:
    while True:
        try:
            async with queues.arq_pool(context.settings) as pool:
                worker = workers_now[queue] = make_worker(context, queue, pool)
                try:
                    await _poll(worker)
                finally:
                    del workers_now[queue]
                    await _close(worker)
        except (RedisError, OSError) as error:
            log.warning("worker restarts", queue=queue, reason=type(error).__name__)
            await asyncio.sleep(RESTART_AFTER_S)


async def _poll(worker: Worker) -> None:
    """Let arq start jobs until cancelled; the jobs go on.

    Its loop asks Redis a hundred times a second, so that it swallows every other cancellation (`shared.tasks`); it has
    nothing to clean up, and is cancelled again at once.
    """
    polling = asyncio.create_task(worker.async_run())
    try:
        await asyncio.shield(polling)
    finally:
        await stop(polling, STOP_AGAIN_S)
        if not polling.cancelled():
            polling.exception()  # seen: what fails while it is stopped is no news


async def _close(worker: Worker) -> None:
    """Cancel a worker's jobs and wait until all of them have given their tickets back."""
    # arq lets the first cancellation out that it meets, and can't clean up behind itself while Redis is away.
    with contextlib.suppress(asyncio.CancelledError, RedisError, OSError):
        await worker.close()
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)


async def _report(context: WorkerContext, serving: Sequence[Queue], workers_now: Mapping[Queue, Worker]) -> None:
    parts = {
        "vectors": type(context.vectors).__name__,
        "embedding": context.embedder.name,
        "writers": ", ".join(context.router.models.names("summary")),
    }
    while True:
        own = workers.WorkerReport(
            name=worker_name(),
            queues=[queue.value for queue in serving],
            parts=parts,
            stages=dict(context.outcomes),
            version=version("prompt-canvas"),
            running={queue.value: worker.job_counter for queue, worker in workers_now.items()},
            capacity={queue.value: MAX_JOBS[queue] for queue in serving},
            at=time.time(),
        )
        try:
            await workers.report(context.redis.state, own)
        except (RedisError, OSError) as error:
            log.warning("report failed", reason=type(error).__name__)
        await asyncio.sleep(workers.REPORT_EVERY.total_seconds())
