"""Hits, answered before the app: an ASGI callable in front of it, and a plain function in front of that.

`Front.instant` is asked by the HTTP server itself (`deploy.instant`), with what `Front.head` once made of the same
header lines: a Canvas goes out as one write, without a task or a message, from process memory or from the callback of
Redis's answer.
`Front.__call__` does the same in ASGI for hits that are less plain (POST, a request id, an outage). Whatever is no hit
of a caller who is known falls through to the app, which is complete without either. No JSON is parsed or built here.
"""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from serve.caller import Caller
from serve.context import ServeContext
from serve.credentials.checker import Reference
from serve.edge.observed import Hits
from serve.edge.stale import Later, Parts, StaleAnswers, is_stale
from serve.hits.answer import FROM_MEMORY, HIT, STALE, Answer, Copy, Headers, as_lines
from serve.hits.reads import Read
from serve.limits.address import FORWARDED
from shared.errors import RateLimited, StoreUnavailable
from shared.request_ids import HEADER, TRACEPARENT, request_id
from shared.tracing import tracing_on

Asked = tuple[bytes, bytes, bytes]
LATER = "later"
PATH = "/init/"
PATH_BYTES = PATH.encode()
MAX_ID_DIGITS = 15
METHODS = frozenset({"GET", "POST"})
OF_THE_LOG = frozenset({HEADER, TRACEPARENT})
"""Headers of requests that the log must know more of."""


class Head(NamedTuple):
    """What a plain GET's headers say: what it wants, by what its credential is known, and whom proxies name."""

    asked: Asked
    reference: Reference
    forwarded: Headers


class Front:
    """Answers hits by itself and leaves the rest to `app`."""

    def __init__(
        self, app: Any, context: ServeContext, origins: Iterable[str], exposed: Iterable[str], hits_logged: float = 0.0
    ) -> None:
        """`origins` may read answers in a browser, and of these the headers that are `exposed` (CORS)."""
        self._app = app
        self._reads = context.reads
        self._credentials = context.credentials
        self._spend = context.limits.spend_now
        self._address = context.addresses.of
        self._hits = Hits(hits_logged)
        self._stale = StaleAnswers(context, self._hits)
        self._traced = tracing_on()  # then the app answers hits, too: a span costs as much as ten of them
        names = ", ".join(exposed).encode()
        self._cors: dict[bytes, Headers] = {
            origin.encode(): [
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-expose-headers", names),
            ]
            for origin in origins
        }

    def head(self, headers: Headers) -> Head | None:
        """What is wanted of a plain GET's headers; None for such that only the app understands. Holds no API key."""
        if self._traced:
            return None
        asked, reference = _asked(headers), self._credentials.reference(headers)
        if asked is None or reference is None:
            return None
        return Head(asked, reference, [pair for pair in headers if pair[0] == FORWARDED])

    def instant(self, head: Head, client: Any, url: bytes, later: Later) -> Parts | str | None:
        """The whole answer to a GET, or "later", and then `later` gets it; None (here or there): ask the app.

        `client` is who asks, as ASGI has it.
        """
        if not url.startswith(PATH_BYTES):
            return None
        began = time.perf_counter()
        ticket_id = _number(url[len(PATH_BYTES) :])
        caller = self._credentials.known_by(head.reference) if ticket_id else None
        if caller is None or caller.restricted or not self._reads.alive:
            return None
        copy = self._reads.remembered(caller.host, ticket_id)
        address = self._address({"client": client, "headers": head.forwarded})
        if copy is not None and not is_stale(copy):
            return self._parts(caller, address, head.asked, Read(copy, FROM_MEMORY), began)

        def answered(read: Read | None) -> None:
            if read is not None and read.copy is not None and is_stale(read.copy):
                self._begin_stale(caller, address, ticket_id, read, head.asked, later)
            else:
                later(None if read is None else self._parts(caller, address, head.asked, read, began))

        if copy is not None:
            answered(Read(copy, FROM_MEMORY))
        else:
            self._reads.ask(caller.host, ticket_id, answered)
        return LATER

    def _begin_stale(
        self, caller: Caller, address: str, ticket_id: int, read: Read, asked: Asked, later: Later
    ) -> None:
        limits = self._limits(caller, address)
        if limits is None:
            later(None)
            return
        accepted, condition, origin = asked
        extra = [*limits, *self._cors.get(origin, ())]
        self._stale.begin(caller, ticket_id, read, (accepted, condition), extra, later)

    def _parts(self, caller: Caller, address: str, asked: Asked, read: Read, began: float) -> Parts | None:
        copy = read.copy
        if copy is None or copy.state != "current" or copy.stored.tombstone:
            return None
        limits = self._limits(caller, address)
        if limits is None:
            return None
        accepted, condition, origin = asked
        status, head, body = copy.parts(accepted, condition, read.timing)
        lines = as_lines([*limits, *self._cors.get(origin, ())] if origin else limits)
        self._hits.count("hit", "GET", status, time.perf_counter() - began)
        return head + lines, body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One ASGI call."""
        ours = scope["type"] == "http" and scope["path"].startswith(PATH) and not self._traced
        answer = await self._answer(scope) if ours else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Any) -> Answer | None:
        began = time.perf_counter()
        ticket_id = _number(scope["path"][len(PATH) :].encode("latin-1", "replace"))
        caller = self._credentials.known(scope["headers"]) if ticket_id and scope["method"] in METHODS else None
        if caller is None or caller.restricted:
            return None
        try:
            read = await self._reads.read(caller.host, ticket_id)
        except StoreUnavailable:
            return None
        if read.copy is None or read.copy.stored.tombstone or not (read.doubtful or read.copy.state == "current"):
            return None
        limits = self._limits(caller, self._address(scope))
        if limits is None:
            return None
        answer = self._hit(scope, read, read.copy, limits)
        outcome = "stale" if read.doubtful else "hit"
        self._hits.count(outcome, scope["method"], answer.status, time.perf_counter() - began)
        return answer

    def _hit(self, scope: Any, read: Read, copy: Copy, limits: Headers) -> Answer:
        said: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            said[name] = said[name] + b"," + value if name in said else value
        extra = [*limits, *self._cors.get(said.get(b"origin", b""), ())]
        if HEADER in said or TRACEPARENT in said:
            extra.append((HEADER, request_id(scope["headers"]).text.encode()))
        # A POST has no 304 (RFC 9110, 15.4.5): the earlier app gets the Canvas each time.
        condition = said.get(b"if-none-match", b"") if scope["method"] == "GET" else b""
        status = STALE if read.doubtful else HIT
        return copy.answer(said.get(b"accept-encoding", b""), condition, status, read.timing, extra)

    def _limits(self, caller: Caller, address: str) -> Headers | None:
        """The `RateLimit` headers of a request that is within its limits and was counted; else the app answers."""
        try:
            return self._spend(caller, address)
        except RateLimited:
            return None


def _asked(headers: Headers) -> Asked | None:
    """`Accept-Encoding`, `If-None-Match` and `Origin` (b"" where absent); None for a request that is not so plain."""
    accepted = condition = origin = b""
    for name, value in headers:
        if name == b"accept-encoding":
            accepted = accepted + b"," + value if accepted else value
        elif name == b"if-none-match":
            condition = condition + b"," + value if condition else value
        elif name == b"origin":
            origin = value
        elif name in OF_THE_LOG:
            return None
    return accepted, condition, origin


def _number(text: bytes) -> int:
    """The ticket id that a path ends with, 0 where it is none (or where the app should say what is wrong with it)."""
    return int(text) if text.isdigit() and len(text) <= MAX_ID_DIGITS and text[0] != 48 else 0
