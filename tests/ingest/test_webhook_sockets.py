"""Webhooks as no client library sends them, with the right secret: none is a 500, none leaves a trace, all goes on."""

import asyncio
import gc
import logging
import random
import re
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

import ingest.webhooks
from ingest.webhooks import MAX_BODY_BYTES
from tests.ingest.sending import NEW, marks, naming, send
from tests.parts import Receiving
from tests.waiting import PATIENCE_S
from tests.world import ACME

SEED = 20_261_122
ROUNDS = 200
NOTHING_S = 0.3
"""So long nobody waits for an answer that may never come; one that must come may take as long as a machine needs."""
KEPT = f"POST /webhooks/freshdesk/{ACME} HTTP/1.1\r\nHost: x\r\nX-Canvas-Secret: {NEW}\r\n".encode()
HEAD = KEPT + b"Connection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def nothing_of_others() -> None:
    """What tests before have left behind is complained of before these listen."""
    gc.collect()


@pytest.fixture(autouse=True)
def nothing_unexpected(nobody_else: None, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with capture_logs() as events, caplog.at_level(logging.WARNING):
        yield
    assert [event for event in events if event["event"] == "unexpected error" or "exc_info" in event] == []
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def statuses(receiver: Receiving, request: bytes, patience_s: float = PATIENCE_S) -> list[int]:
    """What a raw request is answered with until the server closes the connection or says nothing more."""
    url = receiver.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    heard = b""
    try:
        writer.write(request)
        async with asyncio.timeout(patience_s):
            while chunk := await reader.read(65_536):
                heard += chunk
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.close()
    assert b"Traceback" not in heard
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", heard)]


def whole(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


MALFORMED = {
    "no body at all": (HEAD + b"\r\n", 202),
    "an empty chunked body": (CHUNKED + b"0\r\n\r\n", 202),
    "chunks of one byte": (CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in b"[" * 500) + b"0\r\n\r\n", 202),
    "a trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX-Canvas-Secret: wrong\r\n\r\n", 202),
    "zeros": (whole(bytes(5000)), 202),
    "too large by one": (whole(b"x" * (MAX_BODY_BYTES + 1)), 413),
    "chunks without an end": (CHUNKED + b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n", 0),
    "a bad chunk": (CHUNKED + b"2\r\n{}\r\nzz\r\n", 0),
    "half a body": (HEAD + b"Content-Length: 100\r\n\r\n{", 0),
    "an old version": (whole(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"), 202),
    "an expectation": (HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", 202),
    "a secret in capitals": (whole(b"{}").replace(b"X-Canvas-Secret", b"X-CANVAS-SECRET"), 202),
    "a secret twice, the wrong one first": (HEAD.replace(b"X-Can", b"X-Canvas-Secret: a\r\nX-Can") + b"\r\n", 401),
    "a slash more": (whole(b"{}").replace(b".com HTTP", b".com/ HTTP"), 202),
    "slashes more": (whole(b"{}").replace(b"/freshdesk/", b"//freshdesk//"), 202),
    "a place below": (whole(b"{}").replace(b".com HTTP", b".com/x HTTP"), 404),
    "a query": (whole(b"{}").replace(b".com HTTP", b".com?a=%00 HTTP"), 202),
}


@pytest.mark.parametrize(("request_", "status"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_webhook_is_answered_or_cut_off(receiver: Receiving, request_: bytes, status: int) -> None:
    found = await statuses(receiver, request_, PATIENCE_S if status else NOTHING_S)
    assert all(one < 500 for one in found)
    if status:
        assert [one for one in found if one != 100][:1] == [status]
    assert (await send(receiver, naming(999_999))).status_code == 202


async def test_webhooks_on_one_connection_are_answered_in_turn(receiver: Receiving, number: int) -> None:
    body = naming(number).encode()
    requests = [head + b"Content-Length: %d\r\n\r\n" % len(body) + body for head in [KEPT] * 49 + [HEAD]]
    assert await statuses(receiver, b"".join(requests)) == [202] * 50
    assert await marks(receiver, number) == 50


async def test_a_sender_that_goes_away_in_the_middle_of_a_body_marks_nothing(receiver: Receiving, number: int) -> None:
    url = receiver.client.base_url
    for _ in range(20):
        _, writer = await asyncio.open_connection(url.host, url.port)
        body = naming(number).encode()
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
        await writer.drain()
        writer.close()
    assert (await send(receiver, naming(number))).json()["generation"] == 1


async def test_a_body_that_does_not_come_holds_no_connection(
    receiver: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.webhooks, "BODY_WITHIN_S", 0.1)
    # Begun, so that the receiver waits in the middle of it.
    assert await statuses(receiver, CHUNKED + b"1\r\n{\r\n") == [408]
    assert await statuses(receiver, HEAD + b"Content-Length: 100\r\n\r\n") == [408]


async def test_two_hundred_odd_webhooks_and_not_one_internal_error(receiver: Receiving) -> None:
    dice = random.Random(SEED)
    parts = [b"ticket_id", b'"', b":", b"{", b"}", b"1", b"freshdesk_webhook", b"<ticket_id>", b"&", b"=", b"%7B",
             b"\\", b"[", b",", b"\0", b"\xff\xfe", b"<![CDATA[", b"\n", "한글".encode(), b"9" * 400]  # fmt: skip
    for turn in range(ROUNDS):
        body = b"".join(dice.choice(parts) for _ in range(dice.randrange(60)))
        kind = dice.choice([b"application/json", b"text/xml", b"\xff", b"multipart/form-data", b""])
        headers = [(b"X-Canvas-Secret", NEW.encode()), (b"Content-Type", kind)]
        answer = await receiver.client.post(f"/webhooks/freshdesk/{ACME}", content=body, headers=headers)
        assert answer.status_code == 202, f"seed {SEED}, turn {turn}: {body!r}"
