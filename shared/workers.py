"""What workers say about themselves, so that `/health` can tell without asking the outside world."""

import time
from datetime import timedelta

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes

FORGET_AFTER = timedelta(hours=1)
REPORT_EVERY = timedelta(seconds=2)
SILENT_AFTER = timedelta(seconds=4.5)
"""A worker that did not report for so long is taken for dead by whoever waits for it: two reports are missing."""


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's own account; `at` is seconds since the epoch.

    `parts` maps vectors, embedding and writers to what is used; `stages` maps each stage that has run to "", or to the
    code of what stopped it the last time. `running` and `capacity` count jobs by queue. What an older version does not
    report is empty.
    """

    name: str
    queues: list[str]
    parts: dict[str, str]
    at: float
    stages: dict[str, str] = msgspec.field(default_factory=dict)
    version: str = ""
    running: dict[str, int] = msgspec.field(default_factory=dict)
    capacity: dict[str, int] = msgspec.field(default_factory=dict)


async def report(state: Redis, worker: WorkerReport) -> None:
    """Publish a report; it vanishes by itself when the worker stops reporting."""
    now_ms = int(time.time() * 1000)
    async with state.pipeline(transaction=False) as pipe:
        pipe.set(keys.worker(worker.name), msgspec.json.encode(worker), ex=lifetimes.HEARTBEAT_LIFETIME)
        pipe.zadd(keys.WORKERS, {worker.name: now_ms})
        pipe.zremrangebyscore(keys.WORKERS, "-inf", now_ms - int(FORGET_AFTER.total_seconds() * 1000))
        await pipe.execute()


async def withdraw(state: Redis, name: str) -> None:
    """Take a report back: its worker has stopped."""
    async with state.pipeline(transaction=False) as pipe:
        pipe.delete(keys.worker(name))
        pipe.zrem(keys.WORKERS, name)
        await pipe.execute()


async def reports(state: Redis) -> list[WorkerReport]:
    """The reports of all workers that are alive."""
    names = await state.zrange(keys.WORKERS, 0, -1)
    if not names:
        return []
    values = await state.mget([keys.worker(name.decode()) for name in names])
    return [msgspec.json.decode(value, type=WorkerReport) for value in values if value is not None]


async def alive(state: Redis, queue: str) -> bool:
    """Whether a worker of a queue has reported a moment ago. By Redis' clock: those of machines may differ."""
    names = [keys.worker(name.decode()) for name in await state.zrange(keys.WORKERS, 0, -1, desc=True)]
    async with state.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.pttl(name)
            pipe.get(name)
        found = await pipe.execute()
    left_ms = (lifetimes.HEARTBEAT_LIFETIME - SILENT_AFTER).total_seconds() * 1000
    fresh = [value for left, value in zip(found[::2], found[1::2], strict=True) if value is not None and left > left_ms]
    return any(queue in msgspec.json.decode(value, type=WorkerReport).queues for value in fresh)
