"""Waits that end early when the backfill is to stop: nobody who pauses it should wait out an outage of Freshdesk's."""

import asyncio
from collections.abc import Callable

LOOK_EVERY_S = 0.25


async def wait_unless(stopping: Callable[[], bool], seconds: float) -> None:
    """Wait so long, or until the backfill stops."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not stopping() and (left := until - loop.time()) > 0:
        await asyncio.sleep(min(left, LOOK_EVERY_S))
