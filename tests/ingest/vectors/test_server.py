"""What the store over a Qdrant server promises beyond the contract: what it asks of a server, and how it fails."""

import socket

import pytest

from ingest.vectors.server import QdrantVectorStore
from shared.errors import StageFailed, StartupError
from tests.ingest.vectors.qdrant_rest import QdrantRest, serving
from tests.ingest.vectors.texts import SIZE, ticket

ACME = "acme.freshdesk.com"


async def test_the_collection_is_laid_out_for_many_tenants() -> None:
    app = QdrantRest()
    async with serving(app) as url:
        store = await QdrantVectorStore.open(url, None, "Look/Alike", SIZE)
        await store.close()
    [layout] = app.bodies("PUT /collections/canvas-look-alike-256")
    assert layout["vectors"] == {"dense": {"size": SIZE, "distance": "Cosine"}}
    assert layout["sparse_vectors"] == {"sparse": {"modifier": "idf"}}
    assert layout["hnsw_config"] == {"m": 0, "payload_m": 16}
    indexes = {body["field_name"]: body["field_schema"] for body in app.bodies(r"PUT /collections/[^/]+/index")}
    assert indexes.pop("tenant") == {"type": "keyword", "is_tenant": True}
    assert indexes == {"kind": "keyword", "created_ms": "integer", "revision_ms": "integer"}


async def test_opening_again_keeps_what_is_there() -> None:
    app = QdrantRest()
    async with serving(app) as url:
        for _ in range(2):
            store = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
            await store.put_tickets(ACME, [ticket(1, "kept")])
            await store.close()
        store = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        assert await store.count(ACME) == 1
        await store.close()
    assert len(app.bodies("POST /collections/aliases")) == 1


async def test_another_model_moves_the_alias_to_a_collection_of_its_own() -> None:
    app = QdrantRest()
    async with serving(app) as url:
        before = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        await before.put_tickets(ACME, [ticket(1, "of the old model")])
        await before.close()
        after = await QdrantVectorStore.open(url, None, "other", SIZE)
        assert await after.count(ACME) == 0
        await after.close()
        again = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        assert await again.count(ACME) == 1
        await again.close()


async def test_many_tickets_go_out_in_requests_of_bounded_size() -> None:
    app = QdrantRest()
    async with serving(app) as url:
        store = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        await store.put_tickets(ACME, [ticket(number, "printer") for number in range(150)])
        assert await store.count(ACME) == 150
        await store.close()
    sizes = [len(body["operations"]) for body in app.bodies("POST /collections/canvas/points/batch")]
    assert sizes == [64, 64, 22]


async def test_a_server_that_would_ignore_the_comparison_of_revisions_is_refused_at_the_start() -> None:
    async with serving(QdrantRest(version="1.15.4")) as url:
        with pytest.raises(StartupError, match=r"1\.16 or later"):
            await QdrantVectorStore.open(url, None, "look-alike", SIZE)


async def test_an_error_of_the_server_is_a_failed_stage_without_its_text() -> None:
    app = QdrantRest()
    async with serving(app) as url:
        store = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        app.broken = True
        with pytest.raises(StageFailed) as failure:
            await store.put_tickets(ACME, [ticket(1, "printer")])
        await store.close()
    assert (failure.value.kind, failure.value.detail) == ("vectors", "The vector server failed: HTTP 500")


async def test_a_server_that_does_not_answer_is_a_failed_stage() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(StageFailed) as failure:
            await QdrantVectorStore.open(url, None, "look-alike", SIZE)
    assert failure.value.kind == "vectors"
