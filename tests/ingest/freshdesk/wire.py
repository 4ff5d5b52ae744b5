"""A server that speaks HTTP badly: a test says byte by byte what it answers, and reads what it was asked."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.tasks import stop

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Wire:
    """Answers one after the other, and the last one for ever; `asked` are the request lines and headers."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    connections: set["asyncio.Task[None]"] = field(default_factory=set)

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self.connections.add(connection)
        connection.add_done_callback(self.connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    """A server on a free port."""
    made = Wire()
    server = await asyncio.start_server(made, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
    # Who never answers would go on for as long as there are tests.
    for connection in [*made.connections]:
        await stop(connection)


def http(body: bytes = b"", status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    """An answer with its right length."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def gzipped(body: bytes, cut: int = 0) -> bytes:
    """A compressed answer, of which the last bytes may be missing."""
    packed = gzip.compress(body, 6)
    return http(packed[: len(packed) - cut], content_encoding="gzip")


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, and never the last."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(writer: asyncio.StreamWriter) -> None:
    """An answer without a length, for as long as someone listens."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n[")
    while not writer.is_closing():
        writer.write(b" " * 100_000)
        await writer.drain()


async def cut_off(writer: asyncio.StreamWriter) -> None:
    """Half an answer."""
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id": 1')
    await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    while not writer.is_closing():
        await asyncio.sleep(0.01)
