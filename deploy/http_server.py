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
"""Of a request's line and headers beyond what comes at once: the parser itself takes as many as are sent."""
HEAD_WITHIN_S = 20.0
"""Of a new connection, and of a request that has begun: who takes longer holds a connection for nothing."""
KEEP_ALIVE_S = 75
"""A connection that was quiet for so long is closed."""
UNACKNOWLEDGED_MS = 20_000
"""A client whose network vanished without a word is given up after this long, in place of a quarter of an hour."""


class _Protocol(InstantProtocol):
    """Gives applications the connection's transport, to drop what a client does not read (see `serve.routes.sse`).

    A client whose headers do not come, or do not end, is cut: uvicorn and its parser would take them for ever.
    """

    _in_head = True
    _head_bytes = 0
    _begun = 0
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
        begun = self._begun
        super().data_received(data)
        if self._in_head:
            if self._begun == begun:
                self._head_bytes += len(data)
                if self._head_bytes > MOST_HEAD_BYTES:
                    self.transport.abort()
            if self._cut is None and self._begun:
                self._cut = self.loop.call_later(HEAD_WITHIN_S, self.transport.abort)
        else:
            self._uncut()
        return None

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._begun += 1
        super().on_message_begin()
        self.scope["extensions"] = {"canvas.transport": {"transport": self.transport}}

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

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
