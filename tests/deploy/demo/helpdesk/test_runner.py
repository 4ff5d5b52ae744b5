"""Serving inside a running loop."""

from typing import Any

import httpx
import pytest

from deploy.demo.helpdesk import serving
from tests.deploy.demo.helpdesk.account import Account


async def test_a_port_in_use_is_an_os_error(reading: Account) -> None:
    port = httpx.URL(reading.url).port
    assert port is not None
    with pytest.raises(OSError, match="in use"):
        async with serving(object(), port):
            pass


async def test_an_app_that_fails_to_start_does_not_end_the_process() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(RuntimeError, match="failed to start"):
        async with serving(broken):
            pass


async def test_an_ordinary_view_takes_about_a_millisecond(reading: Account) -> None:
    for _ in range(50):
        await reading.agent.get("/tickets/2?include=conversations")
    times = sorted(record.milliseconds for record in list(reading.helpdesk.log.requests)[-50:])
    # Measured: 0.2 ms on an idle core. The bound leaves room for a busy machine.
    assert times[len(times) // 2] < 5
