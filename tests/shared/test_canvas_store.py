"""The Canvas store: an older run never replaces a newer Canvas, and a patch never replaces a run."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.canvas_store import CanvasStore, Fence, Snapshot, head_of, to_ms
from shared.models import Canvas, CanvasStatus, Provenance, SimilarTicket, Summary

HOST = "acme.freshdesk.com"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)
NOBODY = Fence(999, b"")
"""A change that holds while ticket 999 has no Canvas: for ever."""


def similar(*ticket_ids: int, status: str = "Open") -> list[SimilarTicket]:
    return [
        SimilarTicket(ticket_id=number, subject="환불 요청", status=status, score=0.9, resolution="", url="https://x")
        for number in ticket_ids
    ]


def canvas(
    text: str,
    revision: datetime = NOON,
    lists: tuple[int, ...] = (),
    ticket_id: int = 7,
    status: CanvasStatus = "ready",
) -> Canvas:
    return Canvas(
        ticket_id=ticket_id,
        revision=revision,
        status=status,
        language="en",
        generated_at=NOON,
        summary=Summary(text=text),
        similar_tickets=similar(*lists),
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


async def test_a_complete_canvas_of_a_generation_is_written_once_and_a_less_complete_one_gives_way(
    store: CanvasStore,
) -> None:
    await store.put(HOST, canvas("half", status="partial"), 1)
    assert await store.put(HOST, canvas("other half", status="partial"), 1) is not None
    first = await store.put(HOST, canvas("whole"), 1)
    assert await store.put(HOST, canvas("whole again"), 1) == first
    assert await store.put(HOST, canvas("half again", status="partial"), 1) is None
    assert await stored_text(store) == "whole"


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


async def snapshot(store: CanvasStore, ticket_id: int = 7) -> Snapshot:
    return (await store.read(HOST, [ticket_id]))[ticket_id]


async def test_a_patch_changes_the_similar_tickets_and_the_etag_and_nothing_else(
    store: CanvasStore, redis: Redis
) -> None:
    await store.put(HOST, canvas("text", lists=(1, 2)), 3, summary_of=b"s", replies_of=b"r")
    await redis.expire(keys.canvas(HOST, 7), 1000)
    before = await snapshot(store)
    assert await store.patch(HOST, 7, before, similar(2, 5, status="Closed"), NOBODY) == "written"
    after = await snapshot(store)
    assert after.similar() == similar(2, 5, status="Closed")
    assert after.head == before.head == head_of(to_ms(NOON), 3, "ready")
    assert after.stored.etag != before.stored.etag
    assert after.stored.generated_ms == before.stored.generated_ms
    assert (after.stored.summary_of, after.stored.replies_of) == (b"s", b"r")
    others = [msgspec.json.decode(one.stored.body) for one in (before, after)]
    assert {**others[0], "similar_tickets": 0} == {**others[1], "similar_tickets": 0}
    assert list(others[0]) == list(others[1])
    assert 0 < await redis.ttl(keys.canvas(HOST, 7)) <= 1000
    assert await store.get(HOST, 7) == after.stored


async def test_a_part_that_this_version_does_not_know_survives_a_patch(store: CanvasStore, redis: Redis) -> None:
    body = msgspec.json.encode(msgspec.to_builtins(canvas("text")) | {"attachments": [{"id": 1.50}]})
    value = head_of(to_ms(NOON), 1, "ready") + msgspec.msgpack.encode(['"etag"', 1, body, ""])
    await redis.set(keys.canvas(HOST, 7), value, ex=1000)
    assert await store.patch(HOST, 7, await snapshot(store), similar(1), NOBODY) == "written"
    stored = (await snapshot(store)).stored
    assert b'"attachments":[{"id":1.5}]' in stored.body
    assert (stored.summary_of, stored.replies_of) == (b"", b"")


@pytest.mark.parametrize("commit", ["newer", "more complete", "tombstone"])
async def test_a_patch_of_what_was_replaced_meanwhile_writes_nothing(store: CanvasStore, commit: str) -> None:
    await store.put(HOST, canvas("old", lists=(1,), status="degraded"), 1)
    read = await snapshot(store)
    if commit == "tombstone":
        await store.put_tombstone(HOST, 7, to_ms(NOON), 2, "ticket-deleted")
    else:
        await store.put(HOST, canvas("new", LATER if commit == "newer" else NOON, lists=(2,)), 1)
    committed = await snapshot(store)
    assert await store.patch(HOST, 7, read, similar(3), NOBODY) == "changed"
    assert await snapshot(store) == committed
    assert committed.similar() == ([] if commit == "tombstone" else similar(2))


async def test_a_patch_of_what_is_gone_writes_nothing(store: CanvasStore, redis: Redis) -> None:
    await store.put(HOST, canvas("text"), 1)
    read = await snapshot(store)
    await redis.delete(keys.canvas(HOST, 7))
    assert await store.patch(HOST, 7, read, similar(3), NOBODY) == "changed"
    assert await store.get(HOST, 7) is None


async def test_a_commit_replaces_a_patched_canvas_as_if_nothing_had_happened(store: CanvasStore) -> None:
    await store.put(HOST, canvas("first", LATER), 2)
    await store.patch(HOST, 7, await snapshot(store), similar(3), NOBODY)
    assert await store.put(HOST, canvas("older"), 1) is None
    assert (await snapshot(store)).similar() == similar(3)
    assert await store.put(HOST, canvas("newer", LATER), 3) is not None
    assert (await snapshot(store)).similar() == []


async def test_a_patch_that_is_sent_twice_is_written_once(store: CanvasStore) -> None:
    await store.put(HOST, canvas("text"), 1)
    read = await snapshot(store)
    assert await store.patch(HOST, 7, read, similar(3), NOBODY) == "written"
    assert await store.patch(HOST, 7, read, similar(3), NOBODY) == "changed"
    assert (await snapshot(store)).similar() == similar(3)


async def test_a_change_is_told_only_while_its_ticket_is_what_it_was(store: CanvasStore) -> None:
    await store.put(HOST, canvas("text"), 1)
    read = await snapshot(store)
    absent = await store.fence(HOST, 8)
    await store.put(HOST, canvas("8", ticket_id=8, lists=(1,)), 1)
    assert await store.patch(HOST, 7, read, similar(8), absent) == "superseded"
    fence = await store.fence(HOST, 8)
    # Its own list may be patched meanwhile: that is no newer state of the ticket …
    await store.patch(HOST, 8, await snapshot(store, 8), [], NOBODY)
    assert await store.patch(HOST, 7, read, similar(8), fence) == "written"
    # … a commit is.
    await store.put(HOST, canvas("8", LATER, ticket_id=8), 1)
    assert await store.patch(HOST, 7, await snapshot(store), [], fence) == "superseded"
    assert (await snapshot(store)).similar() == similar(8)


async def test_who_lists_a_ticket_is_known_after_each_commit_and_patch(store: CanvasStore, redis: Redis) -> None:
    async def shown() -> dict[int, list[int]]:
        return {number: await store.shown_in(HOST, number) for number in (1, 2, 3)}

    await store.put(HOST, canvas("text", lists=(1, 2)), 1)
    await store.put(HOST, canvas("other", lists=(2,), ticket_id=8), 1)
    assert await shown() == {1: [7], 2: [7, 8], 3: []}
    await store.patch(HOST, 7, await snapshot(store), similar(3, 2), NOBODY)
    assert await shown() == {1: [], 2: [7, 8], 3: [7]}
    await store.put(HOST, canvas("text", LATER, lists=(1,)), 1, listed_before=[2, 3])
    assert await shown() == {1: [7], 2: [8], 3: []}
    await store.put(HOST, canvas("stale", lists=(3,)), 1, listed_before=[1])
    assert await shown() == {1: [7], 2: [8], 3: []}, "a refused write changes nothing"
    for number in (1, 2):
        assert 0 < await redis.ttl(keys.shown_in(HOST, number)) <= lifetimes.CANVAS_LIFETIME.total_seconds()
