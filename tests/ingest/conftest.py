"""The webhook receiver alone, one a module, over a Valkey that a test may stop, freeze and fill."""

import tempfile
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import leaked_keys
from tests.ingest.sending import NEW, OLD, THEIRS
from tests.parts import OwnRedis, Receiving, own_redis, receiving, register
from tests.world import ACME, OTHER

_numbers = count(1)


@pytest.fixture
def number() -> int:
    """The number of a ticket that no other test uses."""
    return next(_numbers)


@pytest.fixture(scope="module")
async def module_redis() -> AsyncIterator[OwnRedis]:
    """A Valkey of the module's own."""
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with own_redis(Path(folder)) as redis:
            yield redis


@pytest.fixture(scope="module")
async def receiver(module_redis: OwnRedis) -> AsyncIterator[Receiving]:
    """The receiver: acme has two valid secrets, other has one."""
    await register(module_redis.settings, ACME, NEW, OLD)
    await register(module_redis.settings, OTHER, THEIRS)
    async with receiving(module_redis.settings) as made:
        yield made
        leaked = [key async for key in leaked_keys(made.context.redis.state)]
    assert not leaked
