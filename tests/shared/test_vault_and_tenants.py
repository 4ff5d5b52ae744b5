"""Secrets at rest, hosts that may become part of a URL, and what may be chosen for a tenant."""

import asyncio
import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from shared import keys
from shared.errors import BadInput, StartupError
from shared.settings import Settings
from shared.tenant_settings import (
    DEFAULT_REDACTIONS,
    TenantSettings,
    check_settings,
    parse_models,
    parse_redactions,
)
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


def test_a_secret_is_readable_only_for_what_it_was_encrypted_for(tmp_path: Path) -> None:
    vault = Vault.from_settings(Settings(data_dir=tmp_path))
    sealed = vault.encrypt("s", ACME, "webhook")
    assert vault.decrypt(sealed, ACME, "webhook") == "s"
    for host, purpose in ((ACME, ""), (ACME, "other"), (OTHER, "webhook")):
        with pytest.raises(StartupError):
            vault.decrypt(sealed, host, purpose)


def test_the_key_file_may_hold_a_new_key_above_the_old_one(tmp_path: Path) -> None:
    before = Vault.from_settings(Settings(data_dir=tmp_path))
    sealed = before.encrypt("s", ACME)
    file, new = tmp_path / "master.key", base64.b64encode(os.urandom(32)).decode()
    file.write_text(f"{new}\n{file.read_text()}\n")
    after = Vault.from_settings(Settings(data_dir=tmp_path))
    assert after.decrypt(sealed, ACME) == "s"
    assert not after.is_current(sealed, ACME)
    assert after.is_current(after.encrypt("s", ACME), ACME)


@pytest.mark.parametrize("text", ["short", "", "%%%", base64.b64encode(b"x" * 31).decode()])
def test_an_unusable_master_key_is_said_at_the_start(text: str) -> None:
    with pytest.raises(StartupError, match="CANVAS_MASTER_KEYS"):
        Vault.from_settings(Settings(master_keys=SecretStr(text)))


def test_the_key_file_is_private_and_kept(tmp_path: Path) -> None:
    first = Vault.from_settings(Settings(data_dir=tmp_path))
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0
    assert Vault.from_settings(Settings(data_dir=tmp_path)).decrypt(first.encrypt("s", ACME), ACME) == "s"


def record(registry: TenantRegistry, vault: Vault, host: str, *secrets: str) -> Tenant:
    return Tenant(
        host=host,
        api_key=vault.encrypt("the api key", host),
        webhook_secrets=registry.seal(host, secrets),
        language="en",
        agent_id=1,
        created_at=datetime.now(UTC),
        statuses={2: "Open"},
    )


async def test_webhook_secrets_are_stored_encrypted_and_open_one_tenant_only(redis: Redis, tmp_path: Path) -> None:
    vault = Vault.from_settings(Settings(data_dir=tmp_path))
    registry = TenantRegistry(redis, vault)
    secret, older = new_secret(), new_secret()
    await registry.put(record(registry, vault, ACME, secret, older))
    await registry.put(record(registry, vault, OTHER, new_secret()))
    acme, other = await registry.get(ACME), await registry.get(OTHER)
    assert acme is not None
    assert registry.accepts_webhook(acme, secret)
    assert registry.accepts_webhook(acme, older)
    assert registry.webhook_secrets(acme) == [secret, older]
    assert not registry.accepts_webhook(other, secret)
    assert not registry.accepts_webhook(None, secret)
    for wrong in (secret[:-1], "", "비밀", "\ud800", "x" * 10_000):
        assert not registry.accepts_webhook(acme, wrong)
    stolen = msgspec.structs.replace(acme, host=OTHER)
    assert not registry.accepts_webhook(stolen, secret)
    raw = await redis.get(keys.tenant(ACME))
    assert secret.encode() not in raw
    assert b"the api key" not in raw
    assert await registry.hosts() == [ACME, OTHER]


async def test_a_master_key_can_be_dropped_after_reencryption_and_no_webhook_secret_dies(redis: Redis) -> None:
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))

    def installation(*master_keys: str) -> tuple[TenantRegistry, Vault]:
        vault = Vault.from_settings(Settings(master_keys=SecretStr(",".join(master_keys))))
        return TenantRegistry(redis, vault), vault

    registry, vault = installation(old)
    secrets = [new_secret(), new_secret()]
    await registry.put(record(registry, vault, ACME, *secrets))

    early, _ = installation(new)  # the old key was dropped too early: nothing is accepted, and nothing breaks
    tenant = await early.require(ACME)
    assert not early.accepts_webhook(tenant, secrets[0])
    with pytest.raises(StartupError):
        early.api_key(tenant)

    both, _ = installation(new, old)
    tenant = await both.require(ACME)
    assert not both.is_current(tenant)
    tenant = await both.update(ACME, both.reencrypted)
    assert both.is_current(tenant)
    assert both.reencrypted(tenant) != tenant  # another nonce each time

    for registry in (both, installation(new)[0]):
        tenant = await registry.require(ACME)
        assert registry.api_key(tenant) == "the api key"
        assert [registry.accepts_webhook(tenant, secret) for secret in secrets] == [True, True]
    registry, _ = installation(old)
    assert not registry.accepts_webhook(await registry.require(ACME), secrets[0])


async def test_changes_at_the_same_time_do_not_undo_each_other(redis: Redis, tmp_path: Path) -> None:
    vault = Vault.from_settings(Settings(data_dir=tmp_path))
    registry = TenantRegistry(redis, vault)
    await registry.put(record(registry, vault, ACME))

    def named(number: int) -> Any:
        return lambda now: msgspec.structs.replace(now, statuses={**now.statuses, number: str(number)})

    await asyncio.gather(*(registry.update(ACME, named(number)) for number in range(100, 110)))
    assert set((await registry.require(ACME)).statuses) == {2, *range(100, 110)}
    assert await registry.remove(ACME)
    assert not await registry.remove(ACME)
    with pytest.raises(BadInput, match="canvas tenant add"):
        await registry.update(ACME, named(1))
    assert await redis.dbsize() == 0


async def test_a_record_of_before_decodes_with_todays_defaults(redis: Redis, tmp_path: Path) -> None:
    vault = Vault.from_settings(Settings(data_dir=tmp_path))
    registry = TenantRegistry(redis, vault)
    before = {
        "host": ACME,
        "api_key": vault.encrypt("the api key", ACME),
        "webhook_hashes": [vault.keyed_hash("older", ACME)],
        "language": "ko",
        "agent_id": 1,
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "statuses": {2: "열림"},
    }
    await redis.set(keys.tenant(ACME), msgspec.msgpack.encode(before))
    tenant = await registry.require(ACME)
    assert tenant.settings == TenantSettings()
    assert tenant.settings.redact == DEFAULT_REDACTIONS
    assert (tenant.webhook_secrets, tenant.account, tenant.calls_a_minute) == ([], None, None)
    assert registry.accepts_webhook(tenant, "older")
    assert registry.api_key(tenant) == "the api key"


# --- What may be chosen ---


async def test_settings_come_back_as_they_were_stored(redis: Redis, tmp_path: Path) -> None:
    vault = Vault.from_settings(Settings(data_dir=tmp_path))
    registry = TenantRegistry(redis, vault)
    chosen = TenantSettings(
        language="ko",
        tone="formal",
        style_guide="존댓말을 씁니다",
        forbidden_phrases=["환불 불가"],
        similar_days=365,
        redact=frozenset({"email"}),
        models={"summary": ["anthropic/claude-haiku-5-5", "openai/gpt-5.4-mini"]},
        daily_token_budget=100_000,
    )
    await registry.put(msgspec.structs.replace(record(registry, vault, ACME), settings=check_settings(chosen)))
    assert (await registry.require(ACME)).settings == chosen


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"language": "fr"}, "language"),
        ({"tone": "rude"}, "tone"),
        ({"style_guide": "x" * 8001}, "8000"),
        ({"forbidden_phrases": [" "]}, "phrase"),
        ({"forbidden_phrases": ["x"] * 101}, "100"),
        ({"similar_days": 0}, "days"),
        ({"similar_days": 40_000}, "days"),
        ({"redact": frozenset({"names"})}, "redact"),
        ({"daily_token_budget": 5}, "1000"),
        ({"models": {"summary": []}}, "summary"),
        ({"models": {"summary": ["gpt"]}}, "provider/model"),
        ({"models": {"summary": ["a/b", "a/b"]}}, "twice"),
        ({"models": {"poem": ["a/b"]}}, "models"),
    ],
)
def test_what_can_not_be_set_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check_settings(msgspec.structs.replace(TenantSettings(), **wrong))


def test_lists_of_redactions_and_models_as_a_person_writes_them() -> None:
    assert parse_redactions("none") == frozenset()
    assert parse_redactions("default, email") == DEFAULT_REDACTIONS | {"email"}
    assert parse_redactions("national-id") == {"national_id"}
    assert parse_models("reply=openai/gpt-5.4-mini, anthropic/claude") == (
        "reply",
        ["openai/gpt-5.4-mini", "anthropic/claude"],
    )
    for text in ("names", "card,names"):
        with pytest.raises(BadInput, match="names"):
            parse_redactions(text)
    for text in ("reply", "poem=a/b", "=a/b"):
        with pytest.raises(BadInput, match="TASK"):
            parse_models(text)
