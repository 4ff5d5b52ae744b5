"""Server-sent events: a run's entries as the wire wants them, for clients that read, stall or leave.

`id` is the Redis Stream id, so a browser that comes back says where it was. A comment is sent at once and every 15 s,
for proxies that hold headers until the first byte or cut silent connections. A client that left is noticed by the
server's message; one that reads nothing any more, by what waits in the connection's buffer: it is cut, and resumes.
"""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.types import ASGIApp, Receive, Scope, Send
from redis.exceptions import RedisError

from serve.caller import Caller
from serve.context import ServeContext
from shared.errors import CanvasError, StoreUnavailable
from shared.run_log import Entry
from shared.tasks import stop

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
MEDIA_TYPE = "text/event-stream; charset=utf-8"
# No empty line after these: it ends an event, and some clients (httpx-sse) then hand on one without data.
OPENING = b": canvas\nretry: 1000\n"
HEARTBEAT = b": heartbeat\n"
RETURN_MS = (200, 1500)
"""When this process stops, its followers come back to another one after this long: not all at once."""
STALLED_S = 3.0
"""A client whose connection holds more than the server's buffer (64 KB) and takes no byte for so long is cut."""
TRANSPORT = "canvas.transport"
"""The ASGI extension that gives the connection's transport: only it can drop what a client does not read."""

log = structlog.get_logger()


class Stalled(Exception):
    """The client reads nothing any more."""


def encode_entry(entry: Entry) -> bytes:
    """One event; the final one of a ticket that changed meanwhile tells the reader that its Canvas is already behind.

    A run that is to be repeated because a part failed does not say so: whoever asked again at once would drive a loop.
    One that stands in no log has no id: the client's last one stays.
    """
    data = entry.data
    if entry.final and entry.result == "again" and data.endswith(b"}"):
        data = data[:-1] + b',"stale":true}'
    named = b"event: %b\ndata: %b\n\n" % (entry.event.encode(), data)
    return b"id: %b\n%b" % (entry.id.encode(), named) if entry.id else named


def _encode_error(error: CanvasError) -> bytes:
    return b"event: error\ndata: %b\n\n" % msgspec.json.encode(error.problem())


async def run_stream(
    context: ServeContext, caller: Caller, run_id: str, headers: dict[str, str] | None = None, after: str = ""
) -> "EventStream":
    """The stream of a run of the caller's tenant, after the event `after`; it takes a place among those of the caller.

    Raises:
        TooManyStreams: there is no place.
        StoreUnavailable: Redis does not answer.
    """
    held = context.limits.stream(caller)
    await held.__aenter__()  # left by the response, when the stream has ended
    return sse_response(context.restricted.run(context.watching.follow, caller, run_id, after), headers, held)


def sse_response(
    batches: AsyncGenerator[list[Entry]],
    headers: dict[str, str] | None = None,
    held: AbstractAsyncContextManager[Any] | None = None,
) -> "EventStream":
    """A streaming response of a run's batches; an empty one is a heartbeat.

    `held` is something that was entered already, such as a place among the concurrent streams: it is left when the
    stream has ended, however it ends.
    """
    return EventStream(batches, headers or {}, held)


class EventStream(Response[bytes]):
    """A response whose body is a stream of events."""

    def __init__(
        self,
        batches: AsyncGenerator[list[Entry]],
        headers: dict[str, str],
        held: AbstractAsyncContextManager[Any] | None = None,
    ) -> None:
        super().__init__(b"", headers={**HEADERS, **headers}, media_type=MEDIA_TYPE)
        self._streaming = Streaming(batches, held)

    def to_asgi_response(  # type: ignore[override]
        self, *_: Any, headers: dict[str, str] | None = None, **__: Any
    ) -> ASGIApp:
        """The ASGI application that sends it; headers of the route are kept, those of the response go before them."""
        found = {**(headers or {}), **self.headers, "Content-Type": MEDIA_TYPE}
        self._streaming.headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in found.items()]
        return self._streaming


class Streaming:
    """Sends batches until they end, the client is gone, or it has stalled; an ASGI application for one request."""

    def __init__(
        self, batches: AsyncGenerator[list[Entry]], held: AbstractAsyncContextManager[Any] | None = None
    ) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self._batches = batches
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream beside waiting for the client to leave; what follows the run is released in either case."""
        async with AsyncExitStack() as stack:
            if self._held is not None:
                stack.push_async_exit(self._held)
            await stack.enter_async_context(aclosing(self._batches))
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            connection = Connection(scope, send)
            sending = asyncio.create_task(self._send(connection))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                await stop(leaving)
                await stop(sending)
                if not leaving.cancelled():
                    leaving.exception()  # of a body that nobody wants and that does not come
            if not sending.cancelled():
                sending.result()

    async def _send(self, connection: "Connection") -> None:
        try:
            await connection.write(OPENING)
            ended = await self._send_batches(connection)
            # Without a last event this process is stopping: whoever follows comes back to another one.
            bye = b"" if ended else b": stopping\nretry: %d\n" % random.randint(*RETURN_MS)  # noqa: S311
            await connection.write(bye, last=True)
        except Stalled:
            log.info("stalled client cut")
            connection.cut()

    async def _send_batches(self, connection: "Connection") -> bool:
        """Whether the last event was sent; what goes wrong after the first byte becomes an `error` event."""
        try:
            async for batch in self._batches:
                await connection.write(b"".join(map(encode_entry, batch)) or HEARTBEAT)
                if batch and batch[-1].final:
                    return True
        except CanvasError as error:
            await connection.write(_encode_error(error))
        except (RedisError, OSError):
            await connection.write(_encode_error(StoreUnavailable()))
        else:
            return False
        return True


class Connection:
    """Writes to one client. Without the extension (another server) a client that is only slow counts as stalled."""

    def __init__(self, scope: Scope, send: Send) -> None:
        extensions: dict[str, Any] = scope.get("extensions") or {}
        self._transport: asyncio.WriteTransport | None = extensions.get(TRANSPORT, {}).get("transport")
        self._send = send

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send bytes as soon as the server's buffer has room.

        Raises:
            Stalled: there is none, and the client has taken nothing for a while.
        """
        message: Any = {"type": "http.response.body", "body": data, "more_body": not last}
        waits = self._waiting()
        if waits == 0:
            await self._send(message)  # there is room: nothing to wait for
            return
        while not await self._sent(message):
            waited, waits = waits, self._waiting()
            if waits is None or waited is None or waits >= waited:
                raise Stalled

    async def _sent(self, message: Any) -> bool:
        """Whether there was room for it in time; where there was none, nothing of it is sent."""
        try:
            async with asyncio.timeout(STALLED_S):
                await self._send(message)
        except TimeoutError:
            return False
        return True

    def _waiting(self) -> int | None:
        """Bytes that the kernel has not taken yet, None where that is not known."""
        return None if self._transport is None else self._transport.get_write_buffer_size()

    def cut(self) -> None:
        """Drop the connection and what waits in it; closing it would wait for the client to read."""
        if self._transport is not None:
            self._transport.abort()


async def _left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
