"""What the rest of ingest knows about vectors: points that go in, hits that come out, and the store's interface.

A point is a ticket or an article of one tenant, with a dense vector (meaning) and a sparse one (words). `host` is the
tenant in every call; the store adds the filter itself, so that no caller can forget it. Two implementations, one
contract test: `edge` (embedded, one process) and `server` (a Qdrant server that processes share).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct, field

from shared.asked import EVERYTHING, Access
from shared.models import Likeness

CANDIDATES: Final = 50
"""Taken from each of the two searches. On the tuning half of 267 labelled questions nDCG@10 is .213 with 15 of each,
.225 with 30, .233 with 50, .228 with 100."""
FOREIGN: Final = 10
"""Taken from the tickets in other languages besides: a crowd in the own language would leave no room for them."""
EVERY: Final = 2 * CANDIDATES + FOREIGN
Shelf = Literal["article", "canned"]
"""Which texts for customers: solution articles, or agents' canned responses. A search looks at one of them."""
SHELVES: Final[tuple[Shelf, ...]] = ("article", "canned")


class SparseVector(Struct, frozen=True):
    """Weights by term: `indices` are 32-bit term ids, ascending and unique; `values` are positive, same length."""

    indices: list[int]
    values: list[float]


class File(Struct, frozen=True, kw_only=True):
    """An image or attachment of a ticket; `about` is the beginning of the message that it came with."""

    attachment_id: int
    name: str
    media_type: str
    size: int
    about: str = ""

    @property
    def image(self) -> bool:
        """Whether it is a picture, by its type."""
        return self.media_type.startswith("image/")


class TicketPayload(Struct, frozen=True, kw_only=True):
    """What is kept of a ticket beside its vectors; times are milliseconds since 1970, UTC.

    `matter` is a digest of the text that the vectors were made of ("" of points that are older than this field);
    `articles` are the ids of the solution articles that agents' public replies link to; `files` came with its messages,
    private notes included: they are for agents. `group_id` and `responder_id` say which agents may see it (0: none, and
    of points that are older than these fields: agents who may not see everything don't find those).
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
    articles: list[int] = []
    files: list[File] = []
    group_id: int = 0
    responder_id: int = 0


class TicketPoint(TicketPayload, frozen=True, kw_only=True):
    """A ticket as it is stored; `dense` has the store's size and is of unit length."""

    dense: list[float]
    sparse: SparseVector


class TicketHit(TicketPayload, frozen=True, kw_only=True):
    """A ticket that was found.

    `score` is the cosine similarity of the dense vectors, 0 to 1: what is shown and compared. `words` is its weight in
    the search by words, in parts of the best one's; `relevance` is both together (`points.fused`) and makes the order.
    `dense` and `terms` (ids of its words) tell near-duplicates; `why` and `count` are `ingest.ranking`'s.
    """

    score: float
    words: float = 0.0
    relevance: float = 0.0
    dense: list[float] = []
    terms: list[int] = []
    why: Likeness = field(default_factory=Likeness)
    count: int = 1


class ArticlePayload(Struct, frozen=True, kw_only=True):
    """What is kept of a part of a solution article; `public` is False where customers may not see it.

    `chunk` counts an article's parts from 0, and `snippet` is the part's text. A canned response is kept in the same
    form on its own shelf (`kind`), without a `url`.
    """

    article_id: int
    revision_ms: int
    title: str
    snippet: str
    url: str
    public: bool
    language: str
    chunk: int = 0
    kind: Shelf = "article"


class ArticlePoint(ArticlePayload, frozen=True, kw_only=True):
    """A part of an article as it is stored; `dense` has the store's size and is of unit length."""

    dense: list[float]
    sparse: SparseVector


class ArticleHit(ArticlePayload, frozen=True, kw_only=True):
    """An article that was found, by its best part; `score`, `words` and `relevance` as of a ticket.

    `cited` is how many similar tickets were answered with a link to it.
    """

    score: float
    words: float = 0.0
    relevance: float = 0.0
    cited: int = 0


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
        """Store articles, like `put_tickets`; all parts of an article in one call, which replace all earlier parts."""

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
        """At most `limit` tickets, best first by `relevance` (not by `score`), without the ticket `exclude`.

        Of those that were created at `since_ms` (ms since 1970) or later and before `until_ms`; None is without bound.
        `citing` takes only tickets whose replies link to articles, `holding` only those with files, `seen_by` only
        those that an agent may see. With `limit=EVERY` they are all candidates: the nearest by meaning, the nearest by
        words, and, where `language` is given, the nearest by meaning among those in other languages.
        """

    async def similar_articles(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int, shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """At most `limit` articles, best first by `relevance`."""

    async def articles(
        self, host: str, article_ids: Sequence[int], dense: list[float], shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """Of these articles those that are stored, each by its part nearest to `dense`, in no order."""

    async def stored_articles(self, host: str, shelf: Shelf = "article") -> set[int]:
        """The ids of all articles that are stored."""

    async def drop_articles(self, host: str, article_ids: Sequence[int], shelf: Shelf = "article") -> None:
        """Remove all parts of these articles; removing what is not there is no error."""

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

    def stored_points(self, host: str) -> AsyncIterator[list[TicketPoint] | list[ArticlePoint]]:
        """All points by the embedding model in use, in pages: tickets, then articles and canned
        responses, each with all of its parts.
        """

    async def close(self) -> None:
        """Release the engine; every later call fails. Closing twice is no error."""
