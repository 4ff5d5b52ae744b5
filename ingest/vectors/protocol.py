"""What the rest of ingest knows about vectors: points that go in, hits that come out, and the store's interface.

A point is a ticket or an article of one tenant, with a dense vector (meaning) and a sparse one (words). `host` is the
tenant in every call; the store adds the filter itself, so that no caller can forget it. Two implementations, one
contract test: `edge` (embedded, one process) and `server` (a Qdrant server that processes share).
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class SparseVector(Struct, frozen=True):
    """Weights by term: `indices` are 32-bit term ids, ascending and unique; `values` are positive, same length."""

    indices: list[int]
    values: list[float]


class TicketPayload(Struct, frozen=True, kw_only=True):
    """What is kept of a ticket beside its vectors; times are milliseconds since 1970, UTC.

    `matter` is a digest of the text that the vectors were made of ("" of points that are older than this field).
    """

    ticket_id: int
    revision_ms: int
    subject: str
    status: str
    resolved: bool
    language: str
    created_ms: int
    resolution: str
    reply: str
    url: str
    matter: str = ""


class TicketPoint(TicketPayload, frozen=True, kw_only=True):
    """A ticket as it is stored; `dense` has the store's size and is of unit length."""

    dense: list[float]
    sparse: SparseVector


class TicketHit(TicketPayload, frozen=True, kw_only=True):
    """A ticket that was found; `score` is the cosine similarity of the dense vectors, 0 to 1."""

    score: float


class ArticlePayload(Struct, frozen=True, kw_only=True):
    """What is kept of a solution article; `public` is False where customers may not see it."""

    article_id: int
    revision_ms: int
    title: str
    snippet: str
    url: str
    public: bool
    language: str


class ArticlePoint(ArticlePayload, frozen=True, kw_only=True):
    """An article as it is stored; `dense` has the store's size and is of unit length."""

    dense: list[float]
    sparse: SparseVector


class ArticleHit(ArticlePayload, frozen=True, kw_only=True):
    """An article that was found; `score` is the cosine similarity of the dense vectors, 0 to 1."""

    score: float


class VectorStore(Protocol):
    """Points of many tenants, each of whom finds only its own.

    Every method raises `StageFailed(kind="vectors")` when the engine fails or refuses.
    """

    async def put_tickets(self, host: str, points: Sequence[TicketPoint]) -> None:
        """Store tickets and return when they can be found; an older `revision_ms` never replaces a newer one."""

    async def refresh_ticket(self, host: str, ticket: TicketPayload) -> list[float] | None:
        """Replace what is kept of a stored ticket, without its vectors, and return its dense vector.

        None, and nothing is changed, where the ticket is not stored or its vectors are of another `matter`. An older
        `revision_ms` never replaces a newer one.
        """

    async def put_articles(self, host: str, points: Sequence[ArticlePoint]) -> None:
        """Store articles, like `put_tickets`."""

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
        """At most `limit` tickets, best first by fused rank (not by `score`), without the ticket `exclude`.

        Of those that were created at `since_ms` (ms since 1970) or later; None is without bound.
        """

    async def similar_articles(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int
    ) -> list[ArticleHit]:
        """At most `limit` articles, best first by fused rank."""

    async def tickets_between(self, host: str, first_ms: int, until_ms: int, limit: int) -> dict[int, int]:
        """At most `limit` tickets with `first_ms` <= `revision_ms` < `until_ms`, in no order: revision by ticket id."""

    async def drop_ticket(self, host: str, ticket_id: int) -> None:
        """Remove one ticket; removing what is not there is no error."""

    async def drop_tenant(self, host: str) -> int:
        """Remove all points of a tenant and count those that are left: 0 is the proof.

        Those of embedding models that were used before, too.
        """

    async def count(self, host: str) -> int:
        """How many points a tenant has, of both kinds, by the embedding model in use."""

    async def close(self) -> None:
        """Release the engine; every later call fails. Closing twice is no error."""
