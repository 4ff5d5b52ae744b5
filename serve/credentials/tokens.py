"""Session tokens: what the browser holds in place of the API key, for at most 15 minutes.

A token is a JWT (RFC 7519, HS256). Its signing keys are derived from the vault's master keys, one of each, and the
key's id stands in its head: so a token of the key that was first yesterday is good until it expires, or until that key
is taken away. It says who the caller is and what it may see, and holds nothing secret. Of heads we accept, to the byte,
only those that we write: there is no other algorithm to be talked into, and nothing is parsed before the signature
holds. (PyJWT takes some ten times as long, which matters where strangers send tokens.)
"""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from datetime import timedelta
from itertools import accumulate, pairwise

import msgspec

from serve.caller import Caller, Scope
from shared.vault import Vault

ISSUER = "prompt-canvas"
PURPOSE = "session token"
LONGEST = timedelta(minutes=15)
MAX_TOKEN_BYTES = 12_000
"""An agent with 500 groups has a token of 1 to 6 KB."""
REMEMBERED = 10_000
"""Verified tokens in process memory: about 1 KB each."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: `aud` is the tenant, `reg` its registration, `sub` the agent's id; times are seconds.

    `groups` are ids in order, each but the first as its distance from the one before: ids have eleven digits, and many
    a proxy takes no header above 8 KB.
    """

    iss: str
    aud: str
    reg: int
    sub: str
    scope: Scope
    groups: list[int]
    admin: bool
    iat: int
    exp: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Claims).decode


class SessionTokens:
    """Mints and verifies; a verified token is remembered until it expires, so that it is verified once a process."""

    def __init__(self, vault: Vault, lifetime: timedelta = LONGEST) -> None:
        """Keys of the vault; `lifetime` above `LONGEST` counts as that."""
        self._keys = {_head(name): key for name, key in vault.derived_keys(PURPOSE)}
        self._first = next(iter(self._keys))
        self._lifetime = min(lifetime, LONGEST)
        self._verified: OrderedDict[bytes, tuple[int, Caller]] = OrderedDict()

    def mint(self, caller: Caller, now: float | None = None) -> tuple[str, int]:
        """A token for a caller, an admin's where its `admin` is true, and when it expires (seconds since the epoch)."""
        issued = int(time.time() if now is None else now)
        expires = issued + int(self._lifetime.total_seconds())
        claims = Claims(
            iss=ISSUER,
            aud=caller.host,
            reg=caller.registration or 0,
            sub=str(caller.agent_id),
            scope=caller.scope,
            groups=_differences(sorted(caller.groups)) if caller.scope == "group" else [],
            admin=caller.admin is True,
            iat=issued,
            exp=expires,
        )
        signed = self._first + b"." + _base64(_encode(claims))
        return (signed + b"." + _signature(self._keys[self._first], signed)).decode(), expires

    def remembered(self, token: bytes) -> Caller | None:
        """The caller of a token that this process has verified before and that has not expired."""
        known = self._verified.get(token)
        if known is None or known[0] <= time.time():
            return None
        return known[1]

    def verify(self, token: bytes) -> Caller | None:
        """The caller of a token, or None: expired, of an unknown key, tampered with, or no token of ours at all."""
        known = self.remembered(token)
        if known is not None:
            return known
        claims = None if len(token) > MAX_TOKEN_BYTES else self._claims(token)
        if claims is None:
            return None
        groups = frozenset(accumulate(claims.groups))
        caller = Caller(claims.aud, int(claims.sub), claims.scope, groups, claims.admin, claims.reg)
        self._verified[token] = (claims.exp, caller)
        while len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return caller

    def _claims(self, token: bytes) -> Claims | None:
        signed, _, signature = token.rpartition(b".")
        head, _, payload = signed.partition(b".")
        key = self._keys.get(head)
        # As text: the last character of a signature has two bits that decoding ignores.
        if key is None or not hmac.compare_digest(_signature(key, signed), signature):
            return None
        try:
            claims = _decode(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        except ValueError:  # signed by us, but another version's; msgspec's errors and base64's are all of this kind
            return None
        if claims.iss != ISSUER or claims.exp <= time.time() or claims.exp - claims.iat > LONGEST.total_seconds():
            return None
        return claims


def _differences(numbers: list[int]) -> list[int]:
    return [number - before for before, number in pairwise([0, *numbers])]


def _head(key_id: str) -> bytes:
    return _base64(_encode({"alg": "HS256", "kid": key_id, "typ": "JWT"}))


def _signature(key: bytes, signed: bytes) -> bytes:
    return _base64(hmac.digest(key, signed, "sha256"))


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
