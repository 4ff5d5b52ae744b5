"""The app over canned answers: a small HTTP server gives its files, a stand-in of FDK's client, and what a test says.

`Canned.answers` maps a path (`/init/7`, `/runs/r1`, `/template/init` …) to a list of answers, one a request; the last
one stays. An event stream stays open until the test lets it go on, so that every moment of a run can be looked at.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2] / "frontend"
CLIENT = Path(__file__).parent / "page" / "client.js"
KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}
ALLOWED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "*",
    "Access-Control-Allow-Methods": "*",
}


@dataclass
class Answer:
    """What is said to one request; `cut` breaks the connection, `silent` never answers, `held` waits for it."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, Any]] | None = None
    cut: bool = False
    silent: bool = False
    held: asyncio.Event | None = None
    after: list[tuple[str, Any]] = field(default_factory=list)
    """Events that come when `held` is set."""


@dataclass
class Canned:
    """A server of canned answers; `calls` are the requests that came, as method and path."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    iparams: dict[str, Any] = field(default_factory=dict)
    language: str = "en"
    calls: list[str] = field(default_factory=list)
    bodies: dict[str, list[Any]] = field(default_factory=dict)
    walled: bool = False
    """Another origin than the page's, which it does not allow."""
    port: int = 0
    backend: int = 0
    """The port that serve answers at."""

    @property
    def url(self) -> str:
        """The sidebar's page."""
        return f"http://127.0.0.1:{self.port}/app/index.html"

    def reset(self) -> None:
        """Forget everything of the test before."""
        self.answers, self.iparams, self.calls, self.bodies = {}, {}, [], {}
        self.language, self.walled = "en", False
        session = {"token": "t", "expires_in": 900, "host": "acme.freshdesk.com", "agent_id": 5, "admin": False}
        self.answers["/template/session"] = [Answer(session)]
        self.answers["/feedback"] = [Answer({"counted": 1})]
        self.answers["/template/feedback"] = [Answer({"counted": 1})]

    def answer(self, path: str) -> Answer:
        """The next answer of a path."""
        known = self.answers.get(path) or [Answer({"type": "urn:prompt-canvas:ticket-missing"}, 404)]
        return known.pop(0) if len(known) > 1 else known[0]


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    method, path, _ = (await reader.readline()).decode().split(" ", 2)
    length = 0
    while (line := (await reader.readline()).decode().strip().lower()) != "":
        if line.startswith("content-length:"):
            length = int(line.split(":")[1])
    return method, path.split("?")[0], await reader.readexactly(length)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _events(events: Iterable[tuple[str, Any]], start: int) -> bytes:
    text = (
        f"id: {number}-0\nevent: {name}\ndata: {json.dumps(data)}\n\n"
        for number, (name, data) in enumerate(events, start)
    )
    return "".join(text).encode()


def _file(canned: Canned, path: str) -> Answer | None:
    if path == "/iparams":
        backend = f"127.0.0.1:{canned.backend}"
        return Answer({"language": canned.language, "iparams": {"backend": backend, **canned.iparams}})
    if path == "/client.js":
        return Answer(CLIENT.read_bytes(), headers={"Content-Type": KINDS[".js"]})
    file = (ROOT / path.lstrip("/")).resolve()
    if not path.startswith("/app/") or not file.is_relative_to(ROOT) or not file.is_file():
        return None
    data = file.read_bytes().replace(b"{{{appclient}}}", b"/client.js")
    return Answer(data, headers={"Content-Type": KINDS[file.suffix]})


async def _serve(canned: Canned, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at_backend: bool) -> None:
    try:
        method, path, body = await _request(reader)
        found = None if at_backend else _file(canned, path)
        if method == "OPTIONS":
            found = Answer(b"", 204)
        elif found is None:
            canned.calls.append(f"{method} {path}")
            canned.bodies.setdefault(path, []).append(json.loads(body) if body else None)
            found = canned.answer(path)
        await _tell(canned, found, writer, at_backend)
    except (ConnectionError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


async def _tell(canned: Canned, answer: Answer, writer: asyncio.StreamWriter, at_backend: bool) -> None:
    if answer.silent:
        await asyncio.sleep(3600)
    if answer.held and answer.events is None:
        await answer.held.wait()
    allowed = ALLOWED if at_backend and not canned.walled else {}
    kind = "text/event-stream" if answer.events is not None else "application/json"
    data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    headers = {"Content-Type": kind, "Cache-Control": "no-store", **allowed, **answer.headers}
    if answer.events is None and answer.status not in {204, 304}:
        headers["Content-Length"] = str(len(data))
    writer.write(_head(answer.status, headers))
    if answer.events is None:
        writer.write(data if answer.status not in {204, 304} else b"")
    else:
        writer.write(b": canvas\nretry: 100\n\n" + _events(answer.events, 1))
        await writer.drain()
        if answer.held:
            await answer.held.wait()
            writer.write(_events(answer.after, len(answer.events) + 1))
    await writer.drain()
    if answer.cut:
        writer.transport.abort()


@asynccontextmanager
async def canned_serve() -> AsyncIterator[Canned]:
    """The app's pages at one port, serve's answers at another one, as it is in Freshdesk."""
    canned = Canned()
    canned.reset()
    open_now: set[asyncio.Task[None]] = set()

    def serving(at_backend: bool) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(_serve(canned, reader, writer, at_backend))
            open_now.add(task)
            task.add_done_callback(open_now.discard)

        return connected

    pages = await asyncio.start_server(serving(False), "127.0.0.1", 0)
    backend = await asyncio.start_server(serving(True), "127.0.0.1", 0)
    canned.port, canned.backend = (server.sockets[0].getsockname()[1] for server in (pages, backend))
    try:
        yield canned
    finally:
        for server in (pages, backend):
            server.close()
        for task in [*open_now]:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
