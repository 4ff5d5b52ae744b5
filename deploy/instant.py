"""uvicorn's HTTP protocol with a short way for answers that cost less than the long one.

An app may have `instant(scope, url, later)`. It is asked as soon as a GET's headers are parsed, and gives the whole
answer as bytes, or LATER and calls `later` with it, or None. Such an answer goes out in one write; uvicorn's own way (a
task, a cycle, two messages, two writes, every header checked again) costs more than all that is done for a hit. Only
what needs nothing of that way takes the short one: a GET without a body on a connection that stays open and has nothing
else under way. Whatever turns out not to be so simple goes uvicorn's way after all.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

Parts = tuple[bytes, bytes]
"""Status line and headers without the empty line that ends them, and the body."""
LATER: Final = "later"
Instant = Callable[[Any, bytes, Callable[[Parts | None], None]], Any]


class _Waiting:
    """A request whose answer the app has promised."""

    __slots__ = ("scope", "url")

    def __init__(self, scope: Any, url: bytes) -> None:
        self.scope = scope
        self.url = url


class InstantProtocol(HttpToolsProtocol):
    """A connection. `config.app` is looked at, so that any app can be served."""

    _taken = False
    """Whether the request that is being read went the short way."""
    _waiting: _Waiting | None = None
    _dated: tuple[Any, bytes] = (None, b"")
    """The server's default headers (they change once a second), and the same as lines."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn asks whether anybody listens to its own lines, which have query strings; it was told that nobody may.
        self.access_log = self.config.access_log
        self._instant: Instant | None = getattr(self.config.app, "instant", None)

    def on_message_begin(self) -> None:
        """A request begins. One that is pipelined behind a promised answer waits for a cycle, as uvicorn has it."""
        if self._waiting is not None:
            self._go_the_long_way(self._waiting)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer at once, wait for the answer, or go uvicorn's way."""
        self._taken = self._instant is not None and self._is_plain() and self._took(self._instant)
        if not self._taken:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a request's body; what took the short way has none."""
        if not self._taken:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        if not self._taken:
            super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; a promised answer goes nowhere."""
        self._waiting = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server ends: a request that waits is answered by a cycle, which closes the connection."""
        if self._waiting is not None:
            self._go_the_long_way(self._waiting)
        super().shutdown()

    def _took(self, instant: Instant) -> bool:
        waiting = _Waiting(self.scope, self.url)

        def later(parts: Parts | None) -> None:
            if self._waiting is not waiting:
                return  # it has gone the long way meanwhile, or the client has gone
            if parts is None:
                self._go_the_long_way(waiting)
            else:
                self._waiting = None
                self._write(parts)

        self._waiting = waiting
        answer = instant(self.scope, self.url, later)
        if answer is LATER:
            return True
        self._waiting = None
        if answer is not None:
            self._write(answer)
        return answer is not None

    def _write(self, parts: Parts) -> None:
        if self.transport.is_closing():
            return
        head, body = parts
        self.transport.write(b"".join((head, self._default_lines(), b"\r\n", body)))
        # As the end of a cycle does it.
        self.server_state.total_requests += 1
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _go_the_long_way(self, waiting: _Waiting) -> None:
        """Give a request to the app by a cycle, as `on_headers_complete` would have done for this plain GET."""
        self._waiting = None
        path, _, query = waiting.url.partition(b"?")
        waiting.scope |= {"method": "GET", "path": path.decode("ascii"), "raw_path": path, "query_string": query}
        self.cycle = RequestResponseCycle(
            scope=waiting.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        self.cycle.more_body = False
        self._start_asgi_task(self.cycle, self.app)

    def _is_plain(self) -> bool:
        return (
            getattr(self.cycle, "response_complete", True)  # no cycle yet: the connection's first request
            and not self.flow.write_paused
            and self.limit_concurrency is None
            and self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.transport.is_closing()
        )

    def _default_lines(self) -> bytes:
        headers = self.server_state.default_headers
        if self._dated[0] is not headers:
            self._dated = headers, b"".join([b"%b: %b\r\n" % pair for pair in headers])
        return self._dated[1]
