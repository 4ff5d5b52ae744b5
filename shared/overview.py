"""What goes on, in figures: tickets by tenant, jobs by queue, workers, Redis. `canvas status` and `/metrics` show it.

Gathered in a few pipelined round trips, so that a thousand tenants cost tens of milliseconds; no ticket text, no
secrets, only ids, counts and ages.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict

import msgspec
from arq.constants import in_progress_key_prefix
from redis.asyncio import Redis

from shared import keys, workers
from shared.due_view import DueView
from shared.queues import Queue
from shared.workers import WorkerReport

OLDEST_LOOKED_AT = 20
"""Among the tickets of the live lane whose turn is next."""
JOBS_LOOKED_AT = 1000
"""The dispatcher keeps fewer in arq; beyond that only the number of all jobs is exact."""


class TenantFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One account; its counts are those of `shared.due_view.DueCounts`.

    Ages are seconds, None where there is nothing to be old. `oldest_live_due_s` leaves out history that a backfill
    brings in, which may wait for hours.
    """

    host: str
    due: int
    waiting: int
    ready: int
    ready_backfill: int
    out: int
    running: int
    dead: int
    history: int
    oldest_due_s: float | None
    oldest_live_due_s: float | None


class QueueFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One arq queue: jobs that wait, jobs that a worker has begun, and the workers that read it."""

    name: str
    waiting: int
    in_progress: int
    workers: int


class WorkerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process; `running` and `capacity` are jobs by queue, `failing` are the stages that failed last."""

    name: str
    version: str
    queues: list[str]
    running: dict[str, int]
    capacity: dict[str, int]
    heartbeat_age_s: float
    failing: dict[str, str]


class RedisFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The state server; `max_bytes` is 0 where it may take all memory."""

    version: str
    used_bytes: int
    max_bytes: int
    answered_ms: float


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one moment; `at` is seconds since the epoch."""

    at: float
    tenants: list[TenantFigures]
    queues: list[QueueFigures]
    workers: list[WorkerFigures]
    redis: RedisFigures


async def overview(state: Redis, hosts: Sequence[str] | None = None) -> Overview:
    """The figures of now, of all tenants or of `hosts`.

    Raises:
        RedisError, OSError: the server does not answer; bound the wait with `shared.problems.store_answers`.
    """
    started = time.perf_counter()
    info = await state.info()
    answered_ms = (time.perf_counter() - started) * 1000
    if hosts is None:
        hosts = sorted(host.decode() for host in await state.smembers(keys.TENANTS))  # type: ignore[misc]
    alive = await workers.reports(state)
    return Overview(
        at=time.time(),
        tenants=await _tenants(state, hosts),
        queues=await _queues(state, alive),
        workers=[_worker(report) for report in sorted(alive, key=lambda report: report.name)],
        redis=RedisFigures(
            version=str(info.get("valkey_version") or info.get("redis_version", "")),
            used_bytes=int(info.get("used_memory", 0)),
            max_bytes=int(info.get("maxmemory", 0)),
            answered_ms=round(answered_ms, 2),
        ),
    )


async def _tenants(state: Redis, hosts: Sequence[str]) -> list[TenantFigures]:
    counts = await DueView(state).counts_of(hosts)
    oldest = {host: found.oldest_due_s for host, found in counts.items()}
    oldest |= await _oldest_live(state, [host for host, found in counts.items() if found.history])
    return [TenantFigures(host=host, oldest_live_due_s=oldest[host], **asdict(counts[host])) for host in counts]


async def _oldest_live(state: Redis, hosts: Sequence[str]) -> dict[str, float | None]:
    """The age of the oldest due change of the live lane, of tenants where a backfill's changes stand among them."""
    async with state.pipeline(transaction=False) as pipe:
        pipe.time()
        for host in hosts:
            pipe.zrange(keys.turn(host, "live"), 0, OLDEST_LOOKED_AT - 1)
            pipe.zrange(keys.out(host, "live"), 0, OLDEST_LOOKED_AT - 1)
        (seconds, micros), *found = await pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    places = zip(hosts, found[::2], found[1::2], strict=True)
    live = {host: turn + out for host, turn, out in places if turn or out}
    async with state.pipeline(transaction=False) as pipe:
        for host, tickets in live.items():
            pipe.zmscore(keys.due(host), tickets)
        scores = await pipe.execute()
    since = {host: [at for at in row if at is not None] for host, row in zip(live, scores, strict=True)}
    return {host: max(0.0, now_ms - min(since[host])) / 1000 if since.get(host) else None for host in hosts}


async def _queues(state: Redis, alive: Sequence[WorkerReport]) -> list[QueueFigures]:
    async with state.pipeline(transaction=False) as pipe:
        for queue in Queue:
            pipe.zcard(queue)
            pipe.zrange(queue, 0, JOBS_LOOKED_AT - 1)
        jobs = await pipe.execute()
    async with state.pipeline(transaction=False) as pipe:
        for ids in jobs[1::2]:
            # A job stays in arq's queue while it runs; this key says that it does. Asked for none: a key that never is.
            pipe.exists(*[in_progress_key_prefix + job.decode() for job in ids] or [in_progress_key_prefix])
        begun = await pipe.execute()
    return [
        QueueFigures(
            name=queue.name.lower(),
            waiting=total - running,
            in_progress=running,
            workers=sum(queue.value in report.queues for report in alive),
        )
        for queue, total, running in zip(Queue, jobs[::2], begun, strict=True)
    ]


def _worker(report: WorkerReport) -> WorkerFigures:
    return WorkerFigures(
        name=report.name,
        version=report.version,
        queues=[Queue(name).name.lower() if name in set(Queue) else name for name in report.queues],
        running=report.running,
        capacity=report.capacity,
        heartbeat_age_s=round(max(0.0, time.time() - report.at), 1),
        failing={stage: code for stage, code in report.stages.items() if code},
    )
