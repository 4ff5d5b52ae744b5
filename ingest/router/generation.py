"""One generation: a text that is wanted, the calls that were made for it, and how much time is left.

It is what the router knows while it tries one model after the other, and what a Canvas tells about it afterwards.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from ingest.router.breaker import Admission
from ingest.router.deferral import Deferral
from ingest.router.models import TaskName
from ingest.router.slots import Priority
from ingest.writers.call import Call, Limits
from ingest.writers.llm import LlmWriter
from ingest.writers.prices import cost_of
from shared.errors import StageFailed
from shared.metrics import (
    MODEL_CALLS,
    MODEL_DOLLARS,
    MODEL_FIRST_TOKEN_SECONDS,
    MODEL_SECONDS,
    MODEL_TOKENS,
    TENANT_DOLLARS,
    TENANT_TOKENS,
)
from shared.models import ModelCall

RETRIED = frozenset({"rate_limited", "overloaded", "connection", "unknown"})
"""Kinds after which the same model may be asked again for the same text. Not a time-out: its deadline is paid once."""
TRIES = 3
CALLS = 4
"""Of one model, and of all, for one text. With one call in three failing, 1.5 calls a text and 1 text in 80 without."""
LEAST_TIME = timedelta(seconds=1)
"""A call that must end sooner is not worth beginning."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Whose text it is and how urgent, the same for all texts of a run.

    `models` are the tenant's own names by task, and `daily_tokens` its limit (None: no limit).
    """

    host: str
    priority: Priority = "live"
    models: Mapping[TaskName, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    daily_tokens: int | None = None
    deferral: Deferral | None = None
    """Takes the calls of texts that can wait for a provider's batch; None: all are made now."""


@dataclass
class Generation:
    """What has been tried for one text. `deadline` is of the loop's clock."""

    task: TaskName
    order: Order
    deadline: float
    calls: list[ModelCall] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    limit_patience: float = 0.0
    """Seconds that may still be spent on waiting for a rate limit to end."""
    outage_patience: float = 0.0
    """Seconds that may still be spent on waiting for a model that is taken out of use, and for who probes it."""
    shown: bool = False
    """Whether an agent who waits has seen words of a call that failed: after that no model is asked twice."""
    last: dict[str, StageFailed] = field(default_factory=dict)
    """By model, its last failure."""
    closed: dict[str, Admission] = field(default_factory=dict)
    """By model, why it could not be asked in this pass."""
    _tries: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - asyncio.get_running_loop().time()

    @property
    def tokens(self) -> int:
        """Tokens of all calls."""
        return sum(call.input_tokens + call.output_tokens for call in self.calls)

    @property
    def exhausted(self) -> bool:
        """Whether no further call may begin."""
        return sum(self._tries.values()) >= CALLS or self.left < LEAST_TIME.total_seconds()

    def may_ask(self, model: LlmWriter) -> bool:
        """Whether a model may be asked (again) for this text."""
        if model.name not in self.last:
            return True
        return not self.shown and self.last[model.name].kind in RETRIED and self._tries.get(model.name, 0) < TRIES

    def failed(self, model: LlmWriter, error: StageFailed) -> None:
        """Note how a call of a model failed."""
        self.failures.append(error.kind)
        self.last[model.name] = error

    def begin(self, model: LlmWriter, limits: Limits) -> Call:
        """Count a call of a model, which may take what is left at most."""
        self._tries[model.name] = self._tries.get(model.name, 0) + 1
        whole = min(limits.whole, timedelta(seconds=max(0.0, self.left)))
        return Call(limits=Limits(first_token=limits.first_token, idle=limits.idle, whole=whole))

    def note(self, model: LlmWriter, call: Call, outcome: str, began: float) -> None:
        """Keep how a call ended, and count it; `began` is of `time.perf_counter`."""
        seconds, usage = time.perf_counter() - began, call.usage
        first = call.first_token_s
        noted = ModelCall(
            task=self.task,
            model=model.name,
            outcome=outcome,
            ms=round(seconds * 1000, 1),
            cost=cost_of(model.name, usage),
            first_token_ms=None if first is None else round(first * 1000, 1),
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
        )
        self.calls.append(noted)
        count_call(self.order.host, noted, seconds, first)


def totals(calls: Sequence[ModelCall]) -> tuple[dict[str, int], float | None]:
    """Tokens by kind and US dollars of all calls; None dollars where one call's price is unknown.

    `cached` tokens and those of a `cache_write`, which is left out where there was none, are part of the `input`.
    """
    tokens = {
        "input": sum(call.input_tokens for call in calls),
        "cached": sum(call.cached_tokens for call in calls),
        "output": sum(call.output_tokens for call in calls),
    }
    if written := sum(call.cache_write_tokens for call in calls):
        tokens["cache_write"] = written
    costs = [call.cost for call in calls]
    known = [cost for cost in costs if cost is not None]
    return tokens, sum(known) if len(known) == len(costs) else None


def count_call(host: str, call: ModelCall, seconds: float | None, first: float | None) -> None:
    """Count a call that has ended in the process's metrics; the times (s) are None where they say nothing."""
    place = {"model": call.model, "task": call.task}
    MODEL_CALLS.labels(**place, outcome=call.outcome).inc()
    if call.outcome == "ok" and seconds is not None:
        MODEL_SECONDS.labels(**place).observe(seconds)
    if first is not None:
        MODEL_FIRST_TOKEN_SECONDS.labels(**place).observe(first)
    fresh = call.input_tokens - call.cached_tokens - call.cache_write_tokens
    kinds = {
        "input": max(0, fresh),
        "cached": call.cached_tokens,
        "cache_write": call.cache_write_tokens,
        "output": call.output_tokens,
    }
    for kind, number in kinds.items():
        if number:
            MODEL_TOKENS.labels(**place, kind=kind).inc(number)
            TENANT_TOKENS.labels(tenant=host, **place, kind=kind).inc(number)
    if call.cost:
        MODEL_DOLLARS.labels(**place).inc(call.cost)
        TENANT_DOLLARS.labels(tenant=host, **place).inc(call.cost)
