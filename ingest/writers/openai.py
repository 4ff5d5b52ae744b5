"""Summaries and replies by OpenAI's Responses API, or by Chat Completions, which every compatible server speaks.

Both are streamed, with a JSON schema. A compatible server may not know all that OpenAI's own does: what it refuses by
name it is not sent again, and a schema that it does not know goes into the prompt.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from openai import AsyncOpenAI, AsyncStream, BadRequestError, OpenAIError, UnprocessableEntityError
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import (
    EasyInputMessageParam,
    Response,
    ResponseFormatTextJSONSchemaConfigParam,
    ResponseInputTextParam,
    ResponseStreamEvent,
)
from openai.types.shared_params import ResponseFormatJSONSchema

from ingest.settings import IngestSettings
from ingest.writers.batch import BatchProvider
from ingest.writers.caching import cache_key, cacheable
from ingest.writers.call import Limits
from ingest.writers.failures import Kind, failed, failed_with_code
from ingest.writers.llm import LlmWriter, http_client, http_timeout
from ingest.writers.openai_usage import usage_of_chat, usage_of_response
from ingest.writers.prices import price_of
from ingest.writers.prompts import Task
from ingest.writers.protocol import Usage

T = TypeVar("T")
Api = Literal["responses", "chat"]

PROVIDER = "openai"
BASE_URL = "https://api.openai.com/v1"
SCHEMAS = re.compile(r"response_format|json_schema|structured output")
_NOT_KNOWN = r"(?:unknown|unrecogni[sz]ed|unsupported|unexpected|extra|not (?:supported|permitted|allowed|known))"
UNKNOWN_LIMIT = re.compile(
    rf"{_NOT_KNOWN}.{{0,120}}max_completion_tokens|max_completion_tokens.{{0,120}}{_NOT_KNOWN}", re.DOTALL
)
"""Not every word of this limit: who complains that a prompt is too long names it, too."""
FINISHES: dict[str, Kind] = {"content_filter": "refused"}
"""Why an answer is no good; all other reasons, and none at all (a clean but early end), are `truncated`."""


@asynccontextmanager
async def openai_client(ingest: IngestSettings, limits: Limits | None = None) -> AsyncIterator[AsyncOpenAI]:
    """The provider's client as the settings want it."""
    key = ingest.openai_api_key.get_secret_value() if ingest.openai_api_key else ""
    async with compatible_client(ingest.openai_base_url or BASE_URL, key, limits) as client:
        yield client


@asynccontextmanager
async def compatible_client(url: str, key: str, limits: Limits | None = None) -> AsyncIterator[AsyncOpenAI]:
    """A client of any server that speaks OpenAI's protocol; it retries nothing, since who routes between models does.

    A server of one's own often wants no key, which the SDK would not believe.
    """
    async with AsyncOpenAI(
        api_key=key or "none",
        base_url=url,
        max_retries=0,
        timeout=http_timeout(limits or Limits()),
        http_client=http_client(),
    ) as client:
        yield client


def openai_api(ingest: IngestSettings) -> Api:
    """Which API to speak: "auto" is Responses at OpenAI itself, Chat Completions elsewhere."""
    if ingest.openai_api != "auto":
        return ingest.openai_api
    return "responses" if ingest.openai_base_url is None else "chat"


@dataclass
class Server:
    """What was learned of a server while it was used, for all calls of a writer: it knows everything, until it refuses
    a part of a request by its name; each says it in its own words.
    """

    knows_schemas: bool = True
    knows_limit: bool = True
    """`max_completion_tokens`; servers that began earlier call it `max_tokens`."""
    tells_usage: bool = True
    """`stream_options`, without which a stream has no usage."""

    def learns(self, error: BadRequestError | UnprocessableEntityError) -> bool:
        """Whether the error says something new, so that it is worth asking again."""
        told = f"{error.param} {error.message}".lower()
        if self.knows_schemas and SCHEMAS.search(told):
            self.knows_schemas = False
        elif self.knows_limit and (error.param == "max_completion_tokens" or UNKNOWN_LIMIT.search(told)):
            self.knows_limit = False
        elif self.tells_usage and "stream_options" in told:
            self.tells_usage = False
        else:
            return False
        return True


class OpenAIWriter(LlmWriter):
    """A model behind one of the two APIs, at OpenAI or at a compatible server that goes by another name."""

    sdk_error: ClassVar = OpenAIError

    def __init__(
        self, client: AsyncOpenAI, model: str, api: Api, limits: Limits | None = None, provider: str = PROVIDER
    ) -> None:
        super().__init__(provider, model, limits)
        self._client = client
        self._api = api
        self._server = Server()

    def _pieces(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        return self._respond(task) if self._api == "responses" else self._chat(task)

    def batch_provider(self) -> BatchProvider | None:
        """Batches, at OpenAI itself; see `LlmWriter`."""
        if self.provider != PROVIDER:
            return None
        from ingest.writers.batch_openai import OpenAIBatches

        return OpenAIBatches(self._client, "/v1/responses" if self._api == "responses" else "/v1/chat/completions")

    def batch_body(self, task: Task[T]) -> dict[str, Any]:
        """The body of a call; see `LlmWriter`."""
        return self._response_body(task) if self._api == "responses" else self._chat_body(task)

    def _response_body(self, task: Task[T]) -> dict[str, Any]:
        return {
            "model": self.model,
            "max_output_tokens": task.max_tokens,
            "text": {"format": _text_format(task)},
            "store": False,  # else OpenAI keeps customers' words for 30 days
            **self._prompt(task),
        }

    async def _respond(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        response: Response | None = None
        async with await self._client.responses.create(stream=True, **self._response_body(task)) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    yield event.delta or ""  # a server that is no good may leave it out
                elif event.type in ("response.reasoning_text.delta", "response.reasoning_summary_text.delta"):
                    yield ""  # it thinks
                elif event.type in ("response.completed", "response.incomplete"):
                    response = event.response
                else:
                    _check(event)
        if response is not None and response.usage:
            yield usage_of_response(response.usage)
        if response is None or response.status != "completed":
            details = response.incomplete_details if response else None
            raise failed(FINISHES.get((details.reason if details else None) or "", "truncated"))

    def _prompt(self, task: Task[T]) -> dict[str, Any]:
        """The prompt, with what helps its provider to cache the stable part where that is long enough.

        From 5.6 on OpenAI caches every long prompt unless told otherwise and charges for it, although ours begin alike
        only where we say so.
        """
        stable = task.system + task.stable
        key = {"prompt_cache_key": cache_key(task.form.name, stable)} if cacheable(self.name, stable) else {}
        price = price_of(self.name)
        if price is None or not price.charges_for_writing:
            return {"instructions": task.system, "input": task.stable + task.user, **key}
        parts = [_part(task.user)]
        if task.stable:
            parts.insert(0, _part(task.stable, mark=bool(key)))
        system = EasyInputMessageParam(
            role="developer", content=[_part(task.system, mark=cacheable(self.name, task.system))]
        )
        return {
            "input": [system, EasyInputMessageParam(role="user", content=[*parts])],
            "prompt_cache_options": {"mode": "explicit"},
            **key,
        }

    async def _chat(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        finish: str | None = None
        async with await self._open_chat(task) as chunks:
            async for chunk in chunks:
                if chunk.usage:
                    yield usage_of_chat(chunk.usage)
                for choice in chunk.choices or ():  # compatible servers leave out what has no value
                    finish = choice.finish_reason or finish
                    if getattr(choice.delta, "refusal", None):
                        raise failed("refused")
                    if text := getattr(choice.delta, "content", None):
                        yield text
                    elif getattr(choice.delta, "reasoning_content", None):
                        yield ""
        if finish != "stop":
            raise failed(FINISHES.get(finish or "", "truncated"))

    async def _open_chat(self, task: Task[T]) -> AsyncStream[ChatCompletionChunk]:
        """Ask; where the server refuses a part of the request, once more without it."""
        while True:
            try:
                return await self._ask(task)
            except (BadRequestError, UnprocessableEntityError) as error:
                if not self._server.learns(error):
                    raise

    async def _ask(self, task: Task[T]) -> AsyncStream[ChatCompletionChunk]:
        body = self._chat_body(task)
        if self._server.tells_usage:
            body["stream_options"] = {"include_usage": True}
        chunks: AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(stream=True, **body)
        return chunks

    def _chat_body(self, task: Task[T]) -> dict[str, Any]:
        """The body of a call, as far as the server knows its parts."""
        with_schema = self._server.knows_schemas
        schema = json.dumps(task.form.schema)
        hint = f"\n\nAnswer with one JSON object that follows this JSON schema, and nothing else:\n{schema}"
        return {
            "model": self.model,
            "messages": [
                {"role": "system", "content": task.system if with_schema else task.system + hint},
                {"role": "user", "content": task.stable + task.user},
            ],
            "max_completion_tokens" if self._server.knows_limit else "max_tokens": task.max_tokens,
            **({"response_format": _response_format(task)} if with_schema else {}),
        }


def _check(event: ResponseStreamEvent) -> None:
    """Raise the failures that the SDK hands on as events."""
    if event.type == "response.refusal.delta":
        raise failed("refused")
    if event.type == "error":
        raise failed_with_code(event.code)
    if event.type == "response.failed":
        raise failed_with_code(event.response.error.code if event.response.error else None)


def _part(text: str, *, mark: bool = False) -> ResponseInputTextParam:
    part: ResponseInputTextParam = {"type": "input_text", "text": text}
    if mark:
        part["prompt_cache_breakpoint"] = {"mode": "explicit"}
    return part


def _text_format(task: Task[T]) -> ResponseFormatTextJSONSchemaConfigParam:
    return {"type": "json_schema", "name": task.form.name, "schema": task.form.schema, "strict": True}


def _response_format(task: Task[T]) -> ResponseFormatJSONSchema:
    schema = task.form.schema
    return {"type": "json_schema", "json_schema": {"name": task.form.name, "schema": schema, "strict": True}}
