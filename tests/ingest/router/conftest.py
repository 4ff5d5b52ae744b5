"""Fixtures of the router's tests."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.ingest.router.desk import Desk, desk


@pytest.fixture
async def two(redis: Redis) -> AsyncIterator[Desk]:
    """A router over both providers that waits for no model that is out of use."""
    async with desk(redis, outage_wait_s=0) as made:
        yield made
