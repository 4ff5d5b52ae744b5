"""`/health`: is each part ready, and if not, why.

Redis is asked; everything that only workers know (vectors, models, Freshdesk) is what they last reported, with its age.
"""

import time
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from redis.exceptions import RedisError

from serve.context import ServeContext
from shared import workers
from shared.errors import StoreUnavailable
from shared.problems import store_answers
from shared.queues import Queue


@get("/health")
async def health(request: Request[Any, Any, State]) -> Response[dict[str, Any]]:
    """200 `ok` or `degraded` (no worker for some queue), 503 `down` (no Redis)."""
    context: ServeContext = request.app.state.context
    started = time.perf_counter()
    try:
        async with store_answers():
            await context.redis.state.ping()
            if context.redis.cache is not context.redis.state:
                await context.redis.cache.ping()
            alive = await workers.reports(context.redis.state)
    except (RedisError, OSError, StoreUnavailable) as error:
        parts = {"redis": {"ready": False, "reason": type(error).__name__}}
        return Response({"status": "down", "parts": parts}, status_code=503, headers={"Cache-Control": "no-store"})
    redis_ms = round((time.perf_counter() - started) * 1000, 2)
    parts = {"redis": {"ready": True, "ms": redis_ms}, "memory": context.reads.memory} | _worker_parts(alive)
    ready = all(part["ready"] for part in parts.values())
    body = {"status": "ok" if ready else "degraded", "parts": parts}
    return Response(body, headers={"Cache-Control": "no-store"})


def _worker_parts(alive: list[workers.WorkerReport]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for queue in Queue:
        serving = [report for report in alive if queue.value in report.queues]
        part: dict[str, Any] = {"ready": bool(serving), "workers": len(serving)}
        if not serving:
            part["reason"] = f"No worker reads {queue.value}: start `canvas worker --queue {queue.name.lower()}`"
        parts[f"worker.{queue.name.lower()}"] = part
    for report in alive:
        reported: dict[str, Any] = {"reported_seconds_ago": round(time.time() - report.at, 1)}
        for name, value in report.parts.items():
            parts.setdefault(name, {"ready": True, "uses": value} | reported)
        for stage, failed in report.stages.items():
            if failed or f"stage.{stage}" not in parts:
                reason = {"reason": f"{failed}, the last time that it ran"} if failed else {}
                parts[f"stage.{stage}"] = {"ready": not failed} | reason | reported
    return parts
