"""Summaries and replies by Anthropic's Messages API, streamed, with structured output. No sampling arguments exist."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ClassVar, TypeVar

from anthropic import AnthropicError, AsyncAnthropic
from anthropic.types import MessageDeltaUsage
from anthropic.types import Usage as StartUsage

from ingest.settings import IngestSettings
from ingest.writers.failures import Kind, failed
from ingest.writers.llm import CALL_LIMIT, TIMEOUT, LlmWriter, http_client
from ingest.writers.prompts import Task
from ingest.writers.protocol import Usage

T = TypeVar("T")

ACCEPTED = frozenset({"end_turn", "stop_sequence"})
STOPS: dict[str, Kind] = {"refusal": "refused", "model_context_window_exceeded": "context_too_long"}
"""All other stop reasons, and none at all (the body ended cleanly but too early), are `truncated`."""


@asynccontextmanager
async def anthropic_client(ingest: IngestSettings) -> AsyncIterator[AsyncAnthropic]:
    """The provider's client as the settings want it; it retries nothing, since who routes between models does."""
    key = ingest.anthropic_api_key.get_secret_value() if ingest.anthropic_api_key else ""
    async with AsyncAnthropic(
        api_key=key, base_url=ingest.anthropic_base_url, max_retries=0, timeout=TIMEOUT, http_client=http_client()
    ) as client:
        yield client


class AnthropicWriter(LlmWriter):
    """A model behind the Messages API."""

    provider: ClassVar = "anthropic"
    sdk_error: ClassVar = AnthropicError

    def __init__(self, client: AsyncAnthropic, model: str, limit: timedelta = CALL_LIMIT) -> None:
        super().__init__(model, limit)
        self._client = client

    async def _pieces(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        started: StartUsage | None = None
        ended: MessageDeltaUsage | None = None
        stop: str | None = None
        async with await self._client.messages.create(
            model=self.model,
            max_tokens=task.max_tokens,
            system=task.system,
            messages=[{"role": "user", "content": task.user}],
            output_config={"format": {"type": "json_schema", "schema": task.form.schema}},
            stream=True,
        ) as events:
            async for event in events:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text
                elif event.type == "message_start":
                    started = event.message.usage
                elif event.type == "message_delta":
                    stop, ended = event.delta.stop_reason, event.usage
        if stop not in ACCEPTED:
            raise failed(STOPS.get(stop or "", "truncated"))
        yield _usage(started, ended)


def _usage(started: StartUsage | None, ended: MessageDeltaUsage | None) -> Usage:
    """Tokens of the call. Cached input is counted apart from `input_tokens` here, and is part of ours."""

    def tokens(name: str) -> int:
        """The end's count, which is cumulative; the start's where the end is silent."""
        return getattr(ended, name, None) or getattr(started, name, None) or 0

    cached = tokens("cache_read_input_tokens")
    return Usage(
        input_tokens=tokens("input_tokens") + tokens("cache_creation_input_tokens") + cached,
        cached_tokens=cached,
        output_tokens=tokens("output_tokens"),
    )
