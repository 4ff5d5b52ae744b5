"""Runs that agents ask for, and who does them: a run without a ticket's place in the ledger, fenced like one.

What is wanted (a question's answer, a reply, a file's address) is asked for once, and is not due for ever: a worker
takes it under a lease, a killed worker is followed by another, and after a few attempts, or when nobody waits for it
any more, its run ends with an error. Its words stand in Redis until then, never on a queue. `ANSWERS` only tells where
to look; the record decides.

    ask ─▶ take ─▶ (run) ─▶ settle ─▶ ended
             ▲                ├─▶ later  it failed; the next look at it wakes another worker
             └────────────────┴─▶ back   its worker stops; the attempt does not count
    leave (the last one who watched has gone) ─▶ ended; the worker learns it by its lease, which is gone
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.asked import FILE_LIFETIME, PATIENCE, Access, Wanted, WantedFile, checked, decode, encode
from shared.due import Appends, new_run_id
from shared.errors import RunCancelled, StageFailed
from shared.redis import script

How = Literal["end", "later", "back"]
Look = Literal["ended", "busy", "waiting"]

MAX_ATTEMPTS = 3
UNCLAIMED = timedelta(seconds=2)
"""What no worker has by then has lost its wake-up."""
AGAIN_AFTER = timedelta(seconds=1)
LOOKED_AT = 50
"""Runs that one look wakes workers for."""
PREFIX = "ask-"
"""Of these runs' ids: tells them from those of tickets."""

_json = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class QuestionClaim:
    """A worker's right to do what is wanted; `resumed` says that an earlier attempt left words in the log."""

    host: str
    run_id: str
    token: str
    wanted: Wanted
    attempt: int
    resumed: bool
    appends: Appends = field(default_factory=Appends, compare=False)


def is_asked(run_id: str) -> bool:
    """Whether a run is one that an agent asked for, by its id."""
    return len(run_id) == len(PREFIX) + 22 and run_id.startswith(PREFIX)


class Questions:
    """Asks, takes and settles; safe to use from any number of processes."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._ask = script(state, "ask")
        self._take = script(state, "take_question")
        self._settle = script(state, "settle_question")
        self._cancel = script(state, "cancel_question")

    async def ask(self, host: str, wanted: Wanted) -> str:
        """Open a run for what is wanted; return its id: its log exists when this returns. A worker is to be woken then.

        Raises:
            BadInput: it can't be done.
        """
        run_id = PREFIX + new_run_id()
        queued = _json({"asked": True})
        args: list[str | int | bytes] = [encode(checked(wanted)), _seconds(lifetimes.RUN_LIFETIME), queued]
        args.append(wanted.access.agent_id)
        # First where it will be looked for: what nobody looks for would wait in vain.
        await self._look_at(host, run_id, UNCLAIMED)
        await self._ask(keys=[keys.answer(host, run_id), keys.run(host, run_id)], args=args)
        return run_id

    async def belongs_to(self, host: str, run_id: str, access: Access) -> bool:
        """Whether an agent with this access may follow a run: what was made for one is not for who sees other tickets.

        Of a restricted agent it is its own, of all others it is everybody's who sees everything.
        """
        owner = await self._state.hget(keys.answer(host, run_id), "owner")  # type: ignore[misc]
        return int(owner or 0) == access.agent_id

    async def take(self, host: str, run_id: str) -> QuestionClaim | None:
        """Take what is wanted, or None: it has ended, another worker has it, or it was tried too often."""
        token = secrets.token_hex(12)
        given_up = _json(StageFailed("This could not be done in time", kind="internal").problem())
        args: list[Any] = [token, _ms(lifetimes.LEASE_LIFETIME), MAX_ATTEMPTS, _ms(PATIENCE), given_up]
        args.append(_seconds(lifetimes.RUN_LIFETIME))
        answer = await self._take(keys=_places(host, run_id), args=args)
        if answer[0] != b"run":
            return None
        _, wanted, attempt, resumed = answer
        return QuestionClaim(host, run_id, token, decode(wanted), int(attempt), bool(resumed))

    async def settle(self, claim: QuestionClaim, how: How, event: str = "", data: bytes = b"") -> bool:
        """End an attempt: for good with its last event, or to be tried again. False where the lease was lost."""
        # A file's address stands in its last event, and for as long as that is good for something.
        lifetime = FILE_LIFETIME if isinstance(claim.wanted, WantedFile) else lifetimes.RUN_LIFETIME
        args: list[Any] = [claim.token, how, event, data, _seconds(lifetime)]
        settled = bool(await self._settle(keys=_places(claim.host, claim.run_id), args=args))
        if settled and how == "end":
            await self.forget(claim.host, claim.run_id)
        elif settled:
            await self._look_at(claim.host, claim.run_id, AGAIN_AFTER if how == "later" else timedelta(0))
        return settled

    async def watch(self, host: str, run_id: str, process: str) -> None:
        """A process of serve has clients that wait for a run."""
        name = keys.answer_watchers(host, run_id)
        async with self._state.pipeline(transaction=True) as pipe:
            pipe.sadd(name, process)
            pipe.expire(name, lifetimes.RUN_LIFETIME)
            await pipe.execute()

    async def leave(self, host: str, run_id: str, process: str) -> bool:
        """A process has none any more: the run is ended if no other one has. True where it was."""
        names = [*_places(host, run_id), keys.answer_watchers(host, run_id)]
        cancelled = _json(RunCancelled().problem())
        ended = await self._cancel(keys=names, args=["error", cancelled, _seconds(lifetimes.RUN_LIFETIME), process])
        if ended:
            await self.forget(host, run_id)
        return bool(ended)

    async def due(self) -> list[tuple[str, str]]:
        """Runs to look at now, by host and run id, the longest waiting first."""
        seconds, micros = await self._state.time()
        now_ms = seconds * 1000 + micros // 1000
        found: Sequence[bytes] = await self._state.zrangebyscore(keys.ANSWERS, "-inf", now_ms, 0, LOOKED_AT)
        pairs = (member.decode().split(" ", 1) for member in found)
        return [(host, run_id) for host, run_id in pairs]

    async def look(self, host: str, run_id: str) -> Look:
        """What is the matter with a run, and when to look again: after its lease, or when a wake-up is lost."""
        record, lease, _ = _places(host, run_id)
        if not await self._state.hexists(record, "question"):  # type: ignore[misc]
            await self.forget(host, run_id)
            return "ended"
        if await self._state.exists(lease):
            await self._look_at(host, run_id, lifetimes.LEASE_LIFETIME)
            return "busy"
        await self._look_at(host, run_id, UNCLAIMED)
        return "waiting"

    async def forget(self, host: str, run_id: str) -> None:
        """Look at a run no more."""
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
