"""`canvas export` and `canvas import`: a tenant elsewhere is the one that it was, or nothing happened."""

import hashlib
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from pydantic import SecretStr

from deploy.http_server import bind, running
from deploy.transfer import archive
from deploy.transfer.archive import LENGTH, reading
from deploy.transfer.exporting import export_tenant
from deploy.transfer.importing import Imported, check_archive, import_tenant
from deploy.transfer.kept import KeyRecord, kind_of
from ingest.context import WorkerContext, worker_context
from ingest.settings import IngestSettings
from ingest.vectors.protocol import ArticlePoint, SparseVector, TicketPoint
from serve.app import create_serve
from serve.context import serve_context
from serve.settings import ServeSettings
from shared import keys
from shared.errors import BadInput
from shared.feedback import Feedback, Given, this_month
from shared.settings import Settings
from tests.conftest import leaked_keys
from tests.deploy.canvases import store_as_worker
from tests.deploy.forking import Call
from tests.parts import Desks, credentials, desks, own_redis
from tests.ports import free_port
from tests.world import ACME, ADMIN_KEY, OTHER

PASSPHRASE = "correct horse battery"
SIZE = 384
WORDS = SparseVector([3, 70_000], [0.5, 1.25])


def nothing(_name: str, _count: int) -> None:
    """Nobody watches."""


def unit(place: int) -> list[float]:
    return [1.0 if number == place else 0.0 for number in range(SIZE)]


def ticket_point(number: int) -> TicketPoint:
    return TicketPoint(
        ticket_id=number, revision_ms=5, subject=f"환불 {number}", status="open", resolved=False, language="ko",
        created_ms=4, resolution="", reply="", url=f"https://{ACME}/a/tickets/{number}", dense=unit(number),
        sparse=WORDS,
    )  # fmt: skip


def article_point(number: int, chunk: int) -> ArticlePoint:
    return ArticlePoint(
        article_id=number, revision_ms=5, title="Refunds", snippet=f"part {chunk}", url="https://x", public=True,
        language="en", chunk=chunk, dense=unit(100 + chunk), sparse=WORDS,
    )  # fmt: skip


@asynccontextmanager
async def init_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The answering side of an installation, asked by an agent of the first account."""
    async with (
        serve_context(settings) as context,
        running(create_serve(context, ServeSettings()), bind("127.0.0.1", 0)) as url,
        httpx.AsyncClient(base_url=url, headers={"Accept": "application/json", **credentials(ACME)}) as client,
    ):
        yield client


@pytest.fixture
async def filled(settings: Settings) -> AsyncIterator[Desks]:
    """Two accounts; of the first, four tickets: current, stale, dead, and one that never was computed."""
    async with desks(settings) as made:
        async with worker_context(made.settings, IngestSettings()) as context:
            await fill(context)
        yield made


async def fill(context: WorkerContext) -> None:
    for host in (ACME, OTHER):
        tenant = await context.tenants.require(host)
        sealed = context.tenants.seal(host, ["secret-of-a-rule"])
        await context.tenants.put(msgspec.structs.replace(tenant, webhook_secrets=sealed, webhook_hashes=[]))
        await context.vectors.put_tickets(host, [ticket_point(number) for number in (1, 2, 3)])
        await context.vectors.put_articles(host, [article_point(9, chunk) for chunk in range(3)])
        recipe = context.recipe_of(tenant).canvas
        for number in (1, 2):
            await store_as_worker(context, host, number, recipe)
        await context.ledger.mark(host, 2)
        await context.redis.state.zadd(keys.dead(host), {"3": 1})
    given = Given(id="a", agent_id=1, ticket_id=1, kind="reply", action="copied", model="m")
    await Feedback(context.redis.state).add(ACME, [given])


async def exported(made: Desks, file: Path, passphrase: str | None = PASSPHRASE) -> None:
    async with worker_context(made.settings, IngestSettings()) as context:
        await export_tenant(context, ACME, file, passphrase, nothing)


async def imported(
    settings: Settings, file: Path, passphrase: str | None = PASSPHRASE, *, replace: bool = False, api_key: str = ""
) -> Imported:
    with reading(file) as reader:
        checked = check_archive(reader, passphrase)
        async with worker_context(settings, IngestSettings()) as context:
            return await import_tenant(context, reader, checked, nothing, api_key=api_key, replace=replace)


async def test_an_imported_tenant_is_the_one_that_it_was(filled: Desks, tmp_path: Path) -> None:
    file = tmp_path / "acme.canvas"
    await exported(filled, file)
    async with init_of(filled.settings) as before:
        wanted = {number: await before.get(f"/init/{number}") for number in (1, 2)}
    (tmp_path / "new").mkdir()
    async with own_redis(tmp_path / "new") as server:
        settings = server.settings.model_copy(update={"freshdesk_urls": filled.settings.freshdesk_urls})
        done = await imported(settings, file)
        assert (done.vectors, done.due, done.secrets) == (6, 0, True)
        async with init_of(settings) as after:
            for number, expected in wanted.items():
                found = await after.get(f"/init/{number}")
                assert (found.content, found.headers["etag"]) == (expected.content, expected.headers["etag"])
                assert found.headers["cache-status"] == expected.headers["cache-status"]
        async with worker_context(settings, IngestSettings()) as context:
            tenant = await context.tenants.require(ACME)
            assert context.tenants.api_key(tenant) == ADMIN_KEY + ACME
            assert context.tenants.accepts_webhook(tenant, "secret-of-a-rule")
            assert await context.tenants.hosts() == [ACME]
            [hit] = await context.vectors.similar_tickets(ACME, unit(2), WORDS, limit=1, exclude=None)
            assert (hit.ticket_id, hit.subject, round(hit.score, 3)) == (2, "환불 2", 1.0)
            [article] = await context.vectors.similar_articles(ACME, unit(102), WORDS, limit=1)
            assert (article.article_id, article.snippet) == (9, "part 2")
            assert await context.ledger.is_due(ACME, 2)
            assert not await context.ledger.is_due(ACME, 1)
            counts = await context.ledger.counts(ACME)
            assert (counts.due, counts.dead) == (1, 1)
            [rates] = await Feedback(context.redis.state).acceptance(ACME, this_month())
            assert rates.counts == {"copied": 1}
            kept = [entry async for entry in Feedback(context.redis.state).since(ACME, None)]
            assert [entry.given.id for entry in kept] == ["a"]
            assert [key async for key in leaked_keys(context.redis.state)] == []


async def test_without_its_secrets_a_key_is_asked_for_and_none_is_in_the_file(
    filled: Desks, tmp_path: Path, call: Call
) -> None:
    file, other = tmp_path / "acme.canvas", tmp_path / "new"
    other.mkdir()
    assert filled.settings.redis_url is not None
    here = {"REDIS_URL": filled.settings.redis_url.get_secret_value(), "CANVAS_DATA_DIR": str(filled.settings.data_dir)}
    said = await call("export", ACME, str(file), "--json", **here)
    assert (said.code, json.loads(said.out)["host"]) == (0, ACME), said
    assert file.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(file) as opened:
        plain = b"".join(opened.read(name) for name in opened.namelist())
    assert (ADMIN_KEY + ACME).encode() not in plain
    assert b"secret-of-a-rule" not in plain
    async with own_redis(other) as server:
        assert server.settings.redis_url is not None
        there = {"REDIS_URL": server.settings.redis_url.get_secret_value(), "CANVAS_DATA_DIR": str(other)}
        said = await call("import", str(file), **there)
        assert (said.code, "The API key is missing" in said.err) == (1, True), said
        said = await call("import", str(file), FRESHDESK_API_KEY="new-key", **there)
        assert said.code == 0, said
        assert f"canvas tenant install-webhooks {ACME}" in said.err
        async with worker_context(server.settings, IngestSettings()) as context:
            tenant = await context.tenants.require(ACME)
            assert (context.tenants.api_key(tenant), tenant.webhook_secrets) == ("new-key", [])


async def test_a_tenant_that_is_there_is_only_replaced_when_that_is_said(filled: Desks, tmp_path: Path) -> None:
    file = tmp_path / "acme.canvas"
    await exported(filled, file)
    async with worker_context(filled.settings, IngestSettings()) as context:
        await context.ledger.mark(ACME, 77)
        with reading(file) as reader:
            checked = check_archive(reader, PASSPHRASE)
            with pytest.raises(BadInput, match="--replace"):
                await import_tenant(context, reader, checked, nothing, api_key="", replace=False)
        assert await context.ledger.is_due(ACME, 77)
    await imported(filled.settings, file, replace=True)
    async with worker_context(filled.settings, IngestSettings()) as context:
        assert not await context.ledger.is_due(ACME, 77), "what came after the export is gone"
        assert await context.vectors.count(ACME) == 6
        assert await context.vectors.count(OTHER) == 6, "others are untouched"
        assert (await context.ledger.counts(OTHER)).due == 1


async def test_with_another_recipe_the_tickets_are_due_as_history(filled: Desks, tmp_path: Path) -> None:
    file = tmp_path / "acme.canvas"
    await exported(filled, file)
    (tmp_path / "new").mkdir()
    async with own_redis(tmp_path / "new") as server:
        written_by_a_model = IngestSettings(anthropic_api_key=SecretStr("k"))
        with reading(file) as reader:
            checked = check_archive(reader, PASSPHRASE)
            async with worker_context(server.settings, written_by_a_model) as context:
                done = await import_tenant(context, reader, checked, nothing, api_key="", replace=False)
                assert done.due == 2
                assert await context.ledger.is_due(ACME, 1)
                assert (await context.ledger.counts(ACME)).ready_backfill >= 1


# --- What is refused, before anything is written ---


def refused(file: Path, words: str, passphrase: str = PASSPHRASE) -> None:
    with pytest.raises(BadInput, match=words), reading(file) as reader:
        check_archive(reader, passphrase)


def rewritten(file: Path, to: Path, changed: dict[str, bytes]) -> Path:
    """The archive with other entries."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        entries = {name: old.read(name) for name in old.namelist()} | changed
        for name, content in entries.items():
            new.writestr(name, content)
    return to


def records(*found: object) -> bytes:
    packed = [msgspec.msgpack.encode(record) for record in found]
    return b"".join(LENGTH.pack(len(record)) + record for record in packed)


def with_sums(file: Path, to: Path, name: str, content: bytes, count: int) -> Path:
    """The archive with another entry, and a manifest that agrees with it."""
    with reading(file) as reader:
        entry = archive.Entry(records=count, sha256=hashlib.sha256(content).hexdigest())
        manifest = msgspec.structs.replace(reader.manifest, entries={**reader.manifest.entries, name: entry})
    return rewritten(file, to, {name: content, archive.MANIFEST: msgspec.json.encode(manifest)})


async def test_what_is_cut_changed_or_foreign_is_refused(filled: Desks, tmp_path: Path) -> None:
    file, bad = tmp_path / "acme.canvas", tmp_path / "bad.canvas"
    await exported(filled, file)
    whole = file.read_bytes()
    refused(file, "passphrase", "wrong passphrase")
    for content in (whole[: len(whole) // 2], b"", b"hello"):
        bad.write_bytes(content)
        refused(bad, "no archive")
    bad.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    refused(bad, "damaged")
    refused(rewritten(file, bad, {"../../etc/cron.d/x": b"* * * * *"}), "no export writes")
    refused(rewritten(file, bad, {archive.KEYS: records()}), "damaged")
    with zipfile.ZipFile(file) as opened:
        manifest = json.loads(opened.read(archive.MANIFEST))
    newer = json.dumps({**manifest, "format": 2}).encode()
    refused(rewritten(file, bad, {archive.MANIFEST: newer}), "format 2")
    refused(with_sums(file, bad, archive.KEYS, records(), 0), "changed after its export")
    huge = LENGTH.pack(2**32 - 1)
    refused(with_sums(file, bad, archive.KEYS, huge, 1), "damaged")
    for record in (
        KeyRecord("due", "due}:x{", 0, 0, [[b"1", 1.0]]),
        KeyRecord("ticket", "ticket:../1", 0, 0, [[b"want", b"1"]]),
        KeyRecord("ticket", "due", 0, 0, [[b"want", b"1"]]),
        KeyRecord("lease", "lease:1", 0, 0, b"x"),
        KeyRecord("canvas", "canvas:1", 0, 0, [1, 2]),
        KeyRecord("due", "due", 0, 0, [[b"1", "x"]]),
    ):
        refused(with_sums(file, bad, archive.KEYS, records(record), 1), "no export writes")


async def test_a_refused_import_ends_with_one_and_changes_nothing(filled: Desks, tmp_path: Path, call: Call) -> None:
    file = tmp_path / "acme.canvas"
    await exported(filled, file)
    file.write_bytes(file.read_bytes()[:-40])
    away = f"redis://127.0.0.1:{free_port()}"
    said = await call("import", str(file), "--passphrase", PASSPHRASE, REDIS_URL=away)
    assert (said.code, said.err.startswith("canvas: "), len(said.err.splitlines())) == (1, True, 1), said
    assert "was cut: nothing was imported" in said.err


def test_no_key_of_a_process_travels() -> None:
    suffixes = ["lease:1", "run:abc", "credential:x", "held", "turn:live", "out:live", "calls", "backfill", "limit:a:1"]
    assert [suffix for suffix in suffixes if kind_of(suffix)] == []
