"""Vectors on a Qdrant server, for many processes: a collection an embedding model and size, behind the alias `canvas`.

Tenants share the collection; Qdrant keeps each one's points together (`is_tenant`) and builds a graph a tenant instead
of one over all (`m=0, payload_m=16`). Writes wait until they can be searched, so that a run may say it is done.

Checked on qdrant-client's local mode only. Unverified on a real server: that `update_filter` is atomic with the upsert
of its point (documented since 1.16; replicas may order two concurrent writes of a point differently), the IDF scope
(documented since 1.19, older servers ignore it and count over all tenants), and how quick the graphs make it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Self

import structlog
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from ingest.vectors.points import (
    CANDIDATES,
    DENSE,
    RRF_K,
    SPARSE,
    Found,
    Hit,
    Kind,
    collection_name,
    dense_of,
    hits,
    of_same_matter,
    payload,
    point_id,
    point_kind,
    point_number,
    revisions,
)
from ingest.vectors.protocol import ArticleHit, ArticlePoint, SparseVector, TicketHit, TicketPayload, TicketPoint
from shared.errors import StageFailed, StartupError

log = structlog.get_logger()
ALIAS: Final = "canvas"
OLDEST_SERVER: Final = (1, 16)
"""Older ones ignore `update_filter`, and an old revision would silently replace a newer one."""
CHUNK: Final = 64
"""Points a request: 64 of 1,536 dimensions are some 2 MB of JSON; the server refuses 32 MB."""
TIMEOUT_S: Final = 10


class QdrantVectorStore:
    """`VectorStore` on a server; also runs on the client's local mode, for tests."""

    def __init__(self, client: AsyncQdrantClient) -> None:
        self._client = client
        self._closed = False

    @classmethod
    async def open(cls, url: str, api_key: str | None, collection: str, size: int) -> Self:
        """Make the collection of one embedding model and vector size if it is missing, and point the alias at it.

        A change of the model moves the alias to a collection that is empty at first, so processes with different
        models must not share a server. `url` is `QDRANT_URL`, or ":memory:" for the client's local mode.

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
                await _check_version(client)
                if not await client.collection_exists(name):
                    await _create(client, name, size)
                await _index(client, name)
                await _point_alias(client, name)
            unless_opened.pop_all()
        return cls(client)

    async def put_tickets(self, host: str, points: Sequence[TicketPoint]) -> None:
        """See `VectorStore`."""
        await self._put([_upsert(host, point) for point in points])

    async def refresh_ticket(self, host: str, ticket: TicketPayload) -> list[float] | None:
        """See `VectorStore`."""
        async with _engine_errors():
            found = await self._client.retrieve(
                ALIAS, [point_id(host, "ticket", ticket.ticket_id)], with_payload=True, with_vectors=[DENSE]
            )
            if not found or not of_same_matter(found[0].payload, ticket):
                return None
            await self._client.set_payload(ALIAS, payload(host, ticket), points=_not_newer(host, ticket), wait=True)
        return dense_of(found[0].vector)

    async def put_articles(self, host: str, points: Sequence[ArticlePoint]) -> None:
        """See `VectorStore`."""
        await self._put([_upsert(host, point) for point in points])

    async def similar_tickets(
        self,
        host: str,
        dense: list[float],
        sparse: SparseVector,
        *,
        limit: int,
        exclude: int | None,
        since_ms: int | None = None,
    ) -> list[TicketHit]:
        """See `VectorStore`."""
        return await self._similar(_filter(host, "ticket", exclude, since_ms), dense, sparse, limit, TicketHit)

    async def similar_articles(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int
    ) -> list[ArticleHit]:
        """See `VectorStore`."""
        return await self._similar(_filter(host, "article"), dense, sparse, limit, ArticleHit)

    async def tickets_between(self, host: str, first_ms: int, until_ms: int, limit: int) -> dict[int, int]:
        """See `VectorStore`."""
        revision = models.FieldCondition(key="revision_ms", range=models.Range(gte=first_ms, lt=until_ms))
        where = models.Filter(must=[_filter(host, "ticket"), revision])
        async with _engine_errors():
            found, _ = await self._client.scroll(
                ALIAS, where, limit=limit, with_payload=["ticket_id", "revision_ms"], with_vectors=False
            )
        return revisions(point.payload for point in found)

    async def drop_ticket(self, host: str, ticket_id: int) -> None:
        """See `VectorStore`."""
        async with _engine_errors():
            await self._client.delete(
                ALIAS, models.PointIdsList(points=[point_id(host, "ticket", ticket_id)]), wait=True
            )

    async def drop_tenant(self, host: str) -> int:
        """See `VectorStore`."""
        left = 0
        async with _engine_errors():
            found = (await self._client.get_collections()).collections
            for name in [each.name for each in found if each.name.startswith(f"{ALIAS}-")]:
                await self._client.delete(name, models.FilterSelector(filter=_filter(host)), wait=True)
                left += (await self._client.count(name, count_filter=_filter(host), exact=True)).count
        return left

    async def count(self, host: str) -> int:
        """See `VectorStore`."""
        async with _engine_errors():
            return (await self._client.count(ALIAS, count_filter=_filter(host), exact=True)).count

    async def close(self) -> None:
        """See `VectorStore`."""
        if not self._closed:
            self._closed = True
            await self._client.close()

    async def _put(self, operations: Sequence[models.UpsertOperation]) -> None:
        async with _engine_errors():
            for start in range(0, len(operations), CHUNK):
                await self._client.batch_update_points(ALIAS, operations[start : start + CHUNK], wait=True)

    async def _similar(
        self, where: models.Filter, dense: list[float], sparse: SparseVector, limit: int, hit_type: type[Hit]
    ) -> list[Hit]:
        async with _engine_errors():
            answer = await self._client.query_points(
                ALIAS,
                prefetch=_searches(where, dense, sparse, max(CANDIDATES, limit)),
                query=models.RrfQuery(rrf=models.Rrf(k=RRF_K)),
                query_filter=where,
                limit=limit,
                with_payload=True,
                with_vectors=[DENSE],
            )
            return hits(map(_found, answer.points), dense, hit_type)


@asynccontextmanager
async def _engine_errors() -> AsyncIterator[None]:
    """Turn what the client raises into `StageFailed`; local mode raises ValueError and, once closed, RuntimeError."""
    try:
        yield
    except (ApiException, QdrantException, ValueError, RuntimeError) as error:
        reason = f"HTTP {error.status_code}" if isinstance(error, UnexpectedResponse) else type(error).__name__
        raise StageFailed(f"The vector server failed: {reason}", kind="vectors") from error


async def _check_version(client: AsyncQdrantClient) -> None:
    version = (await client.info()).version
    major_minor = tuple(int(part) for part in version.split(".")[:2])
    if major_minor < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise StartupError(f"The Qdrant server is {version}: {oldest} or later is needed")


async def _create(client: AsyncQdrantClient, name: str, size: int) -> None:
    """Make the collection, unless another process was quicker."""
    try:
        await client.create_collection(
            name,
            vectors_config={DENSE: models.VectorParams(size=size, distance=models.Distance.COSINE)},
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
        )
    except UnexpectedResponse as error:
        if error.status_code != 409:  # it exists by now
            raise


async def _index(client: AsyncQdrantClient, name: str) -> None:
    """Make the payload indexes; at every start, since a process may have died between the collection and them."""
    if _is_local(client):
        return  # it has none, and warns about them
    tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    await client.create_payload_index(name, "tenant", tenant, wait=True)
    await client.create_payload_index(name, "kind", models.PayloadSchemaType.KEYWORD, wait=True)
    await client.create_payload_index(name, "created_ms", models.PayloadSchemaType.INTEGER, wait=True)
    await client.create_payload_index(name, "revision_ms", models.PayloadSchemaType.INTEGER, wait=True)


async def _point_alias(client: AsyncQdrantClient, name: str) -> None:
    """Let the alias mean this collection, in one atomic change."""
    aliases = (await client.get_aliases()).aliases
    current = next((alias.collection_name for alias in aliases if alias.alias_name == ALIAS), None)
    if current == name:
        return
    if current is not None:
        log.warning("vectors.alias_moved", before=current, now=name)
    changes: list[models.AliasOperations] = [
        models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=ALIAS))
    ]
    if current is not None:
        changes.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=ALIAS)))
    await client.update_collection_aliases(changes)


def _is_local(client: AsyncQdrantClient) -> bool:
    options = client.init_options
    return options.get("location") == ":memory:" or options.get("path") is not None


def _filter(
    host: str, kind: Kind | None = None, exclude: int | None = None, since_ms: int | None = None
) -> models.Filter:
    """The tenant always; the kind, a ticket to leave out, and when it was created at the earliest, where asked."""
    must: list[models.Condition] = [models.FieldCondition(key="tenant", match=models.MatchValue(value=host))]
    if kind is not None:
        must.append(models.FieldCondition(key="kind", match=models.MatchValue(value=kind)))
    if since_ms is not None:
        must.append(models.FieldCondition(key="created_ms", range=models.Range(gte=since_ms)))
    if exclude is None:
        return models.Filter(must=must)
    return models.Filter(must=must, must_not=[models.HasIdCondition(has_id=[point_id(host, "ticket", exclude)])])


def _not_newer(host: str, ticket: TicketPayload) -> models.Filter:
    """The stored point of a ticket, unless it is of a later revision or of other vectors than were looked at."""
    return models.Filter(
        must=[
            models.HasIdCondition(has_id=[point_id(host, "ticket", ticket.ticket_id)]),
            models.FieldCondition(key="revision_ms", range=models.Range(lte=ticket.revision_ms)),
            models.FieldCondition(key="matter", match=models.MatchValue(value=ticket.matter)),
        ]
    )


def _upsert(host: str, point: TicketPoint | ArticlePoint) -> models.UpsertOperation:
    """Insert, or replace what is not newer. The filter is asked of existing points only; revisions differ by point."""
    stored = models.PointStruct(
        id=point_id(host, point_kind(point), point_number(point)),
        vector={
            DENSE: point.dense,
            SPARSE: models.SparseVector(indices=point.sparse.indices, values=point.sparse.values),
        },
        payload=payload(host, point),
    )
    not_newer = models.FieldCondition(key="revision_ms", range=models.Range(lte=point.revision_ms))
    return models.UpsertOperation(
        upsert=models.PointsList(points=[stored], update_filter=models.Filter(must=[not_newer]))
    )


def _searches(where: models.Filter, dense: list[float], sparse: SparseVector, depth: int) -> list[models.Prefetch]:
    """The two searches that are fused, each with the whole filter: the outer one alone is the engine's to interpret."""
    words = models.SparseVector(indices=sparse.indices, values=sparse.values)
    # Which words are rare is the tenant's own matter: others must not shift its ranking.
    scope = models.SearchParams(idf=models.IdfCorpusParams(corpus=where))
    return [
        models.Prefetch(query=dense, using=DENSE, filter=where, limit=depth),
        models.Prefetch(query=words, using=SPARSE, filter=where, limit=depth, params=scope),
    ]


def _found(point: models.ScoredPoint) -> Found:
    return Found(point.score, point.payload, dense_of(point.vector))
