"""What the store over a Qdrant server promises beyond the contract: what it asks of a server, and how it fails."""

import socket

import httpx
import pytest

from ingest.vectors.server import QdrantVectorStore
from ingest.vectors.sparse import sparse_vector
from shared.errors import StageFailed, StartupError
from tests.ingest.vectors.qdrant_rest import QdrantRest, serving
from tests.ingest.vectors.texts import SIZE, dense, ticket

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
    numbers = {"created_ms", "revision_ms", "article_id", "articles"}
    assert indexes == {"kind": "keyword"} | dict.fromkeys(numbers, "integer")


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


async def test_a_new_model_fills_a_collection_of_its_own_while_the_old_one_goes_on_serving() -> None:
    async with serving(QdrantRest()) as url:
        before = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        await before.put_tickets(ACME, [ticket(1, "of the old model")])
        after = await QdrantVectorStore.open(url, None, "other", 2 * SIZE)
        assert (await before.count(ACME), await after.count(ACME)) == (1, 0)
        await before.put_tickets(ACME, [ticket(2, "still written")])
        text = "of the old model"
        found = await before.similar_tickets(ACME, dense(text), sparse_vector(text), limit=5, exclude=None)
        assert {hit.ticket_id for hit in found} == {1, 2}
        await before.close()
        await after.close()


async def test_the_alias_moves_when_the_new_models_collection_is_as_full_as_the_old_one() -> None:
    app = QdrantRest()

    async def meant(url: str, model: str, tickets: int) -> str:
        store = await QdrantVectorStore.open(url, None, model, SIZE)
        await store.put_tickets(ACME, [ticket(number, model) for number in range(tickets)])
        await store.close()
        async with httpx.AsyncClient() as client:
            [alias] = (await client.get(f"{url}/aliases")).json()["result"]["aliases"]
        assert alias["alias_name"] == "canvas"
        return str(alias["collection_name"])

    async with serving(app) as url:
        assert await meant(url, "old", 40) == "canvas-old-256"
        assert await meant(url, "new", 20) == "canvas-old-256"
        assert await meant(url, "new", 39) == "canvas-old-256"  # it held 20 when it was opened
        assert await meant(url, "new", 39) == "canvas-new-256"


async def test_many_tickets_go_out_in_requests_of_bounded_size() -> None:
    app = QdrantRest()
    async with serving(app) as url:
        store = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        await store.put_tickets(ACME, [ticket(number, "printer") for number in range(150)])
        assert await store.count(ACME) == 150
        await store.close()
    sizes = [len(body["operations"]) for body in app.bodies("POST /collections/canvas-look-alike-256/points/batch")]
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
