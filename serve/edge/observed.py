"""What is seen of a request from outside: its id, its metrics, its span and one log line.

An ASGI middleware around everything that Litestar answers. `serve.edge.front` answers hits before it, and counts them
with `Hits`: children that are bound beforehand, since finding them by their labels took as long as counting.
"""

import re
import time
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from serve.edge.arriving import Arriving
from shared.metrics import FIRST_EVENT_SECONDS, INIT, REQUEST_SECONDS, STREAM_SECONDS, STREAMS_OPEN
from shared.request_ids import HEADER, enter, request_id
from shared.tracing import Span, span

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
QUIET = frozenset({"/health", "/metrics"})
"""Asked for by machines every few seconds: their lines are for debugging."""
UNMATCHED = "unmatched"
LEFT = "left"
"""The status class of a client that left before it was answered."""
_OF_PATH = re.compile(r":[a-z]+\}")
_RUN = re.compile(rb'"trace":"([0-9a-f-]{55})"')

log = structlog.get_logger()


class Sampler:
    """Says yes to a share of the calls, evenly spread."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._due = 0.0

    def next(self) -> bool:
        """Whether this one is among the share."""
        self._due += self._share
        if self._due < 1.0:
            return False
        self._due -= 1.0
        return True


class Observed:
    """Observes what `app` answers; `hits_logged` is the share of hits that get a log line, 0 to 1."""

    def __init__(self, app: ASGIApp, hits_logged: float = 0.0) -> None:
        self._app = app
        self._sampler = Sampler(hits_logged)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if str(scope["type"]) != "http":
            await self._app(scope, receive, send)
            return
        await _Request(scope, receive, send, self._sampler).answered_by(self._app)


class _Request:
    """One request while it is answered."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, sampler: Sampler) -> None:
        self._scope: Any = scope
        self._arriving = Arriving(receive)
        self._send = send
        self._sampler = sampler
        self._began = time.perf_counter()
        self._id = request_id(scope["headers"])
        self._status = 0
        self._cache = ""
        self._streams = self._has_event = self._linked = False
        self._span = Span()

    async def answered_by(self, app: ASGIApp) -> None:
        enter(self._id)
        with span("request", parent=self._id.traceparent, kind="server", request=self._id.text) as self._span:
            try:
                await app(self._scope, self._arriving, self.send)
            finally:
                self._ended()

    async def send(self, message: Message) -> None:
        """Passes a message on, and reads from it what is to be known."""
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (HEADER, self._id.text.encode())]}
            self._starts(message["status"], message["headers"])
        elif self._streams and message["type"] == "http.response.body":
            self._streamed(message["body"])
        await self._send(message)

    def _starts(self, status: int, headers: Any) -> None:
        self._status = 0 if self._arriving.cut else status
        found = {name.lower(): value for name, value in headers}
        self._cache = _outcome(found.get(b"cache-status", b""))
        if found.get(b"content-type", b"").startswith(b"text/event-stream"):
            self._streams = True
            self._observe()
            STREAMS_OPEN.labels(route=self._route).inc()

    def _streamed(self, body: bytes) -> None:
        if not self._has_event and (body.startswith(b"event:") or b"\nevent:" in body):
            self._has_event = True
            FIRST_EVENT_SECONDS.labels(route=self._route).observe(time.perf_counter() - self._began)
        if not self._linked and self._span.recording and (run := _RUN.search(body)):
            self._linked = True
            self._span.link(run[1].decode())

    def _ended(self) -> None:
        if self._streams:
            STREAMS_OPEN.labels(route=self._route).dec()
            STREAM_SECONDS.labels(route=self._route).observe(time.perf_counter() - self._began)
        else:
            self._observe()
        if self._span.recording:
            self._span.rename(f"{self._method} {self._route}")
            self._span.note(status=self._status, cache=self._cache)
            if self._status >= 500:
                self._span.fail(str(self._status))
        self._log()

    def _observe(self) -> None:
        status = f"{self._status // 100}xx" if self._status else LEFT
        seconds = time.perf_counter() - self._began
        REQUEST_SECONDS.labels(route=self._route, method=self._method, status=status).observe(seconds)

    def _log(self) -> None:
        if self._cache == "hit" and not self._sampler.next():
            return
        level = "warning" if self._status >= 500 else "debug" if self._route in QUIET else "info"
        ms = round((time.perf_counter() - self._began) * 1000, 1)
        said = {"cache": self._cache} if self._cache else {}
        getattr(log, level)("request", method=self._method, route=self._route, status=self._status, ms=ms, **said)

    @property
    def _route(self) -> str:
        """The path as its route writes it: never a ticket's or a run's id, and bounded in number."""
        found = self._scope.get("path_template", "")
        return _OF_PATH.sub("}", found) if found else UNMATCHED

    @property
    def _method(self) -> str:
        found: str = self._scope["method"]
        return found if found in METHODS else "other"


def _outcome(cache_status: bytes) -> str:
    """What a `Cache-Status` of ours (RFC 9211) means in one word, "" for none."""
    if not cache_status:
        return ""
    if b"; hit" not in cache_status:
        return "miss"
    return "stale" if b"stale" in cache_status else "hit"


class Hits:
    """Counts what `serve.edge.front` answers by itself: 0.9 µs for each of 25,000 a second."""

    def __init__(self, hits_logged: float = 0.0) -> None:
        self._sampler = Sampler(hits_logged)
        self._log_any = hits_logged > 0
        self._counts = {outcome: INIT.labels(outcome=outcome) for outcome in ("hit", "stale")}
        self._seconds = {
            (method, status): REQUEST_SECONDS.labels(route="/init/{ticket_id}", method=method, status=f"{status}xx")
            for method in ("GET", "POST")
            for status in (2, 3)
        }

    def count(self, outcome: str, method: str, status: int, seconds: float) -> None:
        """One answer: `outcome` is `hit` or `stale`, `status` 200 or 304."""
        self._counts[outcome].inc()
        self._seconds[method, status // 100].observe(seconds)
        if self._log_any and self._sampler.next():
            self._log(outcome, method, status, seconds)

    def started(self, status: int, seconds: float) -> None:
        """A stale answer to a GET that has named a run: each gets its line, as the app's have."""
        self._counts["stale"].inc()
        self._seconds["GET", status // 100].observe(seconds)
        self._log("stale", "GET", status, seconds)

    def _log(self, outcome: str, method: str, status: int, seconds: float) -> None:
        ms = round(seconds * 1000, 2)
        log.info("request", method=method, route="/init/{ticket_id}", status=status, ms=ms, cache=outcome)
