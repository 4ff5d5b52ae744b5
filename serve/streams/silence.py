"""Runs that say nothing: is there a worker at all, and is the log still there?

A run that waits behind others says nothing either, so followers are told only what is known: that nobody reads the
queue. Once a worker is back, the run's next event says so. A log that is gone ends its streams, or those would wait for
ever.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.streams.followed import Followed
from shared import workers
from shared.errors import RunMissing, StoreUnavailable
from shared.problems import store_answers
from shared.queues import Queue
from shared.run_log import WAITING, Entry


class Patience(NamedTuple):
    """How often runs are looked at, and after how long without a word a worker and then the log is looked for (s).

    A worker that does not report counts as gone after 4.5 s: with the next look, whoever follows is told within 5 s.
    """

    look_every_s: float = 0.4
    silent_s: float = 2.0
    lost_s: float = 20.0


class NoWorker(msgspec.Struct, frozen=True):
    """The data of `waiting`: for how many seconds nothing came, and why, for a program and for a person."""

    seconds: int
    code: str = "no-worker"
    reason: str = "No worker is running. This goes on by itself as soon as there is one."


async def watch_silent(state: Redis, waiting: Callable[[], list[Followed]], patience: Patience) -> None:
    """Look again and again at the runs that are waited for; does not end."""
    while True:
        await asyncio.sleep(patience.look_every_s)
        now = time.monotonic()
        silent = [run for run in waiting() if now - run.heard >= patience.silent_s]
        lost = [run for run in silent if now - run.heard >= patience.lost_s]
        # While Redis is away nothing is known, and nothing is said.
        with contextlib.suppress(RedisError, OSError, StoreUnavailable):
            async with store_answers():
                if silent:
                    _tell(silent, await workers.alive(state, Queue.INTERACTIVE), now)
                if lost:
                    await _look_for_logs(state, lost)


def _tell(silent: list[Followed], alive: bool, now: float) -> None:
    for run in silent:
        if alive:
            run.note = None
        elif run.note is None and run.waits:
            run.note = Entry("", WAITING, msgspec.json.encode(NoWorker(seconds=int(now - run.heard))))
            run.wake_all()


async def _look_for_logs(state: Redis, lost: list[Followed]) -> None:
    async with state.pipeline(transaction=False) as pipe:
        for run in lost:
            pipe.exists(run.key)
        found = await pipe.execute()
    for run, there in zip(lost, found, strict=True):
        if not there and run.waits:
            run.failure = RunMissing()
            run.wake_all()
