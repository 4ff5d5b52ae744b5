"""The life of a command's process: logging, one event loop, and signals that cancel the work so that it cleans up."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from deploy.settings import AllSettings
from shared.logs import set_up_logging


def run(settings: AllSettings, job: Coroutine[Any, Any, Any]) -> None:
    """Run a command to its end with logging set up."""
    set_up_logging(settings.shared)
    asyncio.run(until_signal(job))


async def until_signal(job: Coroutine[Any, Any, None]) -> None:
    """Run a job until it ends, or until SIGINT or SIGTERM cancels it; it cleans up either way."""
    task = asyncio.create_task(job)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()
