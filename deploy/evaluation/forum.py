"""Threads of a support forum, replayed in the order in which they were written, as `canvas eval --retrieval` does it.

A question is searched for at the moment it was asked, so only older ones can be found, and of their answers only what
had been written by then, within three days of the question: that it was answered, and which articles were cited. The
labels are what a helper linked later. Nothing written after the question reaches its search.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deploy.evaluation.corpora import Part, Question, part_of
from deploy.evaluation.kept_vectors import KeptVectors
from deploy.evaluation.measures import mean
from deploy.evaluation.retrieval import HOST, Report, Scores, Told, candidates, embed_all, empty_store, text_thread
from ingest.stages import embed, similar
from ingest.text.clean import clean_message
from ingest.thread import Message, Thread
from ingest.vectors.protocol import ArticlePoint, VectorStore
from ingest.vectors.sparse import sparse_vector
from shared.canvas_store import to_ms

USABLE = timedelta(days=3)
ARTICLE = re.compile(r"""(?:https?://[^/\s"'<>]+)?/(?:[\w-]+/)?kb/([\w.%-]+)""")
DEPTH = similar.SHOWN_ARTICLES
WARM = 1000
"""Questions before the first one that articles are suggested to: without history there is nothing to suggest from."""


@dataclass(frozen=True)
class Step:
    """A moment of the replay: a question is asked, or what is known of it grows."""

    moment: datetime
    place: int
    question: Question
    thread: Thread
    asked: bool


@dataclass
class Replay:
    """What is known at the current moment, and what was measured so far."""

    embedder: KeptVectors
    vectors: VectorStore
    slugs: dict[str, int]
    part: Part | None
    seen: set[int] = field(default_factory=set)
    indexed: set[int] = field(default_factory=set)
    cited: Counter[int] = field(default_factory=Counter)
    credited: set[tuple[int, int]] = field(default_factory=set)
    scores: Scores = field(default_factory=Scores)
    suggestions: dict[str, list[dict[str, float]]] = field(default_factory=lambda: {"popularity": [], "shipped": []})

    async def take(self, step: Step) -> None:
        """One step: search first, then let others find it."""
        if step.asked:
            await self._ask(step)
            await embed.index(HOST, step.thread, await embed.embed(step.thread, self.embedder), self.vectors)
            self.seen.add(step.question.number)
            return
        ticket = embed.described(HOST, step.thread)
        await self.vectors.refresh_ticket(HOST, ticket)
        await self._index_articles(ticket.articles)
        new = {(step.question.number, article) for article in ticket.articles} - self.credited
        self.credited |= new
        self.cited.update(article for _, article in new)

    async def _ask(self, step: Step) -> None:
        question = step.question
        if self.part not in (None, part_of(str(question.number))):
            return
        relevant = frozenset(question.related & self.seen)
        wanted = {self.slugs[name] for name in question.articles if name in self.slugs}
        if not relevant and not wanted:
            return
        about = await embed.embed(step.thread, self.embedder)
        if relevant:
            hits = await candidates(self.vectors, about, None)
            self.scores.add(hits, relevant, about, self.embedder.floor, to_ms(question.created))
        if wanted and len(self.seen) > WARM:
            number, floor = question.number, self.embedder.floor
            articles = await similar.find_articles(HOST, number, about, self.vectors, floor)
            popular = [article for article, _ in self.cited.most_common(DEPTH)]
            self.suggestions["popularity"].append(_hits(popular, wanted))
            self.suggestions["shipped"].append(_hits([hit.article_id for hit in articles], wanted))

    async def _index_articles(self, article_ids: Sequence[int]) -> None:
        """Articles become known when they are first cited; the dump has their names only, so that is their text."""
        names = {number: name for name, number in self.slugs.items()}
        new = [number for number in article_ids if number not in self.indexed]
        titles = [names[number].replace("-", " ") for number in new]
        points = [
            ArticlePoint(
                article_id=number,
                revision_ms=0,
                title=title,
                snippet=title,
                url="",
                public=True,
                language="en",
                dense=dense,
                sparse=sparse_vector(title),
            )
            for number, title, dense in zip(new, titles, await self.embedder.embed(titles), strict=True)
        ]
        await self.vectors.put_articles(HOST, points)
        self.indexed.update(new)


async def measure_forum(
    embedder: KeptVectors, questions: Sequence[Question], part: Part | None, report: Report, told: Told
) -> None:
    """Replay threads, and fill in the report's rankings and article suggestions."""
    slugs: dict[str, int] = {}
    steps = sorted(
        (step for question in questions for step in _steps(question, slugs)),
        key=lambda step: (step.moment, step.question.number, step.place),
    )
    await embed_all(embedder, [step.thread for step in steps if step.asked], report, told)
    async with empty_store(embedder) as vectors:
        replay = Replay(embedder, vectors, slugs, part)
        for place, step in enumerate(steps):
            await replay.take(step)
            told("Replaying", place + 1, len(steps))
    replay.scores.report(report)
    report.article_queries = len(replay.suggestions["shipped"])
    report.articles = {name: mean(rows) for name, rows in replay.suggestions.items()}


def _steps(question: Question, slugs: dict[str, int]) -> Iterator[Step]:
    """The question as it was asked, and once more for each reply that answers it first or cites something new."""
    text = f"{question.title}\n{clean_message(question.html)}"
    yield Step(question.created, 0, question, text_thread(question.number, text, question.created), asked=True)
    messages: list[Message] = []
    known: set[str] = set()
    for place, reply in enumerate(question.replies, 1):
        if reply.by_author or reply.created - question.created > USABLE:
            continue
        source = html.unescape(reply.html)
        names = set(ARTICLE.findall(source))
        if messages and names <= known:
            continue
        known |= names
        linked = ARTICLE.sub(lambda match: _address(match[1], slugs), source)
        messages.append(Message(author="agent", author_name="", text=clean_message(linked), created_at=reply.created))
        thread = text_thread(question.number, text, question.created, messages)
        yield Step(reply.created, place, question, thread, asked=False)


def _address(name: str, slugs: dict[str, int]) -> str:
    return f"https://{HOST}/support/solutions/articles/{slugs.setdefault(name, len(slugs) + 1)}"


def _hits(ranking: Sequence[int], wanted: set[int]) -> dict[str, float]:
    right = [article in wanted for article in ranking]
    return {"hit@1": float(any(right[:1])), f"hit@{DEPTH}": float(any(right[:DEPTH]))}
