"""One HTTP exchange: what came in (it stays in the log) and how the answer goes out.

HTTP/1.1 by hand instead of a framework, because a look-alike must do what frameworks prevent: cut a body in the middle,
declare more bytes than it sends, fall silent, and notice at once that the client has left.
"""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.client import responses as phrases
from typing import Any, TypeVar

T = TypeVar("T")
HEAD_LIMIT = 256 * 1024  # bytes of request line and headers


class ClientLeft(Exception):
    """The client closed its connection before the answer had ended."""


@dataclass(eq=False)
class LoggedRequest:
    """One request as the server saw it. Times are `time.monotonic()` seconds."""

    number: int  # 1 for the first one, in order of arrival
    method: str
    path: str  # without the query
    headers: Mapping[str, str]  # names in lower case
    body: Any  # parsed JSON; None where there is none or it does not parse
    request_id: str
    arrived: float = field(default_factory=time.monotonic)
    raw: bytes = b""  # the body of a request that is no JSON
    text: str = ""  # everything the model reads: system prompt, then messages
    prompt: str = ""  # the last user message alone
    schema: dict[str, Any] | None = None  # the JSON schema asked for
    fault: str | None = None  # the name of the fault that happened
    status: int | None = None  # of the answer, once it began
    tokens_sent: int = 0  # deltas that a stream has sent
    first_sent: float | None = None  # when the first of them was sent
    ended: float | None = None
    disconnected: bool = False  # the client left before the end

    @property
    def stream(self) -> bool:
        """Whether the client asked for server-sent events."""
        return isinstance(self.body, dict) and bool(self.body.get("stream"))


@dataclass(frozen=True)
class Head:
    """A request line with its headers, and the bytes of the body that followed."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


async def read_request(reader: asyncio.StreamReader, first: bytes) -> Head:
    """Read one request whose first byte was already taken. Raises IncompleteReadError when the client goes away."""
    lines = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Head(method, target.partition("?")[0], headers, body)


class Exchange:
    """The answering side of one request. Every wait ends with ClientLeft as soon as the client is gone.

    `peek` is a pending read of one byte. HTTP clients do not pipeline, so while we answer it can only end because the
    client closed the connection; afterwards it is the first byte of the next request.
    """

    def __init__(
        self,
        request: LoggedRequest,
        writer: asyncio.StreamWriter,
        peek: asyncio.Task[bytes],
        *,
        headers: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        self.request = request
        self.hung_up = False  # this connection can't carry another request
        self._writer = writer
        self._peek = peek
        self._headers = headers
        self._changed = changed  # called after each write, so that tests can wait for what the log says

    async def respond(
        self, status: int, body: bytes, headers: Mapping[str, str], *, declared: int | None = None
    ) -> None:
        """Send a whole answer. With `declared` (bytes) the header promises more than `body` brings."""
        length = {"content-length": str(len(body) if declared is None else declared)}
        await self._write(self._head(status, {**headers, **length}) + body)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Begin a chunked answer; `send` its parts, then `finish`."""
        await self._write(self._head(status, {**headers, "transfer-encoding": "chunked"}))

    async def send(self, data: bytes) -> None:
        """Send one chunk of at least one byte."""
        await self._write(b"%x\r\n%b\r\n" % (len(data), data))

    async def finish(self) -> None:
        """End a chunked answer as the protocol wants it."""
        await self._write(b"0\r\n\r\n")

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection now; with `reset` by RST instead of FIN, as a dying load balancer does."""
        self.hung_up = True
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._writer.transport.abort()
        else:
            self._writer.close()

    async def pause(self, seconds: float | None) -> None:
        """Wait; None waits until the client leaves or the server stops."""
        if seconds is not None and seconds <= 0:
            await asyncio.sleep(0)  # lets the event loop see a disconnect between two tokens
        else:
            await asyncio.wait({self._peek}, timeout=seconds)
        self._check()

    async def wait_for(self, awaitable: Awaitable[T]) -> T:
        """The result of `awaitable`, which is cancelled if the client leaves first."""
        task = asyncio.ensure_future(awaitable)
        try:
            await asyncio.wait({task, self._peek}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._check()
            return await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        self.request.status = status
        lines = [f"HTTP/1.1 {status} {phrases.get(status, 'Overloaded')}"]  # 529 is nobody's but Anthropic's
        lines += [f"{name}: {value}" for name, value in {**self._headers, **headers}.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def _write(self, data: bytes) -> None:
        self._check()
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError as error:
            raise ClientLeft from error
        self._changed()

    def _check(self) -> None:
        if self._peek.done() and (self._peek.exception() is not None or not self._peek.result()):
            raise ClientLeft
