"""Stage 4: find tickets of the same tenant that were about the same thing, and articles that answer it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from ingest import ranking
from ingest.stages.embed import Embedded, shorten
from ingest.vectors.protocol import EVERY, SHELVES, ArticleHit, TicketHit, TicketPayload, VectorStore
from ingest.writers.protocol import Article, Neighbour
from shared.asked import EVERYTHING, Access
from shared.canvas_store import to_ms
from shared.models import Likeness, SimilarTicket, Solution

NAME = "similar"

CANDIDATES = 15
SHOWN_TICKETS = 5
SHOWN_ARTICLES = 3
SHOWN_CANNED = 2
"""Of the company's prepared answers: the nearest says it, or none does."""
CANNED_FOUND = 10
PREPARED = 0.5
"""How high above the model's floor, in parts of its range, one must be: with six of them among 200 tickets of the demo
(local model) 20 of the 22 from there on were right, of the next 22 (down to .43) nine. Unmeasured with OpenAI's."""
ARTICLES_FOUND = 50
"""Of which three are shown: what agents cited needs its text's relevance, too."""


class Found(msgspec.Struct, frozen=True):
    """What the vector store knows that helps with this ticket, best first."""

    tickets: list[TicketHit]
    articles: list[ArticleHit]
    canned: list[ArticleHit] = []

    def similar_tickets(self) -> list[SimilarTicket]:
        """The tickets as the Canvas shows them, near-duplicates as one entry."""
        return [as_shown(hit, hit.score, hit.why, hit.count) for hit in ranking.folded(self.tickets, SHOWN_TICKETS)]

    def solutions(self) -> list[Solution]:
        """The articles as the Canvas shows them."""
        return [
            Solution(
                article_id=hit.article_id,
                title=hit.title,
                url=hit.url,
                snippet=shorten(hit.snippet, 200),
                public=hit.public,
                cited=hit.cited,
            )
            for hit in self.articles[:SHOWN_ARTICLES]
        ]

    def neighbours(self) -> list[Neighbour]:
        """The tickets as the writers read them."""
        return [
            Neighbour(
                ticket_id=hit.ticket_id,
                subject=hit.subject,
                language=hit.language,
                resolved=hit.resolved,
                score=hit.score,
                resolution=hit.resolution,
                reply=hit.reply,
            )
            for hit in ranking.folded(self.tickets, CANDIDATES)
        ]

    def sources(self) -> list[Article]:
        """The articles, and after them the canned responses, as the writers read them."""
        return [
            Article(
                article_id=hit.article_id,
                title=hit.title,
                language=hit.language,
                snippet=hit.snippet,
                url=hit.url,
                public=hit.public,
                kind=hit.kind,
            )
            for hit in [*self.articles, *self.canned]
        ]


def as_shown(ticket: TicketPayload, score: float, why: Likeness | None = None, count: int = 1) -> SimilarTicket:
    """A ticket as the Canvas of another shows it."""
    why = why or Likeness()
    return SimilarTicket(
        ticket_id=ticket.ticket_id,
        subject=ticket.subject,
        status=ticket.status,
        score=round(score, 3),
        resolution=ticket.resolution,
        url=ticket.url,
        why=msgspec.structs.replace(why, answered=bool(ticket.reply)),
        count=count,
    )


async def find_similar(
    host: str,
    ticket_id: int,
    embedded: Embedded,
    vectors: VectorStore,
    floor: float,
    since_ms: int | None = None,
    seen_by: Access = EVERYTHING,
) -> Found:
    """Search the tenant's tickets (but this one), articles and canned responses.

    What scores below `floor` has nothing in common. Articles are found by their text and by what agents cited when they
    answered similar tickets.

    Tickets that were created before `since_ms` (ms since 1970) are left out (None is without bound), and those that who
    asks may not see.

    Raises:
        StageFailed: the vector store failed.
    """
    return Found(
        await find_tickets(host, ticket_id, embedded, vectors, floor, since_ms, seen_by),
        await find_articles(host, ticket_id, embedded, vectors, floor),
        await find_canned(host, embedded, vectors, floor),
    )


async def find_tickets(
    host: str,
    ticket_id: int,
    embedded: Embedded,
    vectors: VectorStore,
    floor: float,
    since_ms: int | None = None,
    seen_by: Access = EVERYTHING,
) -> list[TicketHit]:
    """The tickets alone of `find_similar`.

    Raises:
        StageFailed: the vector store failed.
    """
    dense, sparse = embedded.dense, embedded.sparse
    language = embedded.language
    hits = await vectors.similar_tickets(
        host,
        dense,
        sparse,
        limit=EVERY,
        exclude=ticket_id,
        since_ms=since_ms,
        seen_by=seen_by,
        language=language,
    )
    ranked = ranking.ranked(hits, to_ms(datetime.now(UTC)), language)
    return ranking.worth_showing(ranked, floor, embedded.words, language, CANDIDATES)


async def find_articles(
    host: str, ticket_id: int, embedded: Embedded, vectors: VectorStore, floor: float
) -> list[ArticleHit]:
    """The articles alone of `find_similar`.

    Raises:
        StageFailed: the vector store failed.
    """
    dense, sparse = embedded.dense, embedded.sparse
    found = await vectors.similar_articles(host, dense, sparse, limit=ARTICLES_FOUND)
    citing = await vectors.similar_tickets(host, dense, sparse, limit=ranking.VOTERS, exclude=ticket_id, citing=True)
    citing = [hit for hit in citing if hit.score >= floor]
    missing = {article for hit in citing for article in hit.articles} - {hit.article_id for hit in found}
    voted = await vectors.articles(host, sorted(missing), dense) if missing else []
    return ranking.elected([*found, *voted], citing, floor, SHOWN_ARTICLES)


async def find_canned(host: str, embedded: Embedded, vectors: VectorStore, floor: float) -> list[ArticleHit]:
    """The canned responses that answer it, by their meaning, best first.

    Raises:
        StageFailed: the vector store failed.
    """
    found = await vectors.similar_articles(host, embedded.dense, embedded.sparse, limit=CANNED_FOUND, shelf="canned")
    near = [hit for hit in found if hit.score >= floor + PREPARED * (1 - floor)]
    return sorted(near, key=lambda hit: (hit.score, hit.article_id), reverse=True)[:SHOWN_CANNED]


async def all_public(host: str, sources: Iterable[str], dense: list[float], vectors: VectorStore) -> bool:
    """Whether the articles and canned responses among a reply's sources (`article:7`, `canned:9`) are still there, and
    for customers to read.

    Raises:
        StageFailed: the vector store failed.
    """
    named = [source.partition(":") for source in sources]
    for shelf in SHELVES:
        wanted = {int(number) for kind, _, number in named if kind == shelf}
        found = await vectors.articles(host, sorted(wanted), dense, shelf) if wanted else []
        if {article.article_id for article in found if article.public} != wanted:
            return False
    return True


def reach(similar_days: int | None, now: datetime) -> int | None:
    """When similar tickets may have been created at the earliest (ms since 1970), or None: a tenant's choice."""
    return None if similar_days is None else to_ms(now - timedelta(days=similar_days))
