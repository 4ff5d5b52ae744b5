"""Texts that can wait: their calls are put aside for a provider's batch, just as they would have been made.

What a writer would send is taken from it before it is sent, so that prompts, models and forms are decided where they
always are. Until the batch has come back the last resort's text stands in their place.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, ClassVar, TypeVar

import msgspec

from ingest.router.models import TaskName
from ingest.writers.failures import failed
from ingest.writers.llm import LlmWriter
from ingest.writers.prompts import Task
from ingest.writers.protocol import Delta, Usage, Writer, Written
from shared.errors import StageFailed

T = TypeVar("T")

DEFERRED = "batch"
"""Why the last resort has written, where the model's text comes later."""


class DeferredCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that waits: `body` is its JSON; `links` and `offered` are what its answer may name, as it was asked."""

    task: TaskName
    model: str
    body: bytes
    links: list[str]
    offered: list[str]


class Deferral:
    """The calls that one run has put aside, by task."""

    def __init__(self) -> None:
        self.calls: dict[TaskName, DeferredCall] = {}

    async def takes(
        self, task: TaskName, model: LlmWriter, ask: Callable[[Writer], AsyncGenerator[Delta | Written[T]]]
    ) -> bool:
        """Put the call of a text aside; False where the model's provider has no batches, so that it is made now."""
        if not model.batches:
            return False
        taker = _Taker(model)
        try:
            async with aclosing(ask(taker)) as chunks:
                async for _ in chunks:
                    pass
        except StageFailed:
            if taker.task is None:
                raise
        if taker.task is None:
            return False
        form = taker.task.form
        self.calls[task] = DeferredCall(
            task=task,
            model=model.name,
            body=msgspec.json.encode(model.batch_body(taker.task)),
            links=sorted(form.links.found),
            offered=sorted(form.offered),
        )
        return True


class _Taker(LlmWriter):
    """Takes the task of a call, and makes none."""

    sdk_error: ClassVar = StageFailed

    def __init__(self, model: LlmWriter) -> None:
        super().__init__(model.provider, model.model)
        self.task: Task[Any] | None = None

    async def _pieces(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        self.task = task
        if task.max_tokens:
            raise failed("unknown")
        yield ""
