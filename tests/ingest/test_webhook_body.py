"""Whatever an automation rule sends, the ticket id is found, or it is plain that there is none."""

import pytest

from ingest.webhook_body import ticket_id_of

USABLE = {
    "simple, number": b'{"freshdesk_webhook":{"ticket_id":11,"ticket_subject":"Hi"}}',
    "simple, string": b'{"freshdesk_webhook":{"ticket_id":"11"}}',
    "advanced, ids only": b'{"ticket_id":"11","event":"{ticket_action:created}"}',
    "advanced, flat, other name": b'{"id": 11}',
    "a leading hash": b'{"ticket_id":"#11"}',
    "an empty unquoted placeholder makes it no JSON": b'{"group_id":,"ticket_id":"11"}',
    "typographic quotes": "{“ticket_id”:“11”}".encode(),
    "unescaped quotes in a text before it": b'{"subject":"the "new" one","ticket_id":11}',
    "form": b"freshdesk_webhook%5Bticket_id%5D=11&freshdesk_webhook%5Bticket_subject%5D=Hi",
    "plain form": b"ticket_id=11&ticket_subject=Hi",
    "xml": b"<freshdesk_webhook><ticket_id>11</ticket_id></freshdesk_webhook>",
    "korean text around it": '{"ticket_subject":"로그인 "오류"","ticket_id":11}'.encode(),
}
UNUSABLE = {
    "empty": b"",
    "not a ticket": b'{"hello":"world"}',
    "freshservice display id": b'{"freshdesk_webhook":{"ticket_id":"INC-11"}}',
    "zero": b'{"ticket_id":0}',
    "negative": b'{"ticket_id":-4}',
    "far too long": b'{"ticket_id":"' + b"9" * 30 + b'"}',
    "a list": b"[11]",
    "bytes that are no text": bytes(range(256)),
    "deep nesting": b"[" * 100_000,
    "a fraction": b'{"ticket_id":1.5}',
}


@pytest.mark.parametrize("body", USABLE.values(), ids=USABLE.keys())
def test_the_ticket_id_is_found(body: bytes) -> None:
    assert ticket_id_of(body) == 11


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_body_without_a_usable_id_has_none(body: bytes) -> None:
    assert ticket_id_of(body) is None
