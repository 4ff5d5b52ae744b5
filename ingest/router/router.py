"""The one place that decides which model writes, how long anybody waits for it, and what happens where it fails.

The SDKs retry nothing. A text is asked for from one model after the other; as long as no agent has seen a word the same
model may be asked again, after as long as its provider wants. At the end stands the writer that needs no model, so that
an agent never sees an empty sidebar:

    model ─▶ next model ─▶ … ─▶ (wait, again) ─▶ extractive
      └─ breaker open, no slot, over budget: passed over without a call
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from types import MappingProxyType
from typing import Generic, TypeVar

import msgspec
import structlog

from ingest.router.attempt import Ask, Attempt, Chunks, NotAdmitted, first_to_begin
from ingest.router.breaker import Breaker
from ingest.router.budget import TokenBudget
from ingest.router.deferral import DEFERRED
from ingest.router.generation import LEAST_TIME, Generation, Order
from ingest.router.models import Models, TaskName
from ingest.router.slots import Priority, Slots
from ingest.writers.llm import LlmWriter
from ingest.writers.protocol import Delta, Written
from shared.errors import StageFailed
from shared.models import ModelCall

T = TypeVar("T")

BACKOFF_S = 0.25
LIMIT_PATIENCE: Mapping[Priority, timedelta] = {
    "interactive": timedelta(seconds=5),
    "live": timedelta(seconds=20),
    "backfill": timedelta(seconds=45),
}
"""The longest wait for a rate limit to end, as its provider has promised."""
PROBE_LOOK_S = 0.2
"""How often to look whether a probe has found the model back."""

log = structlog.get_logger()


class Reset(msgspec.Struct, frozen=True):
    """What was yielded so far is void: another model begins from the start."""


class Routed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A finished text, who wrote it, and all calls that were made for it.

    `failures` are the kinds of failures that forced the last resort to write; empty where a model wrote, or where none
    was wanted.
    """

    value: T
    model: str
    calls: list[ModelCall]
    failures: list[str]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How long a text may take in all, and when a second model starts beside a silent one.

    `hedge_after` is for calls that an agent waits for (None: never); `hedge_probe_after` for calls that find out
    whether a model is back, so that a provider that stalls costs its first-token deadline once and not at each probe.
    `outage_patience` is how long a text waits for a model that is out of use before the last resort writes it: without
    it, one bad moment would let workers degrade a whole backlog. An agent would rather have something now.
    """

    whole: timedelta = timedelta(seconds=90)
    hedge_after: timedelta | None = None
    hedge_probe_after: timedelta = timedelta(seconds=5)
    outage_patience: Mapping[Priority, timedelta] = field(
        default_factory=lambda: MappingProxyType(
            {
                "interactive": timedelta(seconds=2),
                "live": timedelta(seconds=6),
                "backfill": timedelta(seconds=36),
            }
        )
    )
    slots: int = 16
    slots_interactive: int = 4


class Router:
    """Writes by models, and by the last resort where they fail. One object a process."""

    def __init__(self, models: Models, breaker: Breaker, budget: TokenBudget, rules: Rules | None = None) -> None:
        self.models = models
        self._breaker = breaker
        self._budget = budget
        self._rules = rules or Rules()
        self._slots: dict[str, Slots] = {}

    async def write(self, task: TaskName, order: Order, ask: Ask[T]) -> AsyncGenerator[Delta | Reset | Routed[T], None]:
        """Write one text: deltas, a `Reset` where they are taken back, and one `Routed` at the end.

        `ask` starts the work with the writer it is given; it may be called several times.

        Raises:
            StageFailed: the last resort failed too.
        """
        deadline = asyncio.get_running_loop().time() + self._rules.whole.total_seconds()
        generation = Generation(
            task,
            order,
            deadline,
            limit_patience=LIMIT_PATIENCE[order.priority].total_seconds(),
            outage_patience=self._rules.outage_patience[order.priority].total_seconds(),
        )
        models = self.models.of(task, order.models.get(task, ()))
        if models and order.deferral is not None and await order.deferral.takes(task, models[0], ask):
            generation.failures.append(DEFERRED)
        elif models:
            reservation = await self._budget.reserve(order.host, order.daily_tokens)
            if reservation is None:
                generation.failures.append("budget")
            else:
                try:
                    async with aclosing(self._by_models(generation, ask)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                            if isinstance(chunk, Routed):
                                return
                finally:
                    await self._budget.settle(reservation, generation.tokens)
        async with aclosing(self._by_last_resort(generation, ask)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _by_models(self, generation: Generation, ask: Ask[T]) -> AsyncGenerator[Delta | Reset | Routed[T], None]:
        """Ask the models in turn, and again after a wait; ends without `Routed` where none could."""
        models = self.models.of(generation.task, generation.order.models.get(generation.task, ()))
        for number in count(1):
            generation.closed.clear()
            async with aclosing(self._one_pass(generation, models, ask)) as chunks:
                async for chunk in chunks:
                    yield chunk
                    if isinstance(chunk, Routed):
                        return
            wait = self._wait(generation, models, number)
            if wait is None:
                break
            await asyncio.sleep(wait)
        generation.failures += [admission.kind for admission in generation.closed.values()]

    async def _one_pass(
        self, generation: Generation, models: list[LlmWriter], ask: Ask[T]
    ) -> AsyncGenerator[Delta | Reset | Routed[T], None]:
        waiting = [model for model in models if generation.may_ask(model)]
        while waiting and not generation.exhausted:
            attempt = self._attempt(generation, waiting.pop(0), ask)
            begun = False
            try:
                async with aclosing(self._hedged(attempt, waiting)) as chunks:
                    async for chunk in chunks:
                        if isinstance(chunk, Written):
                            yield Routed(value=chunk.value, model=chunk.model, calls=generation.calls, failures=[])
                            return
                        begun = True
                        yield chunk
            except NotAdmitted:
                continue
            except StageFailed as error:
                log.warning("writer failed", task=generation.task, writer=attempt.model.name, kind=error.kind)
                generation.failures = generation.failures or [error.kind]  # there was no slot for it
            if begun:
                generation.shown = generation.order.priority == "interactive"
                yield Reset()

    async def _hedged(self, attempt: Attempt[T], waiting: list[LlmWriter]) -> Chunks[T]:
        """The chunks of an attempt, or those of the next model where that begins earlier."""
        hedge_after = self._rules.hedge_after if attempt.generation.order.priority == "interactive" else None

        def rival() -> Attempt[T] | None:
            if not waiting or attempt.generation.exhausted or not (hedge_after or attempt.probe):
                return None
            # What slows down one model of a provider mostly slows down the others.
            other = next((model for model in waiting if model.provider != attempt.model.provider), waiting[0])
            waiting.remove(other)
            return self._attempt(attempt.generation, other, attempt.ask)

        delay = (hedge_after or self._rules.hedge_probe_after).total_seconds()
        _, rest, first = await first_to_begin(attempt, rival, delay)
        async with aclosing(rest) as chunks:
            yield first
            async for chunk in chunks:
                yield chunk

    async def _by_last_resort(
        self, generation: Generation, ask: Ask[T]
    ) -> AsyncGenerator[Delta | Reset | Routed[T], None]:
        async with aclosing(ask(self.models.last_resort)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, Delta):
                    yield chunk
                else:
                    failures = generation.failures
                    yield Routed(value=chunk.value, model=chunk.model, calls=generation.calls, failures=failures)

    def _wait(self, generation: Generation, models: list[LlmWriter], number: int) -> float | None:
        """Seconds after which it is worth trying again, None where it is not. They are taken from its patience."""
        if generation.exhausted:
            return None
        backoff = BACKOFF_S * 2 ** min(number - 1, 4) * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads calls
        waits: list[tuple[float, str]] = []
        for model in models:
            closed = generation.closed.get(model.name)
            if not generation.may_ask(model):
                continue
            if closed is None:
                waits.append((_after(generation.last.get(model.name), backoff), "limit_patience"))
            elif closed.kind == "rate_limited":
                waits.append((closed.wait.total_seconds() + backoff / 4, "limit_patience"))
            else:
                until = PROBE_LOOK_S if closed.probing else closed.wait.total_seconds() + backoff / 4
                waits.append((until, "outage_patience"))
        possible = [(wait, pot) for wait, pot in waits if wait <= getattr(generation, pot)]
        wait, pot = min(possible, default=(generation.left, ""))
        if wait + LEAST_TIME.total_seconds() > generation.left:
            return None
        setattr(generation, pot, getattr(generation, pot) - wait)
        return wait

    def _attempt(self, generation: Generation, model: LlmWriter, ask: Ask[T]) -> Attempt[T]:
        rules = self._rules
        slots = self._slots.setdefault(model.provider, Slots(rules.slots, rules.slots_interactive))
        return Attempt(generation, model, self._breaker, slots, ask)


def _after(error: StageFailed | None, backoff: float) -> float:
    """Seconds after which a model may be asked again: what its provider said, where that is longer."""
    return backoff if error is None else max(backoff, error.retry_after.total_seconds())
