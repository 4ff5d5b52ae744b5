"""The registry of tenants: one record per Freshdesk account, named by its full host.

Credentials in a record are encrypted and bound to the host. A host is checked when it is registered: only
`<name>.freshdesk.com` exists as an API host, and nothing else may ever become part of a URL. Webhook secrets are kept
encrypted and not as hashes only, so that they survive a change of the master keys and can be installed again.
"""

import hmac
import re
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import structlog
from redis.asyncio import Redis

from shared import keys
from shared.errors import BadInput, StartupError, StoreUnavailable
from shared.redis import script
from shared.tenant_settings import Language, TenantSettings
from shared.vault import Vault, new_secret

__all__ = ["Account", "Language", "Tenant", "TenantRegistry", "TenantSettings", "parse_host"]

HOST_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.freshdesk\.com")
FRESHDESK_TIMEOUT = 15.0
"""Seconds; Freshdesk answers in well under one, and a caller waits for us."""
GLOBAL_SCOPE = 1
WEBHOOK = "webhook"
"""What a webhook secret is encrypted for, so that it can't be taken for an API key."""
USUAL_SECRETS = 2
"""Comparisons made in any case: an unknown tenant takes as long as a known one in the middle of a rotation."""
MOST_TRIES = 20
UNKNOWN = "unknown.freshdesk.com"

log = structlog.get_logger()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What Freshdesk says about the account (`GET /account`); "" and 0 where it says nothing."""

    account_id: int = 0
    name: str = ""
    plan: str = ""
    data_center: str = ""
    timezone: str = ""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A registered account.

    `api_key` and `webhook_secrets` (the newest first) are ciphertext; `webhook_hashes` are keyed hashes of secrets that
    an older version made, and that nobody can read any more. `language` is the account's own as far as we write it,
    `languages` all of its codes, the primary first. `ticket_scope` of the key's agent: 1 all tickets, 2 of its groups,
    3 its own. `calls_a_minute` is the account's rate limit, None where Freshdesk has not named one.
    """

    host: str
    api_key: bytes
    language: Language
    agent_id: int
    created_at: datetime
    statuses: dict[int, str]
    webhook_hashes: list[str] = msgspec.field(default_factory=list)
    webhook_secrets: list[bytes] = msgspec.field(default_factory=list)
    languages: list[str] = msgspec.field(default_factory=list)
    ticket_scope: int = GLOBAL_SCOPE
    account: Account | None = None
    calls_a_minute: int | None = None
    settings: TenantSettings = msgspec.field(default_factory=TenantSettings)

    @property
    def valid_secrets(self) -> int:
        """How many webhook secrets are accepted now; two while one is being replaced."""
        return len(self.webhook_secrets) + len(self.webhook_hashes)


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
    """Reads and writes tenants; secrets leave it only through `api_key` and `webhook_secrets`."""

    def __init__(self, state: Redis, vault: Vault) -> None:
        self._state = state
        self._vault = vault
        self._swap = script(state, "swap_tenant")
        self._decoy = vault.encrypt(new_secret(), UNKNOWN, WEBHOOK)

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

    async def require(self, host: str) -> Tenant:
        """The tenant.

        Raises:
            BadInput: it is not registered; the message says how to do that.
        """
        tenant = await self.get(host)
        if tenant is None:
            raise BadInput(f"{host} is not connected: run `canvas tenant add {host}` first")
        return tenant

    async def update(self, host: str, change: Callable[[Tenant], Tenant]) -> Tenant:
        """Change a record, on its newest state even where another command changes it at the same time.

        `change` may be called more than once.

        Raises:
            BadInput: it is not registered (any more).
        """
        for _ in range(MOST_TRIES):
            value = await self._state.get(keys.tenant(host))
            changed = change(await self.require(host) if value is None else _decode(value))
            if await self._swap(keys=[keys.tenant(host)], args=[value or b"", _encode(changed)]):
                return changed
        raise StoreUnavailable(f"The record of {host} changes all the time: try again")

    async def remove(self, host: str) -> bool:
        """Forget a tenant's record, and say whether there was one: from now on nothing is accepted for it."""
        async with self._state.pipeline(transaction=False) as pipe:
            pipe.delete(keys.tenant(host))
            pipe.srem(keys.TENANTS, host)
            deleted, _ = await pipe.execute()
        return bool(deleted)

    async def hosts(self) -> list[str]:
        """All registered hosts, sorted."""
        members = await self._state.smembers(keys.TENANTS)  # type: ignore[misc]
        return sorted(member.decode() for member in members)

    def api_key(self, tenant: Tenant) -> str:
        """The tenant's Freshdesk API key in clear: hand it to the Freshdesk client and to nothing else."""
        return self._vault.decrypt(tenant.api_key, tenant.host)

    def webhook_secrets(self, tenant: Tenant) -> list[str]:
        """The webhook secrets in clear, the newest first: for the rules in Freshdesk and whoever installs them."""
        return [self._vault.decrypt(sealed, tenant.host, WEBHOOK) for sealed in tenant.webhook_secrets]

    def seal(self, host: str, secrets: Sequence[str]) -> list[bytes]:
        """Webhook secrets as a record holds them."""
        return [self._vault.encrypt(secret, host, WEBHOOK) for secret in secrets]

    def accepts_webhook(self, tenant: Tenant | None, secret: str) -> bool:
        """Whether `secret` is one of the tenant's; takes as long for an unknown tenant as for a known one."""
        host, sealed = (tenant.host, tenant.webhook_secrets) if tenant else (UNKNOWN, [])
        spare = [(UNKNOWN, self._decoy)] * (USUAL_SECRETS - len(sealed))
        matched = [self._opens(*place, secret) for place in [*((host, each) for each in sealed), *spare]]
        hashes = tenant.webhook_hashes if tenant else []
        matched += [self._vault.matches(secret, host, stored) for stored in hashes]
        return tenant is not None and any(matched)

    def _opens(self, host: str, sealed: bytes, secret: str) -> bool:
        try:
            valid = self._vault.decrypt(sealed, host, WEBHOOK)
        except StartupError:
            # A master key was dropped too early. Freshdesk sends again for a day, in which it can be put back.
            log.error("webhook secret can't be decrypted: check CANVAS_MASTER_KEYS", host=host)  # noqa: TRY400
            return False
        return hmac.compare_digest(valid.encode(), secret.encode("utf-8", "replace"))

    def is_current(self, tenant: Tenant) -> bool:
        """Whether all credentials are encrypted by the first master key; raises `StartupError` like `api_key`."""
        sealed = [(tenant.api_key, ""), *((secret, WEBHOOK) for secret in tenant.webhook_secrets)]
        return all(self._vault.is_current(each, tenant.host, purpose) for each, purpose in sealed)

    def reencrypted(self, tenant: Tenant) -> Tenant:
        """The same record, its credentials encrypted by the first master key; raises `StartupError` like `api_key`."""
        return msgspec.structs.replace(
            tenant,
            api_key=self._vault.encrypt(self.api_key(tenant), tenant.host),
            webhook_secrets=self.seal(tenant.host, self.webhook_secrets(tenant)),
        )
