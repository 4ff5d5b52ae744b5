"""What every API call passes before its handler: log, rate limit, faults, key, media types.

The gate stands before Litestar's router, because unknown paths, wrong verbs and wrong keys count against the limit too
and appear in the log. Calls outside /api (the demo's own) pass untouched.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from email.utils import format_datetime
from time import perf_counter
from typing import Any, cast

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from deploy.demo.helpdesk.call import AGENT, DESK, LISTING
from deploy.demo.helpdesk.errors import ApiError, Unauthorized
from deploy.demo.helpdesk.faults import Fault
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.limits import price
from deploy.demo.helpdesk.listing import TicketList
from deploy.demo.helpdesk.log import RequestRecord
from deploy.demo.helpdesk.models import Agent

Headers = list[tuple[bytes, bytes]]

HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Maintenance</title></head>"
    b"<body><h1>We will be back soon</h1><p>The helpdesk is being maintained.</p></body></html>"
)
VERSION: tuple[bytes, bytes] = (b"x-freshdesk-api-version", b"latest=v2; requested=v2")
OVER_LIMIT = {"message": "You have exceeded the limit of requests per minute"}
NO_STATUS = 0


class Gate:
    """ASGI app around the router, which learns from it whose calls these are."""

    def __init__(self, app: ASGIApp, desk: Helpdesk) -> None:
        self._app = app
        self._desk = desk
        self._whose: dict[Any, Any] = {DESK: desk, LISTING: TicketList(desk)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call through, or answer it here."""
        cast("dict[Any, Any]", scope).update(self._whose)
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith("/api"):
            await self._app(scope, receive, send)
            return
        visit = _Visit(self._desk, scope, receive, send)
        try:
            await visit.run(self._app)
        finally:
            visit.record()


class _Visit:
    """One call on its way through the gate."""

    def __init__(self, desk: Helpdesk, scope: HTTPScope, receive: Receive, send: Send) -> None:
        self.desk, self.scope, self.receive, self._send = desk, scope, receive, send
        self.began = perf_counter()
        self.query = scope["query_string"].decode("latin-1")
        self.headers: Headers = [VERSION, (b"date", format_datetime(desk.now(), usegmt=True).encode())]
        self.status = NO_STATUS
        self.cost = 1
        self.agent: Agent | None = None
        self.fault: Fault | None = None
        self.wait = 0.0

    async def run(self, app: ASGIApp) -> None:
        method, path = self.scope["method"], self.scope["path"]
        self.cost, budget = price(method, path, self.query)
        verdict = self.desk.limits.take(self.cost, budget)
        self.headers += verdict.headers
        self.wait, self.fault = self.desk.faults.for_request(method, path)
        if self.wait:
            await self.desk.faults.delay(self.wait)
        try:
            self._strike(allowed=verdict.allowed)
            self._admit()
        except ApiError as error:
            await answer(error, self.send)
            return
        if self.fault and self.fault.kind == "html":
            await _answer_bytes(200, HTML_PAGE, b"text/html; charset=utf-8", [], self.send)
            return
        self.scope[AGENT] = self.agent  # type: ignore[literal-required]
        await app(self.scope, self.receive, self.send)

    async def send(self, message: Message) -> None:
        """Pass an answer on with the gate's headers, or cut it in the middle."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), *self.headers]
        elif self.fault and self.fault.kind == "cut" and message["type"] == "http.response.body":
            body = message.get("body", b"")
            await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            self.status = NO_STATUS
            await _cut(self._send, self.receive)
            return
        await self._send(message)

    def record(self) -> None:
        """Write the call into the log."""
        fault = self.fault.kind if self.fault else "delay" if self.wait else None
        self.desk.log.requests.append(
            RequestRecord(
                at=self.desk.clock(),
                method=self.scope["method"],
                path=self.scope["path"],
                query=self.query,
                status=self.status,
                agent=self.agent.key if self.agent else None,
                cost=self.cost,
                milliseconds=round((perf_counter() - self.began) * 1000, 3),
                fault=fault,
            )
        )

    def _strike(self, *, allowed: bool) -> None:
        """Refuse what is over the limit, and answer with the faults that are errors."""
        if not allowed:
            raise ApiError(429, dict(OVER_LIMIT))
        if self.fault and self.fault.kind == "rate_limit":
            self.headers = [header for header in self.headers if header[0] != b"retry-after"]
            raise ApiError(429, dict(OVER_LIMIT), {"retry-after": str(self.fault.retry_after)})
        if self.fault and self.fault.kind == "error":
            raise ApiError(self.fault.status)

    def _admit(self) -> None:
        """Check key and media types."""
        headers = dict(self.scope["headers"])
        self.agent = self._agent(headers.get(b"authorization", b""))
        accept = headers.get(b"accept", b"*/*")
        if b"application/json" not in accept and b"*/*" not in accept:
            raise ApiError(406)
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        if has_body and kind != b"application/json":
            given = kind.decode("latin-1") or "of this kind"
            message = f"Content-Type header is set to {given}. Only application/json is supported."
            raise ApiError(415, {"code": "invalid_content_type", "message": message})

    def _agent(self, authorization: bytes) -> Agent:
        scheme, _, encoded = authorization.partition(b" ")
        try:
            user = b64decode(encoded, validate=True).decode().partition(":")[0]
        except (Base64Error, UnicodeDecodeError):
            raise Unauthorized from None
        agent = self.desk.agent_of_key(user) if scheme.lower() == b"basic" else None
        if agent is None:
            raise Unauthorized
        return agent


async def answer(error: ApiError, send: Send) -> None:
    """Send an error as an ASGI answer."""
    headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
    if error.content is None:
        await _answer_bytes(error.status, b"", b"text/html", headers, send)
    else:
        body = msgspec.json.encode(error.content)
        await _answer_bytes(error.status, body, b"application/json; charset=utf-8", headers, send)


async def _answer_bytes(status: int, body: bytes, media_type: bytes, headers: Headers, send: Send) -> None:
    start: Any = {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", media_type), (b"content-length", b"%d" % len(body)), *headers],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _cut(send: Send, receive: Receive) -> None:
    """Close the socket under an unfinished answer.

    uvicorn's `send` is bound to the exchange that owns the transport; ASGI itself has no way to break a connection.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("connections can only be cut when uvicorn serves the look-alike")
    transport.abort()
    # Leave only when the server knows that the peer is gone, or it would complain about an unfinished answer.
    while (await receive())["type"] != "http.disconnect":
        continue
