"""Secrets at rest, and hosts that may become part of a URL."""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from shared import keys
from shared.errors import BadInput, StartupError
from shared.settings import Settings
from shared.tenants import Tenant, TenantRegistry, parse_host
from shared.vault import Vault, new_secret

ACME, OTHER = "acme.freshdesk.com", "other.freshdesk.com"
NOT_HOSTS = [
    "",
    "acme",
    "freshdesk.com",
    ".freshdesk.com",
    "acme.freshdesk.com.",
    "acme.freshdesk.com:443",
    "http://acme.freshdesk.com",
    "acme.freshdesk.com/x",
    "acme.freshdesk.com@evil.example",
    "evil.example#acme.freshdesk.com",
    "acme.freshdesk.com.evil.example",
    "127.0.0.1",
    "[::1]",
    "169.254.169.254",
    "localhost",
    "-a.freshdesk.com",
    "a-.freshdesk.com",
    "a" * 64 + ".freshdesk.com",
    "ac%6De.freshdesk.com",
    "acme\\.freshdesk.com",
    "acme。freshdesk.com",
    "аcme.freshdesk.com",
    "acme.freshdesk.com\n.evil.example",
    "a b.freshdesk.com",
    "acme.sub.freshdesk.com",
    "acme.freshdesk.co",
]


@pytest.mark.parametrize("text", NOT_HOSTS)
def test_only_freshdesk_hosts_are_hosts(text: str) -> None:
    with pytest.raises(BadInput):
        parse_host(text)


def test_a_host_is_normalised() -> None:
    assert parse_host("  Acme.Freshdesk.COM ") == ACME


def test_a_secret_is_readable_only_for_its_own_tenant(tmp_path: Path) -> None:
    vault = Vault.from_settings(Settings(data_dir=tmp_path))
    sealed = vault.encrypt("the api key", ACME)
    assert b"the api key" not in sealed
    assert vault.decrypt(sealed, ACME) == "the api key"
    with pytest.raises(StartupError):
        vault.decrypt(sealed, OTHER)


def test_master_keys_can_be_rotated() -> None:
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    before = Vault.from_settings(Settings(master_keys=SecretStr(old)))
    sealed, hashed = before.encrypt("s", ACME), before.keyed_hash("s", ACME)
    after = Vault.from_settings(Settings(master_keys=SecretStr(f"{new},{old}")))
    assert after.decrypt(sealed, ACME) == "s"
    assert after.matches("s", ACME, hashed)
    with pytest.raises(StartupError):
        Vault.from_settings(Settings(master_keys=SecretStr(new))).decrypt(sealed, ACME)


@pytest.mark.parametrize("text", ["short", "", "%%%", base64.b64encode(b"x" * 31).decode()])
def test_an_unusable_master_key_is_said_at_the_start(text: str) -> None:
    with pytest.raises(StartupError, match="CANVAS_MASTER_KEYS"):
        Vault.from_settings(Settings(master_keys=SecretStr(text)))


def test_the_key_file_is_private_and_kept(tmp_path: Path) -> None:
    first = Vault.from_settings(Settings(data_dir=tmp_path))
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0
    assert Vault.from_settings(Settings(data_dir=tmp_path)).decrypt(first.encrypt("s", ACME), ACME) == "s"


async def test_webhook_secrets_are_stored_as_hashes_and_open_one_tenant_only(redis: Redis, tmp_path: Path) -> None:
    vault = Vault.from_settings(Settings(data_dir=tmp_path))
    registry = TenantRegistry(redis, vault)
    secret = new_secret()
    for host, hashes in ((ACME, [vault.keyed_hash(secret, ACME)]), (OTHER, [vault.keyed_hash(new_secret(), OTHER)])):
        await registry.put(
            Tenant(
                host=host,
                api_key=vault.encrypt("the api key", host),
                webhook_hashes=hashes,
                language="en",
                agent_id=1,
                created_at=datetime.now(UTC),
                statuses={},
            )
        )
    acme, other = await registry.get(ACME), await registry.get(OTHER)
    assert registry.accepts_webhook(acme, secret)
    assert not registry.accepts_webhook(other, secret)
    assert not registry.accepts_webhook(None, secret)
    assert not registry.accepts_webhook(acme, secret[:-1])
    raw = await redis.get(keys.tenant(ACME))
    assert secret.encode() not in raw
    assert b"the api key" not in raw
    assert await registry.hosts() == [ACME, OTHER]
