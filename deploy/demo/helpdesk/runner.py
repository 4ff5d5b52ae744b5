"""Serves an app in the running event loop, for the demo and for tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

import uvicorn

from deploy.demo.helpdesk.app import create_helpdesk_app
from deploy.demo.helpdesk.helpdesk import Helpdesk

KEEP_ALIVE_S = 75
"""Longer than clients keep a quiet connection (httpx: 5 s, as uvicorn by itself): who hangs up in the moment in which a
client asks again leaves it without an answer."""


class _Server(uvicorn.Server):
    """A server that leaves signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        await server.serve(sockets=[listener])
    except SystemExit as error:
        # uvicorn ends the process when an app fails to start; here the process is more than this app.
        raise RuntimeError("the app failed to start") from error


@asynccontextmanager
async def serving(app: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI app on 127.0.0.1 and yield its base URL; port 0 takes a free one.

    Raises:
        OSError: the port is in use.
        RuntimeError: the app failed to start.

    """
    with closing(_listen(port)) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=5,
            timeout_keep_alive=KEEP_ALIVE_S,
            ws="none",
            date_header=False,  # an account answers with the time of its own clock
        )
        server = _Server(config)
        task = asyncio.create_task(_serve(server, listener))
        try:
            while not server.started:
                if task.done():
                    await task
                await asyncio.sleep(0.001)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def running_helpdesk(helpdesk: Helpdesk, port: int = 0) -> AsyncIterator[str]:
    """Serve an account on 127.0.0.1 and yield its base URL (without /api/v2).

    Raises:
        OSError: the port is in use.

    """
    async with serving(create_helpdesk_app(helpdesk), port) as url:
        try:
            yield url
        finally:
            # Delayed answers would hold up the shutdown.
            helpdesk.faults.clear()
