"""What an operator chooses for a tenant is what its agents see: language, how far back, and what is masked."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from redis.asyncio import Redis

from ingest.backfill.prepare import prepare_ticket
from ingest.prepared import take_prepared
from ingest.vectors.sparse import sparse_vector
from shared.tenant_settings import TenantSettings
from tests.faults import silent_ticket, worker_of
from tests.world import ACME, Account, World

CARD, RESIDENT, KEY = "4111 1111 1111 1111", "900101-1234567", "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWx"


async def choose(account: Account, **settings: Any) -> None:
    chosen = TenantSettings(**settings)
    await worker_of(account).tenants.update(account.host, lambda now: msgspec.structs.replace(now, settings=chosen))


async def stored(redis: Redis) -> AsyncIterator[bytes]:
    """Everything that Redis holds, as it lies there."""
    async for key in redis.scan_iter():
        yield key
        kind = await redis.type(key)
        if kind == b"string":
            yield await redis.get(key)
        elif kind == b"hash":
            yield repr(await redis.hgetall(key)).encode()  # type: ignore[misc]
        elif kind == b"stream":
            yield repr(await redis.xrange(key)).encode()


async def test_personal_data_is_in_no_canvas_vector_or_key(small_world: World, redis: Redis) -> None:
    acme, worker = small_world.acme, small_world.running.worker
    ticket_id = await acme.create_ticket(
        f"Paid twice with {CARD}", f"My card {CARD} was charged twice. 주민번호 {RESIDENT}. Password: hunter2"
    )
    await acme.agent_replies(ticket_id, f"We refunded {CARD}. The key {KEY} is revoked. Write to help@example.com.")
    await acme.change(ticket_id, status=4)
    canvas = await acme.hit(ticket_id)
    neighbour = await acme.hit(await acme.create_ticket("Paid twice", "My card was charged twice."))

    seen = json.dumps([canvas, neighbour], ensure_ascii=False).encode() + b"".join([b async for b in stored(redis)])
    for secret in (CARD, RESIDENT, KEY, "hunter2"):
        assert secret.encode() not in seen
    assert "[card number]" in canvas["summary"]["text"]
    [found] = [near for near in neighbour["similar_tickets"] if near["ticket_id"] == ticket_id]
    assert found["subject"] == "Paid twice with [card number]"
    point = await worker.vectors.similar_tickets(
        ACME, [1.0] * worker.embedder.size, sparse_vector("card"), limit=5, exclude=None
    )
    assert len(point) == 2
    assert CARD not in repr(point)
    assert b"help@example.com" in seen  # what agents need stays unless it is asked for


async def test_a_backfill_masks_before_it_keeps_anything(small_world: World) -> None:
    acme, worker = small_world.acme, small_world.running.worker
    ticket_id = await silent_ticket(acme, f"Card {CARD}")
    tenant = await worker.tenants.require(ACME)
    assert await prepare_ticket(worker, tenant, ticket_id)
    prepared = await take_prepared(worker.redis.state, ACME, ticket_id, 1)
    assert prepared is not None
    assert prepared.thread.subject == "Card [card number]"


async def test_what_is_masked_can_be_chosen(small_world: World) -> None:
    acme = small_world.acme
    await choose(acme, redact=frozenset({"email"}))
    canvas = await acme.hit(await acme.create_ticket("Refund", f"Write to kim@example.com about my card {CARD}."))
    assert CARD in canvas["summary"]["text"]
    assert "kim@example.com" not in json.dumps(canvas)


async def test_a_tenants_language_is_the_language_of_its_canvases(small_world: World) -> None:
    acme = small_world.acme
    ticket_id = await acme.create_ticket("Printer is offline", "Since Monday. I restarted it twice.")
    before = await acme.hit(ticket_id)
    await choose(acme, language="ko")
    await acme.change(ticket_id, priority=2)  # nothing of its text changes, and its texts are written again
    after = await acme.hit(ticket_id)
    assert (before["language"], after["language"]) == ("en", "ko")
    assert before["summary"]["text"] != after["summary"]["text"]


async def test_similar_tickets_reach_no_further_back_than_was_chosen(small_world: World) -> None:
    acme = small_world.acme
    acme.helpdesk.clock = lambda: datetime.now(UTC) - timedelta(days=40)
    old = await acme.create_ticket("Blank pages from our printer", "Since its update all pages come out white.")
    await acme.hit(old)
    acme.helpdesk.clock = lambda: datetime.now(UTC)
    text = "My printer prints blank pages since the update."
    recent = await acme.create_ticket("Printer prints blank pages", text)
    before = await acme.hit(recent)
    assert [found["ticket_id"] for found in before["similar_tickets"]] == [old]

    await choose(acme, similar_days=30)
    newest = await acme.create_ticket("Printer prints blank pages", text)
    canvas = await acme.hit(newest)
    assert [found["ticket_id"] for found in canvas["similar_tickets"]] == [recent]
    await choose(acme, similar_days=41)
    await acme.agent_replies(newest, "Please install the driver again.")
    canvas = await acme.hit(newest)
    assert {found["ticket_id"] for found in canvas["similar_tickets"]} == {old, recent}


async def test_other_settings_do_no_harm(small_world: World) -> None:
    acme = small_world.acme
    for choice in ({"daily_token_budget": 1000}, {"tone": "formal", "style_guide": "Be kind.", "similar_days": 1}):
        await choose(acme, **choice)
        canvas = await acme.hit(await acme.create_ticket("Printer is offline", "Since Monday."))
        assert canvas["status"] == "ready"
