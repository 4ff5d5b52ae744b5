"""What a ticket's texts are made of, as digests: where it did not change, the texts stay and no model is asked.

Status, priority, tags, assignee and `updated_at` are not part of it: a ticket that is only moved costs one look at
Freshdesk. Nor are private notes part of what replies are made of. Where a ticket has only grown, a model reads its last
summary and the new messages; after so many times it reads everything again, so that drift can't pile up. Replies also
draw on similar tickets and articles; those that change later do not make replies wrong that were right when they were
written, so they stay. What a text is made by is part of it, too (`ingest.recipe`).
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from ingest.recipe import Recipe
from ingest.stages.writing import Draft
from ingest.thread import Message, Thread
from ingest.writers import prompts
from ingest.writers.blocks import cost, told
from ingest.writers.protocol import Brief, Earlier, Voice
from ingest.writers.recap import recap
from shared.canvas_store import CanvasStore, StoredCanvas, to_ms
from shared.models import Canvas, Reply, Summary

T = TypeVar("T")
DIGEST_BYTES = 12
"""Compared with one other digest of the same ticket only."""
READS_RESOLUTION = "extractive"
"""This writer says "Solved." or whose turn it is, out of the status; it costs no call, so it may write again."""
REBUILT_AFTER = 15
"""A summary that was brought up to date so often is written from the messages again, with the next one."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.json.Decoder(Canvas).decode


class Contents(NamedTuple):
    """Digests of what the summary and the replies are made of."""

    summary: bytes
    replies: bytes


class Kept(NamedTuple):
    """What an earlier run left that may be used again: a part is None where it must be made; `listed` are ids.

    `known` is how many of the first messages were read then and did not change since; `earlier` is the summary of them
    that may be brought up to date, and `updates` how often that was done since it was written from the messages.
    `canvas` is the whole of what was stored.
    """

    summary: Draft[Summary] | None = None
    replies: Draft[list[Reply]] | None = None
    listed: tuple[int, ...] = ()
    known: int = 0
    earlier: Earlier | None = None
    updates: int = 0
    canvas: Canvas | None = None


def content_of(thread: Thread, recipe: str) -> bytes:
    """Digest of all that a summary's writer reads of a thread, and of what makes it write as it does (`recipe`)."""
    resolved = thread.resolved if recipe.startswith(READS_RESOLUTION) else None
    return _digest([recipe, *_heads(thread), resolved, _said(thread.messages)])


def contents_of(thread: Thread, recipe: Recipe) -> Contents:
    """The digests of a thread as it is now."""
    replies = _digest([recipe.replies, *_heads(thread), _said(thread.public())])
    return Contents(content_of(thread, recipe.summary), replies)


async def kept_parts(canvases: CanvasStore, host: str, thread: Thread, recipe: Recipe, contents: Contents) -> Kept:
    """The parts of the stored Canvas that were made of this content by the writer that was wanted."""
    stored = await canvases.get(host, thread.ticket_id)
    if stored is None or stored.tombstone:
        return Kept()
    try:
        canvas = _decode(stored.body)
    except msgspec.MsgspecError:  # of another version of ours: make it again
        return Kept()
    models = canvas.provenance.models
    summary, replies = None, None
    if stored.summary_of == contents.summary and canvas.summary is not None:
        summary = _draft("summary", canvas.summary, models)
    if stored.replies_of == contents.replies:
        replies = _draft("replies", canvas.replies, models)
    known = _known(thread, recipe.summary, stored)
    earlier = _earlier(thread, known, canvas.summary) if stored.updates < REBUILT_AFTER else None
    listed = tuple(ticket.ticket_id for ticket in canvas.similar_tickets)
    return Kept(summary, replies, listed, known, earlier, stored.updates, canvas)


def brief_of(thread: Thread, kept: Kept, voice: Voice) -> Brief:
    """The thread as writers get it: an update reads what is new. CPU-bound, up to some 10 ms."""
    short: str | None = None
    if kept.known:
        public = thread.public()
        first, last = prompts.ends(public)
        short = recap(public[first:last], thread.subject)
    fields: dict[str, Any] = {name: getattr(thread, name) for name in thread.__struct_fields__}
    return Brief(**(fields | {"earlier": kept.earlier, "recap": short, "voice": voice}))


def _known(thread: Thread, recipe: str, stored: StoredCanvas) -> int:
    """How many of the first messages the stored summary has read, if all of them are as they were."""
    if not 0 < stored.covers <= len(thread.messages):
        return 0
    first = msgspec.structs.replace(thread, messages=thread.messages[: stored.covers])
    return stored.covers if content_of(first, recipe) == stored.summary_of else 0


def _earlier(thread: Thread, known: int, summary: Summary | None) -> Earlier | None:
    """The summary of the first messages, where reading it costs less than reading them."""
    if summary is None or not 0 < known < len(thread.messages):
        return None
    if sum(map(cost, thread.messages[:known])) <= len(told(summary)):
        return None
    return Earlier(covers=known, summaries=(summary,))


def _heads(thread: Thread) -> list[str]:
    return [thread.language, thread.subject, thread.requester_name]


def _said(messages: Sequence[Message]) -> list[Any]:
    return [[m.author, m.author_name, m.text, to_ms(m.created_at)] for m in messages]


def _digest(content: list[Any]) -> bytes:
    return hashlib.blake2b(_encode(content), digest_size=DIGEST_BYTES).digest()


def _draft(task: str, value: T, models: dict[str, str]) -> Draft[T]:
    return Draft(task=task, value=value, model=models.get(task, ""), calls=[], failures=[])
