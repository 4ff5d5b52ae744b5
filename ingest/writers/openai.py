"""Summaries and replies by OpenAI's Responses API, or by Chat Completions, which every compatible server speaks.

Both are streamed, with a JSON schema. A compatible server may not know schemas: then the schema goes into the prompt.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ClassVar, Literal, TypeVar

from openai import AsyncOpenAI, AsyncStream, BadRequestError, OpenAIError, UnprocessableEntityError, omit
from openai.types.chat import ChatCompletionChunk
from openai.types.completion_usage import CompletionUsage
from openai.types.responses import Response, ResponseFormatTextJSONSchemaConfigParam
from openai.types.shared_params import ResponseFormatJSONSchema

from ingest.settings import IngestSettings
from ingest.writers.failures import Kind, failed, failed_with_code
from ingest.writers.llm import CALL_LIMIT, TIMEOUT, LlmWriter, http_client
from ingest.writers.prompts import Task
from ingest.writers.protocol import Usage

T = TypeVar("T")
Api = Literal["responses", "chat"]

BASE_URL = "https://api.openai.com/v1"
FINISHES: dict[str, Kind] = {"content_filter": "refused"}
"""Why an answer is no good; all other reasons, and none at all (a clean but early end), are `truncated`."""


@asynccontextmanager
async def openai_client(ingest: IngestSettings) -> AsyncIterator[AsyncOpenAI]:
    """The provider's client as the settings want it; it retries nothing, since who routes between models does."""
    key = ingest.openai_api_key.get_secret_value() if ingest.openai_api_key else ""
    async with AsyncOpenAI(
        api_key=key,
        base_url=ingest.openai_base_url or BASE_URL,
        max_retries=0,
        timeout=TIMEOUT,
        http_client=http_client(),
    ) as client:
        yield client


def openai_api(ingest: IngestSettings) -> Api:
    """Which API to speak: "auto" is Responses at OpenAI itself, Chat Completions elsewhere."""
    if ingest.openai_api != "auto":
        return ingest.openai_api
    return "responses" if ingest.openai_base_url is None else "chat"


class OpenAIWriter(LlmWriter):
    """A model behind one of the two APIs."""

    provider: ClassVar = "openai"
    sdk_error: ClassVar = OpenAIError

    def __init__(self, client: AsyncOpenAI, model: str, api: Api, limit: timedelta = CALL_LIMIT) -> None:
        super().__init__(model, limit)
        self._client = client
        self._api = api
        self._knows_schemas = True  # until the server says otherwise

    def _pieces(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        return self._respond(task) if self._api == "responses" else self._chat(task)

    async def _respond(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        response: Response | None = None
        async with await self._client.responses.create(
            model=self.model,
            instructions=task.system,
            input=task.user,
            max_output_tokens=task.max_tokens,
            text={"format": _text_format(task)},
            store=False,  # else OpenAI keeps customers' words for 30 days
            stream=True,
        ) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    yield event.delta
                elif event.type == "response.refusal.delta":
                    raise failed("refused")
                elif event.type == "error":
                    raise failed_with_code(event.code)
                elif event.type == "response.failed":
                    raise failed_with_code(event.response.error.code if event.response.error else None)
                elif event.type in ("response.completed", "response.incomplete"):
                    response = event.response
        if response is None or response.status != "completed":
            details = response.incomplete_details if response else None
            raise failed(FINISHES.get((details.reason if details else None) or "", "truncated"))
        if response.usage:
            yield Usage(
                input_tokens=response.usage.input_tokens,
                cached_tokens=response.usage.input_tokens_details.cached_tokens,
                output_tokens=response.usage.output_tokens,
            )

    async def _chat(self, task: Task[T]) -> AsyncGenerator[str | Usage, None]:
        finish: str | None = None
        usage: CompletionUsage | None = None
        async with await self._open_chat(task) as chunks:
            async for chunk in chunks:
                usage = chunk.usage or usage
                for choice in chunk.choices or ():  # compatible servers leave out what has no value
                    finish = choice.finish_reason or finish
                    if getattr(choice.delta, "refusal", None):
                        raise failed("refused")
                    if text := getattr(choice.delta, "content", None):
                        yield text
        if finish != "stop":
            raise failed(FINISHES.get(finish or "", "truncated"))
        if usage:
            details = usage.prompt_tokens_details
            yield Usage(
                input_tokens=usage.prompt_tokens,
                cached_tokens=(details.cached_tokens if details else None) or 0,
                output_tokens=usage.completion_tokens,
            )

    async def _open_chat(self, task: Task[T]) -> AsyncStream[ChatCompletionChunk]:
        """Ask with the schema; where the server refuses schemas, once more with the schema in the prompt."""
        if self._knows_schemas:
            try:
                return await self._ask(task, with_schema=True)
            except (BadRequestError, UnprocessableEntityError) as error:
                if not _refuses_schemas(error):
                    raise
            self._knows_schemas = False  # for as long as this writer lives, so that it is asked once
        return await self._ask(task, with_schema=False)

    async def _ask(self, task: Task[T], *, with_schema: bool) -> AsyncStream[ChatCompletionChunk]:
        schema = json.dumps(task.form.schema)
        hint = f"\n\nAnswer with one JSON object that follows this JSON schema, and nothing else:\n{schema}"
        return await self._client.chat.completions.create(
            model=self.model,
            messages=[
                {"role": "system", "content": task.system if with_schema else task.system + hint},
                {"role": "user", "content": task.user},
            ],
            max_completion_tokens=task.max_tokens,
            response_format=_response_format(task) if with_schema else omit,
            stream=True,
            stream_options={"include_usage": True},
        )


def _text_format(task: Task[T]) -> ResponseFormatTextJSONSchemaConfigParam:
    return {"type": "json_schema", "name": task.form.name, "schema": task.form.schema, "strict": True}


def _response_format(task: Task[T]) -> ResponseFormatJSONSchema:
    schema = task.form.schema
    return {"type": "json_schema", "json_schema": {"name": task.form.name, "schema": schema, "strict": True}}


def _refuses_schemas(error: BadRequestError | UnprocessableEntityError) -> bool:
    """Whether a server complains about the format; each says it in its own words."""
    told = f"{error.param} {error.message}".lower()
    return "response_format" in told or "json_schema" in told or "structured output" in told
