"""Malformed ids are refused before anything is looked up: no Redis key, no Freshdesk call, not even a credential."""

import pytest

from serve.routes.ids import parse_ticket_id
from shared.errors import MalformedTicketId
from tests.parts import Desks, Serving

MALFORMED: list[str | bytes] = [
    "-1", "0", "00", "007", "+1", "1.5", "1e3", "0x1f", "1_000", "1,000", "abc", "12abc", "#12", "null", "undefined",
    "NaN", "true", "[object Object]", "١٢", "１２", "²", "Ⅷ", "一", "10000000000000000", "9" * 400, "9" * 5000, "\0",
    "1\0", " ", "1 ", " 1", "1 2", "\t1", "1\n", "1\r\nX-Injected: 1", "*", "?", "1;2", "1&2", "'", '"', "1'--", "{1}",
    "${1}", "%", "%31", "..%2e", "~", "\u202e12", "1\u200b", "\ufeff1", "-", "_", b"\xff", b"\xc0\xaf", b"12\x80",
]  # fmt: skip


def path_of(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return "/init/" + "".join(f"%{byte:02X}" for byte in raw)


async def test_a_malformed_id_is_refused_whoever_asks(served: Serving, accounts: Desks) -> None:
    state = served.context.redis.state
    keys_before, calls_before = set(await state.keys()), len(accounts.acme.log.requests)
    for client in (served.acme, served.nobody):
        for text in MALFORMED:
            for method in ("GET", "POST"):
                answer = await client.request(method, path_of(text))
                assert answer.status_code == 400, (text, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["type"] == "urn:prompt-canvas:malformed-ticket-id"
    assert set(await state.keys()) <= keys_before
    assert len(accounts.acme.log.requests) == calls_before


@pytest.mark.parametrize("path", ["/init", "/init/"])
async def test_an_absent_id_is_a_malformed_one(served: Serving, path: str) -> None:
    answer = await served.nobody.get(path)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:prompt-canvas:malformed-ticket-id")


@pytest.mark.parametrize("path", ["/init/1/2", "/init/1%2F2", "/runs", "/inits/1"])
async def test_what_is_no_route_is_not_found(served: Serving, path: str) -> None:
    answer = await served.acme.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("300", 300), ("9" * 15, 10**15 - 1)])
def test_what_freshdesk_counts_with_is_an_id(text: str, number: int) -> None:
    assert parse_ticket_id(text) == number


@pytest.mark.parametrize("text", ["", "0", "01", "9" * 16, "٣"])
def test_all_else_is_none(text: str) -> None:
    with pytest.raises(MalformedTicketId):
        parse_ticket_id(text)
