"""Let the router write, and pass on what is written while it is written.

Where a model fails after its first words were shown, `reset` takes them back before the next one begins, so that a
reader never sees half of two texts.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import msgspec

from ingest.router.attempt import Ask
from ingest.router.generation import Order
from ingest.router.models import TaskName
from ingest.router.router import Reset, Router
from ingest.writers.protocol import Delta
from shared.errors import StageFailed
from shared.models import ModelCall
from shared.run_log import Event

T = TypeVar("T")
Emit = Callable[[Event, Any], Awaitable[None]]

SHOWN: dict[Event, tuple[TaskName, str]] = {
    Event.SUMMARY_DELTA: ("summary", "summary"),
    Event.REPLY_DELTA: ("reply", "replies"),
    Event.ANSWER_DELTA: ("answer", "answer"),
}
"""By the event of its deltas: the task as models are chosen for it, and the Canvas's part as provenance names it."""


class Draft(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A finished piece of writing and the calls that were made for it.

    `failures` are the kinds in which all wanted models have failed, so that the last resort had to write.
    """

    task: str
    value: T
    model: str
    calls: list[ModelCall]
    failures: list[str]


async def write(router: Router, order: Order, part: Event, ask: Ask[T], emit: Emit) -> Draft[T]:
    """A text by whoever can; deltas are emitted as `part`.

    Raises:
        StageFailed: nobody could, not even the last resort.
    """
    task, name = SHOWN[part]
    # Closed here, whatever happens: an abandoned generator would keep its provider call open.
    async with aclosing(router.write(task, order, ask)) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Delta):
                await emit(part, {"text": chunk.text})
            elif isinstance(chunk, Reset):
                await emit(Event.RESET, {"part": part.value.removesuffix(".delta")})
            else:
                return Draft(
                    task=name, value=chunk.value, model=chunk.model, calls=chunk.calls, failures=chunk.failures
                )
    raise StageFailed("The writer stopped before its end", kind="truncated")
