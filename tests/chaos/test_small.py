"""A small version of each scenario of `make chaos`: the same processes, the same kills, a few seconds each.

They mostly wait (for a lease to end, for a window of calls), so they run side by side, and each test waits for its own.
Only the one that compares durations has the machine for itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from shared.tasks import stop
from tests.chaos.__main__ import ORDER, find_scenarios, run_scenario
from tests.chaos.outcome import Outcome

SEED = 1
ALONE = "fairness"
SIDE_BY_SIDE = 3
PATIENCE_S = 300
"""The first test may wait for the last scenario."""


@pytest.fixture(scope="module")
async def outcomes() -> AsyncIterator[dict[str, "asyncio.Task[Outcome]"]]:
    """The outcome of each scenario, as it comes in."""
    slots, found = asyncio.Semaphore(SIDE_BY_SIDE), find_scenarios()

    async def run(name: str) -> Outcome:
        if name != ALONE:
            await asyncio.wait([tasks[ALONE]])
        async with slots:
            return await run_scenario(found[name], found[name].SMALL, SEED)

    tasks = {name: asyncio.create_task(run(name)) for name in ORDER}
    yield tasks
    for task in tasks.values():
        await stop(task)
        with contextlib.suppress(asyncio.CancelledError, Exception):
            task.result()


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("name", ORDER)
async def test_chaos_in_small_loses_nothing(name: str, outcomes: dict[str, "asyncio.Task[Outcome]"]) -> None:
    outcome = await outcomes[name]
    assert outcome.passed, f"{outcome.line(name, SEED)}\n{outcome.examples}"
