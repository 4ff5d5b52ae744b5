"""The writer that needs no model: it selects what people wrote instead of writing anything itself."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from ingest.thread import Thread
from ingest.writers.composing import composed
from ingest.writers.digest import digest
from ingest.writers.protocol import Article, Asked, Brief, Delta, Neighbour, Wish, Written
from ingest.writers.quoting import quoted
from ingest.writers.replies import recommend
from shared.models import Reply, Summary

NAME = "extractive"


class ExtractiveWriter:
    """Implements `Writer` without a model, a key or a network; costs no tokens and never fails.

    It reads 24 messages of a thread at most, which takes 5 to 10 ms for real ones and up to 70 ms for ones of 3,000
    characters each; so it works on a thread beside the event loop.
    """

    @property
    def name(self) -> str:
        """Always `extractive`."""
        return NAME

    async def summarize(self, thread: Thread, language: str) -> AsyncGenerator[Delta | Written[Summary]]:
        """Selects the sentences that carry the problem, what was tried and the latest state; labels in `language`."""
        lines, summary = await asyncio.to_thread(digest, thread, language)
        for number, line in enumerate(lines):
            yield Delta(line if number == 0 else "\n" + line)
        yield Written(value=summary, model=NAME)

    async def recommend(
        self, thread: Thread, neighbours: Sequence[Neighbour], articles: Sequence[Article], language: str
    ) -> AsyncGenerator[Delta | Written[list[Reply]]]:
        """Recommends what agents sent on the most similar tickets, in `language`: the customer's, not the agent's."""
        wanted = thread.voice.tone if isinstance(thread, Brief) else None
        replies = await asyncio.to_thread(recommend, thread, neighbours, articles, language, wanted)
        if replies:
            yield Delta(replies[0].text)
        yield Written(value=replies, model=NAME)

    async def compose(self, wish: Wish) -> AsyncGenerator[Delta | Written[Reply]]:
        """Passes on the agent's draft, what was sent on a similar ticket, an article, or that we look at it."""
        reply = await asyncio.to_thread(composed, wish)
        yield Delta(reply.text)
        yield Written(value=reply, model=NAME)

    async def answer(self, asked: Asked) -> AsyncGenerator[Delta | Written[str]]:
        """Answers in the sources' own sentences, each with its citation."""
        lines = await asyncio.to_thread(quoted, asked)
        for number, line in enumerate(lines):
            yield Delta(line if number == 0 else "\n" + line)
        yield Written(value="\n".join(lines), model=NAME)
