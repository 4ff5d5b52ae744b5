"""The short way of the HTTP server: who gets it, who does not, and that nobody's lines are taken for another's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy import http_server
from deploy.http_server import bind, running
from deploy.instant import LATER, Parts
from tests.clock import Clock
from tests.waiting import PATIENCE_S, wait_until


class App:
    """Answers by the short way with the `Authorization` of its client; by the long way with `long <method> <path>`."""

    def __init__(self) -> None:
        self.heads = 0
        self.later: list[Callable[[Parts | None], None]] = []

    def head(self, headers: list[tuple[bytes, bytes]]) -> Any:
        self.heads += 1
        return dict(headers).get(b"authorization")

    def instant(self, head: bytes, client: Any, url: bytes, later: Callable[[Parts | None], None]) -> Any:
        assert client[0] == "127.0.0.1"
        if url == b"/later":
            self.later.append(later)
            return LATER
        return parts(b"short " + head + b" " + url) if url.startswith(b"/at-once/") else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b"long %b %b" % (scope["method"].encode(), scope["path"].encode())
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})


def parts(body: bytes) -> Parts:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(body), body


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    said = [f"{method} {path} HTTP/{version}", "Host: x", *(lines or ("Authorization: A",)), "", ""]
    return "\r\n".join(said).encode()


class Client:
    """One connection; `ask` writes each piece when the server has had time to see the one before."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, *pieces: bytes) -> bytes:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        return await self.answer()

    async def answer(self) -> bytes:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        assert head.lower().count(b"\r\ndate: ") == 1
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return await asyncio.wait_for(self.reader.readexactly(length), PATIENCE_S)


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def connect(app: App) -> AsyncIterator[Callable[[], Any]]:
    opened: list[Client] = []

    async def client() -> Client:
        opened.append(Client(*await asyncio.open_connection(address.hostname, address.port)))
        return opened[-1]

    async with running(app, bind("127.0.0.1", 0)) as url:
        address = urlsplit(url)
        yield client
        for one in opened:
            one.writer.close()


async def test_lines_are_read_once_and_never_taken_for_anothers(app: App, connect: Any) -> None:
    first, second = await connect(), await connect()
    for turn in range(3):
        for client, name in ((first, "A"), (second, "B"), (first, "B"), (second, "A")):
            answer = await client.ask(get(f"/at-once/{turn}", f"Authorization: {name}"))
            assert answer == f"short {name} /at-once/{turn}".encode()
    assert app.heads == 2


@pytest.mark.parametrize(
    "pieces",
    [
        [get("/elsewhere")],
        [get("/at-once/1")[:30], get("/at-once/1")[30:]],
        [b"\r\n" + get("/at-once/1")],
        [get("/at-once/1", "X-Nothing: 1")],
        [get("/at-once/1", "Authorization: A", "Connection: close")],
        [get("/at-once/1", "Authorization: A", "Content-Length: 4") + b"body"],
        [get("/at-once/1", "Authorization: A", "Content-Length: 0")],
        [get("/at-once/1", "Authorization: A", "Transfer-Encoding: chunked") + b"0\r\n\r\n"],
        [get("/at-once/1", "Authorization: A", "Content-Length: 33") + b"GET /at-once/2 HTTP/1.1\r\nX: y\r\n\r\n"],
        [get("http://x/at-once/1")],
        [get("/at-once/" + "1" * 80)],
        [get("/at-once/1", version="1.0")],
    ],
)
async def test_what_is_not_plain_goes_the_long_way(connect: Any, pieces: list[bytes]) -> None:
    answer = await (await connect()).ask(*pieces)
    assert answer.startswith(b"long GET /")


@pytest.mark.parametrize("hosts", [[], ["Host: x", "Host: y"]])
async def test_a_request_without_its_one_host_is_refused(app: App, connect: Any, hosts: list[str]) -> None:
    client = await connect()
    client.writer.write("\r\n".join(["GET /at-once/1 HTTP/1.1", *hosts, "Authorization: A", "", ""]).encode())
    assert (await client.reader.readline()).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "get"])
async def test_other_methods_go_the_long_way(app: App, connect: Any, method: str) -> None:
    client = await connect()
    client.writer.write(get("/at-once/1", method=method))
    assert (await client.reader.readuntil(b"\r\n")).startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))
    assert app.heads == 0


async def test_both_ways_take_turns_on_one_connection(connect: Any) -> None:
    client = await connect()
    for _ in range(3):
        assert await client.ask(get("/at-once/1")) == b"short A /at-once/1"
        assert await client.ask(get("/elsewhere")) == b"long GET /elsewhere"
        assert await client.ask(get("/at-once/2")[:20], get("/at-once/2")[20:]) == b"long GET /at-once/2"


async def test_requests_in_one_piece_are_answered_in_order(connect: Any) -> None:
    client = await connect()
    assert await client.ask(get("/at-once/1") + get("/elsewhere") + get("/at-once/2")) == b"long GET /at-once/1"
    assert await client.answer() == b"long GET /elsewhere"
    assert await client.answer() == b"long GET /at-once/2"


async def test_a_promised_answer_is_given_once(app: App, connect: Any) -> None:
    client = await connect()
    client.writer.write(get("/later"))
    await wait_until(lambda: bool(app.later))
    app.later[0](parts(b"promised"))
    app.later[0](parts(b"twice"))
    assert await client.answer() == b"promised"
    assert await client.ask(get("/at-once/1")) == b"short A /at-once/1"


async def test_a_promise_that_is_not_kept_goes_the_long_way(app: App, connect: Any) -> None:
    client = await connect()
    client.writer.write(get("/later"))
    await wait_until(lambda: bool(app.later))
    app.later[0](None)
    assert await client.answer() == b"long GET /later"


async def test_what_comes_behind_a_promise_does_not_overtake_it(app: App, connect: Any) -> None:
    client = await connect()
    client.writer.write(get("/later"))
    await wait_until(lambda: bool(app.later))
    assert await client.ask(get("/at-once/1")) == b"long GET /later"
    app.later[0](parts(b"too late"))
    assert await client.answer() == b"long GET /at-once/1"


async def test_a_client_that_left_gets_nothing(app: App, connect: Any) -> None:
    client = await connect()
    client.writer.write(get("/later"))
    await wait_until(lambda: bool(app.later))
    client.writer.close()
    await client.writer.wait_closed()
    await asyncio.sleep(0.02)
    app.later[0](parts(b"nobody is there"))
    assert await (await connect()).ask(get("/at-once/1")) == b"short A /at-once/1"


async def test_an_app_without_the_short_way_may_have_a_head(connect: Any, app: App) -> None:
    """As a FastAPI app has one, to declare routes."""
    app.instant = None  # type: ignore[assignment]
    async with running(app, bind("127.0.0.1", 0)) as url:
        client = Client(*await asyncio.open_connection("127.0.0.1", urlsplit(url).port))
        assert await client.ask(get("/at-once/1")) == b"long GET /at-once/1"
        client.writer.close()


@pytest.mark.asyncio(loop_scope="function")
async def test_a_quiet_connection_is_closed_and_a_busy_one_is_not(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a loop of its own, whose time passes at once."""
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock.monotonic)
    async with running(app, bind("127.0.0.1", 0)) as url:
        client = Client(*await asyncio.open_connection("127.0.0.1", urlsplit(url).port))
        for _ in range(4):
            assert await client.ask(get("/at-once/1")) == b"short A /at-once/1"
            clock.passes(http_server.KEEP_ALIVE_S - 20)
        assert await client.ask(get("/at-once/1")) == b"short A /at-once/1"
        clock.passes(http_server.KEEP_ALIVE_S + 1)
        assert await asyncio.wait_for(client.reader.read(), PATIENCE_S) == b""
        client.writer.close()
