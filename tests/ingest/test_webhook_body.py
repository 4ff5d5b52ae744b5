"""Whatever an automation rule sends, the ticket id is found, or it is plain that there is none."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.webhook_body import ticket_id_of

BODIES = {path.name: path.read_bytes() for path in sorted(Path(__file__).with_name("webhook_bodies").glob("*.*"))}
del BODIES["README.md"]
KOREAN = '{"ticket_subject":"로그인 오류","ticket_id":4711,"note":"é"}'
BROKEN_KOREAN = '{"ticket_subject":"로그인 "오류"","group":,"ticket_id":"4711"}'
SIZE = 256 * 1024


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_the_ticket_id_is_found(body: bytes) -> None:
    assert ticket_id_of(body) == 4711


@pytest.mark.parametrize("text", [KOREAN, BROKEN_KOREAN], ids=["valid", "broken"])
@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.replace("é", "").encode("cp949"),
        lambda text: text.encode("ascii", "replace").replace(b"?", b"\xe9"),
        lambda text: b"\0\r\n" + text.encode() + b"\0\0",
        lambda text: text.replace("오류", "오\0류").encode(),
    ],
    ids=["utf-8", "a byte order mark", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be with a mark", "cp949", "latin-1",
         "zeros around it", "a zero in it"],
)  # fmt: skip
def test_however_it_is_encoded_it_is_read(text: str, encoded: Callable[[str], bytes]) -> None:
    assert ticket_id_of(encoded(text)) == 4711


OF_CUSTOMERS = {
    "a text that quotes a body": r'{"ticket_subject":"\"ticket_id\":\"999\"","ticket_id":"4711"}',
    "a text that ends a string, after the id": '{"ticket_id":"4711","subject":"x","ticket_id":"999","y":""}',
    "the same in a wrapper": '{"freshdesk_webhook":{"ticket_id":4711,"s":"","ticket_id":999,"y":""}}',
    "a wrapper of its own": '{"ticket_id":"4711","s":"x","freshdesk_webhook2":{"ticket_id":999},"y":""}',
    "an object deeper down": '{"requester":{"ticket_id":999},"custom":[{"ticket_id":999}],"ticket_id":4711}',
    "escaped, and the rest is broken": r'{"group":,"subject":"a \"ticket_id\":\"999\"","ticket_id":"4711"}',
    "not escaped, after the id": '{"ticket_id":"4711","group":,"subject":""ticket_id":"999""}',
    "a name in a sentence": '{"group":,"subject":"what is "ticket_id": 999?","ticket_id":"4711"}',
    "a name without quotes": '{"group":,"subject":"hi, ticket_id: 999","ticket_id":"4711"}',
    "an address": '{"group":,"url":"https://example.com/?a=1&ticket_id=999","ticket_id":"4711"}',
    "an address in valid JSON": '{"url":"https://example.com/?ticket_id=999","ticket_id":"4711"}',
    "xml, escaped": "<w><subject>&lt;ticket_id&gt;999&lt;/ticket_id&gt;</subject><ticket_id>4711</ticket_id></w>",
    "xml, a comment": "<w><!-- <ticket_id>999</ticket_id> --><ticket_id>4711</ticket_id></w>",
    "xml, cdata": "<w><s><![CDATA[</s><ticket_id>999</ticket_id>]]></s><ticket_id>4711</ticket_id></w>",
    "xml, not escaped, after the id": "<w><ticket_id>4711</ticket_id><s></s><ticket_id>999</ticket_id></w>",
    "xml, a longer name": "<w><old_ticket_id>999</old_ticket_id><ticket_ids>9</ticket_ids><ticket-id>4711</ticket-id>",
    "form, encoded": "subject=a%26ticket_id%3D999&ticket_id=4711",
    "form, not encoded, after the id": "ticket_id=4711&subject=a&ticket_id=999",
    "form, a longer name": "old_ticket_id=999&ticket_ids=999&ticket_id=4711",
    "markup before it": '{"d":"<ticket_id>999</ticket_id>","ticket_id":4711}',
}  # fmt: skip


@pytest.mark.parametrize("body", OF_CUSTOMERS.values(), ids=OF_CUSTOMERS.keys())
def test_what_a_customer_writes_is_not_taken_for_the_id(body: str) -> None:
    assert ticket_id_of(body.encode()) == 4711


EMPTY_OR_FOREIGN = {
    "empty": '{"ticket_id":"","subject":"see","ticket_id":"999"}',
    "empty without quotes": '{"ticket_id":,"subject":"a, "ticket_id":"999""}',
    "another product's": '{"freshdesk_webhook":{"ticket_id":"INC-11"},"id":999}',
    "empty element": "<w><ticket_id></ticket_id><s><ticket_id>999</ticket_id></s></w>",
    "empty field": "ticket_id=&subject=&ticket_id=999",
}  # fmt: skip


@pytest.mark.parametrize("body", EMPTY_OR_FOREIGN.values(), ids=EMPTY_OR_FOREIGN.keys())
def test_an_id_that_can_not_be_used_is_not_replaced_by_another(body: str) -> None:
    assert ticket_id_of(body.encode()) is None


UNUSABLE = {
    "empty": b"",
    "blank": b" \r\n\0",
    "not a ticket": b'{"hello":"world"}',
    "freshservice display id": b'{"freshdesk_webhook":{"ticket_id":"INC-11"}}',
    "zero": b'{"ticket_id":0}',
    "a leading zero": b'{"ticket_id":"011"}',
    "negative": b'{"ticket_id":-4}',
    "far too long": b'{"ticket_id":"' + b"9" * 30 + b'"}',
    "far too long, in a broken body": b'{"ticket_id":"' + b"9" * 30 + b'",}',
    "too long to be converted": b'{"ticket_id":' + b"9" * 200_000 + b"}",
    "a list": b"[11]",
    "a list of bodies": b'[{"ticket_id":11}]',
    "a number": b"11",
    "bytes that are no text": bytes(range(256)),
    "deep nesting": b"[" * 100_000,
    "deep objects": b'{"freshdesk_webhook":' * 50_000,
    "deep strings": b'"\\"' * 50_000,
    "a fraction": b'{"ticket_id":1.5}',
    "a fraction, in a broken body": b'{"ticket_id":1.5,}',
    "an exponent": b'{"ticket_id":1e3}',
    "true": b'{"ticket_id":true}',
    "an address": b'{"ticket_id":"11.22.33.44"}',
    "other digits": '{"ticket_id":"١١"}'.encode(),
    "full-width digits": '{"ticket_id":"１１"}'.encode(),
    "half a surrogate": rb'{"ticket_id":"\ud800"}',
    "half of utf-16": b"\xff\xfe{",
    "an entity": b'<!DOCTYPE x [<!ENTITY a "11">]><w><ticket_id>&a;</ticket_id></w>',
    "an entity that holds an element": b'<!DOCTYPE x [<!ENTITY a "<ticket_id>11</ticket_id>">]><w>&a;</w>',
    "an open comment": b"<w><!-- <ticket_id>11</ticket_id></w>",
}


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_body_without_a_usable_id_has_none(body: bytes) -> None:
    assert ticket_id_of(body) is None


REPEATED = [
    "{}", "[", "{", '{"a":', '"', '"\\', "{,", ",' ', ", "ticket_id", '"ticket_id"', ',"ticket_id"',
    '"ticket_id"                   ', ",ticket_id ", "ticket_id&", "&freshdesk_webhook[ticket_id]", "=%7B", "%7B%22",
    "<![CDATA[", "<![CDATA[]]>", "<!---->", "<ticket_id ", "<ticket_id" + " " * 199, "<", "\0", "\n", " ", "“",
    "=>", "#1",
]  # fmt: skip


@pytest.mark.parametrize("first", ["", "{", "<", "a=", '"'], ids=lambda first: first or "bare")
@pytest.mark.parametrize("repeated", REPEATED, ids=repr)
def test_no_body_costs_more_than_its_size(first: str, repeated: str) -> None:
    """Each takes 16 ms at most on an idle machine; a pattern that looks back would take minutes."""
    body = (first + repeated * (SIZE // len(repeated)))[:SIZE].encode()
    began = time.thread_time()
    ticket_id_of(body)
    assert time.thread_time() - began < 0.5
