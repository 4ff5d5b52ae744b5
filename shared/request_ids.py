"""Which request is this? One id that its log lines, its answer and its problem document share.

A client that sends a well-formed `X-Request-ID` or W3C `traceparent` names it; every other request gets an id of ours.
Only a name that came from the client stands in a problem document (`instance`, RFC 9457): of two requests that name
themselves alike, "not yours" and "not there" stay the same bytes.
"""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from itertools import count
from typing import Any, NamedTuple

import structlog

from shared.tracing import current_span

HEADER = b"x-request-id"
TRACEPARENT = b"traceparent"

_NAMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACE = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_PROCESS = secrets.token_hex(4)
_COUNT = count(1)


class RequestId(NamedTuple):
    """An id, whether the client chose it, and the `traceparent` that it sent ("": none)."""

    text: str
    given: bool
    traceparent: str = ""


_current: ContextVar[RequestId | None] = ContextVar("request_id", default=None)


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> RequestId:
    """The id of a request with these ASGI headers (lower-case names); `X-Request-ID` goes before `traceparent`."""
    named = traced = b""
    for name, value in headers:
        if name == HEADER:
            named = value
        elif name == TRACEPARENT:
            traced = value
    trace = _TRACE.fullmatch(traced)
    traceparent = traced.decode() if trace else ""
    if _NAMED.fullmatch(named):
        return RequestId(named.decode(), True, traceparent)
    if trace:
        return RequestId(trace[1].decode(), True, traceparent)
    return RequestId(f"{_PROCESS}-{next(_COUNT):x}", False)


def enter(found: RequestId) -> None:
    """From here on, in this task, log lines and problem documents are about this request."""
    _current.set(found)
    structlog.contextvars.bind_contextvars(request=found.text)


def about(**ids: str | int) -> None:
    """What has become known of the request: ids for its log lines and its span, never texts."""
    structlog.contextvars.bind_contextvars(**ids)
    current_span().note(**ids)


async def add_request_id(message: Any, _: Any) -> None:
    """Litestar's `before_send` hook: whatever an app of ours answers to a request that was entered names it."""
    found = _current.get()
    if found is not None and message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], (HEADER, found.text.encode())]


def instance() -> dict[str, str]:
    """The member `instance` of a problem document, where the client has named its request."""
    found = _current.get()
    return {"instance": f"urn:prompt-canvas:request:{found.text}"} if found is not None and found.given else {}
