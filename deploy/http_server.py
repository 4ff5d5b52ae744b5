"""ASGI apps on sockets, inside a running event loop. Signals are the caller's business, not the server's."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from shared.errors import StartupError

GRACE_S = 2
"""Open streams are cut after this long at shutdown; their followers resume by id."""


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
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # nothing asks who the peer is, or by which scheme it came
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
    )
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
