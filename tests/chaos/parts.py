"""The seams of a chaos worker: an embedder, a writer and a vector store of its own, cheap and deterministic.

They are real implementations of the protocols, so that ten thousand runs fit into a minute on two cores, and so that a
Canvas tells which state of its ticket it was made of: the summary is the ticket's subject, which counts its changes.
Every call of a model is noted in the journal. The vectors are kept in the Valkey of the world, since the embedded
engine can't be shared by processes; what is similar to what plays no part in these scenarios.
"""

import asyncio
import math
import os
import signal
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingest.thread import Thread
from ingest.vectors.protocol import ArticleHit, ArticlePoint, Shelf, SparseVector, TicketHit, TicketPayload, TicketPoint
from ingest.writers.llm import LlmWriter
from ingest.writers.prompts import Task
from ingest.writers.protocol import Article, Asked, Delta, Neighbour, Usage, Wish, Written
from shared.asked import EVERYTHING, Access
from shared.errors import StageFailed
from shared.models import Reply, Summary
from tests.chaos.journal import Journal

SIZE: Final = 8
DIGITS: Final = 16
POISON = "poison"
"""A ticket with this word in its subject kills the process that summarizes it."""

PUT_POINT: Final = """
-- KEYS: points   ARGV: ticket id, value, digits of the revision that it begins with
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept and string.sub(kept, 1, ARGV[3]) > string.sub(ARGV[2], 1, ARGV[3]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""


class Point(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a ticket."""

    revision_ms: int
    matter: str
    dense: list[float]


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

    async def compose(self, wish: Wish) -> AsyncGenerator[Delta | Written[Reply]]:
        """The subject."""
        self._journal.note("call", kind="compose", content=wish.thread.subject)
        yield Delta(wish.thread.subject)
        reply = Reply(text=wish.thread.subject, tone="brief", sources=["ticket"], kind="ask")
        yield Written(value=reply, model=self.name)

    async def answer(self, asked: Asked) -> AsyncGenerator[Delta | Written[str]]:
        """No answer."""
        self._journal.note("call", kind="answer", content=asked.question)
        yield Written(value="", model=self.name)


class ChaosModel(LlmWriter):
    """A model in place of a provider's: the subject again; the journal says which of its calls came to their end."""

    sdk_error = OSError

    def __init__(self, journal: Journal, seconds: float) -> None:
        super().__init__("chaos", "model")
        self._journal = journal
        self._seconds = seconds

    async def summarize(self, thread: Thread, language: str) -> AsyncGenerator[Delta | Written[Summary]]:
        """The subject."""
        await asyncio.sleep(self._seconds)
        yield Delta(thread.subject)
        self._journal.note("finished", content=thread.subject)
        yield Written(value=Summary(text=thread.subject), model=self.name)

    async def _pieces(self, task: Task[Any]) -> AsyncGenerator[str | Usage]:
        nothing: tuple[str, ...] = ()
        for piece in nothing:  # a generator all the same
            yield piece
        raise StageFailed("Summaries alone are wanted here", kind="bad_request")


class SharedVectors:
    """A vector store that all processes share, since it keeps its points in the same Valkey; it finds nothing similar.

    As in the real ones an older revision never replaces a newer one, and what the server refuses is a stage's failure.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._put = client.register_script(PUT_POINT)

    async def put_tickets(self, host: str, points: Sequence[TicketPoint]) -> None:
        """Remember each with its matter and its dense vector."""
        for point in points:
            await self._store(host, point.ticket_id, Point(point.revision_ms, point.matter, point.dense))

    async def refresh_ticket(self, host: str, ticket: TicketPayload) -> list[float] | None:
        """Keep the vector of a point of the same matter."""
        with _stage_failures():
            point = await self._point(host, ticket.ticket_id)
        if point is None or point.matter != ticket.matter:
            return None
        await self._store(host, ticket.ticket_id, Point(ticket.revision_ms, point.matter, point.dense))
        return point.dense

    async def stored_points(self, host: str) -> AsyncIterator[list[TicketPoint] | list[ArticlePoint]]:
        """Nobody exports these worlds."""
        nothing: list[list[TicketPoint]] = []
        for page in nothing:
            yield page

    async def put_articles(self, host: str, points: Sequence[ArticlePoint]) -> None:
        """There are none in these worlds."""

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
        """None."""
        return []

    async def similar_articles(
        self, host: str, dense: list[float], sparse: SparseVector, *, limit: int, shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """None."""
        return []

    async def articles(
        self, host: str, article_ids: Sequence[int], dense: list[float], shelf: Shelf = "article"
    ) -> list[ArticleHit]:
        """None."""
        return []

    async def stored_articles(self, host: str, shelf: Shelf = "article") -> set[int]:
        """None."""
        return set()

    async def drop_articles(self, host: str, article_ids: Sequence[int], shelf: Shelf = "article") -> None:
        """There are none in these worlds."""

    async def tickets_between(self, host: str, first_ms: int, until_ms: int, limit: int) -> dict[int, int]:
        """By looking at all of them."""
        revisions = await self.revisions(host)
        return dict([(ticket, at) for ticket, at in revisions.items() if first_ms <= at < until_ms][:limit])

    async def revisions(self, host: str) -> dict[int, int]:
        """The revision (ms) of each ticket's point."""
        with _stage_failures():
            found = await self._client.hgetall(points_key(host))  # type: ignore[misc]
        return {int(number): int(value[:DIGITS]) for number, value in found.items()}

    async def drop_ticket(self, host: str, ticket_id: int) -> None:
        """Forget a ticket."""
        with _stage_failures():
            await self._client.hdel(points_key(host), str(ticket_id))  # type: ignore[misc]

    async def drop_tenant(self, host: str) -> int:
        """Forget a tenant."""
        with _stage_failures():
            await self._client.delete(points_key(host))
        return 0

    async def count(self, host: str) -> int:
        """How many points there are."""
        with _stage_failures():
            return int(await self._client.hlen(points_key(host)))  # type: ignore[misc]

    async def close(self) -> None:
        """The client belongs to whoever opened it."""

    async def _point(self, host: str, ticket_id: int) -> Point | None:
        value = await self._client.hget(points_key(host), str(ticket_id))  # type: ignore[misc]
        return None if value is None else msgspec.msgpack.decode(value[DIGITS:], type=Point)

    async def _store(self, host: str, ticket_id: int, point: Point) -> None:
        value = f"{point.revision_ms:0{DIGITS}d}".encode() + msgspec.msgpack.encode(point)
        with _stage_failures():
            await self._put(keys=[points_key(host)], args=[ticket_id, value, DIGITS])


def points_key(host: str) -> str:
    """Where the points of a tenant are."""
    return f"chaos:points:{host}"


@contextmanager
def _stage_failures() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StageFailed("The vector store does not answer", kind="vectors") from error


def _unit(text: str) -> list[float]:
    numbers = [zlib.crc32(f"{place}:{text}".encode()) / 2**32 - 0.5 for place in range(SIZE)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]
