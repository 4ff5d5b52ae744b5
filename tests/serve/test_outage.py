"""Redis gone, or frozen: serve says so within seconds, says when to come back, and needs nobody to recover."""

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest

from shared.problems import STORE_WITHIN_S
from tests.parts import Desks, OwnRedis, Serving, credentials, store
from tests.waiting import wait_until
from tests.world import ACME

pytestmark = pytest.mark.usefixtures("outages")
PATIENCE_S = 2 * STORE_WITHIN_S


@pytest.fixture(autouse=True)
def thawed(module_redis: OwnRedis) -> Iterator[None]:
    yield
    module_redis.thaw()


@pytest.fixture
async def ready(served: Serving, number: int) -> int:
    """A ticket with a Canvas, opened by an agent whose key is known."""
    await store(served.context, ACME, number)
    assert (await served.acme.get(f"/init/{number}")).status_code == 200
    return number


async def everything(served: Serving, number: int) -> list[httpx.Response]:
    """Every way to ask for what this process has no copy of, at once."""
    stream = {"Accept": "text/event-stream"}
    answers = await asyncio.gather(
        served.acme.get(f"/init/{number + 500_000}"),
        served.acme.get(f"/init/{number + 500_001}", headers=stream),
        served.acme.post(f"/init/{number + 500_002}"),
        served.acme.get("/runs/AAAAAAAAAAAAAAAAAAAAAA"),
        served.nobody.get(f"/init/{number}", headers=credentials(ACME, f"never-seen-{number}")),
    )
    return list(answers)


async def served_stale(served: Serving, number: int) -> bool:
    answer = await served.acme.get(f"/init/{number}")
    return answer.status_code == 200 and answer.headers["cache-status"] == "prompt-canvas; hit; detail=stale"


def assert_says_when_to_come_back(answers: list[httpx.Response]) -> None:
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:prompt-canvas:store-unavailable"
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_frozen_redis_holds_nobody_and_is_forgiven(served: Serving, module_redis: OwnRedis, ready: int) -> None:
    module_redis.freeze()
    began = time.perf_counter()
    answers, health = await asyncio.gather(everything(served, ready), served.nobody.get("/health"))
    assert time.perf_counter() - began < PATIENCE_S
    assert_says_when_to_come_back(answers)
    assert (health.status_code, health.json()["status"]) == (503, "down")
    # A copy that may be old is better than nothing, and says so.
    await wait_until(lambda: served_stale(served, ready))
    # What needs no Redis is answered as ever.
    assert (await served.acme.get("/init/x")).status_code == 400
    assert (await served.nobody.get("/init/1")).status_code == 401
    module_redis.thaw()
    assert (await served.acme.get(f"/init/{ready}")).status_code == 200


async def test_a_redis_that_is_gone_is_said_and_its_return_noticed(
    served: Serving, module_redis: OwnRedis, accounts: Desks, ready: int
) -> None:
    await module_redis.stop()
    began = time.perf_counter()
    answers, health = await asyncio.gather(everything(served, ready), served.nobody.get("/health"))
    assert time.perf_counter() - began < PATIENCE_S
    assert_says_when_to_come_back(answers)
    assert health.status_code == 503
    assert health.json()["parts"]["redis"]["ready"] is False
    assert health.json()["parts"]["redis"]["reason"]
    await wait_until(lambda: served_stale(served, ready))
    assert (await served.acme.get("/init/x")).status_code == 400
    await module_redis.start()

    async def answers_again() -> bool:
        return (await served.acme.get(f"/init/{ready}")).status_code == 200

    await wait_until(answers_again)
    assert (await served.nobody.get("/health")).status_code == 200


async def test_a_stream_outlives_a_short_outage(served: Serving, module_redis: OwnRedis, number: int) -> None:
    run = await served.context.ledger.open_run(ACME, number, now=True)
    async with served.acme.stream("GET", f"/runs/{run.run_id}") as stream:
        lines = stream.aiter_lines()
        while not (await anext(lines)).startswith("event: queued"):
            pass
        await module_redis.stop()
        await module_redis.start()
        key = f"pc:{{{ACME}}}:run:{run.run_id}"
        await served.context.redis.state.xadd(key, {"event": "done", "data": "{}", "result": "done"})
        assert "event: done" in [line async for line in lines]
