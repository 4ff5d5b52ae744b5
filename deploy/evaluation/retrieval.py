"""`canvas eval --retrieval`: how good the search is, by labels. It is the product's own search, not a copy of it.

Texts become tickets (`ingest.stages.embed`), lie in the embedded vector store, and are found and ranked by the code
that finds them for an agent; "dense" and "sparse" are the orders that its two halves alone would give. Each ticket's
words count by how rare they are at that moment, as in production.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from deploy.evaluation.corpora import Labelled
from deploy.evaluation.kept_vectors import KeptVectors
from deploy.evaluation.measures import mean, measures
from ingest import ranking
from ingest.stages import embed, similar
from ingest.stages.embed import Embedded
from ingest.text.clean import detect_language
from ingest.thread import Message, Thread
from ingest.vectors.protocol import EVERY, TicketHit, VectorStore
from shared.canvas_store import to_ms

HOST = "eval.freshdesk.com"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RANKINGS = ("dense", "sparse", "fused", "shipped")
Told = Callable[[str, int, int], None]
"""Hears what is going on: what, how many are done, of how many."""


class Report(msgspec.Struct, kw_only=True):
    """What was measured. `shown` is of the entries that an agent would see (at most five a query, cut where weak)."""

    file: str
    model: str
    documents: int
    queries: int
    part: str = "all"
    seconds: float = 0.0
    texts_a_second: float | None = None
    rankings: dict[str, dict[str, float]] = {}
    shown: dict[str, float] = {}
    articles: dict[str, dict[str, float]] = {}
    article_queries: int = 0


@dataclass
class Scores:
    """Rankings of all queries so far."""

    rows: dict[str, list[dict[str, float]]] = field(default_factory=lambda: {name: [] for name in RANKINGS})
    shown: list[tuple[int, int]] = field(default_factory=list)

    def add(self, hits: Sequence[TicketHit], relevant: frozenset[int], about: Embedded, floor: float, now: int) -> None:
        """Measure the candidates of one query, asked at `now` (ms since 1970)."""
        shipped = ranking.ranked(hits, now, about.language)
        orders = {
            "dense": sorted(hits, key=lambda hit: -hit.score),
            "sparse": sorted([hit for hit in hits if hit.words > 0], key=lambda hit: -hit.words),
            "fused": list(hits),
            "shipped": shipped,
        }
        for name, order in orders.items():
            self.rows[name].append(measures([hit.ticket_id for hit in order], relevant))
        kept = ranking.worth_showing(shipped, floor, about.words, about.language, similar.CANDIDATES)
        shown = kept[: similar.SHOWN_TICKETS]
        self.shown.append((len(shown), sum(hit.ticket_id in relevant for hit in shown)))

    def report(self, report: Report) -> None:
        """Fill in the means."""
        report.queries = len(self.shown)
        report.rankings = {name: mean(rows) for name, rows in self.rows.items()}
        shown, right = sum(number for number, _ in self.shown), sum(number for _, number in self.shown)
        empty = sum(not number for number, _ in self.shown)
        total = max(1, len(self.shown))
        report.shown = {
            "a query": round(shown / total, 2),
            "precision": round(right / max(1, shown), 4),
            "queries without": round(empty / total, 4),
        }


@asynccontextmanager
async def empty_store(embedder: KeptVectors) -> AsyncIterator[VectorStore]:
    """The embedded vector store in a folder that is removed afterwards."""
    from ingest.vectors.edge import EdgeVectorStore  # where its wheel is missing, the other commands work

    with TemporaryDirectory(prefix="canvas-eval-") as folder:
        store = await EdgeVectorStore.open(Path(folder), "eval", embedder.size, embedder.floor)
        try:
            yield store
        finally:
            await store.close()


async def measure_labelled(
    embedder: KeptVectors, queries: Sequence[Labelled], documents: Sequence[Labelled], report: Report, told: Told
) -> None:
    """Measure labelled texts: every document but the query itself may be found, those of its label are right."""
    threads = {row.number: text_thread(row.number, row.text, BEGIN) for row in [*documents, *queries]}
    await embed_all(embedder, list(threads.values()), report, told)
    by_label: dict[str, set[int]] = {}
    for row in documents:
        by_label.setdefault(row.label, set()).add(row.number)
    scores = Scores()
    async with empty_store(embedder) as vectors:
        for place, row in enumerate(documents):
            thread = threads[row.number]
            await embed.index(HOST, thread, await embed.embed(thread, embedder), vectors)
            told("Indexing", place + 1, len(documents))
        for place, row in enumerate(queries):
            relevant = frozenset(by_label.get(row.label, set()) - {row.number})
            if relevant:
                about = await embed.embed(threads[row.number], embedder)
                hits = await candidates(vectors, about, row.number)
                scores.add(hits, relevant, about, embedder.floor, to_ms(BEGIN))
            told("Searching", place + 1, len(queries))
    scores.report(report)


async def candidates(vectors: VectorStore, about: Embedded, number: int | None) -> list[TicketHit]:
    """All candidates for a text, as `ingest.stages.similar` asks for them."""
    dense, sparse = about.dense, about.sparse
    return await vectors.similar_tickets(HOST, dense, sparse, limit=EVERY, exclude=number, language=about.language)


async def embed_all(embedder: KeptVectors, threads: Sequence[Thread], report: Report, told: Told) -> None:
    """Embed beforehand, so that it can be timed and shown; what was kept on disk does not count into the speed."""
    texts = [embed.subject_matter(thread, embed.DENSE_CHARACTERS) for thread in threads]
    before, started = embedder.embedded, time.perf_counter()
    await embedder.embed(texts, lambda done: told("Embedding", done, len(texts)))
    new, seconds = embedder.embedded - before, time.perf_counter() - started
    report.texts_a_second = round(new / seconds, 1) if new else None


def text_thread(number: int, text: str, created: datetime, messages: Sequence[Message] = ()) -> Thread:
    """A text as a ticket: `text` is its subject, which leads what is embedded."""
    return Thread(
        ticket_id=number,
        subject=text,
        status="Open",
        resolved=False,
        language=detect_language(text),
        requester_name="",
        created_at=created,
        revision=created,
        messages=list(messages),
    )
