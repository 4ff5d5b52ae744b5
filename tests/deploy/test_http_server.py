"""Clients whose request's headers do not come, or do not end, are cut; those that are quick or quiet are not."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy import http_server
from deploy.http_server import bind, running


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(http_server, "HEAD_WITHIN_S", 0.15)
    async with running(app, bind("127.0.0.1", 0)) as url:
        address = urlsplit(url)
        yield lambda: asyncio.open_connection(address.hostname, address.port)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
async def test_who_does_not_finish_its_headers_is_cut(connect: Any, said: bytes) -> None:
    reader, writer = await connect()
    writer.write(said)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


async def test_headers_without_an_end_are_cut(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_WITHIN_S", 60.0)
    reader, writer = await connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")

    async def write_on() -> None:
        for _ in range(1000):
            writer.write(b"X-A: " + b"a" * 10_000 + b"\r\n")
            await writer.drain()
        await asyncio.wait_for(reader.readexactly(1), 2)

    with pytest.raises(ConnectionError):
        await write_on()
    writer.close()


async def test_a_connection_that_rests_between_two_requests_stays(connect: Any) -> None:
    reader, writer = await connect()
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
    writer.write(b"GET / HTTP/1.1\r\n")
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()
