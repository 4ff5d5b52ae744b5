"""Runs that agents asked for end when nobody waits for them any more: a model that writes for nobody costs money.

Each process says in Redis which of these runs its clients follow. When the last one of a process has gone, a moment is
left in which it may come back (a lost Wi-Fi, another tab, another process); then the run is ended, unless another
process has somebody who waits. A process that is killed leaves its name behind, and its runs go on to their end.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self

import structlog
from redis.exceptions import RedisError

from serve.streams.followers import RunFollowers
from shared.errors import StoreUnavailable
from shared.problems import store_answers
from shared.questions import Questions, is_asked
from shared.run_log import Entry
from shared.tasks import stop

GRACE_S = 2.0
"""A browser's `EventSource` comes back after 1 s, see `serve.routes.sse`."""

log = structlog.get_logger()


class Watching:
    """Follows runs as `RunFollowers` does, and knows which of the asked ones are watched; an async context manager."""

    def __init__(self, questions: Questions, followers: RunFollowers, grace_s: float = GRACE_S) -> None:
        self._questions = questions
        self._followers = followers
        self._grace_s = grace_s
        self._process = secrets.token_hex(8)
        self._watched: dict[tuple[str, str], int] = {}
        self._leaving: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for task in list(self._leaving.values()):
            await stop(task)

    def follow(
        self, host: str, run_id: str, after: str = "", grace_s: float | None = None
    ) -> AsyncGenerator[list[Entry]]:
        """As `RunFollowers.follow`; a client that stops reading before the end counts as gone.

        `grace_s` is how long it may stay away, if not as usual.

        Raises:
            RunMissing: there is no such run for this tenant.
            StoreUnavailable: the log can't be read.
        """
        if not is_asked(run_id):
            return self._followers.follow(host, run_id, after)
        return self._watched_run(host, run_id, after, self._grace_s if grace_s is None else grace_s)

    async def _watched_run(self, host: str, run_id: str, after: str, grace_s: float) -> AsyncGenerator[list[Entry]]:
        ended = False
        run = (host, run_id)
        self._watched[run] = self._watched.get(run, 0) + 1
        try:
            await self._enter(host, run_id)
            async with aclosing(self._followers.follow(host, run_id, after)) as batches:
                async for batch in batches:
                    ended = bool(batch) and batch[-1].final
                    yield batch
            # Its end has come, or this process stops, which ends no runs: its clients go on at another.
            ended = True
        finally:
            self._leave(host, run_id, grace_s, ended=ended)

    async def _enter(self, host: str, run_id: str) -> None:
        waiting = self._leaving.pop((host, run_id), None)
        if waiting is not None:
            await stop(waiting)
        if self._watched[host, run_id] == 1:
            async with store_answers():
                await self._questions.watch(host, run_id, self._process)

    async def end_now(self, host: str, run_id: str) -> None:
        """End a run whose client can't come back, unless somebody else waits for it."""
        waiting = self._leaving.pop((host, run_id), None)
        if waiting is not None:
            await stop(waiting)
            await self._end_after(0.0, host, run_id)

    def _leave(self, host: str, run_id: str, grace_s: float, *, ended: bool) -> None:
        run = (host, run_id)
        self._watched[run] -= 1
        if self._watched[run]:
            return
        del self._watched[run]
        if not ended and run not in self._leaving:
            task = asyncio.create_task(self._end_after(grace_s, host, run_id))
            self._leaving[run] = task
            task.add_done_callback(lambda done: self._left(run, done))

    async def _end_after(self, grace_s: float, host: str, run_id: str) -> None:
        await asyncio.sleep(grace_s)
        try:
            async with store_answers():
                if await self._questions.leave(host, run_id, self._process):
                    log.info("nobody waits", host=host, run=run_id)
        except (RedisError, OSError, StoreUnavailable) as error:
            # It goes on to its end, and its log is read by nobody.
            log.warning("run not ended", host=host, run=run_id, reason=type(error).__name__)

    def _left(self, run: tuple[str, str], done: "asyncio.Task[None]") -> None:
        if self._leaving.get(run) is done:
            del self._leaving[run]
        if not done.cancelled():
            done.exception()
