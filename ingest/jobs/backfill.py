"""The job `backfill`: a wake-up. What must happen stands in Redis, and `ingest.backfill.watch` does it.

A process of an older version may still put it on the queue, during a deploy.
"""

from typing import Any

from ingest.context import WorkerContext
from shared.backfill import BackfillProgress


async def backfill(job: dict[str, Any], host: str, *_: Any, **__: Any) -> None:
    """Begin a backfill of everything, or join the one that goes on."""
    context: WorkerContext = job["context"]
    if await context.tenants.get(host) is not None:
        await BackfillProgress(context.redis.state, host).want()
