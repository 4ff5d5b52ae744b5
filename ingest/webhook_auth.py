"""Who may send a tenant's webhooks: whoever has one of its secrets, in our header or as the password of Basic auth.

What was right is remembered for a moment, so that a busy sender costs no round trip. What is wrong never is, and always
goes the whole way: an unknown tenant, a wrong secret and another tenant's secret take the same time for the same
answer, and a new secret works at once.
"""

import base64
import hashlib
import os
import time
from collections.abc import Iterable
from datetime import timedelta

from shared.errors import BadInput, Unauthorized
from shared.tenants import TenantRegistry, parse_host

SECRET_HEADER = "X-Canvas-Secret"  # noqa: S105 - the header's name, not a secret
REMEMBERED_FOR = timedelta(seconds=1)
"""A secret that was rotated out, or whose tenant was removed, works no longer than this."""
MOST_REMEMBERED = 1000
LONGEST_CREDENTIAL = 512
"""Bytes; ours are 43, and a megabyte would take measurably longer to hash."""

_OURS = SECRET_HEADER.lower().encode()


class WebhookAuth:
    """Checks secrets against the registry, and remembers for a moment which were right (as hashes)."""

    def __init__(self, tenants: TenantRegistry) -> None:
        self._tenants = tenants
        self._key = os.urandom(32)
        self._right_until: dict[bytes, float] = {}

    async def host_of(self, tenant: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The host of the tenant that is named and whose secret the headers carry.

        Raises:
            Unauthorized: anything is wrong; what it is can't be told from the answer.
            RedisError, OSError: the registry could not be asked.
        """
        try:
            host = parse_host(tenant)
        except BadInput as error:
            raise Unauthorized from error
        secret = secret_of(headers)
        # Taken before the registry is asked, so that the second counts from what was read.
        now = time.monotonic()
        seen = hashlib.blake2b(f"{host}\0{secret}".encode(), key=self._key, digest_size=16).digest()
        if self._right_until.get(seen, 0.0) > now:
            return host
        record = await self._tenants.get(host)
        if not self._tenants.accepts_webhook(record, secret):
            raise Unauthorized
        self._remember(seen, now)
        return host

    def _remember(self, seen: bytes, now: float) -> None:
        if len(self._right_until) >= MOST_REMEMBERED:
            self._right_until = {one: until for one, until in self._right_until.items() if until > now}
        self._right_until[seen] = now + REMEMBERED_FOR.total_seconds()


def secret_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The secret from our header, else the password of Basic auth ("Requires authentication" in a rule), else ""."""
    authorization = b""
    for name, value in headers:
        if name == _OURS:
            return value.decode("latin-1") if len(value) <= LONGEST_CREDENTIAL else ""
        if name == b"authorization":
            authorization = value
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic" or len(encoded) > LONGEST_CREDENTIAL:
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:  # binascii.Error and UnicodeDecodeError are ValueErrors
        return ""
