"""The life of a command's process: logging, one event loop, and signals that cancel the work so that it cleans up."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
from click.exceptions import Exit

from deploy.settings import AllSettings
from shared.logs import set_up_logging
from shared.tasks import stop
from shared.tracing import tracing

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP too: a terminal that is closed must not leave the embedded Valkey behind."""
COMMAND = "command"
STOP_PATIENCE_S = 10.0
"""Open streams get 2 s, the embedded Valkey flushes its file: only then is a cancellation taken for swallowed."""


data_option = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder (default: CANVAS_DATA_DIR or .canvas)"
)
"""Every command takes it: whoever runs `canvas up --data X` must be able to reach the same folder."""


AUTOGROUP = Path("/proc/self/autogroup")


def give_way(nice: int) -> None:
    """Take a lower priority (up to 19), also among sessions, and let whatever else wakes up have the core at once.

    Linux weighs sessions against each other (sched_autogroup), and niceness only within one: a child in a session of
    its own would hold up its parent as before. And a nice thread keeps its core to the end of its slice, 3 ms; one of
    SCHED_IDLE does not. Its session's share is as large as before (measured: 9 % of two cores beside four busy loops);
    in a container, which has no sessions, it gets what its siblings leave.
    """
    os.nice(nice)
    with contextlib.suppress(AttributeError, OSError):  # not Linux, or not allowed
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with contextlib.suppress(OSError):  # not Linux, or without autogroups, or in a container that has groups of its own
        AUTOGROUP.write_text(str(nice), "ascii")


def run(settings: AllSettings, job: Coroutine[Any, Any, T], process: str = COMMAND) -> T | None:
    """Run a command to its end with logging and tracing set up; what it found.

    `process` names it in traces. What has a name of its own runs until a signal ends it, and has found None then.

    Raises:
        Abort: a signal has ended a command before it was done.
    """
    set_up_logging(settings.shared)
    with tracing(process), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        done, found = runner.run(_done_or_stopped(job))
    if not done and process == COMMAND:
        raise click.Abort
    return found


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop, where there is one (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def until_signal(job: Coroutine[Any, Any, T]) -> T | None:
    """Run a job until it ends, or until a signal cancels it (then None); it cleans up either way."""
    return (await _done_or_stopped(job))[1]


async def _done_or_stopped(job: Coroutine[Any, Any, T]) -> tuple[bool, T | None]:
    """Whether a job came to its end, and what it found."""
    task, stopping = asyncio.create_task(_without_exits(job)), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    waiter = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
        await stop(task, patience_s=STOP_PATIENCE_S)
        return (False, None) if task.cancelled() else (True, task.result())
    finally:
        await stop(waiter)
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def _without_exits(job: Coroutine[Any, Any, T]) -> T:
    """Rich ends the process where nobody reads it (`| head -1`); within a loop that would be two tracebacks."""
    try:
        return await job
    except SystemExit as ended:
        raise Exit(ended.code if isinstance(ended.code, int) else 1) from None


async def forever() -> None:
    """Wait until cancelled, now that everything is started."""
    # What is there now stays. A full collection would look through all of it, 35 to 50 ms at a time, under load:
    # without it the p99 of 1,500 webhooks a second went from 9 to 46 ms down to 3 to 10 ms.
    gc.collect()
    gc.freeze()
    await asyncio.Event().wait()
