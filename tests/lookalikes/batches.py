"""Batches of a look-alike: calls that come together and are answered later, out of order, or not at all.

Each call meets the script as if it had come alone: an answer, an answer that is no good, or a fault that becomes its
error. A batch ends at once, unless it is held; a test may let it expire or lose the answer to a request.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from tests.lookalikes.generation import next_item
from tests.lookalikes.scripts import Answer, Fault, Script
from tests.lookalikes.wire import LoggedRequest

if TYPE_CHECKING:
    from tests.lookalikes.provider import Provider

T = TypeVar("T")
State = Literal["in_progress", "ended", "expired", "cancelled"]


class Outcome(NamedTuple):
    """What one call came to: a document, or an error with its status."""

    call_id: str
    status: int
    body: dict[str, Any]


@dataclass
class MadeBatch:
    """A batch as its provider knows it. `created` are seconds since the epoch; `name` is OpenAI's metadata."""

    id: str
    created: float
    calls: dict[str, LoggedRequest]
    state: State = "in_progress"
    outcomes: list[Outcome] = field(default_factory=list)
    name: dict[str, str] = field(default_factory=dict)
    input_file: str = ""


class _Alone:
    """Stands for the exchange of a call that nobody waits for."""

    def __init__(self, request: LoggedRequest) -> None:
        self.request = request

    async def wait_for(self, awaitable: Awaitable[T]) -> T:
        """Its result."""
        return await awaitable


class Batches(ABC):
    """The batches of one provider. `made` are all of them, oldest first.

    While `held` none ends. `expire_after` is how many calls the next batch answers before it expires; None: all. So
    many of the next answers to a new batch are lost (`lose_answers`): it was made, and the client is not told so. The
    newest one is missing on so many of the next lists (`unlisted`).
    """

    def __init__(self, provider: "Provider") -> None:
        self.provider = provider
        self.made: list[MadeBatch] = []
        self.held = False
        self.expire_after: int | None = None
        self.lose_answers = 0
        self.unlisted = 0
        self.faults: deque[Fault] = deque()

    @property
    def calls(self) -> list[LoggedRequest]:
        """All calls of all batches."""
        return [call for batch in self.made for call in batch.calls.values()]

    def named(self, batch_id: str) -> MadeBatch | None:
        """The batch of this id."""
        return next((batch for batch in self.made if batch.id == batch_id), None)

    @abstractmethod
    def claims(self, request: LoggedRequest) -> bool:
        """Whether a request is about batches."""

    @abstractmethod
    async def answer(self, request: LoggedRequest, script: Script) -> bytes | None:
        """The body of the answer; None where the connection breaks instead. Raises Refused."""

    def fault(self, request: LoggedRequest) -> Fault | None:
        """What befalls this request in place of an answer."""
        return self.faults.popleft() if self.faults else None

    def lost(self) -> bool:
        """Whether the answer to this new batch is lost."""
        self.lose_answers, lost = max(0, self.lose_answers - 1), self.lose_answers > 0
        return lost

    def listed(self) -> list[MadeBatch]:
        """What a list shows now, the newest first."""
        self.unlisted, late = max(0, self.unlisted - 1), self.unlisted > 0
        return self.made[-2 if late else -1 :: -1] if len(self.made) > late else []

    async def settle(self, batch: MadeBatch, script: Script) -> None:
        """Let a batch end, unless batches are held."""
        if batch.state != "in_progress" or self.held:
            return
        await asyncio.sleep(0)
        calls = list(batch.calls.items())
        answered = calls if self.expire_after is None else calls[: self.expire_after]
        batch.outcomes = [await self._outcome(call_id, call, script) for call_id, call in reversed(answered)]
        batch.state = "ended" if self.expire_after is None else "expired"
        self.expire_after = None

    async def _outcome(self, call_id: str, call: LoggedRequest, script: Script) -> Outcome:
        provider = self.provider
        found = await next_item(_Alone(call), script, "generation", limit=provider.limit(call))  # type: ignore[arg-type]
        fault: Fault | None = found[0]
        answer: Answer = found[1]
        if fault and fault.effect == "status":
            return Outcome(call_id, *provider.problem_body(call, fault))
        wire = provider.wire(call, answer)
        return Outcome(call_id, 200, wire.document(wire.tokens, answer.stop))
