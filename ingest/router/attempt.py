"""One call of one model on behalf of a generation: its slot, its breaker, its record; and two of them in a race.

Whatever ends a call (its result, its failure, a reader who left, a rival who was quicker), what it cost is noted and
its provider stops working.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ingest.router.breaker import Admission, Breaker
from ingest.router.generation import Generation
from ingest.router.slots import Slots
from ingest.writers.failures import failed
from ingest.writers.llm import LlmWriter
from ingest.writers.protocol import Delta, Writer, Written
from shared.errors import StageFailed
from shared.tasks import stop
from shared.tracing import span

T = TypeVar("T")
Ask = Callable[[Writer], AsyncGenerator[Delta | Written[T]]]
Chunks = AsyncGenerator[Delta | Written[T], None]


class NotAdmitted(Exception):
    """The model's breaker is open; the admission says why and for how long."""

    def __init__(self, admission: Admission) -> None:
        super().__init__(admission.kind)
        self.admission = admission


@dataclass
class Attempt(Generic[T]):
    """A call that may begin as soon as somebody reads its chunks."""

    generation: Generation
    model: LlmWriter
    breaker: Breaker
    slots: Slots
    ask: Ask[T]
    probe: bool = False
    """Whether it tries if the model is back; known once the call has begun."""

    async def chunks(self) -> Chunks[T]:
        """What the model writes; ends with a `Written`.

        Raises:
            NotAdmitted: the call was not made.
            StageFailed: it failed.
        """
        generation = self.generation
        async with self.slots.taken(generation.order.priority, generation.deadline):
            admission = await self.breaker.admit(self.model)
            if admission.state == "open":
                generation.closed[self.model.name] = admission
                raise NotAdmitted(admission)
            self.probe = admission.state == "probe"
            async with aclosing(self._followed(admission)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _followed(self, admission: Admission) -> Chunks[T]:
        """The call itself: it tells the breaker how it went, and the generation what it cost."""
        call = self.generation.begin(self.model, self.model.limits)
        began = time.perf_counter()
        outcome, begun = "abandoned", False
        # Never the task's current one: this generator may be closed by another task than the one that reads it.
        traced = span(f"model {self.model.name}", kind="client", model=self.model.name, task=self.generation.task)
        try:
            async with aclosing(self.ask(self.model.told_by(call))) as chunks:
                async for chunk in chunks:
                    if isinstance(chunk, Written):
                        await self.breaker.answered(self.model, admission)
                        outcome = "ok"
                        self.generation.note(self.model, call, outcome, began)  # before anybody reads the notes
                    elif not begun:
                        begun = True
                        self.probe = False  # it is back: the others need not wait until this text is finished
                        await self.breaker.answered(self.model, admission, finished=False)
                    yield chunk
            _must_be(outcome == "ok")
        except StageFailed as error:
            outcome = error.kind
            self.generation.failed(self.model, error)
            await self.breaker.failed(self.model, admission, error)
            raise
        except Exception:
            outcome = "internal"
            raise
        finally:
            if outcome != "ok":
                self.generation.note(self.model, call, outcome, began)
                traced.fail(outcome)
            traced.note(outcome=outcome)
            traced.end()


async def first_to_begin(
    first: Attempt[T], rival: Callable[[], Attempt[T] | None], delay_s: float
) -> tuple[Attempt[T], Chunks[T], Delta | Written[T]]:
    """The call that writes first, its further chunks, and the first one.

    `rival` is asked once, where the first one has sent nothing after `delay_s`; who comes second is stopped.

    Raises:
        NotAdmitted, StageFailed: all calls that were made have failed; it is the first one's.
    """
    running: dict[asyncio.Task[Delta | Written[T]], tuple[Attempt[T], Chunks[T]]] = {}
    problems: list[BaseException] = []

    def start(attempt: Attempt[T]) -> None:
        chunks = attempt.chunks()
        running[asyncio.ensure_future(_next(chunks))] = (attempt, chunks)

    start(first)
    timeout: float | None = delay_s
    try:
        while running:
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                timeout = None
                if (second := rival()) is not None:
                    start(second)
            for task in done:
                attempt, chunks = running.pop(task)
                if (problem := task.exception()) is None:
                    return attempt, chunks, task.result()
                problems.append(problem)
    finally:
        await _stopped(running)
    raise problems[0]


def _must_be(finished: bool) -> None:
    if not finished:
        raise failed("truncated")


async def _next(chunks: Chunks[T]) -> Delta | Written[T]:
    return await anext(chunks)


async def _stopped(running: dict[asyncio.Task[Any], tuple[Attempt[T], Chunks[T]]]) -> None:
    for task, (_, chunks) in running.items():
        await stop(task)
        if not task.cancelled():
            task.exception()  # it ended in the same moment as the winner; what it has to say was noted by its attempt
        await chunks.aclose()
