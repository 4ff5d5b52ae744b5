"""Waiting for a condition instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

PATIENCE_S = 30.0
"""Long, since a busy machine is no failure; a test that passes waits for as long as the thing takes."""


async def wait_until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = PATIENCE_S) -> None:
    """Return as soon as the (async) condition holds; `TimeoutError` after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.005)
