"""Clients whose request's headers do not come, or do not end, are cut; those that are quick or quiet are not.

The same holds for whatever else takes a connection and is no request: trailers, chunk extensions, empty lines, the rest
of a body whose request was answered.
"""

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy import http_server
from deploy.http_server import bind, running
from tests.waiting import PATIENCE_S

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
READ = GET.replace(b"/", b"/read", 1)
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
CHUNKED = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Of `/read` the body is waited for, and then its answer says which headers the request has."""
    names = b""
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
        names = b",".join(name for name, _ in scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(names))]})
    await send({"type": "http.response.body", "body": names})


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
    assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    writer.close()


@pytest.mark.parametrize("asked", [GET, READ, POST])
@pytest.mark.parametrize("said", [b"\r\n", b"abc"])
async def test_bytes_behind_an_answer_hold_no_connection(connect: Any, asked: bytes, said: bytes) -> None:
    """Empty lines, and a body that comes when nobody reads it any more: each ended the server's wait for a request."""
    reader, writer = await connect()
    writer.write(asked)
    assert b"200" in await reader.readline()
    writer.write(said)
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()


@pytest.mark.parametrize(
    ("begun", "endless"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: " + b"a" * 10_000 + b"\r\n"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"a" * 10_000),
        (CHUNKED + b"0\r\n", b"X-A: " + b"a" * 10_000 + b"\r\n"),
        (CHUNKED + b"0\r\nX-A: ", b"a" * 10_000),
        (CHUNKED + b"1;", b"a" * 10_000),
        (GET, b"\r\n" * 5000),
    ],
    ids=["headers", "a header", "trailers", "a trailer", "a chunk's extension", "empty lines"],
)
async def test_what_is_no_body_and_has_no_end_is_cut(
    connect: Any, monkeypatch: pytest.MonkeyPatch, begun: bytes, endless: bytes
) -> None:
    monkeypatch.setattr(http_server, "HEAD_WITHIN_S", 60.0)
    reader, writer = await connect()
    writer.write(begun)

    async def write_on() -> None:
        for _ in range(1000):
            writer.write(endless)
            await writer.drain()
        await asyncio.wait_for(reader.readexactly(10_000), PATIENCE_S)

    with pytest.raises(ConnectionError):
        await write_on()
    writer.close()


async def test_a_body_in_many_small_chunks_is_read_to_its_end(connect: Any) -> None:
    reader, writer = await connect()
    writer.write(CHUNKED)
    for _ in range(20):
        writer.write(b"1\r\na\r\n" * 1000)
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    assert b"200" in await asyncio.wait_for(reader.readline(), PATIENCE_S)
    writer.close()


async def test_trailers_are_no_headers(connect: Any) -> None:
    """A proxy that overwrites `X-Forwarded-For` or takes credentials away has not looked at them."""
    reader, writer = await connect()
    writer.write(CHUNKED + b"1\r\na\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer x\r\n\r\n" + READ)
    for names in (b"host,transfer-encoding", b"host"):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        assert await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0])) == names
    writer.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\nHost: x\r\nhost: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
    ],
)
async def test_a_request_has_one_host(connect: Any, head: bytes, status: bytes) -> None:
    reader, writer = await connect()
    writer.write(head)
    assert (await asyncio.wait_for(reader.readline(), PATIENCE_S)).split()[1] == status
    writer.close()


async def test_a_connection_that_rests_between_two_requests_stays(connect: Any) -> None:
    reader, writer = await connect()
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
    writer.write(b"GET / HTTP/1.1\r\n")
    assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    writer.close()


async def test_requests_that_pile_up_behind_an_answer_are_cut(connect: Any) -> None:
    reader, writer = await connect()
    writer.write(READ * 90)
    for _ in range(90):
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\nhost"), PATIENCE_S)
    writer.write(READ * 1500)
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        heard = await asyncio.wait_for(reader.read(), PATIENCE_S)
    assert heard.count(b"200 OK") <= http_server.MOST_PIPELINED + 1
    writer.close()
