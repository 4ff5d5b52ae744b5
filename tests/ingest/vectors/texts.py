"""Tickets and articles for the vector tests: real points, made from a line of text each."""

import msgspec

from ingest.vectors.protocol import ArticlePoint, TicketPoint
from ingest.vectors.sparse import sparse_vector
from tests.lookalikes.vectors import embed

SIZE = 256


def dense(text: str) -> list[float]:
    vector: list[float] = embed(text, SIZE).tolist()
    return vector


def ticket(ticket_id: int, subject: str, revision_ms: int = 1_790_000_000_000, status: str = "Open") -> TicketPoint:
    return TicketPoint(
        ticket_id=ticket_id,
        revision_ms=revision_ms,
        subject=subject,
        status=status,
        resolved=status == "Closed",
        language="en",
        created_ms=1_780_000_000_000,
        resolution="The driver was installed again.",
        reply="Please install the driver again. 드라이버를 다시 설치해 주세요.",
        url=f"https://acme.freshdesk.com/a/tickets/{ticket_id}",
        matter=subject,
        dense=dense(subject),
        sparse=sparse_vector(subject),
    )


def article(article_id: int, title: str, revision_ms: int = 1_790_000_000_000) -> ArticlePoint:
    return ArticlePoint(
        article_id=article_id,
        revision_ms=revision_ms,
        title=title,
        snippet="How it is done, step by step.",
        url=f"https://acme.freshdesk.com/a/solutions/articles/{article_id}",
        public=True,
        language="en",
        dense=dense(title),
        sparse=sparse_vector(title),
    )


def chunk(point: ArticlePoint, place: int) -> ArticlePoint:
    """The same as a later part of its article."""
    return msgspec.structs.replace(point, chunk=place)
