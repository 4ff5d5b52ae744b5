"""The job `erase`: erase a tenant that was removed. It runs where the vector store is open, on the live queue."""

from datetime import timedelta
from typing import Any

import structlog
from redis.exceptions import RedisError

from ingest.context import WorkerContext
from ingest.erasure import erase_tenant
from shared.errors import CanvasError

log = structlog.get_logger()


async def erase(job: dict[str, Any], host: str, watch_s: float) -> None:
    """Erase until nothing came back for `watch_s` seconds; who waits reads the outcome from `ingest.erasure`."""
    context: WorkerContext = job["context"]
    try:
        await erase_tenant(context, host, timedelta(seconds=watch_s))
        log.info("tenant erased", host=host)
    except CanvasError as error:
        log.warning("erasure failed", host=host, code=error.code)
    except (RedisError, OSError) as error:
        # Who waits sees no progress, and asks again.
        log.warning("erasure interrupted", host=host, reason=type(error).__name__)
