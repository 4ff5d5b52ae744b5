"""Anthropic's Messages API: `POST /v1/messages` and `GET /v1/models`.

Forms follow the types of the SDK (anthropic 2.12): its stream needs `message_start`, then for each block start, deltas
and stop, then `message_delta` with the stop reason and the cumulative usage, then `message_stop`.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from tests.lookalikes.anthropic_batches import AnthropicBatches
from tests.lookalikes.generation import ProviderError, Refused, event
from tests.lookalikes.provider import KnownError, Provider, require
from tests.lookalikes.schemas import anthropic_complaint
from tests.lookalikes.scripts import Answer, Fault, Kind, Script, Stop
from tests.lookalikes.server import Lookalike
from tests.lookalikes.tokens import Block, PromptCache, Usage, tokens_of
from tests.lookalikes.wire import Head, LoggedRequest

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
_STOPS: dict[Stop, str] = {
    "end": "end_turn",
    "max_tokens": "max_tokens",
    "refusal": "refusal",
    "filtered": "refusal",
    "context_full": "model_context_window_exceeded",
}


class AnthropicLookalike(Lookalike):
    """Anthropic on a free port. `cache_minimum`: tokens from which a prefix is cached (1,024 at the provider)."""

    def __init__(
        self,
        *,
        script: Script | None = None,
        port: int = 0,
        api_key: str | None = None,
        cache_minimum: int = 1024,
        on_end: Callable[[LoggedRequest], None] | None = None,
    ) -> None:
        api = AnthropicApi(api_key=api_key, cache_minimum=cache_minimum)
        super().__init__(api, script=script, port=port, on_end=on_end)
        self.batches = api.message_batches

    @property
    def base_url(self) -> str:
        """For `AsyncAnthropic(base_url=…)` and `ANTHROPIC_BASE_URL`."""
        return self.origin

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to talk to this server."""
        return {"ANTHROPIC_API_KEY": "look-alike", "ANTHROPIC_BASE_URL": self.base_url}


class AnthropicApi(Provider):
    """The protocol."""

    routes: ClassVar = {"/v1/messages": ("POST", "generation"), "/v1/models": ("GET", "models")}
    errors: ClassVar = {  # from the SDK's error types and the provider's page on errors
        "authentication": KnownError(401, "authentication_error", "invalid x-api-key"),
        "permission": KnownError(403, "permission_error", "Your API key may not use the specified resource."),
        "not_found": KnownError(404, "not_found_error", "The requested resource could not be found."),
        "bad_request": KnownError(400, "invalid_request_error", "The request was not understood."),
        "context_too_long": KnownError(
            400, "invalid_request_error", "prompt is too long: 214318 tokens > 200000 maximum"
        ),
        "spend_limit_billing": KnownError(400, "billing_error", "Your credit balance is too low."),
        "spend_limit_own_limit": KnownError(
            400, "invalid_request_error", "You have reached your specified API usage limits."
        ),
        "spend_limit_tier": KnownError(
            429, "rate_limit_error", "Your organization has reached its monthly limit.", "enforced_spend_limit_reached"
        ),
        "rate_limit": KnownError(429, "rate_limit_error", "This request would exceed your rate limit."),
        "overloaded": KnownError(529, "overloaded_error", "Overloaded"),
        "server_error": KnownError(500, "api_error", "Internal server error"),
    }

    def __init__(self, *, api_key: str | None = None, cache_minimum: int = 1024) -> None:
        super().__init__(api_key=api_key)
        self._cache = PromptCache(cache_minimum)
        self.batches = self.message_batches = AnthropicBatches(self)

    def claims(self, head: Head) -> bool:
        """Anthropic's requests carry a version."""
        return "anthropic-version" in head.headers or head.path.startswith("/v1/messages")

    def headers(self, request_id: str) -> dict[str, str]:
        """What every answer carries."""
        return {"request-id": request_id, "anthropic-organization-id": "00000000-0000-4000-8000-000000000001"}

    def check(self, request: LoggedRequest, kind: Kind) -> None:
        """Read system prompt, messages and schema."""
        require("anthropic-version" in request.headers, "anthropic-version: header is required")
        if kind == "models":
            _known_model(request)
            return
        body = request.body
        for field in ("model", "max_tokens", "messages"):
            require(field in body, f"{field}: Field required")
        messages = body["messages"]
        require(messages, "messages: at least one message is required")
        require(all(m.get("role") in ("user", "assistant") for m in messages), "messages: Unexpected role")
        request.text = "\n".join(block.text for block in _blocks(body))
        users = [message["content"] for message in messages if message["role"] == "user"]
        request.prompt = "\n".join(_texts(users[-1])) if users else ""
        wanted = (body.get("output_config") or {}).get("format")
        if wanted:
            require(wanted.get("type") == "json_schema", "output_config.format.type: Input should be 'json_schema'")
            complaint = anthropic_complaint(wanted["schema"])
            require(complaint is None, f"output_config.format.schema: {complaint}")
            request.schema = wanted["schema"]

    def limit(self, request: LoggedRequest) -> int | None:
        """`max_tokens`; 0 warms the prompt cache and generates nothing."""
        return int(request.body["max_tokens"])

    def wire(self, request: LoggedRequest, answer: Answer) -> "MessageWire":
        """A message, whole or as events."""
        usage = self._cache.at_breakpoints(request.body["model"], _blocks(request.body))
        return MessageWire(request, answer, usage)

    def look_up(self, request: LoggedRequest, kind: Kind) -> dict[str, Any]:
        """A model, or the list of them."""
        models = [_model(name) for name in MODELS]
        if request.path != "/v1/models":
            return next(model for model in models if request.path.endswith(f"/{model['id']}"))
        return {"data": models, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}

    def error_body(self, known: KnownError, fault: Fault, request: LoggedRequest) -> dict[str, Any]:
        """`{"type": "error", "error": {…}, "request_id": …}`."""
        details = {"details": {"error_code": known.code}} if known.code else {}
        error = {"type": known.type, "message": known.message, **details}
        return {"type": "error", "error": error, "request_id": request.request_id}


class MessageWire:
    """A message with one text block."""

    def __init__(self, request: LoggedRequest, answer: Answer, usage: Usage) -> None:
        self.tokens = tokens_of(answer.text)
        self._stop = answer.stop
        self._input = usage
        self._frame = {
            "id": f"msg_{request.number:024d}",
            "type": "message",
            "role": "assistant",
            "model": request.body["model"],
        }

    def document(self, tokens: list[str], stop: Stop | None) -> dict[str, Any]:
        """A `Message`."""
        content = [{"type": "text", "text": "".join(tokens)}] if tokens else []
        return {**self._frame, "content": content, **_ending(stop), "usage": self._usage(len(tokens))}

    def opening(self) -> Iterator[bytes]:
        """`message_start`; a block start and a ping where there is text."""
        message = {**self._frame, "content": [], **_ending(None), "usage": self._usage(1)}
        yield _event({"type": "message_start", "message": message})
        if self.tokens:
            block = {"type": "text", "text": ""}
            yield _event({"type": "content_block_start", "index": 0, "content_block": block})
        yield self.keep_alive()

    def delta(self, token: str) -> bytes:
        """A `text_delta`."""
        delta = {"type": "text_delta", "text": token}
        return _event({"type": "content_block_delta", "index": 0, "delta": delta})

    def closing(self) -> Iterator[bytes]:
        """The stop reason with the usage, and the end."""
        if self.tokens:
            yield _event({"type": "content_block_stop", "index": 0})
        usage = self._usage(len(self.tokens))
        yield _event({"type": "message_delta", "delta": _ending(self._stop), "usage": usage})
        yield _event({"type": "message_stop"})

    def error(self, error: ProviderError, fault: Fault) -> bytes:
        """An `error` event."""
        return _event(error.body)

    def keep_alive(self) -> bytes:
        """A `ping` event."""
        return _event({"type": "ping"})

    def _usage(self, output: int) -> dict[str, Any]:
        return {
            "input_tokens": self._input.fresh,
            "cache_creation_input_tokens": self._input.written,
            "cache_read_input_tokens": self._input.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self._input.written,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": output,
            "service_tier": "standard",
        }


def _event(value: dict[str, Any]) -> bytes:
    return event(value, value["type"])


def _ending(stop: Stop | None) -> dict[str, Any]:
    reason = _STOPS[stop] if stop else None
    details = {"type": "refusal", "category": None, "explanation": None} if reason == "refusal" else None
    return {"stop_reason": reason, "stop_sequence": None, "stop_details": details}


def _texts(content: Any) -> list[str]:
    """The text of a message or system prompt, which is a string or a list of blocks."""
    if isinstance(content, str):
        return [content]
    return [block.get("text", "") for block in content]


def _blocks(body: dict[str, Any]) -> list[Block]:
    """The prompt in the order in which Anthropic caches it: system, then messages (tools are not spoken)."""
    parts = [("system", body.get("system") or "")]
    parts += [(message["role"], message["content"]) for message in body["messages"]]
    blocks = []
    for _, content in parts:
        marks = [False] if isinstance(content, str) else [bool(block.get("cache_control")) for block in content]
        blocks += [Block(text, marked) for text, marked in zip(_texts(content), marks, strict=True) if text]
    if body.get("cache_control") and blocks:
        blocks[-1] = blocks[-1]._replace(marked=True)
    return blocks


def _known_model(request: LoggedRequest) -> None:
    name = request.path.removeprefix("/v1/models").strip("/")
    if name and name not in MODELS:
        raise Refused(Fault.unknown_model())


def _model(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "line": name.split("-")[1],
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
