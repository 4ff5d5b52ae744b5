"""What a ticket's texts are made of, as one digest: where it did not change, the texts stay and no model is asked.

Status, priority, tags, assignee and `updated_at` are not part of it: a ticket that is only moved costs one look at
Freshdesk. Replies also draw on similar tickets and articles; those that change later do not make replies wrong that
were right when they were written, so they stay. A change of the recipe makes everything again (a backfill does).
"""

import hashlib
from typing import NamedTuple, TypeVar

import msgspec

from ingest.stages.writing import Draft
from ingest.thread import Thread
from ingest.writers import prompts
from shared.canvas_store import CanvasStore, to_ms
from shared.models import Canvas, Reply, Summary

T = TypeVar("T")
DIGEST_BYTES = 12
"""Compared with one other digest of the same ticket only."""
READS_RESOLUTION = "extractive"
"""This writer says "Solved." or whose turn it is, out of the status; it costs no call, so it may write again."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.json.Decoder(Canvas).decode


class Kept(NamedTuple):
    """What an earlier run left that may be used again: a part is None where it must be made; `listed` are ids."""

    summary: Draft[Summary] | None = None
    replies: Draft[list[Reply]] | None = None
    listed: tuple[int, ...] = ()


def content_of(thread: Thread, recipe: str) -> bytes:
    """Digest of all that writers read of a thread, and of what makes them write as they do (`recipe`)."""
    said = [[m.author, m.author_name, m.text, to_ms(m.created_at)] for m in thread.messages]
    resolved = thread.resolved if recipe.startswith(READS_RESOLUTION) else None
    content = [recipe, *prompts.VERSIONS.values(), thread.language, thread.subject, thread.requester_name, resolved, said]
    return hashlib.blake2b(_encode(content), digest_size=DIGEST_BYTES).digest()


async def kept_parts(canvases: CanvasStore, host: str, ticket_id: int, content: bytes) -> Kept:
    """The parts of the stored Canvas that were made of this content by the writer that was wanted."""
    stored = await canvases.get(host, ticket_id)
    if stored is None or stored.tombstone:
        return Kept()
    try:
        canvas = _decode(stored.body)
    except msgspec.MsgspecError:  # of another version of ours: make it again
        return Kept()
    models = canvas.provenance.models
    summary, replies = None, None
    if stored.summary_of == content and canvas.summary is not None:
        summary = _draft("summary", canvas.summary, models)
    if stored.replies_of == content:
        replies = _draft("replies", canvas.replies, models)
    return Kept(summary, replies, tuple(ticket.ticket_id for ticket in canvas.similar_tickets))


def _draft(task: str, value: T, models: dict[str, str]) -> Draft[T]:
    return Draft(task=task, value=value, model=models.get(task, ""), calls=[], failures=[])
