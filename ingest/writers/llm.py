"""What all writers that ask a model have in common; a provider's adapter adds only its wire.

One call is one stream: its pieces are shown as they come, its end is validated, and whoever stops reading stops the
provider's work, because each generator on the way closes the one below it.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import ClassVar, TypeVar

import httpx2

from ingest.thread import Thread
from ingest.writers.failures import guarded
from ingest.writers.prompts import Task, reply_task, summary_task
from ingest.writers.protocol import Article, Delta, Neighbour, Usage, Written
from ingest.writers.structured import Unfolding
from shared.models import Reply, Summary

T = TypeVar("T")

CALL_LIMIT = timedelta(seconds=60)  # a long reply takes 10 s; a minute is a provider in trouble
TIMEOUT = httpx2.Timeout(connect=5, read=20, write=10, pool=5)  # `read` is the gap between two chunks
LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=50)  # workers run far fewer calls at once


def http_client() -> httpx2.AsyncClient:
    """The HTTP client under an SDK.

    A transport of its own keeps proxies of the environment out, but not its certificates. Redirects are not followed:
    a key in `x-api-key` would travel along to another host.
    """
    return httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(limits=LIMITS), timeout=TIMEOUT)


class LlmWriter(ABC):
    """A writer over one model of one provider. `limit` is for a whole call, whatever keeps its stream alive."""

    provider: ClassVar[str]
    sdk_error: ClassVar[type[Exception]]

    def __init__(self, model: str, limit: timedelta = CALL_LIMIT) -> None:
        self.model = model
        self.limit = limit

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"

    async def summarize(self, thread: Thread, language: str) -> AsyncGenerator[Delta | Written[Summary], None]:
        """Summarize a thread; see `Writer`."""
        async with aclosing(self._write(summary_task(thread, language))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def recommend(
        self, thread: Thread, neighbours: Sequence[Neighbour], articles: Sequence[Article], language: str
    ) -> AsyncGenerator[Delta | Written[list[Reply]], None]:
        """Recommend replies; see `Writer`."""
        async with aclosing(self._write(reply_task(thread, neighbours, articles, language))) as chunks:
            async for chunk in chunks:
                yield chunk

    @abstractmethod
    def _pieces(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        """Call the model: its answer piece by piece, and the usage.

        Raises:
            StageFailed: the answer did not come to an accepted end.
            Exception: `sdk_error` and what its HTTP client raises.
        """

    async def _write(self, task: Task[T]) -> AsyncGenerator[Delta | Written[T], None]:
        answer, usage = Unfolding(task.form), Usage()
        async with aclosing(guarded(self._pieces(task), self.limit, self.sdk_error)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage = piece
                elif new := answer.feed(piece):
                    yield Delta(new)
        value, rest = answer.finish()
        if rest:
            yield Delta(rest)
        yield Written(value=value, model=self.name, usage=usage)
