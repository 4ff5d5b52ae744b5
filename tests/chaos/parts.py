"""The seams of a chaos worker: an embedder, a writer and a vector store of its own, cheap and deterministic.

They are real implementations of the protocols, so that ten thousand runs fit into a minute on two cores, and so that a
Canvas tells which state of its ticket it was made of: the summary is the ticket's subject, which counts its changes.
Every call of them is noted in the journal. The vectors live in each process alone: what is similar to what plays no
part in these scenarios, and an embedded engine could not be shared by four processes anyway.
"""

import asyncio
import math
import os
import signal
import zlib
from collections.abc import AsyncGenerator, Sequence
from random import Random

from ingest.thread import Thread
from ingest.vectors.protocol import ArticleHit, ArticlePoint, SparseVector, TicketHit, TicketPoint
from ingest.writers.protocol import Article, Delta, Neighbour, Written
from shared.models import Reply, Summary
from tests.chaos.journal import Journal

SIZE = 8
POISON = "poison"
"""A ticket with this word in its subject kills the process that summarizes it."""


class ChaosEmbedder:
    """A hash as a vector."""

    name = "chaos/hash"
    size = SIZE
    floor = 0.99

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length a text."""
        for text in texts:
            self._journal.note("call", kind="embed", content=text.partition("\n")[0])
        return [_unit(text) for text in texts]

    async def close(self) -> None:
        """Nothing is held."""


class ChaosWriter:
    """Takes about `seconds` for a summary, as a model would, and copies the subject; a poisoned one is deadly."""

    name = "chaos/writer"

    def __init__(self, journal: Journal, seconds: float) -> None:
        self._journal = journal
        self._seconds = seconds
        self._random = Random(os.getpid())

    async def summarize(self, thread: Thread, language: str) -> AsyncGenerator[Delta | Written[Summary]]:
        """The subject."""
        self._journal.note("call", kind="summarize", content=thread.subject)
        await asyncio.sleep(self._seconds * self._random.uniform(0.2, 1.0))
        if POISON in thread.subject:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Delta(thread.subject)
        await asyncio.sleep(self._seconds * self._random.uniform(0.0, 0.8))
        yield Written(value=Summary(text=thread.subject), model=self.name)

    async def recommend(
        self, thread: Thread, neighbours: Sequence[Neighbour], articles: Sequence[Article], language: str
    ) -> AsyncGenerator[Delta | Written[list[Reply]]]:
        """No reply."""
        self._journal.note("call", kind="recommend", content=thread.subject)
        replies: list[Reply] = []
        yield Written(value=replies, model=self.name)


class NoNeighbours:
    """A vector store of one process that counts its points and finds nothing similar."""

    def __init__(self) -> None:
        self._points: dict[str, dict[tuple[str, int], int]] = {}

    async def put_tickets(self, host: str, points: Sequence[TicketPoint]) -> None:
        """Remember which revision a ticket was stored in."""
        kept = self._points.setdefault(host, {})
        for point in points:
            kept["ticket", point.ticket_id] = max(point.revision_ms, kept.get(("ticket", point.ticket_id), 0))

    async def put_articles(self, host: str, points: Sequence[ArticlePoint]) -> None:
        """Remember which revision an article was stored in."""
        kept = self._points.setdefault(host, {})
        for point in points:
            kept["article", point.article_id] = point.revision_ms

    async def similar_tickets(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int, exclude: int | None
    ) -> list[TicketHit]:
        """None."""
        return []

    async def similar_articles(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int
    ) -> list[ArticleHit]:
        """None."""
        return []

    async def tickets_between(self, host: str, first_ms: int, until_ms: int, limit: int) -> dict[int, int]:
        """Of this process's points."""
        tickets = ((number, at) for (kind, number), at in self._points.get(host, {}).items() if kind == "ticket")
        return dict(sorted((number, at) for number, at in tickets if first_ms <= at < until_ms)[:limit])

    async def drop_ticket(self, host: str, ticket_id: int) -> None:
        """Forget a ticket."""
        self._points.get(host, {}).pop(("ticket", ticket_id), None)

    async def drop_tenant(self, host: str) -> int:
        """Forget a tenant."""
        self._points.pop(host, None)
        return 0

    async def count(self, host: str) -> int:
        """How many points this process has of a tenant."""
        return len(self._points.get(host, {}))

    async def close(self) -> None:
        """Nothing is held."""


def _unit(text: str) -> list[float]:
    numbers = [zlib.crc32(f"{place}:{text}".encode()) / 2**32 - 0.5 for place in range(SIZE)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]
