"""Background tasks with an owner, that really end.

redis-py sends with `asyncio.wait_for`, which on Python 3.11 swallows a cancellation that arrives just as the send is
done. A task that is cancelled once may so go on for ever; it is therefore cancelled until it ends.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self

RECANCEL_S = 1.0
"""Long enough for a task to clean up after the first one."""


async def stop(task: "asyncio.Task[Any]", patience_s: float = RECANCEL_S) -> None:
    """Cancel a task, again after each `patience_s`, until it has ended; its result or failure stays in it."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=patience_s)


@asynccontextmanager
async def beside(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines beside the block and stop them at its end.

    If one of them fails, the block is cancelled and the failure raised; what the block raises comes out as it is.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
            try:
                yield
            finally:
                for task in tasks:
                    await stop(task)
    except BaseExceptionGroup as failures:
        raise first_cause(failures) from None


class Unattended:
    """Tasks that nobody waits for; use as an async context manager, whose end stops those that are under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._tasks):
            await stop(task)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task; of its failure asyncio tells."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def together(*tasks: "asyncio.Task[Any]") -> None:
    """Wait until all tasks have ended. If one of them fails, the others are stopped and the failure is raised.

    A TaskGroup cancels once: one swallowed cancellation, and it waits for ever with the failure in its hand. Of several
    that fail, the first one's failure is raised; asyncio need not complain of those that nobody asks for.
    """
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        failed = [task for task in tasks if _has_failed(task)]
        for task in tasks:
            await stop(task)
            _has_failed(task)
    if failed:
        failed[0].result()


def _has_failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def first_cause(error: BaseException) -> BaseException:
    """The first single exception inside nested groups: what a caller of concurrent work wants to know."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
