"""Parts that the tests of serve share, one set a module: each test uses tickets and keys of its own."""

import tempfile
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.conftest import leaked_keys
from tests.parts import Desks, OwnRedis, Serving, desks, own_redis, serving
from tests.serve.answering import Answering, answering_world
from tests.world import SHARED, World, world

_numbers = count(70_000)


@pytest.fixture
def number() -> int:
    """The number of a ticket that no other test uses and that no account has."""
    return next(_numbers)


@pytest.fixture(scope="module")
async def module_redis() -> AsyncIterator[OwnRedis]:
    """A Valkey of the module's own, checked for leaked keys at its end."""
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with own_redis(Path(folder)) as redis:
            yield redis


@pytest.fixture(scope="module")
async def module_settings(module_redis: OwnRedis) -> Settings:
    """Settings over the module's Valkey."""
    return module_redis.settings


@pytest.fixture(scope="module")
async def accounts(module_settings: Settings) -> AsyncIterator[Desks]:
    """Both accounts, registered."""
    async with desks(module_settings) as made:
        yield made


@pytest.fixture(scope="module")
async def served(accounts: Desks) -> AsyncIterator[Serving]:
    """Serve without workers."""
    async with serving(accounts.settings) as made:
        yield made
        leaked = [key async for key in leaked_keys(made.context.redis.state)]
    assert not leaked, f"keys without a lifetime that are not on the permanent list: {leaked}"


@pytest.fixture(scope="module")
async def whole_world() -> AsyncIterator[World]:
    """Two accounts and a whole Prompt Canvas, for tests that each make tickets of their own.

    Over a Valkey of its own: `accounts` registers the same tenants, without webhooks.
    """
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with own_redis(Path(folder)) as redis, world(redis.settings) as made:
            yield made


@pytest.fixture(scope="session")
async def answering_session() -> AsyncIterator[Answering]:
    """The world of all tests that ask for answers, replies and files: opened once, since that takes a second."""
    async with answering_world() as made:
        SHARED.extend((made.acme, made.other))
        yield made
        for account in (made.acme, made.other):
            SHARED.remove(account)


@pytest.fixture
async def answering(answering_session: Answering) -> Answering:
    """The same, with a look-alike that was asked nothing yet."""
    await answering_session.awake()
    await answering_session.fresh()
    return answering_session
