"""Stage 3: embed what the ticket is about, and put it into the vector store for other tickets to find.

What is embedded is kept short: the subject and the customer's own words. Long texts cost CPU (45 ms at 100 tokens) and
blur: a thread of fifty messages is not more similar to another for being long. What was embedded already, an agent's
reply or a new status does not embed again: the vectors stay, and what is kept beside them is replaced.
"""

import hashlib
import re

import msgspec

from ingest.embeddings.protocol import Embedder
from ingest.thread import Thread
from ingest.vectors.protocol import File, SparseVector, TicketPayload, TicketPoint, VectorStore
from ingest.vectors.sparse import sparse_vector, words
from shared.canvas_store import to_ms

NAME = "embed"

DENSE_CHARACTERS = 600
SPARSE_CHARACTERS = 4000
RESOLUTION_CHARACTERS = 300
REPLY_CHARACTERS = 1500
ABOUT_CHARACTERS = 120
MOST_FILES = 8
"""Of a ticket: 2 KB beside its vectors at most, and nothing for the most of them."""
MATTER_VERSION = 2
"""To be raised when `subject_matter` or the terms of sparse vectors change: all is embedded again then, bit by bit."""


WORDS_KEPT = 64
"""To tell what a ticket has in common with another; the subject leads."""
CITED = re.compile(r"/support/solutions/articles/(\d{1,18})")


class Embedded(msgspec.Struct, frozen=True):
    """A ticket's vectors: dense for meaning, sparse for words and error codes; and its first words and language."""

    dense: list[float]
    sparse: SparseVector
    words: list[str] = []
    language: str = ""


def subject_matter(thread: Thread, limit: int) -> str:
    """What the ticket is about, in the customer's words: subject, first message, then the latest ones."""
    customer = [message.text for message in thread.said_by("customer") if message.text]
    first, latest = customer[:1], customer[1:][::-1]
    return "\n".join([thread.subject, *first, *latest])[:limit]


def matter(thread: Thread) -> str:
    """Digest of the text that a thread's vectors are made of; how they are made is the vector store's collection."""
    text = f"{MATTER_VERSION}\n{subject_matter(thread, SPARSE_CHARACTERS)}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


async def place(host: str, thread: Thread, embedder: Embedder, vectors: VectorStore) -> tuple[Embedded, bool]:
    """Put a ticket where others find it; also tells whether its vectors were there already.

    Raises:
        StageFailed: the embedding provider or the vector store failed.
    """
    dense = await vectors.refresh_ticket(host, described(host, thread))
    if dense is not None:
        return _embedded(thread, dense), True
    embedded = await embed(thread, embedder)
    await index(host, thread, embedded, vectors)
    return embedded, False


async def embed(thread: Thread, embedder: Embedder) -> Embedded:
    """Embed a thread.

    Raises:
        StageFailed: the embedding provider failed.
    """
    [dense] = await embedder.embed([subject_matter(thread, DENSE_CHARACTERS)])
    return _embedded(thread, dense)


def _embedded(thread: Thread, dense: list[float]) -> Embedded:
    text = subject_matter(thread, SPARSE_CHARACTERS)
    return Embedded(dense, sparse_vector(text), words(text, WORDS_KEPT), thread.language)


async def index(host: str, thread: Thread, embedded: Embedded, vectors: VectorStore) -> None:
    """Put a ticket where others find it, if it may be; an older revision never replaces a newer one.

    Raises:
        StageFailed: the vector store failed.
    """
    if thread.unlisted:
        return
    kept = msgspec.structs.asdict(described(host, thread))
    await vectors.put_tickets(host, [TicketPoint(**kept, dense=embedded.dense, sparse=embedded.sparse)])


def described(host: str, thread: Thread) -> TicketPayload:
    """What others learn of a ticket when they find it."""
    replies = [message.text for message in thread.said_by("agent") if message.text]
    return TicketPayload(
        ticket_id=thread.ticket_id,
        revision_ms=to_ms(thread.revision),
        subject=thread.subject,
        status=thread.status,
        resolved=thread.resolved,
        language=thread.language,
        created_ms=to_ms(thread.created_at),
        resolution=shorten(best_reply(replies), RESOLUTION_CHARACTERS) if thread.resolved else "",
        reply=whole_paragraphs(best_reply(replies), REPLY_CHARACTERS),
        url=f"https://{host}/a/tickets/{thread.ticket_id}",
        matter=matter(thread),
        articles=cited(replies),
        files=files_of(thread),
        group_id=thread.group_id,
        responder_id=thread.responder_id,
    )


def files_of(thread: Thread) -> list[File]:
    """The latest files of a thread, each with what was said beside it."""
    found = [
        File(
            attachment_id=file.attachment_id,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            about=shorten(message.text, ABOUT_CHARACTERS),
        )
        for message in thread.messages
        for file in message.attachments
    ]
    return found[-MOST_FILES:]


def cited(replies: list[str]) -> list[int]:
    """The ids of the articles that replies link to, under whatever host: only the tenant's own are looked up."""
    return list(dict.fromkeys(int(number) for reply in replies for number in CITED.findall(reply)))


def best_reply(replies: list[str]) -> str:
    """The reply that most likely carried the solution: the longest of the last three that an agent sent."""
    return max(replies[-3:], key=len, default="")


def whole_paragraphs(text: str, limit: int) -> str:
    """The paragraphs of a reply that fit into `limit` characters: an agent may send it, so it must not break off."""
    if len(text) <= limit:
        return text
    head, _, _ = text[:limit].rpartition("\n")
    return head.rstrip() or shorten(text, limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of one line, cut at a space, with an ellipsis where something is left out."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    head, _, _ = line[: limit - 1].rpartition(" ")
    return (head or line[: limit - 1]) + "…"
