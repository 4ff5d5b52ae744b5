"""What every test may use: a real Valkey of its own, emptied before each test and checked for leaked keys after it."""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import certifi
import pytest
import structlog
import uvicorn
from pydantic import SecretStr
from redis.asyncio import Redis

import serve.hits.reads
import serve.routes.miss
import shared.problems
from deploy.data_folder import redis_ready
from serve.hits.reads import READ_WITHIN_S
from serve.settings import ServeSettings
from shared import lifetimes
from shared.problems import STORE_WITHIN_S
from shared.redis import connect
from shared.settings import Settings
from tests.waiting import PATIENCE_S
from tests.world import SHARED, World, world

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.world import Account

ROOT = Path(__file__).parent
LONGEST_FIRST = (
    "chaos/test_small.py",
    "test_lint.py",
    "deploy/test_crash.py",
    "deploy/demo/test_desk_browser.py",
    "deploy/test_cli.py",
    "frontend/test_states.py",
    "ingest/backfill/test_batches.py",
    "test_faults.py",
    "deploy/demo/test_demo.py",
    "frontend/test_harness.py",
    "frontend/test_axe.py",
    "ingest/injection/test_injection.py",
)
"""Files that take a quarter of a minute and more."""

LIMITS = [
    field.validation_alias
    for name, field in ServeSettings.model_fields.items()
    if name.startswith(("limit_", "streams_")) and isinstance(field.validation_alias, str)
]
"""No limits: one agent opens hundreds of tickets here."""

PAUSE_S = 0.01
LONG_S = 9.0
"""Below what most clients of tests wait for an answer."""

NOT_OURS = re.compile(r"(arq:|canvas:(interactive|live|backfill))")
"""arq's own keys: its queues, jobs and locks; it gives lifetimes to all but the queues."""


class Hurried:
    """The module `asyncio`, whose pauses are short."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, PAUSE_S))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, in their order above: the last one to end decides when `make test` ends.

    It runs files side by side, each in one process; pytest-randomly has shuffled the files and what is in them.
    """
    last = len(LONGEST_FIRST)
    places = {ROOT / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, last))


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """Tests must not depend on the developer's environment or `.env`."""
    patch = pytest.MonkeyPatch()
    for name in list(os.environ):
        if name.startswith(("CANVAS_", "REDIS_", "QDRANT_", "ANTHROPIC_", "OPENAI_", "OTEL_")):
            patch.delenv(name)
    with tempfile.TemporaryDirectory() as folder:
        patch.chdir(folder)
        patch.setenv("CANVAS_DEBOUNCE_S", "0")  # tests of the debounce set their own
        patch.setenv("CANVAS_RECONCILE_S", "86400")  # or a world that lives for minutes finds what a test keeps silent
        patch.setenv("SSL_CERT_FILE", str(_one_authority(Path(folder))))
        for name in LIMITS:
            patch.setenv(name, "0")  # tests of the limits set their own
        yield
        patch.undo()


@pytest.fixture(scope="session", autouse=True)
def servers_end_at_once() -> Iterator[None]:
    """uvicorn looks ten times a second whether it is to end, and whether its clients have gone; tests end thousands."""
    patch = pytest.MonkeyPatch()
    patch.setattr(uvicorn.server, "asyncio", Hurried())
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def a_busy_machine_is_no_outage() -> Iterator[None]:
    """Redis is given up after seconds, and a machine may be busy with others for as long; see `outages`."""
    patch = pytest.MonkeyPatch()
    patch.setattr(shared.problems, "STORE_WITHIN_S", LONG_S)
    patch.setattr(serve.hits.reads, "READ_WITHIN_S", LONG_S)
    yield
    patch.undo()


@pytest.fixture
def outages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is given up as soon as ever: for tests that freeze it."""
    monkeypatch.setattr(shared.problems, "STORE_WITHIN_S", STORE_WITHIN_S)
    monkeypatch.setattr(serve.hits.reads, "READ_WITHIN_S", READ_WITHIN_S)


@pytest.fixture(scope="session")
async def browser() -> "AsyncIterator[Browser]":
    """One Chromium for all tests of a process; each test opens tabs of its own (`desk_page`)."""
    from playwright.async_api import expect

    from tests.deploy.demo.browser import chromium

    expect.set_options(timeout=15_000)
    async with chromium() as started:
        yield started


@pytest.fixture(scope="session")
async def served_desk(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[Account]":
    """One demo desk for all tests of a process; tests that change tickets make their own."""
    from tests.deploy.demo.small_desk import small_desk

    async with small_desk(tmp_path_factory.mktemp("desk")) as account:
        SHARED.append(account)
        yield account
        SHARED.remove(account)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """What a command under test does to this process's logging ends with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def _one_authority(folder: Path) -> Path:
    """A file with a single certificate: nothing here speaks TLS, and each new HTTP client takes 16 ms to read all."""
    end = "-----END CERTIFICATE-----"
    first, _, _ = certifi.contents().partition(end)
    file = folder / "authority.pem"
    file.write_text(first + end + "\n", "utf-8")
    return file


@pytest.fixture(scope="session")
async def valkey_url() -> AsyncIterator[str]:
    """The URL of the session's Valkey."""
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with redis_ready(Settings(data_dir=Path(folder))) as settings:
            assert settings.redis_url is not None
            yield settings.redis_url.get_secret_value()


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    """An empty database; afterwards every key that is left has a lifetime or is on the list of permanent ones."""
    client = connect(valkey_url)
    await client.flushall()
    yield client
    leaked = [key async for key in leaked_keys(client)]
    await client.aclose()
    await client.connection_pool.aclose()
    assert not leaked, f"keys without a lifetime that are not on the permanent list: {leaked}"


@pytest.fixture
def known_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve says whether a ticket exists, however long a busy machine takes; else it says after 2 s that it looks."""
    monkeypatch.setattr(serve.routes.miss, "KNOWN_WITHIN_S", PATIENCE_S)


@pytest.fixture
async def nobody_else() -> None:
    """No webhook of a world that tests share is on its way: what this process logs and counts is this test's own."""
    for account in SHARED:
        await account.helpdesk.webhooks.settled()


@pytest.fixture
def settings(redis: Redis, valkey_url: str, tmp_path: Path) -> Settings:
    """Settings over the empty database and an empty data folder."""
    return Settings(data_dir=tmp_path, redis_url=SecretStr(valkey_url))


@pytest.fixture
async def small_world(settings: Settings) -> AsyncIterator[World]:
    """Two Freshdesk accounts and one Prompt Canvas that serves them."""
    async with world(settings) as made:
        yield made


async def leaked_keys(client: Redis) -> AsyncIterator[str]:
    permanent = [re.escape(name).replace(r"\{host\}", "{?[a-z0-9.-]+}?") for name in lifetimes.PERMANENT]
    permanent = [name.replace("<lane>", "(live|backfill)") for name in permanent]
    allowed = re.compile("|".join([*permanent, NOT_OURS.pattern]))
    async for key in client.scan_iter():
        if await client.ttl(key) == -1 and not allowed.match(key.decode()):
            yield key.decode()
