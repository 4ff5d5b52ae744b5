"""The HTTP server under each look-alike: it accepts, keeps the log, and asks an `Api` for the answer.

One task a connection. `stop()` cancels and awaits all of them, also those that stall on purpose, so nothing outlives a
test. A script's callable that raises fails the test: its exception is raised again by `stop()`.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from tests.lookalikes.scripts import Script
from tests.lookalikes.wire import HEAD_LIMIT, ClientLeft, Exchange, Head, LoggedRequest, read_request
from tests.waiting import PATIENCE_S


class Api(Protocol):
    """One provider's protocol."""

    def claims(self, head: Head) -> bool:
        """Whether a request is meant for this provider, where one port serves several."""

    def headers(self, request_id: str) -> dict[str, str]:
        """What every answer carries."""

    async def answer(self, exchange: Exchange, script: Script) -> None:
        """Answer one request, or misbehave as the script wants it."""


class Lookalike:
    """A provider on a free port of 127.0.0.1, as an async context manager.

    `port` 0 takes a free one and keeps it over `stop()` and `start()`. `on_end` is called with each request when its
    answer ended.
    """

    def __init__(
        self,
        *apis: Api,
        script: Script | None = None,
        port: int = 0,
        on_end: Callable[[LoggedRequest], None] | None = None,
    ) -> None:
        self.script = script or Script()
        self.requests: list[LoggedRequest] = []
        self.port = port
        self._apis = apis
        self._on_end = on_end
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://127.0.0.1:{self.port}"

    def requests_to(self, path: str) -> list[LoggedRequest]:
        """The logged requests whose path ends with `path`."""
        return [request for request in self.requests if request.path.endswith(path)]

    def reset(self) -> None:
        """Forget the log and the script, for the next test on the same server."""
        self.requests.clear()
        self.script.clear()

    async def until(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Wait until `condition()` holds; it is asked again after each change of the log. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=HEAD_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse new connections, end the open ones, and raise what a callable of the script has raised."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.sleep(0)  # a task that was never entered would not close its connection when cancelled
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        results = await asyncio.gather(*connections, return_exceptions=True)
        self._connections.clear()
        await self._server.wait_closed()
        self._server = None
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or not self._server.is_serving():
            writer.transport.abort()  # it was in the backlog when the server stopped
            return
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._forget)

    def _forget(self, connection: asyncio.Task[None]) -> None:
        """A connection that failed stays, so that `stop()` can raise its error."""
        if connection.cancelled() or connection.exception() is None:
            self._connections.discard(connection)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peek = asyncio.create_task(reader.read(1))
        try:
            while first := await peek:
                head = await read_request(reader, first)
                peek = asyncio.create_task(reader.read(1))
                if await self._exchange(head, writer, peek):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away between two requests, or inside one
        except asyncio.CancelledError:
            writer.transport.abort()  # a plain close would wait for a client that does not read
            raise
        finally:
            peek.cancel()
            writer.close()  # before any await: `stop()` may cancel this task also here
            await asyncio.gather(peek, return_exceptions=True)
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, head: Head, writer: asyncio.StreamWriter, peek: asyncio.Task[bytes]) -> bool:
        """Answer one request. True when the connection is of no more use."""
        number = len(self.requests) + 1
        request_id = f"req_{number:024d}"
        body = head.json
        request = LoggedRequest(number, head.method, head.path, head.headers, body, request_id)
        request.raw = head.body if body is None else b""
        self.requests.append(request)
        self._changed.set()
        api = next(api for api in self._apis if api.claims(head))
        exchange = Exchange(request, writer, peek, headers=api.headers(request_id), changed=self._changed.set)
        try:
            await api.answer(exchange, self.script)
        except ClientLeft:
            request.disconnected = True
        finally:
            request.ended = time.monotonic()
            self._changed.set()
            if self._on_end:
                self._on_end(request)
        return exchange.hung_up or request.disconnected
