"""The arq queues and what may be put on them: ids only, as JSON, never text or secrets.

An enqueue is a wake-up and may be lost (arq drops it while a job of that id is queued or running): what must happen
stands in the due ledger, and the sweeper wakes whatever is due again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

import msgspec
from arq.connections import ArqRedis, RedisSettings, create_pool

from shared.redis import state_url
from shared.settings import Settings


class Queue(StrEnum):
    """One queue a kind of urgency; one worker reads one queue."""

    INTERACTIVE = "canvas:interactive"
    LIVE = "canvas:live"
    BACKFILL = "canvas:backfill"


PRECOMPUTE = "precompute"
BACKFILL = "backfill"

serialize_job = msgspec.json.encode
"""arq's default is pickle: who can write to Redis could then run code in the workers."""
deserialize_job = msgspec.json.decode


def arq_settings(settings: Settings) -> RedisSettings:
    """arq's own connection settings for the state server."""
    found = RedisSettings.from_dsn(state_url(settings))
    found.conn_timeout = 5
    found.conn_retries = 30
    found.retry_on_timeout = True
    return found


class Enqueuer:
    """Puts wake-ups on the queues."""

    def __init__(self, pool: ArqRedis) -> None:
        self._pool = pool

    async def precompute(self, queue: Queue, host: str, ticket_id: int, suffix: str = "") -> None:
        """Wake a worker for a ticket. `suffix` makes another id, for when an earlier wake-up was swallowed."""
        name = f"{queue.name.lower()}:{host}:{ticket_id}{suffix}"
        await self._pool.enqueue_job(PRECOMPUTE, host, ticket_id, _job_id=name, _queue_name=queue)

    async def backfill(self, host: str, started: str) -> None:
        """Start a backfill of a tenant; `started` names it, so that a second call of the same name is one job."""
        await self._pool.enqueue_job(BACKFILL, host, _job_id=f"backfill:{host}:{started}", _queue_name=Queue.BACKFILL)


@asynccontextmanager
async def enqueuer(settings: Settings) -> AsyncIterator[Enqueuer]:
    """Open arq's pool, and close it at the end."""
    pool = await create_pool(arq_settings(settings), job_serializer=serialize_job, job_deserializer=deserialize_job)
    try:
        yield Enqueuer(pool)
    finally:
        await pool.aclose()
