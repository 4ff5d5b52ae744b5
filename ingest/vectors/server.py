"""Vectors on a Qdrant server, for many processes: a collection an embedding model and size, behind the alias `canvas`.

Tenants share the collection; Qdrant keeps each one's points together (`is_tenant`) and builds a graph a tenant instead
of one over all (`m=0, payload_m=16`). Writes wait until they can be searched, so that a run may say it is done.

Checked on qdrant-client's local mode only. Unverified on a real server: that `update_filter` is atomic with the upsert
of its point (documented since 1.16; replicas may order two concurrent writes of a point differently), the IDF scope
(documented since 1.19, older servers ignore it and count over all tenants), and how quick the graphs make it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from typing import Any, Final, Self

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from ingest.vectors import server_requests as requests
from ingest.vectors.points import (
    DENSE,
    SPARSE,
    Hit,
    by_article,
    collection_name,
    dense_of,
    hits,
    ids_of_articles,
    nearest_parts,
    of_same_matter,
    payload,
    point_id,
    revisions,
    stored_point,
)
from ingest.vectors.protocol import (
    CANDIDATES,
    EVERY,
    SHELVES,
    ArticleHit,
    ArticlePoint,
    Shelf,
    SparseVector,
    TicketHit,
    TicketPayload,
    TicketPoint,
)
from ingest.vectors.server_collection import ALIAS, prepare
from shared.asked import EVERYTHING, Access
from shared.errors import StageFailed

MOST_PARTS: Final = 512
"""Of the few articles that are asked for by their ids."""
LISTED_AT_ONCE: Final = 128
CHUNK: Final = 64
"""Points a request: 64 of 1,536 dimensions are some 2 MB of JSON; the server refuses 32 MB."""
TIMEOUT_S: Final = 10


class QdrantVectorStore:
    """`VectorStore` on a server; also runs on the client's local mode, for tests."""

    def __init__(self, client: AsyncQdrantClient, name: str, floor: float) -> None:
        self._client = client
        self._name = name
        self._floor = floor
        self._closed = False

    @classmethod
    async def open(cls, url: str, api_key: str | None, collection: str, size: int, floor: float = 0.0) -> Self:
        """Make the collection of one embedding model and vector size if it is missing, and offer it to the alias.

        A process reads and writes the collection of its own model only. So a change of the model costs no downtime:
        those with the old one go on with theirs while one worker with the new one fills the new collection
        (`canvas backfill`); then the others are restarted, and the alias, which says to people and other tools which
        collection is in use, moves as soon as the new one holds as much as the old (`server_collection.MOVED_AT`).
        `url` is `QDRANT_URL`, or ":memory:" for the client's local mode; `floor` is `Embedder.floor`.

        Raises:
            StartupError: the server is too old.
            StageFailed: it does not answer or refuses.
        """
        # The client's own version check only warns, and in a thread; ours is below.
        client = AsyncQdrantClient(url, api_key=api_key, timeout=TIMEOUT_S, check_compatibility=False)
        name = f"{ALIAS}-{collection_name(collection, size)}"
        async with AsyncExitStack() as unless_opened:
            unless_opened.push_async_callback(client.close)
            async with _engine_errors():
                await prepare(client, name, size)
            unless_opened.pop_all()
        return cls(client, name, floor)

    async def put_tickets(self, host: str, points: Sequence[TicketPoint]) -> None:
        """See `VectorStore`."""
        await self._put([requests.upsert(host, point) for point in points])

    async def refresh_ticket(self, host: str, ticket: TicketPayload) -> list[float] | None:
        """See `VectorStore`."""
        async with _engine_errors():
            found = await self._client.retrieve(
                self._name, [point_id(host, "ticket", ticket.ticket_id)], with_payload=True, with_vectors=[DENSE]
            )
            if not found or not of_same_matter(found[0].payload, ticket):
                return None
            await self._client.set_payload(
                self._name, payload(host, ticket), points=requests.not_newer(host, ticket), wait=True
            )
        return dense_of(found[0].vector)

    async def put_articles(self, host: str, points: Sequence[ArticlePoint]) -> None:
        """See `VectorStore`."""
        articles = by_article(points)
        firsts = [point_id(host, parts[0].kind, parts[0].article_id) for parts in articles]
        async with _engine_errors():
            stored = await self._client.retrieve(self._name, firsts, with_payload=["revision_ms"], with_vectors=False)
        newest = {str(record.id): (record.payload or {}).get("revision_ms", 0) for record in stored}
        operations: list[models.UpdateOperation] = []
        for first, parts in zip(firsts, articles, strict=True):
            if newest.get(first, 0) <= parts[0].revision_ms:
                newest[first] = parts[0].revision_ms
                operations += [requests.upsert(host, part) for part in parts]
                operations.append(requests.drop_outdated_parts(host, parts))
        await self._put(operations)

    async def similar_tickets(
        self,
        host: str,
        dense: list[float],
        sparse: SparseVector,
        *,
        limit: int,
        exclude: int | None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        citing: bool = False,
        holding: bool = False,
        language: str = "",
        seen_by: Access = EVERYTHING,
    ) -> list[TicketHit]:
        """See `VectorStore`."""
        tickets = requests.matching(
            host, "ticket", exclude, since_ms, until_ms, citing=citing, holding=holding, seen_by=seen_by
        )
        return await self._similar(tickets, dense, sparse, limit, TicketHit, language)

    async def similar_articles(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int, shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """See `VectorStore`."""
        return await self._similar(requests.matching(host, shelf), dense, sparse, limit, ArticleHit)

    async def articles(
        self, host: str, article_ids: Sequence[int], dense: list[float], shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """See `VectorStore`."""
        async with _engine_errors():
            found, _ = await self._client.scroll(
                self._name, requests.parts_of(host, article_ids, shelf), limit=MOST_PARTS, with_vectors=[DENSE]
            )
            return nearest_parts(map(requests.found, found), dense, self._floor)

    async def stored_articles(self, host: str, shelf: Shelf = "article") -> set[int]:
        """See `VectorStore`."""
        found: set[int] = set()
        after = None
        while True:
            async with _engine_errors():
                points, after = await self._client.scroll(
                    self._name,
                    requests.first_parts(host, shelf),
                    limit=LISTED_AT_ONCE,
                    offset=after,
                    with_payload=["article_id"],
                    with_vectors=False,
                )
            found |= ids_of_articles(point.payload for point in points)
            if after is None:
                return found

    async def drop_articles(self, host: str, article_ids: Sequence[int], shelf: Shelf = "article") -> None:
        """See `VectorStore`."""
        if article_ids:
            async with _engine_errors():
                parts = models.FilterSelector(filter=requests.parts_of(host, article_ids, shelf))
                await self._client.delete(self._name, parts, wait=True)

    async def tickets_between(self, host: str, first_ms: int, until_ms: int, limit: int) -> dict[int, int]:
        """See `VectorStore`."""
        revision = models.FieldCondition(key="revision_ms", range=models.Range(gte=first_ms, lt=until_ms))
        where = models.Filter(must=[requests.matching(host, "ticket"), revision])
        async with _engine_errors():
            found, _ = await self._client.scroll(
                self._name, where, limit=limit, with_payload=["ticket_id", "revision_ms"], with_vectors=False
            )
        return revisions(point.payload for point in found)

    async def drop_ticket(self, host: str, ticket_id: int) -> None:
        """See `VectorStore`."""
        async with _engine_errors():
            await self._client.delete(
                self._name, models.PointIdsList(points=[point_id(host, "ticket", ticket_id)]), wait=True
            )

    async def drop_tenant(self, host: str) -> int:
        """See `VectorStore`."""
        left = 0
        async with _engine_errors():
            found = (await self._client.get_collections()).collections
            for name in [each.name for each in found if each.name.startswith(f"{ALIAS}-")]:
                await self._client.delete(name, models.FilterSelector(filter=requests.matching(host)), wait=True)
                left += (await self._client.count(name, count_filter=requests.matching(host), exact=True)).count
        return left

    async def count(self, host: str) -> int:
        """See `VectorStore`."""
        async with _engine_errors():
            return (await self._client.count(self._name, count_filter=requests.matching(host), exact=True)).count

    async def stored_points(self, host: str) -> AsyncIterator[list[TicketPoint] | list[ArticlePoint]]:
        """See `VectorStore`."""
        after = None
        while True:
            found, after = await self._whole(requests.matching(host, "ticket"), LISTED_AT_ONCE, after)
            yield [stored_point(point, TicketPoint) for point in found]
            if after is None:
                break
        for shelf in SHELVES:
            for article_id in sorted(await self.stored_articles(host, shelf)):
                found, _ = await self._whole(requests.parts_of(host, [article_id], shelf), MOST_PARTS)
                yield [stored_point(point, ArticlePoint) for point in found]

    async def _whole(self, where: models.Filter, limit: int, after: Any = None) -> tuple[list[Any], Any]:
        async with _engine_errors():
            return await self._client.scroll(
                self._name, where, limit=limit, offset=after, with_payload=True, with_vectors=[DENSE, SPARSE]
            )

    async def close(self) -> None:
        """See `VectorStore`."""
        if not self._closed:
            self._closed = True
            await self._client.close()

    async def _put(self, operations: Sequence[models.UpdateOperation]) -> None:
        async with _engine_errors():
            for start in range(0, len(operations), CHUNK):
                await self._client.batch_update_points(self._name, operations[start : start + CHUNK], wait=True)

    async def _similar(
        self,
        where: models.Filter,
        dense: list[float],
        sparse: SparseVector,
        limit: int,
        hit_type: type[Hit],
        language: str = "",
    ) -> list[Hit]:
        wanted = requests.searches(where, dense, sparse, CANDIDATES if limit <= EVERY else limit // 2, language)
        async with _engine_errors():
            answers = await self._client.query_batch_points(self._name, wanted)
            near, worded, *foreign = (answer.points for answer in answers)
            return hits(
                [requests.found(point) for point in chain(near, *foreign)],
                list(map(requests.found, worded)),
                dense,
                self._floor,
                hit_type,
                limit,
            )


@asynccontextmanager
async def _engine_errors() -> AsyncIterator[None]:
    """Turn what the client raises into `StageFailed`; local mode raises ValueError and, once closed, RuntimeError."""
    try:
        yield
    except (ApiException, QdrantException, ValueError, RuntimeError) as error:
        reason = f"HTTP {error.status_code}" if isinstance(error, UnexpectedResponse) else type(error).__name__
        raise StageFailed(f"The vector server failed: {reason}", kind="vectors") from error
