"""The registry of tenants: one record per Freshdesk account, named by its full host.

Credentials in a record are encrypted and bound to the host. A host is checked when it is registered: only
`<name>.freshdesk.com` exists as an API host, and nothing else may ever become part of a URL.
"""

import re
from datetime import datetime
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.errors import BadInput
from shared.vault import Vault

HOST_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.freshdesk\.com")
Language = Literal["ko", "en"]
FRESHDESK_TIMEOUT = 15.0
"""Seconds; Freshdesk answers in well under one, and a caller waits for us."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A registered account. `api_key` is ciphertext, `webhook_hashes` are keyed hashes of the valid secrets."""

    host: str
    api_key: bytes
    webhook_hashes: list[str]
    language: Language
    agent_id: int
    created_at: datetime
    statuses: dict[int, str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Tenant).decode


def parse_host(text: str) -> str:
    """The normalised host of a tenant.

    Raises:
        BadInput: it is anything but `<name>.freshdesk.com` (no scheme, port, path, address or unicode look-alike).
    """
    host = text.strip().lower()
    if not HOST_PATTERN.fullmatch(host):
        raise BadInput("A Freshdesk domain looks like yourcompany.freshdesk.com")
    return host


class TenantRegistry:
    """Reads and writes tenants; secrets leave it only through `api_key` and `accepts_webhook`."""

    def __init__(self, state: Redis, vault: Vault) -> None:
        self._state = state
        self._vault = vault

    async def put(self, tenant: Tenant) -> None:
        """Create or replace a tenant."""
        async with self._state.pipeline(transaction=False) as pipe:
            pipe.set(keys.tenant(tenant.host), _encode(tenant))
            pipe.sadd(keys.TENANTS, tenant.host)
            await pipe.execute()

    async def get(self, host: str) -> Tenant | None:
        """The tenant, or None if it is not registered."""
        value = await self._state.get(keys.tenant(host))
        return None if value is None else _decode(value)

    async def hosts(self) -> list[str]:
        """All registered hosts, sorted."""
        members = await self._state.smembers(keys.TENANTS)  # type: ignore[misc]
        return sorted(member.decode() for member in members)

    def api_key(self, tenant: Tenant) -> str:
        """The tenant's Freshdesk API key in clear: hand it to the Freshdesk client and to nothing else."""
        return self._vault.decrypt(tenant.api_key, tenant.host)

    def accepts_webhook(self, tenant: Tenant | None, secret: str) -> bool:
        """Whether `secret` is one of the tenant's; takes as long for an unknown tenant as for a known one."""
        host = tenant.host if tenant else "unknown.freshdesk.com"
        hashes = tenant.webhook_hashes if tenant else [self._vault.keyed_hash("", host)]
        matched = [self._vault.matches(secret, host, stored) for stored in hashes]
        return tenant is not None and any(matched)
