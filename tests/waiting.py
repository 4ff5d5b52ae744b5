"""Waiting for a condition instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def wait_until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10.0) -> None:
    """Return as soon as the (async) condition holds; `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.005)
