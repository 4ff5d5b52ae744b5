"""Calls of OpenAI's SDK that the tests make, in the same words for Responses and Chat Completions."""

from dataclasses import dataclass, field
from typing import Any

from openai import AsyncOpenAI
from openai.types.responses import ResponseErrorEvent, ResponseFailedEvent

from tests.lookalikes.anthropic_calls import PROMPT, Summary


@dataclass
class Got:
    """What came of one call, in the same words for both APIs. `finish` is None where the answer had no end."""

    text: str = ""
    finish: str | None = None
    refusal: str | None = None
    pieces: list[str] = field(default_factory=list)
    output_tokens: int | None = None
    failure: str | None = None


class Chat:
    """Calls Chat Completions."""

    path = "chat/completions"

    async def whole(self, client: AsyncOpenAI, prompt: str = PROMPT, **more: Any) -> Got:
        made = await client.chat.completions.create(
            model="gpt-6-luna", messages=[{"role": "user", "content": prompt}], **more
        )
        message, usage = made.choices[0].message, made.usage
        return Got(
            message.content or "", made.choices[0].finish_reason, message.refusal, [], usage and usage.completion_tokens
        )

    async def stream(self, client: AsyncOpenAI, got: Got, prompt: str = PROMPT) -> Got:
        async with await client.chat.completions.create(
            model="gpt-6-luna",
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
        ) as chunks:
            async for chunk in chunks:
                if chunk.usage:
                    got.output_tokens = chunk.usage.completion_tokens
                for choice in chunk.choices:
                    got.finish = choice.finish_reason or got.finish
                    if choice.delta.refusal:
                        got.refusal = (got.refusal or "") + choice.delta.refusal
                    if choice.delta.content:
                        got.pieces.append(choice.delta.content)
        got.text = "".join(got.pieces)
        return got

    async def parse(self, client: AsyncOpenAI, prompt: str) -> Summary | None:
        made = await client.chat.completions.parse(
            model="gpt-6-luna", messages=[{"role": "user", "content": prompt}], response_format=Summary
        )
        return made.choices[0].message.parsed


class Responses:
    """Calls Responses, and says finish reasons as Chat Completions does."""

    path = "responses"

    def seen(self, response: Any, got: Got) -> Got:
        got.text = response.output_text
        got.output_tokens = response.usage.output_tokens if response.usage else None
        for item in response.output:
            got.refusal = next((part.refusal for part in item.content if part.type == "refusal"), None)
        if response.status == "incomplete":
            reason = response.incomplete_details.reason
            got.finish = "length" if reason == "max_output_tokens" else reason
        elif response.status == "completed":
            got.finish = "stop"
        return got

    async def whole(self, client: AsyncOpenAI, prompt: str = PROMPT, **more: Any) -> Got:
        if "max_completion_tokens" in more:
            more["max_output_tokens"] = more.pop("max_completion_tokens")
        return self.seen(await client.responses.create(model="gpt-6-luna", input=prompt, **more), Got())

    async def stream(self, client: AsyncOpenAI, got: Got, prompt: str = PROMPT) -> Got:
        async with client.responses.stream(model="gpt-6-luna", input=prompt) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    got.pieces.append(event.delta)
                elif event.type in ("response.completed", "response.incomplete"):
                    self.seen(event.response, got)
                elif isinstance(event, ResponseFailedEvent) and event.response.error:
                    got.failure = event.response.error.code
                elif isinstance(event, ResponseErrorEvent):
                    got.failure = event.code
        return got

    async def parse(self, client: AsyncOpenAI, prompt: str) -> Summary | None:
        made = await client.responses.parse(model="gpt-6-luna", input=prompt, text_format=Summary)
        return made.output_parsed


Api = Chat | Responses
