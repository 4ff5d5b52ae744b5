"""The control: the same work with nothing but arq and a fixed job id for each ticket, as a first version would do it.

It has no ledger, no lease and no compare-and-set, so it must lose updates: arq drops an enqueue while a job of that id
runs. A harness that finds nothing wrong with it would see nothing at all.
"""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any, cast

from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func

from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from shared.queues import arq_pool, deserialize_job, serialize_job
from shared.settings import Settings
from tests.chaos.journal import Journal
from tests.world import ADMIN_KEY

QUEUE = "chaos:naive"
JOB_TIMEOUT = timedelta(seconds=4)
"""Short, so that what a killed worker held is run again soon (arq waits for the time-out and 10 s more)."""


async def enqueue(pool: ArqRedis, host: str, ticket_id: int) -> None:
    """What a webhook does."""
    await pool.enqueue_job("naive", host, ticket_id, _job_id=f"{host}:{ticket_id}", _queue_name=QUEUE)


def result_key(host: str, ticket_id: int) -> str:
    """Where the state of a ticket is kept that was computed last."""
    return f"chaos:naive:{host}:{ticket_id}"


async def work(settings: Settings, journal: Journal, seconds: float) -> None:
    """A worker, until cancelled."""
    random = Random()
    async with freshdesk_http() as http, arq_pool(settings) as pool:

        async def naive(_: dict[str, Any], host: str, ticket_id: int) -> None:
            client = FreshdeskClient(http, settings.freshdesk_url(host), ADMIN_KEY + host)
            ticket = await client.ticket(ticket_id)
            journal.note("call", kind="summarize", content=ticket["subject"])
            await asyncio.sleep(seconds * random.uniform(0.2, 1.8))
            await pool.set(result_key(host, ticket_id), ticket["subject"])

        worker = Worker(
            functions=[
                func(cast("WorkerCoroutine", naive), name="naive", timeout=JOB_TIMEOUT, keep_result=0, max_tries=1000)
            ],
            queue_name=QUEUE,
            redis_pool=pool,
            handle_signals=False,
            max_jobs=20,
            keep_result=0,
            poll_delay=0.02,
            queue_read_limit=2000,
            job_serializer=serialize_job,
            job_deserializer=deserialize_job,
            log_results=False,
        )
        try:
            await worker.async_run()
        finally:
            await worker.close()
