"""OpenAI's batches: a file of calls is uploaded, and one or two files of answers are read. A batch carries our name as
metadata, and so does its file, so that one whose id was lost is found again.
"""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from openai import AsyncOpenAI, NotFoundError, OpenAIError
from openai.types import Batch
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from ingest.writers.batch import SUBMIT_S, BatchAnswer, BatchCall, sdk_errors
from ingest.writers.failures import RAISED_WHILE_STREAMING, STATUSES, WORDS
from ingest.writers.openai_usage import usage_of_chat, usage_of_response
from ingest.writers.protocol import Usage

Endpoint = Literal["/v1/responses", "/v1/chat/completions"]

ENDED = frozenset({"failed", "completed", "expired", "cancelled"})
FINISHES = {"content_filter": "refused"}
LISTED = 200


class OpenAIBatches:
    """`BatchProvider` of OpenAI, for one of its two APIs. Files of calls and answers are deleted once they are read:
    else customers' words would stay there.
    """

    def __init__(self, client: AsyncOpenAI, endpoint: Endpoint) -> None:
        self._client = client
        self._endpoint: Endpoint = endpoint

    async def submit(self, intent: str, calls: Sequence[BatchCall]) -> str:
        """Upload calls and hand them over; see `BatchProvider`."""
        lines = [
            json.dumps({"custom_id": call.call_id, "method": "POST", "url": self._endpoint, "body": {}})[:-3].encode()
            + call.body
            + b"}"
            for call in calls
        ]
        with sdk_errors(OpenAIError):
            file = await self._client.files.create(
                file=(f"{intent}.jsonl", b"\n".join(lines)), purpose="batch", timeout=SUBMIT_S
            )
            batch = await self._client.batches.create(
                input_file_id=file.id,
                endpoint=self._endpoint,
                completion_window="24h",
                metadata={"canvas": intent},
                timeout=SUBMIT_S,
            )
        return batch.id

    async def find(
        self,
        intent: str,
        calls: int,  # noqa: ARG002 - the name is enough
        since: datetime,
        known: Collection[str],  # noqa: ARG002
    ) -> str | None:
        """The batch that carries this name."""
        seen = 0
        with sdk_errors(OpenAIError):
            async for batch in self._client.batches.list(limit=100):
                seen += 1
                if (batch.metadata or {}).get("canvas") == intent:
                    return batch.id
                if batch.created_at < since.timestamp() or seen > LISTED:
                    return None
        return None

    async def ended(self, batch_id: str) -> bool:
        """Whether nothing more will happen to it."""
        with sdk_errors(OpenAIError):
            return (await self._client.batches.retrieve(batch_id)).status in ENDED

    async def answers(self, batch_id: str) -> AsyncIterator[BatchAnswer]:
        """The answers of an ended batch, those of its file of errors, too; then its files are deleted."""
        with sdk_errors(OpenAIError):
            batch = await self._client.batches.retrieve(batch_id)
            for file_id in (batch.output_file_id, batch.error_file_id):
                if file_id:
                    content = await self._client.files.content(file_id, timeout=SUBMIT_S)
                    for line in content.text.splitlines():
                        if line.strip():
                            yield self._answer(line)
            await self._delete(batch)

    async def cancel(self, batch_id: str) -> None:
        """Have it stop."""
        with sdk_errors(OpenAIError):
            await self._client.batches.cancel(batch_id)

    async def _delete(self, batch: Batch) -> None:
        for file_id in (batch.input_file_id, batch.output_file_id, batch.error_file_id):
            if file_id:
                with suppress(NotFoundError):
                    await self._client.files.delete(file_id)

    def _answer(self, line: str) -> BatchAnswer:
        call_id = ""
        try:
            told = json.loads(line)
            call_id = str(told.get("custom_id") or "")
            response, error = told.get("response") or {}, told.get("error") or {}
            body: dict[str, Any] = response.get("body") or {}
            if error or response.get("status_code") != 200:
                code = error.get("code") or (body.get("error") or {}).get("code") or ""
                return BatchAnswer(call_id, failure=_kind(str(code), int(response.get("status_code") or 0)))
            text, usage, failure = (_responded if self._endpoint == "/v1/responses" else _chatted)(body)
            return BatchAnswer(call_id, text, usage, failure)
        except (*RAISED_WHILE_STREAMING, ValueError):  # one line of another form is one call without an answer
            return BatchAnswer(call_id, failure="unknown")


def _kind(code: str, status: int) -> str:
    if code in {"batch_expired", "batch_cancelled"}:
        return "expired"
    return str(WORDS.get(code, STATUSES.get(status, "unknown")))


def _responded(body: dict[str, Any]) -> tuple[str, Usage, str]:
    response = Response.construct(**body)
    usage = usage_of_response(response.usage) if response.usage else Usage()
    if any(part.type == "refusal" for item in response.output if item.type == "message" for part in item.content):
        return "", usage, "refused"
    if response.status == "completed":
        return response.output_text, usage, ""
    reason = response.incomplete_details.reason if response.incomplete_details else None
    return "", usage, FINISHES.get(reason or "", "truncated")


def _chatted(body: dict[str, Any]) -> tuple[str, Usage, str]:
    completion = ChatCompletion.construct(**body)
    usage = usage_of_chat(completion.usage) if completion.usage else Usage()
    [choice] = completion.choices
    if choice.message.refusal:
        return "", usage, "refused"
    finish = str(choice.finish_reason)
    return choice.message.content or "", usage, "" if finish == "stop" else FINISHES.get(finish, "truncated")
