"""Fixtures of the router's tests."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.ingest.router.desk import Desk, desk, hasty


@pytest.fixture
async def two(redis: Redis) -> AsyncIterator[Desk]:
    """A router over both providers that gives up soon on what never comes."""
    async with desk(redis, **hasty()) as made:
        yield made
