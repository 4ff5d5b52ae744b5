"""A worker of another release, on the same queues in the middle of a deploy.

It knows no job `precompute`: whatever it takes from a queue is gone for arq ("function not found"). And it enqueues in
its own way: jobs that the new workers have never heard of, and known ones with arguments that they don't know.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.exceptions import RedisError

from ingest.context import WorkerContext
from shared import queues
from shared.queues import Queue
from shared.tasks import beside

STRANGE_EVERY_S = 0.1
STRANGE_TICKET = 1


@asynccontextmanager
async def workers_running(context: WorkerContext) -> AsyncIterator[None]:
    """Work on all queues beside the block, in the old way."""
    async with beside(*(_work(context, queue) for queue in Queue), _enqueue_strange_jobs(context)):
        yield


async def _work(context: WorkerContext, queue: Queue) -> None:
    async def compute_ticket(job: dict[str, Any], *_: Any) -> None:
        """The old name of the job; nobody enqueues it any more."""

    async with queues.arq_pool(context.settings) as pool:
        worker = Worker(
            functions=[func(cast("WorkerCoroutine", compute_ticket), name="compute_ticket", keep_result=0)],
            queue_name=queue,
            redis_pool=pool,
            handle_signals=False,
            max_jobs=4,
            keep_result=0,
            poll_delay=0.1,
            job_serializer=queues.serialize_job,
            job_deserializer=queues.deserialize_job,
            log_results=False,
        )
        try:
            await worker.async_run()
        finally:
            await worker.close()


async def _enqueue_strange_jobs(context: WorkerContext) -> None:
    async with queues.arq_pool(context.settings) as pool:
        while True:
            await asyncio.sleep(STRANGE_EVERY_S)
            try:
                for host in await context.tenants.hosts():
                    await pool.enqueue_job("compute_ticket", host, STRANGE_TICKET, _queue_name=Queue.LIVE)
                    arguments: tuple[Any, ...] = (host, STRANGE_TICKET, "v0", {"reason": "deploy"})
                    await pool.enqueue_job(queues.PRECOMPUTE, *arguments, _queue_name=Queue.LIVE)
            except (RedisError, OSError):
                continue
