"""ASGI apps on sockets, inside a running event loop. Signals are the caller's business, not the server's."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from deploy.instant import Heads, InstantProtocol
from shared.errors import StartupError

GRACE_S = 2
"""What is still being answered is cut after this long at shutdown; streams end by themselves before (`drain`)."""
UNSENT_BYTES = 128 * 1024
"""What the kernel takes of a connection's data before it is sent. Unless told, it takes megabytes for each client that
reads slowly, and only then can a server notice it."""
MOST_HEAD_BYTES = 64 * 1024
"""Of a request's line and headers beyond what comes at once, and of whatever else is neither a request nor a body
(trailers, chunk extensions, empty lines): the parser itself takes as many as are sent."""
HEAD_WITHIN_S = 20.0
"""Of a new connection, of a request that has begun, and of bytes behind an answer (empty lines, a body that nobody
reads any more): who takes longer to say what it wants holds a connection for nothing."""
MOST_PIPELINED = 100
"""Requests that wait for the answer of one before them: each takes some 5 KB, and a client that reads nothing could
have 2,000 of them in one piece of 256 KB."""
KEEP_ALIVE_S = 75
"""A connection that was quiet for so long is closed."""
UNACKNOWLEDGED_MS = 20_000
"""A client whose network vanished without a word is given up after this long, in place of a quarter of an hour."""


class _Protocol(InstantProtocol):
    """Gives applications the connection's transport, to drop what a client does not read (see `serve.routes.sse`).

    A client whose headers do not come, or do not end, is cut: uvicorn and its parser would take them for ever, and any
    byte ends uvicorn's own wait for the next request. Trailers are no headers (RFC 9110, 6.5): a proxy that has
    overwritten a header has not looked at them.
    """

    _in_head = True
    _heard = 0
    """How often something has come that was waited for: a request, the end of its headers, a part of its body."""
    _unheard_bytes = 0
    _cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._cut = self.loop.call_later(HEAD_WITHIN_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._uncut()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.took(data):
            return self._uncut()
        heard = self._heard
        super().data_received(data)
        self._unheard_bytes = self._unheard_bytes + len(data) if self._heard == heard else 0
        if self._unheard_bytes > MOST_HEAD_BYTES:
            self.transport.abort()
        if not self._in_head and not self._is_answered():
            self._uncut()
        elif self._cut is None:
            self._cut = self.loop.call_later(HEAD_WITHIN_S, self.transport.abort)
        return None

    def on_message_begin(self) -> None:
        self._in_head = True
        self._heard += 1
        super().on_message_begin()
        self.scope["extensions"] = {"canvas.transport": {"transport": self.transport}}

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._heard += 1
        if len(self.pipeline) >= MOST_PIPELINED:
            self.transport.abort()
            raise ValueError("too many requests at once")  # so that the parser reads no more of them
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("a request has one Host (RFC 9112, 3.2)")  # the parser's caller answers 400
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        self._heard += 1

    def on_body(self, body: bytes) -> None:
        self._heard += 1
        super().on_body(body)

    def _is_answered(self) -> bool:
        return getattr(self.cycle, "response_complete", False) and not self.pipeline

    def _uncut(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


class _Config(uvicorn.Config):
    heads: Heads | None = None


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process that runs several servers and workers."""
        yield


class PathRouter:
    """Sends requests to apps by the first part of their path, and everything else to `default`."""

    def __init__(self, default: Any, mounted: Mapping[str, Any]) -> None:
        self._default = default
        self._mounted = dict(mounted)
        # Of the default's paths alone: what is mounted goes by another first part.
        self.head, self.instant = getattr(default, "head", None), getattr(default, "instant", None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One ASGI call; the path is passed on unchanged."""
        first = scope["path"].split("/", 2)[1] if scope.get("path", "").startswith("/") else ""
        await self._mounted.get(first, self._default)(scope, receive, send)


def bind(host: str, port: int) -> socket.socket:
    """A bound TCP socket.

    Raises:
        StartupError: the port is in use, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only then: without it an answer takes 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":  # connections have these from the socket that accepts them
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    try:
        sock.bind((host, port))
        sock.listen()  # from here on a second process is refused the port, not only when this one serves
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise StartupError(f"Can't listen on {host}:{port} ({reason}): choose another with --port") from error
    return sock


@asynccontextmanager
async def running(app: Any, sock: socket.socket) -> AsyncIterator[str]:
    """Serve `app` on a bound socket until the block ends; yields the base URL."""
    config = _Config(
        app,
        http=_Protocol,
        ws="none",  # nothing speaks it; where a library for it is installed, it would take the connection from us
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # serve.limits.address reads X-Forwarded-For itself, of trusted proxies alone
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    # Other frameworks' apps have a `head` too, which is another thing.
    config.heads = None if getattr(app, "instant", None) is None else Heads(app.head)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started and not task.done():
        await asyncio.sleep(0.005)
    if task.done():
        raise StartupError(f"The HTTP server does not start: {task.exception()}")
    host, port = sock.getsockname()[:2]
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.should_exit = True
        await task
        sock.close()
