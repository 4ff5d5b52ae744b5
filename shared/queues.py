"""The arq queues and what may be put on them: ids only, as JSON, never text or secrets.

An enqueue is a wake-up and may be lost (arq drops it while a job of that id is queued or running): what must happen
stands in the due ledger, and the dispatcher gives whatever is due its turn again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

import msgspec
from arq.connections import ArqRedis

from shared.redis import MAX_CONNECTIONS, connect, state_url
from shared.settings import Settings
from shared.tracing import traceparent


class Queue(StrEnum):
    """One queue a kind of urgency; one worker reads one queue."""

    INTERACTIVE = "canvas:interactive"
    LIVE = "canvas:live"
    BACKFILL = "canvas:backfill"


PRECOMPUTE = "precompute"
BACKFILL = "backfill"
ERASE = "erase"
ANSWER = "answer"

# arq's default is pickle: who can write to Redis could then run code in the workers. What is no JSON is the error of a
# job that arq has given up, of which only the type's name is kept.
serialize_job = msgspec.json.Encoder(enc_hook=lambda value: type(value).__name__).encode
deserialize_job = msgspec.json.decode


@asynccontextmanager
async def arq_pool(settings: Settings, max_connections: int = MAX_CONNECTIONS) -> AsyncIterator[ArqRedis]:
    """arq's view of the state server, over a pool of ours: arq reads URLs in its own way and sets no time-outs."""
    client = connect(state_url(settings), max_connections)
    try:
        yield ArqRedis(client.connection_pool, job_serializer=serialize_job, job_deserializer=deserialize_job)
    finally:
        await client.aclose()
        await client.connection_pool.aclose()


class Enqueuer:
    """Puts wake-ups on the queues."""

    def __init__(self, pool: ArqRedis) -> None:
        self._pool = pool

    async def precompute(self, queue: Queue, host: str, ticket_id: int, suffix: str = "") -> None:
        """Wake a worker for a ticket. `suffix` makes another id, for when an earlier wake-up was swallowed."""
        name = f"{queue.name.lower()}:{host}:{ticket_id}{suffix}"
        await self._pool.enqueue_job(PRECOMPUTE, host, ticket_id, _job_id=name, _queue_name=queue)

    async def answer(self, host: str, run_id: str, suffix: str = "") -> None:
        """Wake a worker for a question; `suffix` as above."""
        name = f"{ANSWER}:{host}:{run_id}{suffix}"
        trace: dict[str, Any] = {"trace": found} if (found := traceparent()) else {}
        await self._pool.enqueue_job(ANSWER, host, run_id, _job_id=name, _queue_name=Queue.INTERACTIVE, **trace)

    async def erase(self, host: str, started: str, watch_s: float) -> None:
        """Have a removed tenant erased, until nothing came back for `watch_s`; `started` names the job."""
        await self._pool.enqueue_job(ERASE, host, watch_s, _job_id=f"{ERASE}:{host}:{started}", _queue_name=Queue.LIVE)


@asynccontextmanager
async def enqueuer(settings: Settings, max_connections: int = MAX_CONNECTIONS) -> AsyncIterator[Enqueuer]:
    """Open arq's pool, and close it at the end."""
    async with arq_pool(settings, max_connections) as pool:
        yield Enqueuer(pool)
