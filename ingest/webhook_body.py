"""Find the ticket id in whatever Freshdesk's automation rules send, whatever the Content-Type says.

Simple bodies are wrapped and typed by Freshdesk, Advanced ones are what an admin typed; both come as JSON, XML or a
form, and an Advanced one may not even be JSON: placeholders that are empty or unescaped break it. The body is a hint:
only the id is taken, the ticket is fetched. It may quote a customer, who may write what looks like an id: the name in
the place where a rule puts it wins over one inside a text, and of several the first one, where our own rule has it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

WRAPPER = "freshdesk_webhook"
NAMES = ("ticket_id", "ticketId", "ticket-id", "display_id", "id")
"""In this order; the first one that is there decides, usable or not."""
NESTED_STRINGS = 2
"""A body may be JSON inside a string or a form field; no honest one is wrapped more often."""

_ID = re.compile(r"#?([1-9][0-9]{0,14})")
_QUOTE = "[\"'`“”„‟‘’«»]"
_SPACE = r"[ \t\r\n\0]{0,20}"
_NAME = "ticket[_-]?id"
# Every repetition below is bounded or of one class, and nothing is searched twice: a hostile body costs linear time.
_KEYS = [
    re.compile(pattern, re.ASCII | re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"[{{,]{_SPACE}{_QUOTE}{_NAME}{_QUOTE}{_SPACE}(?::|=>?)",  # where an object has a key
        rf"(?<!\\){_QUOTE}{_NAME}{_QUOTE}{_SPACE}(?::|=>?)",  # lines without commas; an escaped quote is text
        rf"(?:[{{,&?]|^){_SPACE}{_NAME}{_SPACE}(?::|=>?)",  # no quotes at all
    )
]
_VALUE = re.compile(rf"{_SPACE}{_QUOTE}?{_SPACE}#?([1-9][0-9]{{0,14}})(?![0-9A-Za-z_.-])")
_FIELD = re.compile(rf"&(?:{WRAPPER}(?:\[|%5B))?{_NAME}(?:\]|%5D)?=([^&]{{0,64}})", re.ASCII | re.IGNORECASE)
_TAG = re.compile(rf"<!--|<!\[CDATA\[|<!DOCTYPE|<{_NAME}(?:[ \t\r\n][^<>]{{0,200}})?>", re.ASCII | re.IGNORECASE)
_CONTENT = re.compile(r"\s{0,20}(?:<!\[CDATA\[)?\s{0,20}#?([1-9][0-9]{0,14})\s{0,20}(?:\]\]>)?\s{0,20}</")
_CLOSES = {"<!--": "-->", "<![CDATA[": "]]>"}
_JSON_IN_FORM = re.compile("[&=](%7B[^&=]*)", re.IGNORECASE)

# Numbers stay text: one of 4,300 digits can't be converted. The first of equal names wins: json would take the last.
_decoder = json.JSONDecoder(
    object_pairs_hook=lambda pairs: dict(reversed(pairs)),
    parse_int=str,
    parse_float=str,
    parse_constant=str,
    strict=False,
)


def ticket_id_of(body: bytes) -> int | None:
    """The ticket id in a webhook's body, or None if there is none that can be used. Never raises."""
    return _from_text(_text(body), NESTED_STRINGS)


def _text(body: bytes) -> str:
    """The body as text: UTF-16 where a byte order mark or its zeros say so, else UTF-8 with what is none replaced."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace")
    zeros = [byte == 0 for byte in body[:4]]
    if zeros in ([False, True] * 2, [True, False] * 2):
        return body.decode("utf-16-le" if zeros[1] else "utf-16-be", "replace")
    return body.decode("utf-8-sig", "replace")


def _from_text(text: str, nested: int) -> int | None:
    text = text.strip(" \t\r\n\0\ufeff")
    if text.startswith("<"):
        return _from_xml(text)
    if text.startswith(("{", "[", '"')):
        try:
            value, end = _decoder.raw_decode(text)
        except (ValueError, RecursionError):
            return _from_broken(text)
        # A string is all there is, or the first name of an object that lacks its braces.
        return _from_broken(text) if isinstance(value, str) and end < len(text) else _from_json(value, nested)
    form = f"&{text}"
    if field := _FIELD.search(form):
        return _number(unquote_plus(field[1]))
    if nested and (inner := _JSON_IN_FORM.search(form)):
        return _from_text(unquote_plus(inner[1]), nested - 1)
    return _from_broken(text)


def _from_json(value: Any, nested: int) -> int | None:
    if isinstance(value, str):
        return _from_text(value, nested - 1) if nested else None
    for place in _places(value):
        for name in NAMES:
            if name in place:
                return _number(place[name])
    return None


def _from_broken(text: str) -> int | None:
    """What a careless template made of JSON: the first name that stands where a key can be."""
    for key in _KEYS:
        if found := key.search(text):
            value = _VALUE.match(text, found.end())
            return int(value[1]) if value else None
    return None


def _places(value: Any) -> Iterator[dict[str, Any]]:
    """The objects that may name the ticket: Simple, Advanced with an object for the ticket, Advanced and flat."""
    if not isinstance(value, dict):
        return
    for name in (WRAPPER, "ticket"):
        inner = value.get(name)
        if isinstance(inner, dict):
            yield inner
    yield value


def _from_xml(text: str) -> int | None:
    """The first element of the name, outside comments and CDATA; entities are never expanded."""
    start = 0
    while found := _TAG.search(text, start):
        opening = found[0].upper()
        if opening == "<!DOCTYPE":
            return None  # nobody honest sends one
        if opening not in _CLOSES:
            content = _CONTENT.match(text, found.end())
            return int(content[1]) if content else None
        start = text.find(_CLOSES[opening], found.end())
        if start < 0:
            return None
    return None


def _number(value: Any) -> int | None:
    match = _ID.fullmatch(value.strip().strip("\"'")) if isinstance(value, str) else None
    return int(match[1]) if match else None
