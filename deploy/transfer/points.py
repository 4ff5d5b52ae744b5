"""Pages of vectors as records of an archive."""

from collections.abc import Sequence

import msgspec

from ingest.vectors.protocol import ArticlePoint, TicketPoint, VectorStore
from shared.errors import BadInput


class TicketPage(msgspec.Struct, frozen=True, tag="tickets"):
    """Tickets with their vectors."""

    points: list[TicketPoint]


class ArticlePage(msgspec.Struct, frozen=True, tag="articles"):
    """All parts of some articles with their vectors."""

    points: list[ArticlePoint]


Page = TicketPage | ArticlePage


def page_of(points: list[TicketPoint] | list[ArticlePoint]) -> Page:
    """A page as a record."""
    tickets = [point for point in points if isinstance(point, TicketPoint)]
    return TicketPage(tickets) if tickets else ArticlePage([each for each in points if isinstance(each, ArticlePoint)])


def check_sizes(page: Page, size: int) -> None:
    """Refuse vectors of another size than the archive says.

    Raises:
        BadInput: there are some.
    """
    points: Sequence[TicketPoint | ArticlePoint] = page.points
    if any(len(point.dense) != size for point in points):
        raise BadInput("The archive holds vectors of another size than it says: nothing was imported")


async def put_page(vectors: VectorStore, host: str, page: Page) -> None:
    """Store a page; of what is there already the newer revision stays."""
    if isinstance(page, TicketPage):
        await vectors.put_tickets(host, page.points)
    else:
        await vectors.put_articles(host, page.points)
