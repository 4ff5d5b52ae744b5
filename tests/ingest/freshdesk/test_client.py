"""A Freshdesk that misbehaves, or a network before it: each time a typed error, in bounded time and space."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from ingest.freshdesk import client as client_module
from ingest.freshdesk.answer import MAX_ANSWER_BYTES
from ingest.freshdesk.budget import CallBudget, Calls
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.freshdesk.limits import Priority
from shared.errors import (
    CanvasError,
    FreshdeskInaccessible,
    FreshdeskLimited,
    FreshdeskRedirects,
    FreshdeskRefused,
    FreshdeskRejected,
    FreshdeskUnavailable,
    TicketMissing,
)
from shared.rate_limit import RateLimit, rate_limit
from tests.ingest.freshdesk.wire import Wire, cut_off, dripping, endless, gzipped, http, silent, wire

HOST = "acme.freshdesk.com"
MINUTE = timedelta(minutes=1)
KEY = "the-secret-key"


@dataclass
class Desk:
    """A client, and the server that it believes to be Freshdesk."""

    wire: Wire
    client: FreshdeskClient
    redis: Redis

    async def limit(self) -> RateLimit:
        return await rate_limit(self.redis, HOST, MINUTE)


@pytest.fixture
async def desk(redis: Redis) -> AsyncIterator[Desk]:
    async with wire() as server, freshdesk_http() as connections:
        calls = Calls(CallBudget(redis, MINUTE), HOST, Priority.INTERACTIVE)
        yield Desk(server, FreshdeskClient(connections, server.url, KEY, calls), redis)


HTML = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
DEEP = b"[" * 1_000_000


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http(HTML, kind="text/html"), FreshdeskUnavailable),
        (http(HTML, "503 Service Unavailable", "text/html"), FreshdeskUnavailable),
        (http(HTML, "502 Bad Gateway", "text/html"), FreshdeskUnavailable),
        (http(b'{"id": 1, "conversations": ['), FreshdeskUnavailable),
        (http(b""), FreshdeskUnavailable),
        (http(b"\xff\xfe"), FreshdeskUnavailable),
        (http(b'{"subject": "\xff"}'), FreshdeskUnavailable),
        (http(DEEP), FreshdeskUnavailable),
        (http(b"[1, 2]"), FreshdeskUnavailable),
        (http(b"null"), FreshdeskUnavailable),
        (http(b'"moved"'), FreshdeskUnavailable),
        (cut_off, FreshdeskUnavailable),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", FreshdeskUnavailable),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000 + b"\r\n\r\n", FreshdeskUnavailable),
        (http(b"{}", content_encoding="br"), FreshdeskUnavailable),
        (http(b"{}", content_encoding="gzip"), FreshdeskUnavailable),
        (gzipped(b'{"id": 1}', cut=9), FreshdeskUnavailable),
        (http(HTML, "401 Unauthorized", "text/html"), FreshdeskRefused),
        (http(b'{"code": "x"}', "400 Bad Request"), FreshdeskRejected),
        (http(b"", "409 Conflict"), FreshdeskRejected),
        (http(b"", "304 Not Modified"), FreshdeskRedirects),
        (http(b"", "307 Temporary Redirect"), FreshdeskRedirects),
        (http(b"", "429 Too Many Requests"), FreshdeskLimited),
    ],
)
async def test_whatever_comes_is_one_of_our_errors(desk: Desk, answer: Any, error: type[CanvasError]) -> None:
    desk.wire.answers = [answer]
    with pytest.raises(error) as raised:
        await desk.client.agent()
    assert raised.type is error
    assert KEY not in str(raised.value)
    # It cost a call all the same.
    assert (await desk.limit()).used == 1


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "405 Method Not Allowed"])
async def test_a_ticket_that_is_not_shown_is_looked_for_in_the_archive_too(desk: Desk, status: str) -> None:
    desk.wire.answers = [http(HTML, status, "text/html")]
    with pytest.raises(TicketMissing):
        await desk.client.ticket(7)
    assert [line.split()[1] for line in desk.wire.asked] == [
        "/api/v2/tickets/7?include=conversations%2Crequester",
        "/api/v2/tickets/archived/7",
    ]
    with pytest.raises(FreshdeskInaccessible):
        await desk.client.agent()


async def test_json_is_read_whatever_its_content_type_says_and_however_it_is_packed(desk: Desk) -> None:
    body = json.dumps({"id": 7, "name": "김민아"}).encode()
    desk.wire.answers = [http(body, kind="text/html; charset=euc-kr"), gzipped(body), http(body, content_encoding="")]
    for _ in range(3):
        assert await desk.client.agent() == {"id": 7, "name": "김민아"}


async def test_a_redirect_is_not_followed_and_the_key_stays_with_us(desk: Desk) -> None:
    async with wire() as elsewhere:
        elsewhere.answers = [http(b"{}")]
        desk.wire.answers = [http(b"", "302 Found", location=f"{elsewhere.url}/api/v2/agents/me")]
        with pytest.raises(FreshdeskRedirects):
            await desk.client.agent()
        assert elsewhere.asked == []


async def test_a_small_answer_that_unfolds_to_100_mb_is_given_up_at_its_limit(desk: Desk) -> None:
    desk.wire.answers = [gzipped(b"[" + b" " * 100_000_000 + b"]")]
    assert len(desk.wire.answers[0]) < 150_000  # type: ignore[arg-type]
    tracemalloc.start()
    try:
        with pytest.raises(FreshdeskUnavailable, match="larger than"):
            await desk.client.agent()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The body so far, and a copy while it grows.
    assert peak < 3 * MAX_ANSWER_BYTES


@pytest.mark.parametrize("answer", [endless, http(b"[" + b" " * (MAX_ANSWER_BYTES + 1) + b"]")])
async def test_an_answer_that_is_too_large_is_given_up(desk: Desk, answer: Any) -> None:
    desk.wire.answers = [answer]
    with pytest.raises(FreshdeskUnavailable, match="larger than"):
        await desk.client.agent()


@pytest.mark.parametrize("answer", [dripping, silent])
async def test_an_answer_that_does_not_end_is_given_up_in_time(
    desk: Desk, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "FRESHDESK_TIMEOUT", 0.2)
    desk.wire.answers = [answer]
    with pytest.raises(FreshdeskUnavailable, match="TimeoutError"):
        await desk.client.agent()


async def test_a_server_that_is_not_there_costs_no_call(redis: Redis) -> None:
    async with freshdesk_http() as connections:
        calls = Calls(CallBudget(redis, MINUTE), HOST)
        with pytest.raises(FreshdeskUnavailable):
            await FreshdeskClient(connections, "http://127.0.0.1:9", KEY, calls).agent()
    assert (await rate_limit(redis, HOST, MINUTE)).used == 0


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 9), ("0", 1, 3), ("soon", 30, 32), ("Wed, 21 Oct 2065 07:28:00 GMT", 3600, 3602), ("", 30, 32)],
)
async def test_a_refusal_is_believed_within_reason_and_holds_for_all_calls(
    desk: Desk, header: str, least: float, most: float
) -> None:
    desk.wire.answers = [http(b"", "429 Too Many Requests", retry_after=header)]
    for _ in range(2):
        with pytest.raises(FreshdeskLimited) as limited:
            await desk.client.agent()
        if least > 5:
            assert timedelta(seconds=least - 1) <= limited.value.retry_after <= timedelta(seconds=most)
    # The second one was not made, unless it was worth waiting for.
    assert len(desk.wire.asked) == (1 if least > 5 else 2)


async def test_the_limit_is_learnt_from_the_answers(desk: Desk) -> None:
    headers = {"X_Ratelimit_Total": "700.0", "X_Ratelimit_Remaining": "600.0", "X_RateLimit_Used_CurrentRequest": "1.0"}
    desk.wire.answers = [http(b"{}", **headers)]
    await desk.client.agent()
    found = await desk.limit()
    # Another app has used 99 of them.
    assert (found.total, found.used, found.remaining) == (700, 100, 600)


async def test_a_proxys_error_page_does_not_make_an_account_unlimited(desk: Desk) -> None:
    desk.wire.answers = [http(HTML, kind="text/html"), http(HTML, "503 Service Unavailable"), http(b"{}")]
    for _ in range(2):
        with pytest.raises(FreshdeskUnavailable):
            await desk.client.agent()
        assert not (await desk.limit()).unlimited
    await desk.client.agent()
    assert (await desk.limit()).unlimited


# --- long threads ---


def conversations(first: int, number: int) -> list[dict[str, Any]]:
    return [{"id": first + place, "body": "<p>Still broken</p>"} for place in range(number)]


def page(items: list[dict[str, Any]], more: bool = False) -> bytes:
    link = {"link": '<https://acme.freshdesk.com/api/v2/tickets/7/conversations?page=2>; rel="next"'} if more else {}
    return gzipped(json.dumps(items).encode()) if not more else http(json.dumps(items).encode(), **link)


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        ([page(conversations(1, 100), more=True), page(conversations(101, 30))], 130),
        ([page(conversations(1, 100)), page(conversations(101, 30))], 130),
        ([page(conversations(1, 30), more=True), page(conversations(31, 12))], 42),
        ([page(conversations(1, 100)), page([])], 100),
        ([page(conversations(1, 100), more=True), page(conversations(51, 100)), page(conversations(151, 3))], 153),
    ],
    ids=["link", "no link", "short pages", "exactly full", "moved on meanwhile"],
)
async def test_all_conversations_of_a_long_thread_are_read_once(desk: Desk, pages: list[Any], found: int) -> None:
    ticket = {"id": 7, "conversations": conversations(1, 10)}
    desk.wire.answers = [http(json.dumps(ticket).encode()), *pages]
    read = (await desk.client.ticket(7))["conversations"]
    assert [item["id"] for item in read] == list(range(1, found + 1))


async def test_a_thread_that_was_begun_waits_for_its_next_call(redis: Redis) -> None:
    window = timedelta(seconds=1.5)
    async with wire() as server, freshdesk_http() as connections:
        client = FreshdeskClient(connections, server.url, KEY, Calls(CallBudget(redis, window), HOST, Priority.LIVE))
        thread = json.dumps({"id": 7, "conversations": conversations(1, 10)}).encode()
        server.answers = [http(thread, X_RateLimit_Total="3.0"), http(b"[]", X_RateLimit_Total="3.0")]
        # Free when the first one's window has ended: whoever had spent nothing yet would have left after a second.
        assert (await client.ticket(7))["conversations"] == []
    assert len(server.asked) == 2


async def test_a_server_that_shows_the_same_page_for_ever_is_not_asked_for_ever(desk: Desk) -> None:
    ticket = {"id": 7, "conversations": conversations(1, 10)}
    desk.wire.answers = [http(json.dumps(ticket).encode()), page(conversations(1, 100), more=True)]
    assert len((await desk.client.ticket(7))["conversations"]) == 100
    assert len(desk.wire.asked) == 3


@pytest.mark.parametrize("body", [b'{"message": "no"}', b"[1, 2]", b'"x"'])
async def test_a_list_that_is_none_is_an_error_and_not_an_empty_thread(desk: Desk, body: bytes) -> None:
    ticket = {"id": 7, "conversations": conversations(1, 10)}
    desk.wire.answers = [http(json.dumps(ticket).encode()), http(body)]
    with pytest.raises(FreshdeskUnavailable):
        await desk.client.ticket(7)


async def test_compressed_answers_are_asked_for_and_only_of_the_kind_that_is_read(desk: Desk) -> None:
    desk.wire.answers = [http(b"{}")]
    await desk.client.agent()
    sent = dict(line.lower().split(": ", 1) for line in desk.wire.asked[0].split("\r\n")[1:] if line)
    assert sent["accept-encoding"] == "gzip"
