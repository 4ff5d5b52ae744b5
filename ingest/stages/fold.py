"""Very long threads fit by folding: parts of them are summarized once, and stand for their messages from then on.

Parts are cut from the first message on, so they stay the same while a ticket grows, and each is kept by its content.
What is folded here is read again only where an earlier message changes.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from ingest.router.generation import Order
from ingest.router.router import Router
from ingest.stages.writing import Draft, write
from ingest.thread import Message, Thread
from ingest.writers.blocks import cost
from ingest.writers.prompts import THREAD_CHARACTERS, VERSIONS
from ingest.writers.protocol import Brief, Earlier
from shared.models import Summary
from shared.run_log import Event

PART_CHARACTERS = 16_000
"""A part has about so many, and what is read whole at the end at least as many: some 30 messages of a usual ticket."""
MOST_PARTS = 24
"""Longer threads are cut into longer parts, whose own middle may be left out: nobody waits for a hundred calls."""
AT_ONCE = 4
"""Calls of one ticket at the same time."""

_encode = msgspec.msgpack.Encoder().encode


class Parts(Protocol):
    """Where summaries of a ticket's parts are kept, by the digest of what they were made of."""

    async def get(self, digests: Sequence[str]) -> dict[str, Summary]:
        """Those that are there."""
        ...

    async def put(self, digest: str, summary: Summary) -> None:
        """Keep one."""
        ...


async def fold(
    router: Router, order: Order, thread: Brief, language: str, kept: Parts
) -> tuple[Brief, list[Draft[Summary]]]:
    """The brief with its parts summarized, and the drafts that had to be made for it; as it is where a model can read
    all that it is given.

    Raises:
        StageFailed: nobody could write a part.
    """
    covered = thread.earlier.covers if thread.earlier else 0
    if sum(map(cost, thread.messages[covered:])) <= THREAD_CHARACTERS:
        return thread, []
    models = router.models.of("summary", order.models.get("summary", ()))
    if not models:  # the writer that needs none reads for nothing
        return thread, []
    parts = parts_of(thread.messages)
    digests = [digest_of(part, language, models[0].name) for part in parts]
    found = await kept.get(digests)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(digest: str, part: list[Message]) -> Draft[Summary] | None:
        if digest in found:
            return None
        alone = msgspec.structs.replace(thread, messages=part, earlier=None)
        async with slots:
            draft = await _written(router, order, alone, language)
        found[digest] = draft.value
        if not draft.failures:  # not what only stands in for a model's text
            await kept.put(digest, draft.value)
        return draft

    drafts = await asyncio.gather(*(one(digest, part) for digest, part in zip(digests, parts, strict=True)))
    earlier = Earlier(covers=sum(map(len, parts)), summaries=tuple(found[digest] for digest in digests))
    return msgspec.structs.replace(thread, earlier=earlier), [draft for draft in drafts if draft is not None]


def parts_of(messages: Sequence[Message]) -> list[list[Message]]:
    """The parts that a thread's beginning is cut into; what remains at its end is read as it is."""
    left = sum(map(cost, messages))
    size = max(PART_CHARACTERS, left // MOST_PARTS)
    parts: list[list[Message]] = []
    part: list[Message] = []
    filled = 0
    for message in messages:
        part.append(message)
        filled += cost(message)
        if filled >= size and left - filled >= PART_CHARACTERS:
            parts.append(part)
            left -= filled
            part, filled = [], 0
    return parts


def digest_of(part: Sequence[Message], language: str, model: str) -> str:
    """What the summary of a part depends on."""
    content = [VERSIONS["summary"], model, language, part]
    return hashlib.blake2b(_encode(content), digest_size=12).hexdigest()


async def _written(router: Router, order: Order, thread: Thread, language: str) -> Draft[Summary]:
    return await write(router, order, Event.SUMMARY_DELTA, lambda writer: writer.summarize(thread, language), _silent)


async def _silent(_: Event, __: Any) -> None:
    """Nobody is shown a part."""
