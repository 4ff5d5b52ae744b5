"""Vectors embedded on disk: Qdrant's own engine in this process, for the edition that runs on one machine.

Measured on 2 busy cores with 50 tenants of 2,000 tickets each (384 dimensions, 40 words): all candidates of a search,
with their vectors, in 18 ms (p95 24), the event loop at most 35 ms late; the engine's own part of it is 1 to 3 ms, the
rest makes Python objects of them. qdrant-client's local mode needs 194 ms with 2,000 tickets alone, and the loop stands
still all the while.

The engine holds the GIL for as long as a call lasts, threads or not. So calls are kept short (one point each, which the
compare-and-set wants anyway), the threads only let the event loop in between two calls, and `optimize()`, which would
stall Python for seconds, is never called: without it a search compares all vectors of one tenant, which is quick enough
for some 100,000 tickets. A killed process loses nothing (write-ahead log); a power cut what came after the last flush.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Self, TypeVar

from ingest.vectors import edge_requests as requests
from ingest.vectors.edge_folder import count, drop_from_unused, first_line, open_shard, other_folders
from ingest.vectors.engine import engine
from ingest.vectors.points import (
    DENSE,
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
from shared.asked import EVERYTHING, Access
from shared.errors import StageFailed, StartupError

T = TypeVar("T")
MOST_PARTS = 512
"""Of the few articles that are asked for by their ids."""
LISTED_AT_ONCE = 128
"""Articles that one call of the engine lists: some milliseconds."""
FLUSH_EVERY = timedelta(seconds=5)
"""A flush takes 7 to 9 ms, in which nothing else runs; it also shortens the log that is read at the next start."""


class EdgeVectorStore:
    """`VectorStore` on one folder, which one process may have open at a time."""

    def __init__(self, shard: engine.EdgeShard, path: Path, threads: ThreadPoolExecutor, floor: float = 0.0) -> None:
        self._shard = shard
        self._floor = floor
        self._path = path
        self._threads = threads
        self._flushed = time.monotonic()
        self._closed = False

    @classmethod
    async def open(cls, folder: Path, collection: str, size: int, floor: float = 0.0) -> Self:
        """Open, or make, the folder of one embedding model (`collection`) and vector `size` below `folder`.

        `floor` is the model's (`Embedder.floor`): from there on its cosines mean something.

        Raises:
            StartupError: another process has it open, or it can't be read.
        """
        path = folder / collection_name(collection, size)
        # Two threads, so that a search does not queue behind a backfill's thousand points.
        threads = ThreadPoolExecutor(2, thread_name_prefix="vectors")
        try:
            shard = await asyncio.get_running_loop().run_in_executor(threads, open_shard, path, size)
        except StartupError:
            threads.shutdown(wait=False)
            raise
        return cls(shard, path, threads, floor)

    async def put_tickets(self, host: str, points: Sequence[TicketPoint]) -> None:
        """See `VectorStore`."""
        await self._run(lambda: self._put(host, points))

    async def refresh_ticket(self, host: str, ticket: TicketPayload) -> list[float] | None:
        """See `VectorStore`."""
        return await self._run(lambda: self._refresh(host, ticket))

    async def put_articles(self, host: str, points: Sequence[ArticlePoint]) -> None:
        """See `VectorStore`."""
        await self._run(lambda: self._put_articles(host, points))

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
        return await self._run(lambda: self._similar(tickets, dense, sparse, limit, TicketHit, language))

    async def similar_articles(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int, shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """See `VectorStore`."""
        articles = requests.matching(host, shelf)
        return await self._run(lambda: self._similar(articles, dense, sparse, limit, ArticleHit))

    async def articles(
        self, host: str, article_ids: Sequence[int], dense: list[float], shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """See `VectorStore`."""
        request = engine.ScrollRequest(
            limit=MOST_PARTS, filter=requests.parts_of(host, article_ids, shelf), with_payload=True, with_vector=[DENSE]
        )
        found, _ = await self._run(lambda: self._shard.scroll(request))
        return nearest_parts(map(requests.found, found), dense, self._floor)

    async def stored_articles(self, host: str, shelf: Shelf = "article") -> set[int]:
        """See `VectorStore`."""
        found: set[int] = set()
        after = None
        while True:
            request = requests.listing(host, after, LISTED_AT_ONCE, shelf)
            points, after = await self._run(partial(self._shard.scroll, request))
            found |= ids_of_articles(point.payload for point in points)
            if after is None:
                return found

    async def drop_articles(self, host: str, article_ids: Sequence[int], shelf: Shelf = "article") -> None:
        """See `VectorStore`."""
        if article_ids:
            parts = requests.parts_of(host, article_ids, shelf)
            await self._run(lambda: self._drop(engine.UpdateOperation.delete_points_by_filter(parts)))

    async def tickets_between(self, host: str, first_ms: int, until_ms: int, limit: int) -> dict[int, int]:
        """See `VectorStore`."""
        request = engine.ScrollRequest(
            limit=limit, filter=requests.between(host, first_ms, until_ms), with_payload=["ticket_id", "revision_ms"]
        )
        found, _ = await self._run(lambda: self._shard.scroll(request))
        return revisions(point.payload for point in found)

    async def drop_ticket(self, host: str, ticket_id: int) -> None:
        """See `VectorStore`."""
        await self._run(lambda: self._drop(engine.UpdateOperation.delete_points([point_id(host, "ticket", ticket_id)])))

    async def drop_tenant(self, host: str) -> int:
        """See `VectorStore`. Nothing finds what was dropped; its bytes stay in the files until they are reused."""
        return await self._run(lambda: self._drop_tenant(host))

    async def count(self, host: str) -> int:
        """See `VectorStore`."""
        return await self._run(lambda: count(self._shard, host))

    async def stored_points(self, host: str) -> AsyncIterator[list[TicketPoint] | list[ArticlePoint]]:
        """See `VectorStore`."""
        after = None
        while True:
            request = requests.whole(requests.matching(host, "ticket"), after, LISTED_AT_ONCE)
            found, after = await self._run(partial(self._shard.scroll, request))
            yield [stored_point(point, TicketPoint) for point in found]
            if after is None:
                break
        for shelf in SHELVES:
            for article_id in sorted(await self.stored_articles(host, shelf)):
                request = requests.whole(requests.parts_of(host, [article_id], shelf), None, MOST_PARTS)
                found, _ = await self._run(partial(self._shard.scroll, request))
                yield [stored_point(point, ArticlePoint) for point in found]

    async def close(self) -> None:
        """See `VectorStore`: waits for the calls under way, flushes, and lets another process open the folder."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._close)

    def _put_articles(self, host: str, points: Sequence[ArticlePoint]) -> None:
        for parts in by_article(points):
            first = self._shard.retrieve([point_id(host, parts[0].kind, parts[0].article_id)], ["revision_ms"], False)
            if first and (first[0].payload or {}).get("revision_ms", 0) > parts[0].revision_ms:
                continue
            self._put(host, parts)
            self._shard.update(engine.UpdateOperation.delete_points_by_filter(requests.outdated_parts(host, parts)))

    def _put(self, host: str, points: Sequence[TicketPoint] | Sequence[ArticlePoint]) -> None:
        for point in points:
            self._shard.update(requests.upsert(host, point))
        if time.monotonic() - self._flushed > FLUSH_EVERY.total_seconds():
            self._flush()

    def _refresh(self, host: str, ticket: TicketPayload) -> list[float] | None:
        found = self._shard.retrieve([point_id(host, "ticket", ticket.ticket_id)], True, [DENSE])
        if not found or not of_same_matter(found[0].payload, ticket):
            return None
        self._shard.update(
            engine.UpdateOperation.set_payload_by_filter(requests.not_newer(host, ticket), payload(host, ticket))
        )
        return dense_of(found[0].vector)

    def _similar(
        self,
        where: engine.Filter,
        dense: list[float],
        sparse: SparseVector,
        limit: int,
        hit_type: type[Hit],
        language: str = "",
    ) -> list[Hit]:
        depth = CANDIDATES if limit <= EVERY else limit // 2
        wanted = requests.searches(where, dense, sparse, depth, language)
        answers = self._shard.query_batch(engine.QueryBatchRequest(wanted))
        near, worded, *foreign = answers
        return hits(
            [requests.found(point) for point in chain(near, *foreign)],
            list(map(requests.found, worded)),
            dense,
            self._floor,
            hit_type,
            limit,
        )

    def _drop(self, operation: engine.UpdateOperation) -> None:
        self._shard.update(operation)
        self._flush()  # an erasure is not undone by a power cut

    def _drop_tenant(self, host: str) -> int:
        self._drop(engine.UpdateOperation.delete_points_by_filter(requests.matching(host)))
        others = other_folders(self._path)
        return count(self._shard, host) + sum(drop_from_unused(path, host) for path in others)

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        self._shard.flush()

    def _close(self) -> None:
        self._threads.shutdown(wait=True)
        self._shard.close()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception as error:  # the engine raises plain `Exception`, whatever went wrong
            raise StageFailed(f"The vector engine failed: {first_line(error)}", kind="vectors") from error
