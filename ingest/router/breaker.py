"""The circuit breakers of all models, shared by all processes through Redis, so that each learns what one has paid for.

A model that fails some times in a row is left alone, and one call after another may try whether it is back: at most one
in five seconds, whoever asks. What the provider says about itself (a rate limit, a spent account, a key that is not
accepted) counts at once. A spent account closes the way to all models of its provider.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingest.writers.llm import LlmWriter
from shared import keys, lifetimes
from shared.errors import StageFailed
from shared.metrics import MODEL_OPENED
from shared.redis import script

State = Literal["closed", "probe", "open"]

PROBE_EVERY = timedelta(seconds=5)
"""A provider that is down costs at most one call in this time."""
THRESHOLD = 5
"""Failures in a row; one call in three failing gives five in a row once in 250 calls."""
WINDOW = timedelta(seconds=60)
REFUSED_FOR = timedelta(seconds=60)
"""Somebody must pay or change a key first."""
LONGEST_LIMIT = timedelta(minutes=10)
"""A provider that asks for more time than that is asked again after it."""

SILENT = {"timeout": "stall", "connection": "gone"}
"""Kinds in which nothing was heard of the model; a time-out opens if nobody else has heard of it either."""
AT_ONCE = frozenset({"auth", "spend_limit", "rate_limited"})
OF_PROVIDER = frozenset({"spend_limit"})
ANSWERED = frozenset({"refused", "context_too_long", "invalid_output"})
"""The model works; it is the ticket, or what it wrote."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Whether a call may begin. `wait` is the time until the next chance where it may not, and `kind` why.

    `probing` says that a probe is on its way, whose answer will be known soon.
    """

    state: State
    token: str
    began_ms: int
    wait: timedelta = timedelta(0)
    kind: str = ""
    probing: bool = False


class Breaker:
    """Opens and closes the ways to models. Where Redis is away every call may begin, and nothing is learned."""

    def __init__(self, state: Redis) -> None:
        self._admit = script(state, "breaker_admit")
        self._ok = script(state, "breaker_ok")
        self._failed = script(state, "breaker_failed")

    async def admit(self, model: LlmWriter) -> Admission:
        """Ask for a call of a model; a probe must report how it went."""
        token = secrets.token_hex(8)
        try:
            answer = await self._admit(keys=_keys(model), args=[token, _ms(PROBE_EVERY)])
        except (RedisError, OSError):
            return Admission(state="closed", token=token, began_ms=0)
        state, began_ms = answer[0].decode(), int(answer[1])
        if state != "open":
            return Admission(state=state, token=token, began_ms=began_ms)
        return Admission(
            state="open",
            token=token,
            began_ms=began_ms,
            wait=timedelta(milliseconds=int(answer[2])),
            kind=answer[3].decode(),
            probing=bool(int(answer[4])),
        )

    async def answered(self, model: LlmWriter, admission: Admission, *, finished: bool = True) -> None:
        """The model has begun to answer, or has `finished`: close. Only a good end forgets failures before it."""
        arguments = [admission.began_ms, _seconds(lifetimes.BREAKER_LIFETIME), int(finished)]
        try:
            await self._ok(keys=_keys(model), args=arguments)
        except (RedisError, OSError) as error:
            log.warning("breaker not closed", model=model.name, reason=type(error).__name__)

    async def failed(self, model: LlmWriter, admission: Admission, error: StageFailed) -> None:
        """A call has failed: count it, or open."""
        if error.kind in ANSWERED:
            await self.answered(model, admission)
            return
        limited = error.kind == "rate_limited"
        how = "open" if error.kind in AT_ONCE else SILENT.get(error.kind, "count")
        key = keys.breaker(model.provider) if error.kind in OF_PROVIDER else _keys(model)[0]
        arguments: list[str | int] = [
            *(admission.token, admission.began_ms, error.kind, how, _ms(_stays_open(error)), THRESHOLD, _ms(WINDOW)),
            *(_seconds(lifetimes.BREAKER_LIFETIME), int(limited)),
        ]
        try:
            opened = await self._failed(keys=[key], args=arguments)
        except (RedisError, OSError) as problem:
            log.warning("failure not counted", model=model.name, reason=type(problem).__name__)
            return
        if opened:
            MODEL_OPENED.labels(model=model.name, kind=error.kind).inc()
            log.warning("model taken out of use", model=model.name, kind=error.kind)


def _stays_open(error: StageFailed) -> timedelta:
    if error.kind == "rate_limited":
        return min(error.retry_after, LONGEST_LIMIT)
    return REFUSED_FOR if error.kind in AT_ONCE else max(PROBE_EVERY, min(error.retry_after, LONGEST_LIMIT))


def _keys(model: LlmWriter) -> list[str]:
    return [keys.breaker_of_model(model.provider, model.model), keys.breaker(model.provider)]


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
