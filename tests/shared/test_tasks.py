"""Tasks that really end, though libraries swallow a cancellation now and then."""

import asyncio
import gc
from typing import Any

import pytest

from shared import tasks
from shared.tasks import Unattended, together
from tests.waiting import PATIENCE_S


async def swallows_the_first() -> None:
    """As redis-py does on Python 3.11 when a cancellation arrives just as its send is done."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


async def fails() -> None:
    await asyncio.sleep(0)
    raise ValueError("the cause")


async def test_a_failure_comes_out_though_a_neighbour_swallows_its_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks.stop, "__defaults__", (0.05,))
    deaf, failing = asyncio.create_task(swallows_the_first()), asyncio.create_task(fails())
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ValueError, match="the cause"):
            await together(deaf, failing)
    assert deaf.cancelled()


@pytest.mark.asyncio(loop_scope="function")
async def test_of_several_that_fail_nobody_complains_later() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def fail_together() -> None:
        with pytest.raises(ValueError, match="the cause"):
            await together(asyncio.create_task(fails()), asyncio.create_task(fails()), asyncio.create_task(fails()))

    await fail_together()
    gc.collect()
    assert complaints == []


async def test_all_are_waited_for_where_none_fails() -> None:
    slow = asyncio.create_task(asyncio.sleep(0.02, "slow"))
    quick = asyncio.create_task(asyncio.sleep(0, "quick"))
    await together(quick, slow)
    assert (quick.result(), slow.result()) == ("quick", "slow")


async def test_whoever_is_cancelled_takes_the_tasks_along() -> None:
    endless = asyncio.create_task(asyncio.Event().wait())
    waiting = asyncio.create_task(together(endless))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert endless.cancelled()


async def test_what_nobody_waits_for_ends_with_its_owner() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Unattended() as unattended:
        unattended.begin(work())
        await begun.wait()
    assert ended.is_set()
