"""Let writers write in order of preference, and pass on what they write while they write it.

Where one fails after its first words were shown, `reset` takes them back before the next one begins, so that a reader
never sees half of two texts.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from ingest.writers.protocol import Delta, Usage, Writer, Written
from shared.errors import StageFailed
from shared.run_log import Event

T = TypeVar("T")
Emit = Callable[[Event, Any], Awaitable[None]]
Ask = Callable[[Writer], AsyncGenerator[Delta | Written[T]]]
log = structlog.get_logger()


class Draft(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A finished piece of writing; `failures` are the kinds in which preferred writers had failed before."""

    task: str
    value: T
    model: str
    usage: Usage
    failures: list[str]


async def write(task: str, part: Event, writers: Sequence[Writer], ask: Ask[T], emit: Emit) -> Draft[T]:
    """The first writer's work that succeeds; deltas are emitted as `part`.

    Raises:
        StageFailed: all of them failed; it is the last one's failure.
    """
    failure = StageFailed("No writer is configured", kind="unconfigured")
    failures: list[str] = []
    for writer in writers:
        try:
            written = await _follow(ask(writer), part, emit)
        except StageFailed as error:
            log.warning("writer failed", task=task, writer=writer.name, kind=error.kind)
            failure = error
            failures.append(error.kind)
            await emit(Event.RESET, {"part": part.value.removesuffix(".delta")})
            continue
        return Draft(task=task, value=written.value, model=written.model, usage=written.usage, failures=failures)
    raise failure


async def _follow(chunks: AsyncGenerator[Delta | Written[T]], part: Event, emit: Emit) -> Written[T]:
    written: Written[T] | None = None
    # Closed here, whatever happens: an abandoned generator would keep its provider call open.
    async with aclosing(chunks):
        async for chunk in chunks:
            if isinstance(chunk, Delta):
                await emit(part, {"text": chunk.text})
            else:
                written = chunk
    if written is None:
        raise StageFailed("The writer stopped before its end", kind="truncated")
    return written
