"""Anthropic's Message Batches. A batch takes no name of ours, so one whose id was lost is looked for by its size and
time, and known by its calls' ids once it has ended; in the seconds before the list shows it, it can't be found.
"""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

from anthropic import AnthropicError, AsyncAnthropic
from anthropic.types import Message
from anthropic.types.messages import MessageBatchIndividualResponse

from ingest.writers.batch import SUBMIT_S, BatchAnswer, BatchCall, sdk_errors
from ingest.writers.failures import RAISED_WHILE_STREAMING, WORDS
from ingest.writers.protocol import Usage

ACCEPTED = frozenset({"end_turn", "stop_sequence"})
STOPS = {"refusal": "refused", "model_context_window_exceeded": "context_too_long"}
LISTED = 200
"""Batches that are looked through for a lost one, the newest first."""


class AnthropicBatches:
    """`BatchProvider` of Anthropic."""

    def __init__(self, client: AsyncAnthropic) -> None:
        self._batches = client.messages.batches

    async def submit(self, intent: str, calls: Sequence[BatchCall]) -> str:  # noqa: ARG002 - it takes no name
        """Hand calls over; see `BatchProvider`."""
        requests: Any = [{"custom_id": call.call_id, "params": json.loads(call.body)} for call in calls]
        with sdk_errors(AnthropicError):
            return (await self._batches.create(requests=requests, timeout=SUBMIT_S)).id

    async def find(
        self,
        intent: str,  # noqa: ARG002 - it took no name
        calls: int,
        since: datetime,
        known: Collection[str],
    ) -> str | None:
        """The newest batch of this size since then that nobody knows."""
        seen = 0
        with sdk_errors(AnthropicError):
            async for batch in self._batches.list(limit=100):
                counts, seen = batch.request_counts, seen + 1
                if batch.created_at < since or seen > LISTED:
                    return None
                total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
                if total == calls and batch.id not in known:
                    return batch.id
        return None

    async def ended(self, batch_id: str) -> bool:
        """Whether nothing more will happen to it."""
        with sdk_errors(AnthropicError):
            return (await self._batches.retrieve(batch_id)).processing_status == "ended"

    async def answers(self, batch_id: str) -> AsyncIterator[BatchAnswer]:
        """The answers of an ended batch; see `BatchProvider`."""
        with sdk_errors(AnthropicError):
            async for line in await self._batches.results(batch_id):
                yield _answer(line)

    async def cancel(self, batch_id: str) -> None:
        """Have it stop."""
        with sdk_errors(AnthropicError):
            await self._batches.cancel(batch_id)


def _answer(line: MessageBatchIndividualResponse) -> BatchAnswer:
    call_id = str(getattr(line, "custom_id", ""))
    try:
        if line.result.type == "succeeded":
            return _succeeded(call_id, line.result.message)
        if line.result.type == "errored":
            return BatchAnswer(call_id, failure=WORDS.get(line.result.error.error.type, "bad_request"))
        return BatchAnswer(call_id, failure=str(line.result.type))
    except RAISED_WHILE_STREAMING:  # one line of another form is one call without an answer
        return BatchAnswer(call_id, failure="unknown")


def _succeeded(call_id: str, message: Message) -> BatchAnswer:
    text = "".join(block.text for block in message.content if block.type == "text")
    used = message.usage
    cached, written = used.cache_read_input_tokens or 0, used.cache_creation_input_tokens or 0
    usage = Usage(
        input_tokens=used.input_tokens + cached + written,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=used.output_tokens,
    )
    stop = message.stop_reason or ""
    return BatchAnswer(call_id, text, usage, "" if stop in ACCEPTED else STOPS.get(stop, "truncated"))
