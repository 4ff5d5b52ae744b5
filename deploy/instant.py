"""uvicorn's HTTP protocol with a short way for answers that cost less than the long one.

An app may have `head(lines)` and `instant(head, client, url, later)`. A GET that arrives whole, on a connection with
nothing else under way, is cut at its first line; what follows that line is the same again and again for one client, so
it is parsed once and remembered (as what `head` makes of it, under a keyed hash). Then `instant` gives the whole answer
as bytes, which go out in one write, or LATER and calls `later` with it. Whatever is not so simple, or gets None, is
given to uvicorn as it came, so the long way (a parser, a task, a cycle, two messages, two writes) knows of no other.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Parts = tuple[bytes, bytes]
"""Status line and headers without the empty line that ends them, and the body."""
LATER: Final = "later"
START = b"GET /"
LINE_END = b" HTTP/1.1\r\n"
HEAD_END = b"\r\n\r\n"
LONGEST_LINE = 64
"""Bytes: what is answered at once has short paths."""
LONGEST_HEAD = 4096
MOST_HEADS = 8192
"""Different ones that are remembered; then it begins anew. About 4 MB with API keys, 16 with tokens of 2 KB."""
MORE = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
"""Headers that speak of more than a head."""
_UNSEEN: Final = object()


class Heads:
    """What an app makes of header lines that were seen before; the lines, with their secrets, are not kept."""

    def __init__(self, read: Callable[[list[tuple[bytes, bytes]]], Any]) -> None:
        """`read` makes something of parsed headers, or None of such that need uvicorn's way."""
        self._read = read
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, Any] = {}

    def get(self, lines: bytes) -> Any:
        """What `read` made of these lines, which end with an empty one; None for what is no plain request."""
        name = hashlib.blake2b(lines, digest_size=16, key=self._key).digest()
        found = self._known.get(name, _UNSEEN)
        if found is _UNSEEN:
            headers = _parsed(lines)
            found = None if headers is None else self._read(headers)
            if len(self._known) >= MOST_HEADS:
                self._known.clear()
            self._known[name] = found
        return found


class _Collector:
    """Gets what the parser finds."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.begun = 0
        self.complete = 0
        self.stays = False

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.stays = self.parser.should_keep_alive()  # at the message's end the parser has forgotten

    def on_message_complete(self) -> None:
        self.complete += 1


def _parsed(lines: bytes) -> list[tuple[bytes, bytes]] | None:
    """Headers as uvicorn's own parser reads them; None unless they are one whole GET that keeps its connection."""
    found = _Collector()
    try:
        found.parser.feed_data(b"GET / HTTP/1.1\r\n" + lines)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    whole = found.begun == found.complete == 1 and found.stays
    names = [name for name, _ in found.headers]
    return found.headers if whole and names.count(b"host") == 1 and MORE.isdisjoint(names) else None


class InstantProtocol(HttpToolsProtocol):
    """A connection; all of a server share `config.heads`, where its app has a short way."""

    _between = True
    """Whether the parser is between two requests."""
    _held: bytes | None = None
    """A request whose answer the app has promised."""
    _answered_at = 0.0
    _dated: tuple[Any, bytes] = (None, b"")
    """The server's default headers (they change once a second), and the same as lines."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn asks whether anybody listens to its own lines, which have query strings; it was told that nobody may.
        self.access_log = self.config.access_log
        self._instant = getattr(self.config.app, "instant", None)
        self._heads: Heads | None = getattr(self.config, "heads", None)

    def took(self, data: bytes) -> bool:
        """Take a request the short way; False where uvicorn has to read these bytes."""
        if self._held is not None:
            self._release()  # what is pipelined behind a promised answer waits for a cycle, as uvicorn has it
        if self._heads is None or not (self._between and data.startswith(START) and data.endswith(HEAD_END)):
            return False
        end = data.find(LINE_END, len(START), LONGEST_LINE)
        if end < 0 or len(data) > LONGEST_HEAD or not self._is_free():
            return False
        head = self._heads.get(data[end + len(LINE_END) :])
        return head is not None and self._asked(head, data, data[4:end])

    def on_message_begin(self) -> None:
        """A request begins that uvicorn reads."""
        self._between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """The end of a request that uvicorn has read."""
        self._between = True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; a promised answer goes nowhere."""
        self._held = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server ends: a request that waits is answered by a cycle, which closes the connection."""
        self._release()
        super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was quiet for long enough; one timer serves many short answers."""
        self.timeout_keep_alive_task = None
        quiet = self.loop.time() - self._answered_at
        if self._held is None and quiet >= self.timeout_keep_alive:
            super().timeout_keep_alive_handler()
        else:
            self._wait_for_more(self.timeout_keep_alive - (quiet if self._held is None else 0))

    def _is_free(self) -> bool:
        """Whether nothing is being answered, or waits for that, and the client takes what it is sent."""
        return (
            getattr(self.cycle, "response_complete", True)  # no cycle yet: the connection's first request
            and not self.pipeline
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _asked(self, head: Any, data: bytes, url: bytes) -> bool:
        def later(parts: Parts | None) -> None:
            if self._held is not data:
                return  # it has gone the long way meanwhile, or the client has gone
            if parts is None:
                self._release()
            else:
                self._held = None
                self._write(parts)

        self._held = data
        answer = self._instant(head, self.client, url, later)  # type: ignore[misc]
        if answer is LATER:
            return True
        self._held = None
        if answer is not None:
            self._write(answer)
        return answer is not None

    def _release(self) -> None:
        """Give a request whose answer was promised to uvicorn."""
        held, self._held = self._held, None
        if held is not None:
            HttpToolsProtocol.data_received(self, held)

    def _write(self, parts: Parts) -> None:
        if self.transport.is_closing():
            return
        head, body = parts
        self.transport.write(b"".join((head, self._default_lines(), b"\r\n", body)))
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_for_more(self.timeout_keep_alive)

    def _wait_for_more(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _default_lines(self) -> bytes:
        headers = self.server_state.default_headers
        if self._dated[0] is not headers:
            InstantProtocol._dated = headers, b"".join([b"%b: %b\r\n" % pair for pair in headers])
        return self._dated[1]
