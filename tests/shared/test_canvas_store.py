"""The Canvas store: an older run never replaces a newer Canvas, whichever comes first."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from shared.canvas_store import CanvasStore, to_ms
from shared.models import Canvas, Provenance, Summary

HOST = "acme.freshdesk.com"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def canvas(text: str, revision: datetime = NOON) -> Canvas:
    return Canvas(
        ticket_id=7,
        revision=revision,
        status="ready",
        language="en",
        generated_at=NOON,
        summary=Summary(text=text),
        similar_tickets=[],
        solutions=[],
        replies=[],
        provenance=Provenance(models={}, tokens={}, cost=0.0, stages=[]),
    )


@pytest.fixture
def store(redis: Redis) -> CanvasStore:
    return CanvasStore(redis)


async def stored_text(store: CanvasStore) -> str:
    found = await store.get(HOST, 7)
    assert found is not None
    summary = msgspec.json.decode(found.body, type=Canvas).summary
    assert summary is not None
    return summary.text


WRITES = [("old", NOON, 1), ("same second, later change", NOON, 2), ("new", NOON + timedelta(seconds=5), 2)]


@pytest.mark.parametrize("order", list(itertools.permutations(WRITES)))
async def test_an_older_run_never_replaces_a_newer_canvas_in_any_order(
    store: CanvasStore, order: tuple[tuple[str, datetime, int], ...]
) -> None:
    for text, revision, generation in order:
        await store.put(HOST, canvas(text, revision), generation)
    assert await stored_text(store) == "new"


async def test_a_refused_write_says_so(store: CanvasStore) -> None:
    assert await store.put(HOST, canvas("new", NOON + timedelta(seconds=5)), 2) is not None
    assert await store.put(HOST, canvas("old"), 1) is None


async def test_the_etag_follows_the_bytes(store: CanvasStore) -> None:
    first = await store.put(HOST, canvas("one"), 1)
    second = await store.put(HOST, canvas("two"), 2)
    third = await store.put(HOST, canvas("two"), 3)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.etag != second.etag == third.etag


async def test_a_restored_ticket_replaces_its_tombstone(store: CanvasStore) -> None:
    await store.put(HOST, canvas("before"), 1)
    assert await store.put_tombstone(HOST, 7, to_ms(NOON), 2, "ticket-deleted")
    found = await store.get(HOST, 7)
    assert found is not None
    assert found.tombstone == "ticket-deleted"
    assert await store.put(HOST, canvas("restored"), 3) is not None
    assert await stored_text(store) == "restored"


async def test_a_canvas_belongs_to_one_tenant(store: CanvasStore) -> None:
    await store.put(HOST, canvas("mine"), 1)
    assert await store.get("other.freshdesk.com", 7) is None
