"""uvicorn's HTTP protocol with a short way for answers that are there already.

An app may have `instant(scope, url)`, which gives a GET's whole answer as bytes as soon as its headers are parsed, or
None. Such an answer goes out in one write; uvicorn's own way (a task, a cycle, two messages, two writes, every header
checked again) costs more than all that is done for a hit. Only what needs nothing of that way takes the short one: a
GET without a body on a connection that stays open and has nothing else under way.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Instant = Callable[[Any, bytes], tuple[bytes, bytes] | None]


class InstantProtocol(HttpToolsProtocol):
    """A connection. `config.app` is looked at, so that any app can be served."""

    _answered = False
    """Whether the request that is being read has been answered already."""
    _dated: tuple[Any, bytes] = (None, b"")
    """The server's default headers (they change once a second), and the same as lines."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._instant: Instant | None = getattr(self.config.app, "instant", None)

    def on_headers_complete(self) -> None:
        """Answer at once, or go uvicorn's way."""
        answer = None
        self._answered = False
        if self._instant is not None and self._is_plain():
            answer = self._instant(self.scope, self.url)
        if answer is None:
            super().on_headers_complete()
            return
        self._answered = True
        head, body = answer
        self.transport.write(b"".join((head, self._default_lines(), b"\r\n", body)))
        # As a cycle's end does it; a request that is pipelined behind this one is parsed next, and finds nothing ahead.
        self.server_state.total_requests += 1
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_body(self, body: bytes) -> None:
        """A part of a request's body; what is answered already has none."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        if not self._answered:
            super().on_message_complete()

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
