"""Nothing is lost when Redis forgets, evicts or hangs up: what is due is in the ledger, arq only carries wake-ups."""

import asyncio
import gc
from datetime import timedelta

import pytest
from redis.asyncio import Redis

import ingest.dispatcher
import ingest.jobs.precompute
import ingest.worker
import shared.due
import shared.run_log
from deploy.demo.helpdesk import Fault
from shared import keys
from shared.queues import Queue
from shared.settings import Settings
from tests.faults import current, evict, held, silent_ticket, tick, time_passes
from tests.waiting import PATIENCE_S, wait_until
from tests.world import Account, World, parse_events, world


@pytest.fixture
def acme(small_world: World) -> Account:
    """One account whose every change can be told from the one before."""
    tick(small_world.acme)
    return small_world.acme


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket whose worker was cut off is taken over after 0.6 s, and a worker that fell over stands up at once."""
    for module in (shared.due, shared.run_log, ingest.jobs.precompute):
        monkeypatch.setattr(module, "LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr(ingest.worker, "RESTART_AFTER_S", 0.02)
    monkeypatch.setattr(ingest.dispatcher, "SCAN_EVERY_S", 0.1)
    monkeypatch.setattr(ingest.dispatcher, "RESTART_AFTER_S", 0.02)
    monkeypatch.setattr(shared.due, "UNCLAIMED", dict.fromkeys(shared.due.UNCLAIMED, timedelta(seconds=0.2)))


async def forget_arq(redis: Redis) -> int:
    """Delete all that arq has in Redis: queues, jobs, locks. Returns how many keys those were."""
    names = [key async for key in redis.scan_iter("arq:*")]
    return int(await redis.delete(*names, *Queue)) if names else 0


async def test_the_dispatcher_restores_all_that_was_due_when_arq_lost_its_keys(acme: Account, redis: Redis) -> None:
    acme.helpdesk.faults.add(Fault("delay", path="/api/v2/tickets/", method="GET", seconds=30))
    numbers = [await acme.create_ticket(f"Order {order} is late", "Where is my parcel?") for order in range(30)]
    await acme.helpdesk.webhooks.settled()
    await held(acme, runs=20)  # as many as one worker runs at once; the others are queued
    assert await forget_arq(redis) > len(numbers)
    acme.helpdesk.faults.clear()
    await wait_until(lambda: acme.helpdesk.faults.waiting == 0)
    await time_passes(acme)
    for number in numbers:
        await current(acme, number)


async def test_a_wake_up_of_a_job_that_nobody_knows_any_more_does_no_harm(acme: Account, redis: Redis) -> None:
    number = await acme.create_ticket("Order is late", "Where is my parcel?")
    await current(acme, number)
    await redis.zadd(Queue.LIVE, {f"live:{acme.host}:{number}": 1})  # its job key has expired
    await wait_until(lambda: queue_is_empty(redis))
    await acme.change(number, priority=3)
    await current(acme, number)


async def test_an_agent_need_not_wait_until_arq_forgets_the_job_of_a_killed_worker(
    acme: Account, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(shared.due.UNCLAIMED, "live", timedelta(minutes=2))  # nor until the dispatcher looks again
    number = await silent_ticket(acme)
    job = f"interactive:{acme.host}:{number}"
    for name in (f"arq:job:{job}", f"arq:in-progress:{job}"):
        await redis.set(name, b"left behind", ex=120)
    async with asyncio.timeout(PATIENCE_S):
        answer = await acme.canvas.get(f"/init/{number}", headers={"Accept": "text/event-stream"})
    assert parse_events(answer.text)[-1][0] == "done"


async def queue_is_empty(redis: Redis) -> bool:
    return not await redis.zcard(Queue.LIVE)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_connections_that_are_cut_during_runs_lose_no_ticket(
    short_waits: None, settings: Settings, redis: Redis
) -> None:
    async with world(settings) as made:
        tick(made.acme)
        await storm(made.acme, redis)
    # arq drops pipelines with their cut connections: they complain here, not in the tests that follow.
    gc.collect()


async def storm(acme: Account, redis: Redis) -> None:
    """Cut all connections again and again while tickets come, change and are computed."""
    acme.helpdesk.faults.add(Fault("delay", path="/api/v2/tickets/", method="GET", seconds=0.1))
    numbers, cut = [], 0
    for order in range(10):
        numbers.append(await acme.create_ticket(f"Order {order} is late", "Where is my parcel?"))
        await held(acme)
        changes = [asyncio.create_task(acme.change(number, priority=1 + (order + 1) % 4)) for number in numbers[-3:]]
        while not all(change.done() for change in changes):
            cut += await redis.client_kill_filter(_type="normal", skipme=True)
        await asyncio.gather(*changes)
    assert cut > 30
    for number in numbers:
        await current(acme, number)
    assert await redis.zcard(keys.dead(acme.host)) == 0


async def test_an_evicted_canvas_is_computed_again_when_it_is_opened(acme: Account) -> None:
    number = await acme.create_ticket("Order is late", "Where is my parcel?")
    first = await current(acme, number)
    await evict(acme, number)
    assert (await acme.init(number)).headers["cache-status"] == "prompt-canvas; fwd=uri-miss"
    again = await current(acme, number)
    assert again["summary"] == first["summary"]


async def test_a_flushed_redis_costs_time_and_no_ticket(acme: Account, redis: Redis) -> None:
    """All but the tenants is gone: every ticket is a miss once, and the loaded scripts are loaded again."""
    number = await acme.create_ticket("Order is late", "Where is my parcel?")
    await current(acme, number)
    kept = [keys.TENANTS, keys.tenant(acme.host)]
    await redis.delete(*[key async for key in redis.scan_iter() if key.decode() not in kept])
    await redis.script_flush()
    assert (await acme.init(number)).headers["cache-status"] == "prompt-canvas; fwd=uri-miss"
    await current(acme, number)
    await acme.change(number, priority=3)
    await current(acme, number)
