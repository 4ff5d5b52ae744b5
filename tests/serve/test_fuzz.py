"""Whatever arrives, nothing answers 500, nothing leaves a traceback, and the process goes on."""

import asyncio
import gc
import logging
import random
import re
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import httpx
import pytest
from structlog.testing import capture_logs

from tests.parts import credentials
from tests.serve.hosts import hostile_hosts
from tests.serve.malformed import REQUESTS
from tests.world import ACME, AGENT_KEY, World

SEED = 20_261_122
ROUNDS = 500
PATIENCE_S = 0.3
SECRET_OF_NOBODY = "x" * 43
METHODS = ["GET"] * 20 + ["POST"] * 10 + ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "XY"]
PATHS = [
    "/init/{}", "/init/{}", "/init/{}", "/runs/{}", "/runs/{}", "/webhooks/freshdesk/{}",
    "/webhooks/freshdesk/acme.freshdesk.com",
    "/health", "/metrics", "/schema", "/schema/{}", "/{}", "/init/{}/{}", "//{}", "/init?{}", "/runs/{}?{}",
    "/health/{}",
]  # fmt: skip
HEADERS = [
    "X-Freshdesk-Domain", "X-Freshdesk-API-Key", "X-Canvas-Secret", "Authorization", "Accept", "If-None-Match",
    "Last-Event-ID",
    "Content-Type", "Origin", "Cookie", "Range", "If-Match", "If-Modified-Since", "Access-Control-Request-Method",
    "Access-Control-Request-Headers", "Accept-Encoding", "Accept-Language", "Expect", "TE", "Forwarded",
    "X-Forwarded-For",
    "X-HTTP-Method-Override", "Content-Encoding", "Content-Language", "Cache-Control", "Upgrade-Insecure-Requests",
]  # fmt: skip
WORDS = [
    "", "0", "1", "-1", "1.5", "null", "true", "*", "*/*", "application/json", "text/event-stream;q=0.1", ",,,",
    ";;;", '"', 'W/"x"',
    "Basic ", "Bearer x", "Basic " + "=" * 50, "9" * 30, "9" * 5000, "a" * 8000, "%00", "%ff", "..", "../..", "\\",
    "'; drop", "<a>",
    "{}", "[]", "{{7*7}}", "${x}", "\u00e9", "티켓", "🦆", "\u202e", "q=1;q=1;q=1", "bytes=0-",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "1-1", "0-0", "99999999999999-9", ACME, AGENT_KEY + ACME, SECRET_OF_NOBODY, "gzip, br, zstd, *;q=0",
    "http://localhost:10001",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def nothing_of_others() -> None:
    """What tests before have left behind is complained of before these listen."""
    gc.collect()


@pytest.fixture(autouse=True)
def nothing_unexpected(nobody_else: None, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No handler met something that it did not know, and no server printed a traceback."""
    with capture_logs() as events, caplog.at_level(logging.WARNING):
        yield
    assert [event for event in events if event["event"] == "unexpected error" or "exc_info" in event] == []
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def alive(world: World) -> bool:
    return (await world.acme.canvas.get("/health")).status_code == 200


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
async def test_a_malformed_request_is_refused_or_cut_off(whole_world: World, request_: bytes) -> None:
    url = httpx.URL(whole_world.running.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    heard = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            writer.write(request_)
            await writer.drain()
            heard = await reader.read(65_536)
    except (ConnectionError, TimeoutError):
        pass  # cut off, or it waits for the rest of what looks like the beginning of a request
    finally:
        writer.close()
    statuses = re.findall(rb"HTTP/1\.[01] (\d{3})", heard)
    assert not any(status.startswith(b"5") for status in statuses), heard[:500]
    assert b"Traceback" not in heard
    assert await alive(whole_world)


def some_request(dice: random.Random, client: httpx.AsyncClient) -> httpx.Request:
    """A request out of parts that are each plausible, or not at all."""

    def word() -> str:
        kind = dice.random()
        if kind < 0.6:
            return dice.choice(WORDS)
        if kind < 0.8:
            return dice.choice(hostile_hosts(9))
        return dice.randbytes(dice.randrange(1, 40)).decode("latin-1")

    path = dice.choice(PATHS)
    path = path.format(*(quote_from_bytes(word().encode(), safe="") for _ in range(path.count("{}"))))
    headers = [(name.encode(), word().encode().translate(None, b"\r\n\0").strip()) for name in dice.sample(HEADERS, 4)]
    if dice.random() < 0.5:
        headers += [(name.encode(), value.encode()) for name, value in credentials(ACME).items()]
    body = dice.choice([b"", word().encode(), dice.randbytes(200), b'{"ticket_id":1}', b"[" * 5000])
    return client.build_request(dice.choice(METHODS), path, headers=headers, content=body, timeout=10)


async def test_five_hundred_odd_requests_and_not_one_internal_error(whole_world: World) -> None:
    dice = random.Random(SEED)
    seen: dict[int, int] = {}
    async with httpx.AsyncClient(base_url=whole_world.running.url) as client:
        for turn in range(ROUNDS):
            request = some_request(dice, client)
            try:
                answer = await client.send(request)
            except httpx.LocalProtocolError:
                continue  # not even this client would send it
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            where = f"seed {SEED}, turn {turn}: {request.method} {request.url} {request.headers.raw}"
            assert answer.status_code < 500, where
            # What is no HTTP at all (a control character in a header) is refused by the parser, in its own words.
            if answer.status_code == 400 and answer.headers["content-type"].startswith("text/plain"):
                continue
            # Litestar's own words: a preflight that fails (text), and pages below /schema (HTML).
            if answer.is_error and request.method != "OPTIONS" and not request.url.path.startswith("/schema/"):
                assert answer.headers["content-type"] == "application/problem+json", where
                assert request.method == "HEAD" or answer.json()["status"] == answer.status_code, where
    assert sum(seen.values()) > ROUNDS * 0.8
    assert {200, 400, 401, 404, 405} <= set(seen), "the dice reach every kind of answer"
    assert await alive(whole_world)
