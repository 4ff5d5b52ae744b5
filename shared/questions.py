"""Questions that agents ask, and who answers them: a run without a ticket, fenced like one.

A question is asked once, and is not due for ever: a worker takes it under a lease, a killed worker is followed by
another, and after a few attempts, or when nobody can wait for it any more, its run ends with an error. Its words stand
in Redis until then, never on a queue. `PENDING` only tells where to look; the record decides.

    ask ─▶ take ─▶ (run) ─▶ settle ─▶ ended
             ▲                ├─▶ later  it failed; the next look at it wakes another worker
             └────────────────┴─▶ back   its worker stops; the attempt does not count
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.due import Appends, new_run_id
from shared.errors import BadInput, StageFailed
from shared.redis import script

Scope = Literal["tickets", "solutions", "images", "attachments"]
SCOPES: tuple[Scope, ...] = ("tickets", "solutions", "images", "attachments")
How = Literal["end", "later", "back"]
Look = Literal["ended", "busy", "waiting"]

MOST_CHARACTERS = 2000
"""Of a question: a page. What is longer is a ticket, and has a Canvas."""
MAX_ATTEMPTS = 3
PATIENCE = timedelta(minutes=2)
"""Nobody looks at a question for longer."""
UNCLAIMED = timedelta(seconds=2)
"""A question that no worker has by then has lost its wake-up."""
AGAIN_AFTER = timedelta(seconds=1)
LOOKED_AT = 50
"""Questions that one look wakes workers for."""

_encode = msgspec.json.Encoder().encode


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent wants to know. `types` is where to look (empty: everywhere); times bound when it was created.

    `language` is the answer's, None for the question's own.
    """

    text: str
    types: list[Scope] = msgspec.field(default_factory=list)
    since: datetime | None = None
    until: datetime | None = None
    language: Literal["ko", "en"] | None = None


_decode = msgspec.json.Decoder(Question).decode


@dataclass(frozen=True)
class QuestionClaim:
    """A worker's right to answer a question; `resumed` says that an earlier attempt left words in the log."""

    host: str
    run_id: str
    token: str
    question: Question
    attempt: int
    resumed: bool
    appends: Appends = field(default_factory=Appends, compare=False)


def check_question(question: Question) -> Question:
    """The question, if it can be answered.

    Raises:
        BadInput: it is empty or too long, or its times are no span.
    """
    if not question.text.strip() or len(question.text) > MOST_CHARACTERS:
        raise BadInput(f"A question has 1 to {MOST_CHARACTERS} characters")
    for moment in (question.since, question.until):
        if moment is not None and moment.tzinfo is None:
            raise BadInput("A time needs its time zone, such as 2026-11-23T00:00:00Z")
    if question.since and question.until and question.since >= question.until:
        raise BadInput("The time from which on to look must be before the one until which to look")
    return question


class Questions:
    """Asks, takes and settles questions; safe to use from any number of processes."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._ask = script(state, "ask")
        self._take = script(state, "take_question")
        self._settle = script(state, "settle_question")

    async def ask(self, host: str, question: Question) -> str:
        """Open a run for a question and return its id: its log exists when this returns. A worker is to be woken then.

        Raises:
            BadInput: the question can't be answered.
        """
        run_id = new_run_id()
        queued = _encode({"question": True})
        args: list[str | int | bytes] = [_encode(check_question(question)), _seconds(keys.RUN_LIFETIME), queued]
        # First where it will be looked for: a question that nobody looks for would wait in vain.
        await self._look_at(host, run_id, UNCLAIMED)
        await self._ask(keys=[keys.answer(host, run_id), keys.run(host, run_id)], args=args)
        return run_id

    async def take(self, host: str, run_id: str) -> QuestionClaim | None:
        """Take a question, or None: it has ended, another worker has it, or it was tried too often."""
        token = secrets.token_hex(12)
        given_up = _encode(StageFailed("This question could not be answered", kind="internal").problem())
        args: list[Any] = [token, _ms(keys.LEASE_LIFETIME), MAX_ATTEMPTS, _ms(PATIENCE), given_up]
        args.append(_seconds(keys.RUN_LIFETIME))
        answer = await self._take(keys=_places(host, run_id), args=args)
        if answer[0] != b"run":
            return None
        _, question, attempt, resumed = answer
        return QuestionClaim(host, run_id, token, _decode(question), int(attempt), bool(resumed))

    async def settle(self, claim: QuestionClaim, how: How, event: str = "", data: bytes = b"") -> bool:
        """End an attempt: for good with its last event, or to be tried again. False where the lease was lost."""
        args: list[Any] = [claim.token, how, event, data, _seconds(keys.RUN_LIFETIME)]
        settled = bool(await self._settle(keys=_places(claim.host, claim.run_id), args=args))
        if settled and how == "end":
            await self.forget(claim.host, claim.run_id)
        elif settled:
            await self._look_at(claim.host, claim.run_id, AGAIN_AFTER if how == "later" else timedelta(0))
        return settled

    async def due(self) -> list[tuple[str, str]]:
        """Questions to look at now, by host and run id, the longest waiting first."""
        seconds, micros = await self._state.time()
        now_ms = seconds * 1000 + micros // 1000
        found: Sequence[bytes] = await self._state.zrangebyscore(keys.ANSWERS, "-inf", now_ms, 0, LOOKED_AT)
        pairs = (member.decode().split(" ", 1) for member in found)
        return [(host, run_id) for host, run_id in pairs]

    async def look(self, host: str, run_id: str) -> Look:
        """What is the matter with a question, and when to look again: after its lease, or when a wake-up is lost."""
        record, lease, _ = _places(host, run_id)
        if not await self._state.hexists(record, "question"):  # type: ignore[misc]
            await self.forget(host, run_id)
            return "ended"
        if await self._state.exists(lease):
            await self._look_at(host, run_id, keys.LEASE_LIFETIME)
            return "busy"
        await self._look_at(host, run_id, UNCLAIMED)
        return "waiting"

    async def forget(self, host: str, run_id: str) -> None:
        """Look at a question no more."""
        await self._state.zrem(keys.ANSWERS, f"{host} {run_id}")

    async def _look_at(self, host: str, run_id: str, after: timedelta) -> None:
        seconds, micros = await self._state.time()
        at = seconds * 1000 + micros // 1000 + _ms(after)
        await self._state.zadd(keys.ANSWERS, {f"{host} {run_id}": at})


def _places(host: str, run_id: str) -> list[str]:
    return [keys.answer(host, run_id), keys.answer_lease(host, run_id), keys.run(host, run_id)]


def _seconds(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds())


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
