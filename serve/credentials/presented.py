"""What credential a request presents, read from its headers and not believed yet."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shared.errors import BadInput
from shared.tenants import parse_host

Headers = Iterable[tuple[bytes, bytes]] | Mapping[str, str]
"""As ASGI has them (names in lower case), or by name."""

DOMAIN = b"x-freshdesk-domain"
API_KEY = b"x-freshdesk-api-key"
AUTHORIZATION = b"authorization"
CREDENTIALS = frozenset({DOMAIN, API_KEY, AUTHORIZATION})
BEARER = b"bearer "
MAX_KEY_CHARACTERS = 200


class Presented(NamedTuple):
    """A bearer token, or (where `token` is None) an API key for a tenant's host."""

    token: bytes | None
    host: str = ""
    api_key: str = ""


def presented(headers: Headers) -> Presented | None:
    """The credential in a request's headers; None for none, and for one that can't be right.

    A bearer token goes before domain and key. Two tokens, two domains or two keys are none: which of them a proxy
    before us has looked at is not for us to guess.
    """
    pairs = _raw(headers) if isinstance(headers, Mapping) else headers
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in CREDENTIALS and (name != AUTHORIZATION or value[:7].lower() == BEARER):
            if name in found:
                return None
            found[name] = value
    if AUTHORIZATION in found:
        return Presented(found[AUTHORIZATION][len(BEARER) :].strip())
    domain, key = found.get(DOMAIN), found.get(API_KEY)
    if not domain or not key or not _could_be_a_key(key):
        return None
    try:
        return Presented(None, parse_host(domain.decode("latin-1")), key.decode("ascii"))
    except BadInput:
        return None


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _could_be_a_key(key: bytes) -> bool:
    """Short and ASCII. With a colon it would be a user and half a password (RFC 7617), so an alias of another key."""
    return len(key) <= MAX_KEY_CHARACTERS and key.isascii() and b":" not in key
