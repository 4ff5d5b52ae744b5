"""Calls at once: a backfill can't take the share that is kept for agents, and an agent is always next."""

import asyncio

import pytest

from ingest.router.slots import Priority, Slots
from shared.errors import StageFailed
from tests.waiting import wait_until


class Crowd:
    """Callers of slots, and who of them holds one."""

    def __init__(self, total: int, reserved: int) -> None:
        self.slots = Slots(total, reserved)
        self.holding: list[str] = []
        self._leave: dict[str, asyncio.Event] = {}

    def comes(self, name: str, priority: Priority) -> "asyncio.Task[None]":
        self._leave[name] = asyncio.Event()
        return asyncio.create_task(self._hold(name, priority))

    async def _hold(self, name: str, priority: Priority) -> None:
        async with self.slots.taken(priority, asyncio.get_running_loop().time() + 60):
            self.holding.append(name)
            await self._leave[name].wait()
            self.holding.remove(name)

    def leaves(self, name: str) -> None:
        self._leave[name].set()

    async def settled(self, *names: str) -> None:
        await wait_until(lambda: sorted(self.holding) == sorted(names))


async def test_a_backfill_never_takes_the_share_that_is_kept_for_agents() -> None:
    crowd = Crowd(4, 2)
    tasks = [crowd.comes(f"b{number}", "backfill") for number in range(5)]
    await crowd.settled("b0", "b1")
    tasks += [crowd.comes(f"a{number}", "interactive") for number in range(2)]
    await crowd.settled("a0", "a1", "b0", "b1")
    for name in ("a0", "a1", *(f"b{number}" for number in range(5))):
        crowd.leaves(name)
    await asyncio.gather(*tasks)
    assert crowd.slots._used == crowd.slots._used_by_others == 0


async def test_who_waits_at_a_screen_is_next_then_live_tickets_then_history() -> None:
    crowd = Crowd(2, 1)
    tasks = [crowd.comes("a0", "interactive"), crowd.comes("l0", "live")]
    await crowd.settled("a0", "l0")
    tasks += [crowd.comes("b1", "backfill"), crowd.comes("l1", "live"), crowd.comes("a1", "interactive")]
    await asyncio.sleep(0)
    crowd.leaves("l0")
    await crowd.settled("a0", "a1")
    crowd.leaves("a0")
    await crowd.settled("a1", "l1")
    crowd.leaves("l1")
    await crowd.settled("a1", "b1")
    crowd.leaves("a1")
    crowd.leaves("b1")
    await asyncio.gather(*tasks)


async def test_who_gives_up_waiting_leaves_no_slot_behind() -> None:
    crowd = Crowd(2, 1)
    holder = crowd.comes("l0", "live")
    await crowd.settled("l0")
    waiting = [crowd.comes(f"l{number}", "live") for number in (1, 2)]
    await asyncio.sleep(0)
    crowd.leaves("l0")
    waiting[0].cancel()  # in the moment in which the slot becomes free
    await asyncio.gather(waiting[0], return_exceptions=True)
    await crowd.settled("l2")
    crowd.leaves("l2")
    await asyncio.gather(holder, waiting[1])
    assert crowd.slots._used == 0
    with pytest.raises(StageFailed) as raised:
        async with crowd.slots.taken("live", 0), crowd.slots.taken("live", 0):
            pass
    assert raised.value.kind == "rate_limited"
