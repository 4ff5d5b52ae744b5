"""Stage 6: recommend replies to the customer's last message, out of what worked before.

Where an agent has had the last word nothing is recommended, and where no similar ticket and no article says how to
answer neither, without asking a model: what it could write then would be its own invention. What any writer wrote is
vetted before it stays.
"""

import asyncio

import msgspec

from ingest.router.generation import Order
from ingest.router.router import Router
from ingest.stages.similar import SHOWN_TICKETS, Found
from ingest.stages.writing import SHOWN, Draft, Emit, write
from ingest.thread import Thread
from ingest.writers.protocol import Brief, Voice
from ingest.writers.vetting import Vetted, vetted
from shared.models import NoReplies, Reply
from shared.run_log import Event

NAME = "recommend"


class Recommended(msgspec.Struct, frozen=True, kw_only=True):
    """Replies as they were drafted; `why_none` where there are none."""

    draft: Draft[list[Reply]]
    why_none: NoReplies = ""


async def recommend(
    router: Router, order: Order, thread: Thread, found: Found, language: str, emit: Emit
) -> Recommended:
    """Replies by the first writer that succeeds, vetted.

    Raises:
        StageFailed: all writers failed.
    """
    # Those that the Canvas shows: an agent can look at what a reply rests on.
    neighbours = [neighbour for neighbour in found.neighbours()[:SHOWN_TICKETS] if neighbour.reply.strip()]
    articles = [article for article in found.sources() if article.public]
    why: NoReplies = "answered" if thread.waiting() is None else "" if neighbours or articles else "no_ground"
    if why:
        return Recommended(draft=nothing(), why_none=why)
    draft = await write(
        router,
        order,
        Event.REPLY_DELTA,
        lambda writer: writer.recommend(thread, neighbours, articles, language),
        emit,
    )
    offered = {f"ticket:{neighbour.ticket_id}" for neighbour in neighbours}
    offered |= {article.source for article in articles}
    voice = thread.voice if isinstance(thread, Brief) else Voice()
    found_good: Vetted = await asyncio.to_thread(vetted, draft.value, thread, offered, language, voice)
    first = draft.value[0].text if draft.value else ""
    if first and (not found_good.replies or found_good.replies[0].text != first):
        # Its words were shown while they were written, and they will not stay as they are.
        await emit(Event.RESET, {"part": Event.REPLY_DELTA.removesuffix(".delta")})
    return Recommended(draft=msgspec.structs.replace(draft, value=found_good.replies), why_none=found_good.why_none)


def nothing() -> Draft[list[Reply]]:
    """No replies, written by nobody."""
    _, part = SHOWN[Event.REPLY_DELTA]
    return Draft(task=part, value=[], model="", calls=[], failures=[])
