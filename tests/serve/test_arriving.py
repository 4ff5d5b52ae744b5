"""Requests that arrive in part: their connections are not held for ever, and their clients' faults are not ours."""

import asyncio
from urllib.parse import urlsplit

import pytest

from serve.edge import arriving
from tests.parts import Serving, credentials
from tests.serve.test_metrics import scrape, value
from tests.waiting import wait_until
from tests.world import ACME

pytestmark = pytest.mark.usefixtures("nobody_else")
HEAD = "".join(f"{name}: {said}\r\n" for name, said in credentials(ACME).items())
HALF = (
    f"POST %s HTTP/1.1\r\nHost: x\r\n{HEAD}Accept: %s\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
)


async def half_sent(
    served: Serving, path: str, accept: str = "*/*"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write((HALF % (path, accept)).encode())
    await writer.drain()
    return reader, writer


async def test_a_body_that_does_not_come_is_refused(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "BODY_WITHIN_S", 0.05)
    reader, writer = await half_sent(served, "/query")
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer
    writer.close()


async def test_a_stream_whose_unwanted_body_does_not_come_ends(
    served: Serving, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "BODY_WITHIN_S", 0.05)
    reader, writer = await half_sent(served, f"/init/{number}", "text/event-stream")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"event: queued" in answer
    writer.close()


async def test_who_leaves_in_the_middle_of_a_body_is_no_failure_of_ours(served: Serving) -> None:
    async def left() -> float:
        return value(await scrape(served.nobody), "canvas_request_seconds_count", status="left")

    before = await scrape(served.nobody)
    _, writer = await half_sent(served, "/query")
    writer.close()

    async def counted() -> bool:
        return await left() == value(before, "canvas_request_seconds_count", status="left") + 1

    await wait_until(counted)
    after = await scrape(served.nobody)
    assert value(after, "canvas_request_seconds_count", status="5xx") == value(
        before, "canvas_request_seconds_count", status="5xx"
    )
