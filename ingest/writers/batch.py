"""A provider's batch interface: calls that are handed over together, cost half, and are answered within a day.

What is asked and how an answer is judged is the same as for a call that is made at once; only the way there differs.
Anthropic and OpenAI have one; servers that only speak their protocols mostly have not.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, Protocol

from ingest.writers.failures import RAISED_WHILE_STREAMING, as_failure
from ingest.writers.protocol import Usage

MOST_CALLS = 1_000
MOST_BYTES = 8_000_000
"""Of one batch; providers take 50,000 calls and 200 MB. Smaller ones end sooner, and fit into memory three times."""
SUBMIT_S = 120.0
"""Seconds that handing a batch over may take: some megabytes, which the provider reads before it answers."""


class BatchCall(NamedTuple):
    """One call: its id within the batch, and its body as JSON."""

    call_id: str
    body: bytes


class BatchAnswer(NamedTuple):
    """What came of one call; `failure` is the kind in which it failed, "" where the model came to an accepted end."""

    call_id: str
    text: str = ""
    usage: Usage = Usage()
    failure: str = ""


class BatchProvider(Protocol):
    """One model behind its provider's batch interface. All methods raise `StageFailed`."""

    async def submit(self, intent: str, calls: Sequence[BatchCall]) -> str:
        """Hand calls over; returns the provider's id of the batch. `intent` is our own name for it."""
        ...

    async def find(self, intent: str, calls: int, since: datetime, known: Collection[str]) -> str | None:
        """The batch of this intent whose answer to `submit` was lost, or None. `known` are ids of other batches."""
        ...

    async def ended(self, batch_id: str) -> bool:
        """Whether nothing more will happen to it."""
        ...

    def answers(self, batch_id: str) -> AsyncIterator[BatchAnswer]:
        """The answers of a batch that has ended, in any order; calls without one were not made."""
        ...

    async def cancel(self, batch_id: str) -> None:
        """Have it stop; what was answered by then has its price."""
        ...


@contextmanager
def sdk_errors(sdk_error: type[Exception]) -> Iterator[None]:
    """Errors of an SDK as our own, without what they quote.

    Raises:
        StageFailed: the block raised one.
    """
    try:
        yield
    except (sdk_error, *RAISED_WHILE_STREAMING) as error:
        failure = as_failure(error)
    else:
        return
    raise failure  # outside of `except`, so that it does not carry the provider's error as its context
