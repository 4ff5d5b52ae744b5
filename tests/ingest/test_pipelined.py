"""Commands that are sent together share a round trip, and nothing else: each has its own answer, error and end."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from ingest.pipelined import Pipelined
from shared.redis import redis_clients, script
from tests.parts import OwnRedis


@pytest.fixture
def shared(redis: Redis) -> Pipelined:
    return Pipelined(redis.connection_pool)


async def test_commands_at_once_are_few_writes_and_each_gets_its_own_answer(redis: Redis, shared: Pipelined) -> None:
    async def reads() -> int:
        return int((await redis.info("stats"))["total_reads_processed"])

    before = await reads()
    await asyncio.gather(*(shared.set(f"pc:test:{turn}", turn, ex=60) for turn in range(250)))
    assert await asyncio.gather(*(shared.get(f"pc:test:{turn}") for turn in range(250))) == [
        str(turn).encode() for turn in range(250)
    ]
    assert await reads() - before < 30


async def test_an_error_is_only_its_own_callers(shared: Pipelined) -> None:
    await shared.set("pc:test:text", "x", ex=60)
    good, bad, other = await asyncio.gather(
        shared.get("pc:test:text"), shared.incr("pc:test:text"), shared.exists("pc:test:text"), return_exceptions=True
    )
    assert (good, other) == (b"x", 1)
    assert isinstance(bad, ResponseError)


async def test_a_script_that_the_server_does_not_know_is_loaded(redis: Redis, shared: Pipelined) -> None:
    await redis.script_flush()
    release = script(shared, "release", "ledger")
    names = [f"pc:test:{place}" for place in range(9)]
    await asyncio.gather(*(release(keys=names, args=[1, "nobody"]) for _ in range(5)))


async def test_who_stops_waiting_takes_nothing_from_the_others(shared: Pipelined) -> None:
    impatient = asyncio.ensure_future(shared.set("pc:test:a", 1, ex=60))
    patient = asyncio.ensure_future(shared.set("pc:test:b", 2, ex=60))
    await asyncio.sleep(0)  # both have asked, and nothing is on its way yet
    impatient.cancel()
    assert await patient is True
    assert impatient.cancelled()


async def test_when_the_server_is_gone_everyone_is_told(module_redis: OwnRedis) -> None:
    async with redis_clients(module_redis.settings) as clients:
        shared = Pipelined(clients.state.connection_pool)
        assert await shared.ping()
        await module_redis.stop()
        try:
            found = await asyncio.gather(*(shared.ping() for _ in range(5)), return_exceptions=True)
        finally:
            await module_redis.start()
        assert all(isinstance(error, RedisError | OSError) for error in found)
        assert await shared.ping()
