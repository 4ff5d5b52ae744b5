"""Summaries and replies by Anthropic's Messages API, streamed, with structured output. No sampling arguments exist."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeVar

from anthropic import AnthropicError, AsyncAnthropic
from anthropic.types import MessageDeltaUsage, TextBlockParam
from anthropic.types import Usage as StartUsage

from ingest.settings import IngestSettings
from ingest.writers.batch import BatchProvider
from ingest.writers.caching import cacheable
from ingest.writers.call import Limits
from ingest.writers.failures import Kind, failed
from ingest.writers.llm import LlmWriter, http_client, http_timeout
from ingest.writers.prompts import Task
from ingest.writers.protocol import Usage

T = TypeVar("T")

PROVIDER = "anthropic"
ACCEPTED = frozenset({"end_turn", "stop_sequence"})
STOPS: dict[str, Kind] = {"refusal": "refused", "model_context_window_exceeded": "context_too_long"}
"""All other stop reasons, and none at all (the body ended cleanly but too early), are `truncated`."""


@asynccontextmanager
async def anthropic_client(ingest: IngestSettings, limits: Limits | None = None) -> AsyncIterator[AsyncAnthropic]:
    """The provider's client as the settings want it; it retries nothing, since who routes between models does."""
    key = ingest.anthropic_api_key.get_secret_value() if ingest.anthropic_api_key else ""
    async with AsyncAnthropic(
        api_key=key,
        base_url=ingest.anthropic_base_url,
        max_retries=0,
        timeout=http_timeout(limits or Limits()),
        http_client=http_client(),
    ) as client:
        yield client


class AnthropicWriter(LlmWriter):
    """A model behind the Messages API."""

    sdk_error: ClassVar = AnthropicError

    def __init__(self, client: AsyncAnthropic, model: str, limits: Limits | None = None) -> None:
        super().__init__(PROVIDER, model, limits)
        self._client = client

    def batch_provider(self) -> BatchProvider | None:
        """Message Batches; see `LlmWriter`."""
        from ingest.writers.batch_anthropic import AnthropicBatches

        return AnthropicBatches(self._client)

    def batch_body(self, task: Task[T]) -> dict[str, Any]:
        """The body of a call; see `LlmWriter`."""
        system, stable = self._marked(task)
        return {
            "model": self.model,
            "max_tokens": task.max_tokens,
            "system": [system],
            "messages": [{"role": "user", "content": [*stable, {"type": "text", "text": task.user}]}],
            "output_config": {"format": {"type": "json_schema", "schema": task.form.schema}},
        }

    async def _pieces(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        started: StartUsage | None = None
        stop: str | None = None
        async with await self._client.messages.create(stream=True, **self.batch_body(task)) as events:
            async for event in events:
                if event.type == "content_block_delta":
                    yield event.delta.text if event.delta.type == "text_delta" else ""  # "": it thinks
                elif event.type == "message_start":
                    started = event.message.usage
                    yield _usage(started, None)  # all that is ever known of a call that breaks off
                elif event.type == "message_delta":
                    stop = event.delta.stop_reason
                    yield _usage(started, event.usage)
        if stop not in ACCEPTED:
            raise failed(STOPS.get(stop or "", "truncated"))

    def _marked(self, task: Task[T]) -> tuple[TextBlockParam, list[TextBlockParam]]:
        """The system prompt and the stable part of the message, each marked where it is long enough to be cached."""
        system: TextBlockParam = {"type": "text", "text": task.system}
        if cacheable(self.name, task.system):
            system["cache_control"] = {"type": "ephemeral"}
        if not task.stable:
            return system, []
        stable: TextBlockParam = {"type": "text", "text": task.stable}
        if cacheable(self.name, task.system + task.stable):
            stable["cache_control"] = {"type": "ephemeral"}
        return system, [stable]


def _usage(started: StartUsage | None, ended: MessageDeltaUsage | None) -> Usage:
    """Tokens of the call. Cached input is counted apart from `input_tokens` here, and is part of ours."""

    def tokens(name: str) -> int:
        """The end's count, which is cumulative; the start's where the end is silent."""
        return getattr(ended, name, None) or getattr(started, name, None) or 0

    cached, written = tokens("cache_read_input_tokens"), tokens("cache_creation_input_tokens")
    return Usage(
        input_tokens=tokens("input_tokens") + written + cached,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=tokens("output_tokens"),
    )
