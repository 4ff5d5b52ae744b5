"""What goes on, in figures: tickets by tenant, jobs by queue, workers, Redis. `canvas status` and `/metrics` show it.

Gathered in a few pipelined round trips, so that a thousand tenants cost tens of milliseconds; no ticket text, no
secrets, only ids, counts and ages.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from itertools import repeat
from typing import Literal

import msgspec
from arq.constants import in_progress_key_prefix
from redis.asyncio import Redis

from shared import keys, workers
from shared.due_view import HOSTS_AT_ONCE, DueView
from shared.problems import store_answers
from shared.queues import Queue
from shared.rate_limit import RateLimit, rate_limit
from shared.reconcile_state import ReconcileState, reconcile_states
from shared.workers import WorkerReport

OLDEST_LOOKED_AT = 20
"""Among the tickets of the live lane whose turn is next."""
JOBS_LOOKED_AT = 1000
"""The dispatcher keeps fewer in arq; beyond that only the number of all jobs is exact."""


class ReconcileFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The reconciler's last pass over an account: how long ago it ended and the last one succeeded, seconds.

    `code` is that of the error that stopped it, or ""; `found` are changes that no webhook had told.
    """

    ended_s: float
    lag_s: float | None
    code: str
    found: int


class CallFigures(msgspec.Struct, frozen=True, kw_only=True):
    """An account's calls of Freshdesk's API, see `shared.rate_limit.RateLimit`; None where no answer has said it yet.

    `queued_for_s` is how far ahead calls of the live lane are planned; 0 where they find credits at once.
    """

    total: int | None
    remaining: int | None
    used: int
    unlimited: bool
    resets_in_s: float
    blocked_for_s: float
    queued_for_s: float


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
    last_webhook_s: float | None
    reconcile: ReconcileFigures | None
    calls: CallFigures


class QueueFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One arq queue: jobs that wait, jobs that its living workers run, and how many workers read it."""

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

    server: Literal["Redis", "Valkey"]
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


async def overview(state: Redis, window: timedelta, hosts: Sequence[str] | None = None) -> Overview:
    """The figures of now, of all tenants or of `hosts`; `window` is the settings' `freshdesk_window_s`.

    Raises:
        RedisError, OSError, StoreUnavailable: the server does not answer, or one of the round trips takes too long.
    """
    async with store_answers():
        redis = await _redis(state)
        if hosts is None:
            hosts = sorted(host.decode() for host in await state.smembers(keys.TENANTS))  # type: ignore[misc]
        alive = await workers.reports(state)
        queues = await _queues(state, alive)
    tenants: list[TenantFigures] = []
    for first in range(0, len(hosts), HOSTS_AT_ONCE):
        async with store_answers():  # each part of them: thousands may take longer
            tenants += await _tenants(state, hosts[first : first + HOSTS_AT_ONCE], window)
    return Overview(
        at=time.time(),
        tenants=tenants,
        queues=queues,
        workers=[_worker(report) for report in sorted(alive, key=lambda report: report.name)],
        redis=redis,
    )


async def _redis(state: Redis) -> RedisFigures:
    started = time.perf_counter()
    info = await state.info()
    answered_ms = (time.perf_counter() - started) * 1000
    return RedisFigures(
        server="Valkey" if "valkey_version" in info else "Redis",
        version=str(info.get("valkey_version") or info.get("redis_version", "")),
        used_bytes=int(info.get("used_memory", 0)),
        max_bytes=int(info.get("maxmemory", 0)),
        answered_ms=round(answered_ms, 2),
    )


async def _tenants(state: Redis, hosts: Sequence[str], window: timedelta) -> list[TenantFigures]:
    counts = await DueView(state).counts_of(hosts)
    oldest = {host: found.oldest_due_s for host, found in counts.items()}
    oldest |= await _oldest_live(state, [host for host, found in counts.items() if found.history])
    webhooks = await _last_webhooks(state, hosts)
    passes = await reconcile_states(state, hosts)
    limits = await asyncio.gather(*(rate_limit(state, host, window) for host in hosts))
    return [
        TenantFigures(
            host=host,
            oldest_live_due_s=oldest[host],
            last_webhook_s=webhooks[host],
            reconcile=_reconcile(passes[host]),
            calls=_calls(limit),
            **asdict(counts[host]),
        )
        for host, limit in zip(hosts, limits, strict=True)
    ]


async def _last_webhooks(state: Redis, hosts: Sequence[str]) -> dict[str, float | None]:
    """How long ago each tenant's last webhook was accepted, None if it was long ago."""
    async with state.pipeline(transaction=False) as pipe:
        for host in hosts:
            pipe.get(keys.last_webhook(host))
        moments = await pipe.execute()
    return {host: None if at is None else _age_s(int(at)) for host, at in zip(hosts, moments, strict=True)}


def _reconcile(found: ReconcileState) -> ReconcileFigures | None:
    if not found.ended_ms:
        return None
    lag_s = _age_s(found.succeeded_ms) if found.succeeded_ms else None
    return ReconcileFigures(ended_s=_age_s(found.ended_ms), lag_s=lag_s, code=found.code, found=found.found)


def _calls(limit: RateLimit) -> CallFigures:
    return CallFigures(
        total=limit.total,
        remaining=limit.remaining,
        used=limit.used,
        unlimited=limit.unlimited,
        resets_in_s=round(limit.resets_in_s, 1),
        blocked_for_s=round(limit.blocked_for_s, 1),
        queued_for_s=round(limit.queued_for_s["live"], 1),
    )


def _age_s(moment_ms: float) -> float:
    """Seconds since a moment; never negative, since the clocks of two machines differ."""
    return max(0.0, round(time.time() - moment_ms / 1000, 1))


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
        for queue, total, running in zip(Queue, jobs[::2], map(_running, Queue, begun, repeat(alive)), strict=True)
    ]


def _running(queue: Queue, begun: int, alive: Sequence[WorkerReport]) -> int:
    """Jobs in progress: arq's key outlives a killed worker by three minutes, the worker's report by 15 s."""
    readers = [report for report in alive if queue.value in report.queues]
    if any(queue.value not in report.capacity for report in readers):  # of an older version, which does not say
        return begun
    return min(begun, sum(report.running.get(queue.value, 0) for report in readers))


def _worker(report: WorkerReport) -> WorkerFigures:
    return WorkerFigures(
        name=report.name,
        version=report.version,
        queues=[_short(name) for name in report.queues],
        running={_short(name): count for name, count in report.running.items()},
        capacity={_short(name): count for name, count in report.capacity.items()},
        heartbeat_age_s=_age_s(report.at * 1000),
        failing={stage: code for stage, code in report.stages.items() if code},
    )


def _short(name: str) -> str:
    """A queue as the command calls it; one that only another version knows keeps its name."""
    return Queue(name).name.lower() if name in {queue.value for queue in Queue} else name
