"""OpenAI's API: Responses, Chat Completions, Embeddings and the list of models.

Forms follow the types of the SDK (openai 3.54); how answers are written is in `openai_wires`.
"""

import base64
from collections.abc import Callable
from typing import Any, ClassVar

from tests.lookalikes.generation import Refused, Wire
from tests.lookalikes.openai_batches import OpenAIBatches
from tests.lookalikes.openai_wires import ChatWire, ResponseWire
from tests.lookalikes.provider import KnownError, Provider, require
from tests.lookalikes.schemas import openai_complaint
from tests.lookalikes.scripts import Answer, Fault, Kind, Script
from tests.lookalikes.server import Lookalike
from tests.lookalikes.tokens import PromptCache, count
from tests.lookalikes.vectors import embed
from tests.lookalikes.wire import Head, LoggedRequest

MODELS = ("gpt-6-luna", "gpt-6-sol", "gpt-5.6-luna", "text-embedding-3-small", "text-embedding-3-large")
SIZES = {"text-embedding-3-large": 3072}  # the other models' vectors have 1,536 numbers
INPUTS, INPUT_TOKENS, REQUEST_TOKENS = 2048, 8192, 300_000  # limits of one embeddings request, from the SDK's docs
CHAT, RESPONSES, EMBEDDINGS = "/v1/chat/completions", "/v1/responses", "/v1/embeddings"


class OpenAILookalike(Lookalike):
    """OpenAI on a free port. `cache_minimum`: tokens from which a prefix is cached (1,024 at the provider)."""

    def __init__(
        self,
        *,
        script: Script | None = None,
        port: int = 0,
        api_key: str | None = None,
        cache_minimum: int = 1024,
        on_end: Callable[[LoggedRequest], None] | None = None,
    ) -> None:
        api = OpenAIApi(api_key=api_key, cache_minimum=cache_minimum)
        super().__init__(api, script=script, port=port, on_end=on_end)
        self.batches = api.file_batches

    @property
    def base_url(self) -> str:
        """For `AsyncOpenAI(base_url=…)` and `OPENAI_BASE_URL`."""
        return f"{self.origin}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to talk to this server."""
        return {"OPENAI_API_KEY": "look-alike", "OPENAI_BASE_URL": self.base_url}


class OpenAIApi(Provider):
    """The protocol."""

    routes: ClassVar = {
        RESPONSES: ("POST", "generation"),
        CHAT: ("POST", "generation"),
        EMBEDDINGS: ("POST", "embeddings"),
        "/v1/models": ("GET", "models"),
    }
    _QUOTA = KnownError(429, "insufficient_quota", "You exceeded your current quota.", "insufficient_quota")
    errors: ClassVar = {  # from the provider's page on error codes and from error bodies quoted in public issues
        "authentication": KnownError(401, "invalid_request_error", "Incorrect API key provided.", "invalid_api_key"),
        "permission": KnownError(403, "invalid_request_error", "You have insufficient permissions."),
        "not_found": KnownError(404, "invalid_request_error", "The model does not exist.", "model_not_found"),
        "bad_request": KnownError(400, "invalid_request_error", "The request was not understood."),
        "context_too_long": KnownError(
            400,
            "invalid_request_error",
            "Your input exceeds the context window of this model.",
            "context_length_exceeded",
        ),
        "spend_limit_billing": _QUOTA,
        "spend_limit_own_limit": _QUOTA._replace(code="organization_spend_limit_exceeded"),
        "spend_limit_tier": _QUOTA._replace(code="organization_usage_limit_exceeded"),
        "rate_limit": KnownError(429, "tokens", "Rate limit reached.", "rate_limit_exceeded"),
        "overloaded": KnownError(
            503, "service_unavailable_error", "Our servers are currently overloaded.", "server_is_overloaded"
        ),
        "server_error": KnownError(500, "server_error", "The server had an error.", "server_error"),
    }

    def __init__(self, *, api_key: str | None = None, cache_minimum: int = 1024) -> None:
        super().__init__(api_key=api_key)
        self._cache = PromptCache(cache_minimum)
        self.batches = self.file_batches = OpenAIBatches(self)

    def claims(self, head: Head) -> bool:
        """Whatever another provider has not claimed."""
        return True

    def headers(self, request_id: str) -> dict[str, str]:
        """What every answer carries."""
        return {"x-request-id": request_id, "openai-organization": "org-look-alike", "openai-version": "2020-10-01"}

    def check(self, request: LoggedRequest, kind: Kind) -> None:
        """Read the messages, instructions and schema, or the texts to embed."""
        if kind == "models":
            name = request.path.removeprefix("/v1/models").strip("/")
            if name and name not in MODELS:
                raise Refused(Fault.unknown_model())
            return
        require(request.body.get("model"), "you must provide a model parameter")
        if kind == "embeddings":
            _check_embeddings(request)
            return
        parts = _chat_parts(request.body) if request.path == CHAT else _response_parts(request.body)
        require(parts, "Missing required parameter: 'messages' or 'input'.")
        request.text = "\n".join(text for _, text in parts)
        request.prompt = next((text for role, text in reversed(parts) if role == "user"), "")
        request.schema = _schema(request)

    def limit(self, request: LoggedRequest) -> int | None:
        """The maximum of output tokens, under its three names."""
        names = ("max_output_tokens",) if request.path == RESPONSES else ("max_completion_tokens", "max_tokens")
        return next((int(request.body[name]) for name in names if request.body.get(name)), None)

    def wire(self, request: LoggedRequest, answer: Answer) -> Wire:
        """A chat completion or a response."""
        usage = self._cache.automatic(request.body["model"], request.text)
        return (ChatWire if request.path == CHAT else ResponseWire)(request, answer, usage)

    def look_up(self, request: LoggedRequest, kind: Kind) -> dict[str, Any]:
        """Embeddings, a model, or the list of models."""
        if kind == "embeddings":
            return _embeddings(request.body)
        models = [{"id": name, "object": "model", "created": 1767225600, "owned_by": "openai"} for name in MODELS]
        if request.path != "/v1/models":
            return next(model for model in models if request.path.endswith(f"/{model['id']}"))
        return {"object": "list", "data": models}

    def error_body(self, known: KnownError, fault: Fault, request: LoggedRequest) -> dict[str, Any]:
        """`{"error": {…}}`."""
        return {"error": {"message": known.message, "type": known.type, "param": None, "code": known.code}}


def _chat_parts(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Role and text of each message."""
    return [(message["role"], _text(message.get("content") or "")) for message in body.get("messages", [])]


def _response_parts(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Role and text of the instructions and of each input item."""
    parts = [("system", body["instructions"])] if body.get("instructions") else []
    given = body.get("input", [])
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return parts + [(item["role"], _text(item["content"])) for item in items if "content" in item]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _schema(request: LoggedRequest) -> dict[str, Any] | None:
    """The JSON schema that the answer must follow; any object in `json_object` mode."""
    body = request.body
    if request.path == CHAT:
        wanted = body.get("response_format") or {}
        named = wanted.get("json_schema", {})
    else:
        wanted = named = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    if wanted.get("type") != "json_schema":
        return None
    require(named.get("name"), "Missing required parameter: 'name' of the JSON schema.")
    schema: dict[str, Any] = named["schema"]
    complaint = openai_complaint(schema) if named.get("strict") else None
    require(complaint is None, f"Invalid schema for response_format '{named['name']}': {complaint}")
    return schema


def _inputs(body: dict[str, Any]) -> list[Any]:
    """The texts, or lists of token numbers, to embed."""
    given = body.get("input")
    single = isinstance(given, str) or (isinstance(given, list) and given and isinstance(given[0], int))
    return [given] if single else given or []


def _tokens(text: Any) -> int:
    return count(text) if isinstance(text, str) else len(text)


def _check_embeddings(request: LoggedRequest) -> None:
    body = request.body
    texts = _inputs(body)
    require(texts and all(texts), "'$.input' is invalid: it cannot be an empty string or list.")
    require(len(texts) <= INPUTS, f"'$.input' is invalid: array must be {INPUTS} items or less.")
    sizes = [_tokens(text) for text in texts]
    require(max(sizes) <= INPUT_TOKENS, f"This model's maximum context length is {INPUT_TOKENS} tokens.")
    require(sum(sizes) <= REQUEST_TOKENS, f"Requested {sum(sizes)} tokens, max {REQUEST_TOKENS} tokens per request.")
    full = SIZES.get(body["model"], 1536)
    require(0 < body.get("dimensions", full) <= full, f"Invalid value for 'dimensions': must be 1 to {full}.")
    require(body.get("encoding_format", "float") in ("float", "base64"), "Invalid value for 'encoding_format'.")
    request.text = request.prompt = "\n".join(str(text) for text in texts)


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    size = body.get("dimensions", SIZES.get(body["model"], 1536))
    data = []
    for index, text in enumerate(_inputs(body)):
        vector = embed(text if isinstance(text, str) else " ".join(map(str, text)), size)
        packed = base64.b64encode(vector.astype("<f4").tobytes()).decode()
        value = packed if body.get("encoding_format") == "base64" else vector.tolist()
        data.append({"object": "embedding", "index": index, "embedding": value})
    tokens = sum(_tokens(text) for text in _inputs(body))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}
