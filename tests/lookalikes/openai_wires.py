"""How OpenAI writes an answer: as a chat completion or as a response, whole or as a stream.

A refusal stands in place of the text: in `message.refusal`, or in a content part of its own.
"""

from collections.abc import Iterator
from typing import Any

from tests.lookalikes.answers import is_korean
from tests.lookalikes.generation import ProviderError, event
from tests.lookalikes.scripts import Answer, Fault, Stop
from tests.lookalikes.tokens import Usage, tokens_of
from tests.lookalikes.wire import LoggedRequest

CREATED = 1767225600  # 2026-01-01; a fixed time keeps answers the same
_FINISH: dict[Stop, str] = {
    "end": "stop",
    "max_tokens": "length",
    "refusal": "stop",
    "filtered": "content_filter",
    "context_full": "length",
}
_INCOMPLETE: dict[Stop, str] = {
    "max_tokens": "max_output_tokens",
    "context_full": "max_output_tokens",
    "filtered": "content_filter",
}


def _tokens(request: LoggedRequest, answer: Answer) -> list[str]:
    if answer.stop != "refusal":
        return tokens_of(answer.text)
    korean = is_korean(request.prompt)
    return tokens_of("죄송하지만 도와드릴 수 없습니다." if korean else "I'm sorry, but I can't help with that.")


class ChatWire:
    """A chat completion with one choice."""

    def __init__(self, request: LoggedRequest, answer: Answer, usage: Usage) -> None:
        self.tokens = _tokens(request, answer)
        self._stop = answer.stop
        self._field = "refusal" if answer.stop == "refusal" else "content"
        self._input = usage
        self._with_usage = bool((request.body.get("stream_options") or {}).get("include_usage"))
        self._id = f"chatcmpl-{request.number:029d}"
        self._model = request.body["model"]

    def document(self, tokens: list[str], stop: Stop | None) -> dict[str, Any]:
        """A `ChatCompletion`."""
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        message[self._field] = "".join(tokens)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[stop] if stop else None}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": self._usage(len(tokens))}

    def opening(self) -> Iterator[bytes]:
        """The role."""
        yield self._chunk({"role": "assistant", "content": None if self._field == "refusal" else "", "refusal": None})

    def delta(self, token: str) -> bytes:
        """A piece of the content or of the refusal."""
        return self._chunk({self._field: token})

    def closing(self) -> Iterator[bytes]:
        """The finish reason, the usage where it is wanted, and `[DONE]`."""
        yield self._chunk({}, _FINISH[self._stop])
        if self._with_usage:
            frame = self._frame("chat.completion.chunk")
            yield event({**frame, "choices": [], "usage": self._usage(len(self.tokens))})
        yield b"data: [DONE]\n\n"

    def error(self, error: ProviderError, fault: Fault) -> bytes:
        """A chunk that is an error document."""
        return event(error.body)

    def keep_alive(self) -> bytes:
        """A comment, as gateways send it."""
        return b": keep-alive\n\n"

    def _frame(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": CREATED,
            "model": self._model,
            "service_tier": "default",
            "system_fingerprint": None,
        }

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self._with_usage else {}
        return event({**self._frame("chat.completion.chunk"), "choices": [choice], **usage})

    def _usage(self, output: int) -> dict[str, Any]:
        return {
            "prompt_tokens": self._input.total,
            "completion_tokens": output,
            "total_tokens": self._input.total + output,
            "prompt_tokens_details": {
                "cached_tokens": self._input.read,
                "cache_write_tokens": self._input.written,
                "audio_tokens": 0,
            },
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }


class ResponseWire:
    """A response with one message of one part."""

    def __init__(self, request: LoggedRequest, answer: Answer, usage: Usage) -> None:
        self.tokens = _tokens(request, answer)
        self._stop = answer.stop
        self._refused = answer.stop == "refusal"
        self._input = usage
        self._request = request
        self._item_id = f"msg_{request.number:048d}"
        self._sequence = 0

    def document(self, tokens: list[str], stop: Stop | None) -> dict[str, Any]:
        """A `Response`, completed or incomplete; still in progress where there is no stop."""
        reason = _INCOMPLETE.get(stop) if stop else None
        status = "in_progress" if stop is None else "incomplete" if reason else "completed"
        output = [self._item(status, [self._part("".join(tokens))])]
        return {**self._response(status, output, reason), "usage": self._usage(len(tokens))}

    def opening(self) -> Iterator[bytes]:
        """The response, its message and its part, all still empty."""
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self._response("in_progress", []))
        item = self._item("in_progress", [])
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._in_part("response.content_part.added", part=self._part(""))

    def delta(self, token: str) -> bytes:
        """A piece of the text or of the refusal."""
        if self._refused:
            return self._in_part("response.refusal.delta", delta=token)
        return self._in_part("response.output_text.delta", delta=token, logprobs=[])

    def closing(self) -> Iterator[bytes]:
        """The part, the message and the response, complete."""
        text = "".join(self.tokens)
        if self._refused:
            yield self._in_part("response.refusal.done", refusal=text)
        else:
            yield self._in_part("response.output_text.done", text=text, logprobs=[])
        yield self._in_part("response.content_part.done", part=self._part(text))
        response = self.document(self.tokens, self._stop)
        yield self._event("response.output_item.done", output_index=0, item=response["output"][0])
        yield self._event(f"response.{response['status']}", response=response)

    def error(self, error: ProviderError, fault: Fault) -> bytes:
        """An `error` event, nested or flat, or `response.failed`; see `Fault.error_event`."""
        detail = error.body["error"]
        if fault.form == "failed":
            code = detail["code"] if detail["code"] in ("server_error", "rate_limit_exceeded") else "server_error"
            failed = {**self._response("failed", []), "error": {"code": code, "message": detail["message"]}}
            return self._event("response.failed", response=failed)
        if fault.form == "flat":
            return self._event("error", code=detail["code"], message=detail["message"], param=None)
        return self._event("error", error=detail)

    def keep_alive(self) -> bytes:
        """A comment, as gateways send it."""
        return b": keep-alive\n\n"

    def _event(self, kind: str, **fields: Any) -> bytes:
        sequence, self._sequence = self._sequence, self._sequence + 1
        return event({"type": kind, "sequence_number": sequence, **fields}, kind)

    def _in_part(self, kind: str, **fields: Any) -> bytes:
        return self._event(kind, item_id=self._item_id, output_index=0, content_index=0, **fields)

    def _part(self, text: str) -> dict[str, Any]:
        if self._refused:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _item(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._item_id, "type": "message", "role": "assistant", "status": status, "content": content}

    def _response(self, status: str, output: list[dict[str, Any]], reason: str | None = None) -> dict[str, Any]:
        body = self._request.body
        return {
            "id": f"resp_{self._request.number:048d}",
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "metadata": body.get("metadata") or {},
            "model": body["model"],
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "prompt_cache_key": body.get("prompt_cache_key"),
            "temperature": body.get("temperature", 1.0),
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": body.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": None,
        }

    def _usage(self, output: int) -> dict[str, Any]:
        return {
            "input_tokens": self._input.total,
            "input_tokens_details": {
                "cached_tokens": self._input.read,
                "cache_write_tokens": self._input.written,
            },
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self._input.total + output,
        }
