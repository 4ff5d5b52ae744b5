"""Find the ticket id in whatever Freshdesk's automation rules send.

Simple bodies are wrapped and typed by Freshdesk, Advanced ones are what an admin typed; both come as JSON, form or XML,
and an Advanced body with an empty unquoted placeholder is not even JSON. The body is a hint: only the id is taken.
"""

import re
from typing import Any
from urllib.parse import unquote_plus

import msgspec

_ID = re.compile(r"#?([1-9][0-9]{0,14})")
_FIND = re.compile(r"ticket_?id[^0-9A-Za-z.-]{1,12}#?([1-9][0-9]{0,14})(?![0-9A-Za-z])")


def ticket_id_of(body: bytes) -> int | None:
    """The ticket id in a webhook's body, or None if there is none that can be used."""
    try:
        return _from_object(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass  # a form, XML, or what a careless template made of JSON
    match = _FIND.search(unquote_plus(body.decode("utf-8", "replace")))
    return int(match[1]) if match else None


def _from_object(value: Any) -> int | None:
    if not isinstance(value, dict):
        return None
    wrapped = value.get("freshdesk_webhook")
    for place in (wrapped, value):
        if isinstance(place, dict):
            for name in ("ticket_id", "id", "ticketId"):
                match = _ID.fullmatch(str(place.get(name, "")).strip())
                if match:
                    return int(match[1])
    return None
