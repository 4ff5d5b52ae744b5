"""What all writers that ask a model have in common; a provider's adapter adds only its wire.

One call is one stream: its pieces are shown as they come, its end is validated, and whoever stops reading stops the
provider's work, because each generator on the way closes the one below it.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar

import httpx2

from ingest.thread import Thread
from ingest.writers.answering import answer_task
from ingest.writers.batch import BatchProvider
from ingest.writers.caching import at_least_tokens
from ingest.writers.call import Call, Limits
from ingest.writers.composing import compose_task
from ingest.writers.failures import guarded
from ingest.writers.prompts import Task, reply_task, summary_task
from ingest.writers.protocol import Article, Asked, Delta, Neighbour, Usage, Wish, Written
from ingest.writers.structured import Unfolding
from shared.models import Reply, Summary

T = TypeVar("T")

TIMEOUT = httpx2.Timeout(connect=5, read=20, write=10, pool=5)  # `read` is the gap between two chunks
LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=50)  # workers run far fewer calls at once


def http_client() -> httpx2.AsyncClient:
    """The HTTP client under an SDK.

    A transport of its own keeps proxies of the environment out, but not its certificates. Redirects are not followed:
    a key in `x-api-key` would travel along to another host.
    """
    return httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(limits=LIMITS), timeout=TIMEOUT)


def http_timeout(limits: Limits) -> httpx2.Timeout:
    """The time-outs under an SDK: never shorter than a call's own, which tell silence from keep-alives."""
    longest = max(limits.first_token, limits.idle, timedelta(seconds=TIMEOUT.read or 0))
    return httpx2.Timeout(connect=TIMEOUT.connect, read=longest.total_seconds(), write=TIMEOUT.write, pool=TIMEOUT.pool)


class LlmWriter(ABC):
    """A writer over one model of one provider. `limits` are for a call of which nobody keeps a record."""

    sdk_error: ClassVar[type[Exception]]

    def __init__(self, provider: str, model: str, limits: Limits | None = None) -> None:
        self.provider = provider
        self.model = model
        self.limits = limits or Limits()
        self._call: Call | None = None

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"

    @property
    def batches(self) -> bool:
        """Whether its provider takes calls in batches."""
        return self.batch_provider() is not None

    def batch_provider(self) -> BatchProvider | None:
        """Its provider's batch interface, None where it has none."""
        return None

    def batch_body(self, task: Task[T]) -> dict[str, Any]:
        """The body of the call that `_pieces` makes, without its wish for a stream.

        Raises:
            NotImplementedError: its provider has no batch interface.
        """
        raise NotImplementedError

    def told_by(self, call: Call) -> Self:
        """This writer for one call, which keeps to the call's limits and notes in it what it learns on the way."""
        bound = copy.copy(self)
        bound._call = call  # noqa: SLF001 - its own copy
        return bound

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

    async def compose(self, wish: Wish) -> AsyncGenerator[Delta | Written[Reply], None]:
        """Compose a reply; see `Writer`."""
        async with aclosing(self._write(compose_task(wish))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def answer(self, asked: Asked) -> AsyncGenerator[Delta | Written[str], None]:
        """Answer a question; see `Writer`."""
        async with aclosing(self._write(answer_task(asked))) as chunks:
            async for chunk in chunks:
                yield chunk

    @abstractmethod
    def _pieces(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        """Call the model: its answer piece by piece, and the usage as far as it is known; the last one counts.

        A piece may be empty: the model thinks, or writes what is not for us.

        Raises:
            StageFailed: the answer did not come to an accepted end.
            Exception: `sdk_error` and what its HTTP client raises.
        """

    async def _write(self, task: Task[T]) -> AsyncGenerator[Delta | Written[T], None]:
        call = self._call or Call(limits=self.limits)
        answer = Unfolding(task.form)
        read = at_least_tokens(task.system + task.stable + task.user)
        async with aclosing(guarded(self._pieces(task), call, self.sdk_error)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    call.usage = piece
                else:
                    if not call.usage.input_tokens:
                        call.usage = Usage(input_tokens=read)  # it has begun, so it is paid for, whether it ends or not
                    if new := answer.feed(piece):
                        yield Delta(new)
        value, rest = answer.finish()
        if rest:
            yield Delta(rest)
        yield Written(value=value, model=self.name, usage=call.usage)
