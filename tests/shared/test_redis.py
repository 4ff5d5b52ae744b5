"""Connections to Redis end with their client, whoever is still at work."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.redis import connect
from tests.waiting import wait_until

NAME = "work-under-way"


async def named(redis: Redis) -> int:
    """How many connections the server has that call themselves `NAME`."""
    return sum(client["name"] == NAME for client in await redis.client_list())


async def waits(client: Redis) -> None:
    """Be at work for a second."""
    await client.blpop(["nothing-comes"], timeout=1)  # type: ignore[misc]


async def test_a_closed_client_opens_no_connection_for_whoever_is_still_at_work(redis: Redis, valkey_url: str) -> None:
    client = connect(f"{valkey_url}{'&' if '?' in valkey_url else '?'}client_name={NAME}")
    waiting = asyncio.create_task(waits(client))
    await wait_until(lambda: under_way(redis))
    # It is asked again over a new connection, as after any cut, and that one is closed when it has its answer.
    await client.connection_pool.aclose()
    await asyncio.wait([waiting])
    with pytest.raises(RedisConnectionError):
        await client.ping()
    await wait_until(lambda: all_closed(redis))


async def under_way(redis: Redis) -> bool:
    """Whether the server has such a connection."""
    return await named(redis) > 0


async def all_closed(redis: Redis) -> bool:
    """Whether it has none."""
    return not await under_way(redis)
