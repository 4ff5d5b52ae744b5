"""Where an answer is looked for: tickets, articles and files of the tenant, by meaning and by words.

What is found must have to do with the question: have its words, or, in the other language, be near in meaning. Agents
ask, so what a Canvas knows from private notes may stand in an answer; nothing of this ever gets into a reply.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from redis.exceptions import RedisError

from ingest.answers.files import FileHit, files_of
from ingest.answers.intent import Wanted
from ingest.context import WorkerContext
from ingest.stages.embed import DENSE_CHARACTERS, shorten
from ingest.text.sentences import detect_language
from ingest.vectors.protocol import EVERY, FOREIGN, ArticleHit, TicketHit
from ingest.vectors.sparse import sparse_vector
from ingest.writers.protocol import Passage
from ingest.writers.salience import terms
from shared.canvas_store import to_ms
from shared.errors import StoreUnavailable
from shared.models import Canvas, Source
from shared.problems import store_answers

MOST_TICKETS: Final = 5
MOST_ARTICLES: Final = 3
MOST_FILES: Final = 5
SNIPPET_CHARACTERS: Final = 200
CANVASES_READ: Final = 16
"""Of the best; those in other languages come behind whatever is near in the question's own."""

# Measured with the local model on the demo's 200 English and 100 Korean tickets and their articles, 10 questions that
# they answer and 10 that they do not, in each language: the best candidate of the former has .5 to 1 of the question's
# terms, of the latter 0 to .4. Korean questions over English tickets (10 and 8): .81 to .86 against .75 to .83.
COVERED: Final = 0.45
"""Share of a question's terms that what answers it has."""
FEW: Final = 2
ALL_OF_FEW: Final = 1.0
"""Of two terms one says too little: "How do I reset the router?" is not answered by how a password is reset."""
COVERED_AND_NEAR: Final = 0.25
NEAR: Final = 0.35
"""How far between a model's floor and 1 the cosine lies where fewer words are enough: .87 for the local model."""
NEAR_FOREIGN: Final = 0.15
"""The same for the other language, whose words can't be the question's: .83."""

log = structlog.get_logger()

_canvas = msgspec.json.Decoder(Canvas).decode


@dataclass(frozen=True)
class Evidence:
    """A source as it is cited, and as it is read."""

    source: Source
    passage: Passage


@dataclass(frozen=True)
class _Draft:
    """Evidence before it has its number."""

    source: Source
    about: str
    text: str
    rank: float


async def gather(context: WorkerContext, host: str, wanted: Wanted) -> list[Evidence]:
    """What may answer the question, best first and numbered from 1; nothing where nothing has to do with it.

    Raises:
        StageFailed: the embedding model or the vector store failed.
    """
    text = wanted.question.text
    [dense] = await context.embedder.embed([text[:DENSE_CHARACTERS]])
    sparse = sparse_vector(text)
    found: list[_Draft] = []
    since, until = _ms(wanted.question.since), _ms(wanted.question.until)

    async def tickets(*, holding: bool) -> list[TicketHit]:
        return await context.vectors.similar_tickets(
            host,
            dense,
            sparse,
            limit=EVERY,
            exclude=None,
            since_ms=since,
            until_ms=until,
            holding=holding,
            seen_by=wanted.question.access,
            language=detect_language(text),
        )

    if "tickets" in wanted.scopes:
        found += await _tickets(context, host, wanted, await tickets(holding=False))
    if "solutions" in wanted.scopes:
        articles = await context.vectors.similar_articles(host, dense, sparse, limit=2 * MOST_ARTICLES)
        found += [draft for hit in articles if (draft := _article(context, wanted, hit))][:MOST_ARTICLES]
    if wanted.scopes & {"images", "attachments"}:
        files = await asyncio.to_thread(files_of, await tickets(holding=True), wanted)
        found += [_file(hit) for hit in files[:MOST_FILES]]
    found.sort(key=lambda draft: draft.rank, reverse=True)
    return [_numbered(draft, number) for number, draft in enumerate(found, 1)]


async def _tickets(context: WorkerContext, host: str, wanted: Wanted, hits: Sequence[TicketHit]) -> list[_Draft]:
    """Tickets that the question names, and those that have to do with it."""
    known = {hit.ticket_id: hit for hit in hits}
    language = detect_language(wanted.question.text)
    foreign = [hit.ticket_id for hit in hits[CANVASES_READ:] if hit.language != language][:FOREIGN]
    # Canvases of more than can be shown are read: what a ticket is about stands in its summary, not beside its vector.
    first = list(dict.fromkeys([*wanted.named, *(hit.ticket_id for hit in hits[:CANVASES_READ]), *foreign]))
    canvases = await _canvases(context, host, first)

    def drafted() -> list[_Draft]:
        found: list[_Draft] = []
        for ticket_id in first:
            canvas, hit = canvases.get(ticket_id), known.get(ticket_id)
            if hit is not None and (draft := _ticket(context, wanted, hit, canvas)):
                found.append(draft)
            elif ticket_id in wanted.named and canvas is not None and wanted.question.access.scope == "all":
                # A Canvas does not say which agents may see its ticket.
                found.append(_named_ticket(host, canvas))
        return found

    drafts = await asyncio.to_thread(drafted)
    if wanted.named:
        only = [draft for draft in drafts if draft.source.ticket_id in wanted.named]
        drafts = only if only and wanted.intent == "summarize" else drafts
    return sorted(drafts, key=lambda draft: draft.rank, reverse=True)[:MOST_TICKETS]


async def _canvases(context: WorkerContext, host: str, ticket_ids: Sequence[int]) -> dict[int, Canvas]:
    """The Canvases of those that have one; without a cache the tickets speak for themselves, and nobody waits."""
    try:
        async with store_answers():
            snapshots = await context.canvases.read(host, ticket_ids)
    except (RedisError, OSError, StoreUnavailable) as error:
        log.warning("answered without Canvases", host=host, reason=type(error).__name__)
        return {}
    bodies = {number: found.stored.body for number, found in snapshots.items() if not found.stored.tombstone}
    return await asyncio.to_thread(_decoded, bodies)


def _decoded(bodies: dict[int, bytes]) -> dict[int, Canvas]:
    found: dict[int, Canvas] = {}
    for number, body in bodies.items():
        try:
            found[number] = _canvas(body)
        except msgspec.MsgspecError:  # of another version of ours: its ticket speaks for itself
            continue
    return found


def _ticket(context: WorkerContext, wanted: Wanted, hit: TicketHit, canvas: Canvas | None) -> _Draft | None:
    texts = [*_summary(canvas), hit.resolution, hit.reply]
    text = "\n".join(dict.fromkeys(part for part in texts if part))
    is_named = hit.ticket_id in wanted.named
    fit = _fit(context, wanted, f"{hit.subject}\n{text}", hit.score)
    if not is_named and fit is None:
        return None
    source = Source(
        number=0,
        kind="ticket",
        title=hit.subject,
        url=hit.url,
        snippet=shorten(text, SNIPPET_CHARACTERS),
        public=False,
        created_at=datetime.fromtimestamp(hit.created_ms / 1000, UTC),
        ticket_id=hit.ticket_id,
    )
    about = f"Ticket {hit.ticket_id}, {hit.status}, {source.created_at:%Y-%m-%d}"
    return _Draft(source, about, text, 10.0 if is_named else (fit or 0.0) + 0.1 * (hit.resolved and bool(hit.reply)))


def _named_ticket(host: str, canvas: Canvas) -> _Draft:
    """A ticket that the question names and the search did not find: what its Canvas says."""
    text = "\n".join(_summary(canvas))
    source = Source(
        number=0,
        kind="ticket",
        title=shorten(canvas.summary.problem if canvas.summary else "", 100) or f"#{canvas.ticket_id}",
        url=f"https://{host}/a/tickets/{canvas.ticket_id}",
        snippet=shorten(text, SNIPPET_CHARACTERS),
        public=False,
        ticket_id=canvas.ticket_id,
    )
    return _Draft(source, f"Ticket {canvas.ticket_id}", text, 10.0)


def _summary(canvas: Canvas | None) -> list[str]:
    if canvas is None or canvas.summary is None:
        return []
    summary = canvas.summary
    return [summary.text, summary.problem, summary.tried, summary.next_step]


def _article(context: WorkerContext, wanted: Wanted, hit: ArticleHit) -> _Draft | None:
    fit = _fit(context, wanted, f"{hit.title}\n{hit.snippet}", hit.score)
    if fit is None:
        return None
    source = Source(
        number=0,
        kind="article",
        title=hit.title,
        url=hit.url,
        snippet=shorten(hit.snippet, SNIPPET_CHARACTERS),
        public=hit.public,
        article_id=hit.article_id,
    )
    about = f"Help article {hit.article_id}" + ("" if hit.public else ", for agents only")
    # An article was written to answer; a how-to begins with it.
    return _Draft(source, about, hit.snippet, fit + (0.3 if wanted.intent == "how_to" else 0.0))


def _file(hit: FileHit) -> _Draft:
    file, ticket = hit.file, hit.ticket
    source = Source(
        number=0,
        kind="image" if file.image else "attachment",
        title=file.name,
        url=ticket.url,
        snippet=file.about,
        public=False,
        created_at=datetime.fromtimestamp(ticket.created_ms / 1000, UTC),
        ticket_id=ticket.ticket_id,
        attachment_id=file.attachment_id,
    )
    about = f"{file.media_type}, {file.size} bytes, of ticket {ticket.ticket_id}: {ticket.subject}"
    return _Draft(source, about, file.about or ticket.subject, hit.rank)


def _fit(context: WorkerContext, wanted: Wanted, text: str, cosine: float) -> float | None:
    """How well a text fits the question, 0 to 2; None where it has nothing to do with it."""
    floor = context.embedder.floor
    above = max(0.0, (cosine - floor) / (1 - floor))
    covered = len(wanted.about & terms(text)) / len(wanted.about) if wanted.about else 0.0
    foreign = detect_language(text) != detect_language(wanted.question.text)
    enough = COVERED if len(wanted.about) > FEW else ALL_OF_FEW
    fits = covered >= enough or (covered >= COVERED_AND_NEAR and above >= NEAR) or (foreign and above >= NEAR_FOREIGN)
    return covered + above if fits else None


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _numbered(draft: _Draft, number: int) -> Evidence:
    source = msgspec.structs.replace(draft.source, number=number)
    return Evidence(source, Passage(number=number, title=source.title, about=draft.about, text=draft.text))


def passages(evidence: Iterable[Evidence]) -> tuple[Passage, ...]:
    """The evidence as the writers read it."""
    return tuple(found.passage for found in evidence)
