"""Work that several requests want at the same time is done once for all of them."""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from shared.tasks import stop

T = TypeVar("T")


class Once:
    """Runs one task a name; use as an async context manager, whose end stops what is under way."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for task in list(self._under_way.values()):
            await stop(task)

    def begin(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Task[T]":
        """The task of that name, started if there is none; a failure that nobody waits for is passed over."""
        task = self._under_way.get(name)
        if task is None:
            task = asyncio.create_task(work())
            self._under_way[name] = task
            task.add_done_callback(lambda done: self._ended(name, done))
        return task

    async def __call__(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result, or the failure, of the task of that name; who stops waiting leaves it to the others."""
        return await asyncio.shield(self.begin(name, work))

    def _ended(self, name: str, done: "asyncio.Task[Any]") -> None:
        self._under_way.pop(name, None)
        if not done.cancelled():
            done.exception()
