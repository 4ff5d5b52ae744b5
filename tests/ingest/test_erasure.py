"""A tenant that is removed leaves nothing, even where its workers were busy, and its neighbour keeps everything."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from ingest.context import WorkerContext
from ingest.erasure import Erasure, erase_tenant, erasure_of, finish, kind_of, look, note
from ingest.registration import register_tenant
from ingest.vectors.edge import EdgeVectorStore
from shared import keys
from shared.errors import BadInput
from shared.queues import Queue
from shared.redis import RedisClients, connect
from shared.settings import Settings
from shared.tenants import Tenant
from tests.faults import held, hold_after_reading, long_ticket
from tests.ingest.vectors.texts import SIZE, ticket
from tests.parts import credentials
from tests.waiting import wait_until
from tests.world import ACME, ADMIN_KEY, OTHER, Account, World

WATCH = timedelta(seconds=2.5)
"""Above the 2 s in which a run finds that its lease is gone."""


async def everything_of(worker: WorkerContext, host: str) -> Counter[str]:
    return await look(worker, host) + Counter(vectors=await worker.vectors.count(host))


async def test_nothing_of_a_removed_tenant_is_left_and_everything_of_the_other_is(
    small_world: World, known_in_time: None
) -> None:
    worker = small_world.running.worker
    for account in (small_world.acme, small_world.other):
        for subject in ("Printer is offline", "Refund is missing"):
            await account.hit(await account.create_ticket(subject, "Since Monday. I tried it twice."))
    assert (await small_world.acme.init(99)).status_code == 404  # a run that was opened leaves its log
    before, others = await everything_of(worker, ACME), await look(worker, OTHER)
    assert {"tenant", "tenants", "ticket", "canvas", "run", "vectors", "credential"} <= set(before)

    assert await worker.tenants.remove(ACME)
    await worker.queue.erase(ACME, "1", 1.0)
    await wait_until(lambda: _is(worker, "done"))
    erasure = await erasure_of(worker, ACME)
    assert erasure is not None
    assert erasure.found["vectors"] == before["vectors"]
    assert erasure.found["canvas"] == before["canvas"]

    counts = await finish(worker, ACME, erasure)
    assert {kind: left for kind, (_, left) in counts.items() if left} == {}
    assert await everything_of(worker, ACME) == Counter()
    assert await look(worker, OTHER) == others
    assert await worker.vectors.count(OTHER) == 2
    answer = await small_world.acme.canvas.get("/init/1", headers=credentials(ACME, "never-seen"))
    assert answer.status_code == 401


async def _is(worker: WorkerContext, state: str) -> bool:
    erasure = await erasure_of(worker, ACME)
    return erasure is not None and erasure.state == state


async def test_a_run_that_is_going_on_leaves_nothing_behind(small_world: World) -> None:
    acme, worker = small_world.acme, small_world.running.worker
    ticket_id = await long_ticket(acme)
    hold_after_reading(acme, ticket_id)
    await worker.ledger.mark(ACME, ticket_id)
    await held(acme)
    assert await worker.redis.state.exists(keys.lease(ACME, ticket_id))

    assert await worker.tenants.remove(ACME)
    erasing = asyncio.create_task(erase_tenant(worker, ACME, WATCH))
    await wait_until(lambda: _no_lease(worker, ticket_id))
    acme.helpdesk.faults.clear()  # the run reads on, and would write
    await erasing

    assert await everything_of(worker, ACME) == Counter()


async def _no_lease(worker: WorkerContext, ticket_id: int) -> bool:
    return not await worker.redis.state.exists(keys.lease(ACME, ticket_id))


async def test_what_stragglers_write_during_the_erasure_is_erased_too(small_world: World) -> None:
    """A run between its last look at its lease and its Canvas, a receiver and a serve that still know the tenant."""
    acme, worker = small_world.acme, small_world.running.worker
    ticket_id = await acme.create_ticket("Printer is offline", "Since Monday.")
    await acme.hit(ticket_id)
    value = await worker.redis.cache.get(keys.canvas(ACME, ticket_id))
    assert await worker.tenants.remove(ACME)
    erasing = asyncio.create_task(erase_tenant(worker, ACME, WATCH))
    await wait_until(lambda: _gone(worker.redis.cache, keys.canvas(ACME, ticket_id)))

    await worker.redis.cache.set(keys.canvas(ACME, ticket_id), value, ex=60)
    await worker.vectors.put_tickets(ACME, [_point(worker)])
    await worker.ledger.mark(ACME, 77)
    await worker.ledger.open_run(ACME, 78, now=True)
    await worker.queue.precompute(Queue.LIVE, ACME, 77)
    erased = await erasing

    assert erased.found["canvas"] == 2
    assert await everything_of(worker, ACME) == Counter()


async def _gone(redis: Redis, key: str) -> bool:
    return not await redis.exists(key)


def _point(worker: WorkerContext) -> Any:
    return msgspec.structs.replace(ticket(77, "Straggler"), dense=[1.0] + [0.0] * (worker.embedder.size - 1))


async def test_a_registered_tenant_is_not_erased(small_world: World) -> None:
    acme, worker = small_world.acme, small_world.running.worker
    ticket_id = await acme.create_ticket("Printer is offline", "Since Monday.")
    await acme.hit(ticket_id)
    before = await everything_of(worker, ACME)
    with pytest.raises(BadInput, match="remove it first"):
        await erase_tenant(worker, ACME, WATCH)
    assert await _is(worker, "failed")
    await worker.redis.state.delete(keys.erasure(ACME))
    assert await everything_of(worker, ACME) == before


async def test_a_tenant_can_be_added_again_when_its_erasure_is_over(small_world: World) -> None:
    acme, worker = small_world.acme, small_world.running.worker
    assert await worker.tenants.remove(ACME)
    await note(worker, ACME, Erasure(state="erasing", at=time.time()))
    with pytest.raises(BadInput, match="being removed"):
        await _add(acme, worker)
    erased = await erase_tenant(worker, ACME, timedelta(0))
    await finish(worker, ACME, erased)
    await _add(acme, worker)
    await acme.hit(await _marked(acme, worker))


async def _add(account: Account, worker: WorkerContext) -> Tenant:
    key = ADMIN_KEY + account.host
    tenant, _ = await register_tenant(worker, worker.freshdesk_with(account.host, SecretStr(key)), account.host, key)
    return tenant


async def _marked(account: Account, worker: WorkerContext) -> int:
    ticket_id = await account.create_ticket("Printer is offline", "Since Monday.")
    await worker.ledger.mark(account.host, ticket_id)
    return ticket_id


async def test_a_name_that_holds_the_tenants_name_is_another_tenant(small_world: World) -> None:
    worker = small_world.running.worker
    longer = f"big-{ACME}"
    await worker.redis.state.set(keys.canvas(longer, 1), b"x", ex=60)
    await worker.queue.precompute(Queue.BACKFILL, longer, 1)
    before = await look(worker, longer)
    assert await worker.tenants.remove(ACME)
    await erase_tenant(worker, ACME, timedelta(0))
    assert before["canvas"] == 1
    assert (await look(worker, longer))["canvas"] == 1


async def test_two_redis_servers_are_both_erased(small_world: World, settings: Settings) -> None:
    worker = small_world.running.worker
    assert settings.redis_url is not None
    cache = connect(settings.redis_url.get_secret_value().replace("?db=0", "") + "?db=5")
    try:
        two = replace(worker, redis=RedisClients(worker.redis.state, cache))
        await cache.set(keys.canvas(ACME, 1), b"x", ex=60)
        assert (await look(two, ACME))["cache: canvas"] == 1
        assert await worker.tenants.remove(ACME)
        await erase_tenant(two, ACME, timedelta(0))
        assert await cache.dbsize() == 0
    finally:
        await cache.flushdb()
        await cache.aclose()
        await cache.connection_pool.aclose()


async def test_vectors_of_a_model_that_was_used_before_are_dropped_too(tmp_path: Any) -> None:
    before = await EdgeVectorStore.open(tmp_path, "before", SIZE)
    await before.put_tickets(ACME, [ticket(1, "Printer")])
    await before.put_tickets(OTHER, [ticket(1, "Printer")])
    await before.close()
    now = await EdgeVectorStore.open(tmp_path, "now", SIZE)
    await now.put_tickets(ACME, [ticket(1, "Printer")])
    assert await now.drop_tenant(ACME) == 0
    await now.close()
    again = await EdgeVectorStore.open(tmp_path, "before", SIZE)
    assert (await again.count(ACME), await again.count(OTHER)) == (0, 1)
    await again.close()


def test_a_key_is_counted_by_what_it_is_for() -> None:
    names = {
        keys.canvas(ACME, 1): "canvas",
        keys.tenant(ACME): "tenant",
        keys.backfill_lease(ACME): "backfill",
        keys.due(ACME): "due",
        keys.run(ACME, "x"): "run",
    }
    assert {name: kind_of(name, ACME) for name in names} == names
