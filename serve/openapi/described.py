"""The API in words: what the OpenAPI document says beside what the handlers' types say.

Litestar derives paths, parameters, schemas and errors from the handlers; names that a client generator turns into
functions, tags, examples, headers and streams are added here, on the finished document. What has no entry in
`OPERATIONS` fails a test, and so does an example that its schema refuses.
"""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag

from serve.openapi.examples import EXAMPLES as WRITTEN
from serve.openapi.examples import HEALTH, PROGRESS, RUN, STREAM
from serve.routes.backfills import Ingest, IngestProgress
from serve.routes.feedback import MOST_AT_ONCE, Said
from serve.routes.miss import Started
from serve.routes.query import Query
from serve.routes.reply import GenerateReply
from serve.routes.session import Session
from serve.routes.settings import ChosenSettings
from shared.errors import BadInput
from shared.models import Answer, AttachmentLink, Canvas, GeneratedReply
from shared.problems import PROBLEM_JSON, Problem

EVENT_STREAM = "text/event-stream"
JSON = "application/json"
SCHEMES = {
    "domain": SecurityScheme(
        type="apiKey",
        name="X-Freshdesk-Domain",
        security_scheme_in="header",
        description="The account's host, such as `example.freshdesk.com`; always together with `key`",
    ),
    "key": SecurityScheme(
        type="apiKey",
        name="X-Freshdesk-API-Key",
        security_scheme_in="header",
        description="An agent's API key; checked with Freshdesk once, then remembered for minutes under a keyed hash",
    ),
    "token": SecurityScheme(
        type="http", scheme="bearer", description="A token of `POST /session`, for at most 15 minutes"
    ),
}
TAGS = {
    "canvas": "The Canvas of a ticket, and the runs that make it",
    "answers": "What an agent asks for: answers, reply drafts, files",
    "session": "Credentials for a browser",
    "feedback": "What agents did with suggestions",
    "ingest": "Bringing in what was there before; for admins",
    "settings": "What an account chooses for its texts; for admins",
    "operation": "For those who run it",
}
ABOUT = """\
Agent assist for Freshdesk that has already done the thinking when the ticket is opened.

Every error is a problem document (RFC 9457) with a stable `type`. A request may name itself with `X-Request-ID` or \
`traceparent`: the answer, the log lines and a problem's `instance` carry the name. Another tenant's ticket or run is \
one that does not exist.

Streams are server-sent events. `id` resumes one (`Last-Event-ID`), a comment comes every 15 s, the last event is \
`done` or `error`, and `error` carries a problem document.
"""
STREAM_TEXT = {
    "canvas": "Events: `queued`, `started`, `stage`, `summary.delta`, `summary`, `similar`, `solutions`, "
    "`reply.delta`, `replies`, then `done` or `error`; after `reset` everything comes again",
    "answers": "Events: `queued`, `started`, `sources`, deltas, the whole text, then `done` or `error`",
    "ingest": "Events: `progress`, then `done` or `error`",
}


class Words(NamedTuple):
    """An operation's name for programs, its tag, and its summary; `open` needs no credential, `takes` are headers."""

    name: str
    tag: str
    summary: str
    streams: bool = False
    open: bool = False
    takes: tuple[str, ...] = ()


OPERATIONS: dict[tuple[str, str], Words] = {
    ("get", "/init/{ticket_id}"): Words(
        "get_canvas", "canvas", "The Canvas of a ticket", streams=True, takes=("If-None-Match",)
    ),
    ("post", "/init/{ticket_id}"): Words(
        "get_canvas_by_post", "canvas", "The same for clients that only post", streams=True
    ),
    ("get", "/runs/{run_id}"): Words(
        "follow_run", "canvas", "The events of a run", streams=True, takes=("Last-Event-ID",)
    ),
    ("post", "/query"): Words("query", "answers", "Answer a question"),
    ("post", "/query/stream"): Words("query_stream", "answers", "Answer a question as a stream", streams=True),
    ("post", "/generate_reply"): Words("generate_reply", "answers", "Write a reply"),
    ("post", "/generate_reply/stream"): Words(
        "generate_reply_stream", "answers", "Write a reply as a stream", streams=True
    ),
    ("get", "/attachments/{ticket_id}/{attachment_id}"): Words("get_attachment", "answers", "A file of a ticket"),
    ("post", "/session"): Words("create_session", "session", "A token in exchange for an API key"),
    ("post", "/feedback"): Words("send_feedback", "feedback", "What the agent did with suggestions"),
    ("post", "/ingest"): Words("start_ingest", "ingest", "Start a backfill"),
    ("get", "/ingest/{backfill_id}"): Words("get_ingest", "ingest", "How a backfill goes", streams=True),
    ("post", "/ingest/{backfill_id}/{order}"): Words("steer_ingest", "ingest", "Pause, resume or cancel a backfill"),
    ("get", "/settings"): Words("get_settings", "settings", "What is chosen for the account's texts"),
    ("put", "/settings"): Words("choose_settings", "settings", "Choose it"),
    ("get", "/health"): Words("get_health", "operation", "What is ready, and what is not", open=True),
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "ticket_id": {"pattern": "^[1-9][0-9]{0,14}$", "examples": ["4211"]},
    "attachment_id": {"pattern": "^[0-9]{1,18}$", "examples": ["82000000009"]},
    "run_id": {"pattern": "^[A-Za-z0-9_-]{1,40}$", "examples": [RUN.removeprefix("/runs/")]},
    "order": {"enum": ["pause", "resume", "cancel"], "examples": ["pause"]},
    "backfill_id": {"pattern": "^[A-Za-z0-9_-]{1,40}$", "examples": ["fTQ2mVvVQk6b4mJmX7Y1Zg"]},
}
"""What an id looks like; whatever does not is answered like one that does not exist, or as malformed."""
TAKEN: dict[str, dict[str, Any]] = {
    "If-None-Match": {"description": "`ETag` of the Canvas that the client has: 304 while it holds"},
    "Last-Event-ID": {"description": "`id` of the last event that was seen: the stream goes on after it"},
}
HEALTH_SCHEMA = {
    "type": "object",
    "required": ["status", "parts"],
    "properties": {
        "status": {"type": "string", "enum": ["ok", "degraded", "down"]},
        "parts": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["ready"],
                "properties": {"ready": {"type": "boolean"}, "reason": {"type": "string"}},
            },
        },
    },
}
DOCUMENTS = (
    Canvas, Started, Answer, GeneratedReply, AttachmentLink, Session, Query, GenerateReply, Said, Ingest,
    IngestProgress, ChosenSettings, Problem,
)  # fmt: skip
"""Every struct that a body may be."""
EXAMPLES = WRITTEN | {"IngestProgress": dict.fromkeys(IngestProgress.__struct_fields__, 0) | PROGRESS}
_REQUEST_ID = {
    "X-Request-ID": {
        "description": "The request's id: the client's own, else one of ours (a hit may leave that out)",
        "schema": {"type": "string", "examples": ["1c9e5f02-2a"]},
    }
}
_HEADERS: dict[str, dict[str, Any]] = {
    "401": {"WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}}},
    "429": {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}},
    "503": {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}},
    "202": {"Location": {"description": "Where it goes on", "schema": {"type": "string", "examples": [RUN]}}},
    "302": {"Location": {"description": "The file's address", "schema": {"type": "string", "format": "uri"}}},
}
_OF_HITS = {
    "ETag": {"description": "Strong; one for each encoding", "schema": {"type": "string"}},
    "Cache-Status": {
        "description": "RFC 9211: `prompt-canvas; hit`, `…; hit; detail=stale`, `…; fwd=uri-miss`",
        "schema": {"type": "string"},
    },
    "Canvas-Run": {"description": "The run that is making a newer one", "schema": {"type": "string"}},
}
_OF_ANSWERS = {"Canvas-Run": {"description": "The run that made it, for `/feedback`", "schema": {"type": "string"}}}


def openapi_config() -> OpenAPIConfig:
    """OpenAPI at `/schema`, as JSON alone: the usual pages load scripts from elsewhere into the origin of the API."""
    return OpenAPIConfig(
        title="Prompt Canvas",
        version=version("prompt-canvas"),
        summary="Agent assist for Freshdesk",
        description=ABOUT,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        path="/schema",
        render_plugins=[_Described(path=["/", "/openapi.json"])],
        components=Components(security_schemes=dict(SCHEMES)),
        security=[{"domain": [], "key": []}, {"token": []}],
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        use_handler_docstrings=True,
    )


class _Described(JsonRenderPlugin):
    _made = b""  # once: it takes 8 ms, and whoever asks needs no credential

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        self._made = self._made or super().render(request, described(openapi_schema))
        return self._made


def described(document: dict[str, Any]) -> dict[str, Any]:
    """The document with our words in it, as plain JSON: a default may be a struct."""
    document = msgspec.to_builtins(document)
    # msgspec knows more of its structs than Litestar tells: bounds of what may be null, unknown fields, docstrings.
    _, schemas = msgspec.json.schema_components(DOCUMENTS, ref_template="#/components/schemas/{name}")
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    for method, path, operation in operations(document):
        words = OPERATIONS.get((method, path))
        if words is not None:
            _say(operation, words)
        for status, response in operation["responses"].items():
            response["headers"] = {**response.get("headers", {}), **_HEADERS.get(status, {}), **_REQUEST_ID}
            if int(status) >= 400 and not (words and words.open):
                _as_problem(response)
            _exemplify(response.get("content", {}))
        for parameter in operation.get("parameters", []):
            parameter["schema"] |= PARAMETERS.get(parameter["name"], {})
            parameter.setdefault("description", "As `Canvas-Run` or `Location` has named it")
        _exemplify(operation.get("requestBody", {}).get("content", {}))
    _mend(schemas)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything that a document describes."""
    for path, found in document["paths"].items():
        for method, operation in found.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield method, path, operation


def _say(operation: dict[str, Any], words: Words) -> None:
    operation |= {"operationId": words.name, "tags": [words.tag], "summary": words.summary}
    found = operation["responses"]
    if words.open:
        operation["security"] = []
        health = {JSON: {"schema": HEALTH_SCHEMA, "examples": {"degraded": {"value": HEALTH}}}}
        found["200"]["content"] = health
        found["503"] = {"description": "Redis does not answer", "content": health}
    if words.name == "send_feedback":
        one = _reference("Said")
        many = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_AT_ONCE}
        operation["requestBody"]["content"][JSON]["schema"] = {"anyOf": [one, many]}
    if words.streams:
        found["200"].setdefault("content", {})[EVENT_STREAM] = {
            "schema": {"type": "string", "description": STREAM_TEXT[words.tag]},
            "examples": {"stream": {"value": STREAM}},
        }
    if words.name.startswith("get_canvas") or words.name in {"query", "generate_reply"}:
        found["200"]["headers"] = _OF_HITS if words.tag != "answers" else _OF_ANSWERS
    for name in words.takes:
        given = {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, **TAKEN[name]}
        operation.setdefault("parameters", []).append(given)
    if "requestBody" in operation:
        found.setdefault("413", _too_large())


def _as_problem(response: dict[str, Any]) -> None:
    """Litestar describes what it refuses by itself in a form of its own, and names examples twice."""
    given = response.get("content", {}).get(PROBLEM_JSON, {})
    examples = {name: {"value": each["value"]} for name, each in given.get("examples", {}).items()}
    if not examples:
        examples = {BadInput.code: {"value": BadInput().problem()}}
    response["content"] = {PROBLEM_JSON: {"schema": _reference("Problem"), "examples": examples}}


def _too_large() -> dict[str, Any]:
    problem = {"type": "urn:prompt-canvas:http-413", "title": "Request Entity Too Large", "status": 413}
    content = {PROBLEM_JSON: {"examples": {"http-413": {"value": problem}}}}
    return {"description": "The body is larger than 256 KB", "content": content}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _exemplify(content: dict[str, Any]) -> None:
    """Give each media type the example of its schema, where it has none."""
    for media in content.values():
        name = _first_reference(media.get("schema", {})).rsplit("/", 1)[-1]
        if name in EXAMPLES and "examples" not in media:
            media["examples"] = {name: {"value": EXAMPLES[name]}}


def _first_reference(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"])
    return next((found for each in schema.get("anyOf", []) if (found := _first_reference(each))), "")


def _mend(schema: Any) -> None:
    r"""Say in JSON Schema what msgspec says in Python: patterns are ECMAScript's, and an enumeration has a type.

    ECMAScript has no `\A` and `\Z`; there `$` is the very end.
    """
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            schema["pattern"] = schema["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
        if isinstance(schema.get("enum"), list) and all(isinstance(each, str) for each in schema["enum"]):
            schema.setdefault("type", "string")
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _mend(each)
