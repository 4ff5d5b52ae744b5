"""What Freshdesk is told while Redis can't take a mark: come back, whatever the reason, and nothing was lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.problems import STORE_WITHIN_S
from shared.settings import Settings
from tests.ingest.sending import NEW, counted, marks, naming, outcomes, send
from tests.parts import OwnRedis, Receiving, receiving
from tests.waiting import wait_until
from tests.world import ACME

pytestmark = pytest.mark.usefixtures("nobody_else", "outages")


@pytest.fixture(autouse=True)
def thawed(module_redis: OwnRedis) -> Iterator[None]:
    yield
    module_redis.thaw()


async def told_to_come_back(receiver: Receiving, number: int, secret: str = NEW) -> bool:
    """Whether a webhook is answered with 503, a problem document and the time to wait."""
    answer = await send(receiver, naming(number), secret)
    if answer.status_code != 503:
        return False
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:prompt-canvas:store-unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    return True


async def test_a_sender_is_told_to_come_back_while_redis_is_gone_and_is_heard_afterwards(
    receiver: Receiving, module_redis: OwnRedis, number: int
) -> None:
    before = await outcomes(receiver)
    await module_redis.stop()
    async with asyncio.timeout(2 * STORE_WITHIN_S):
        assert await told_to_come_back(receiver, number)
        assert await told_to_come_back(receiver, number, "wrong")
    assert await counted(receiver, before) == {"unavailable": 2}
    await module_redis.start()

    async def heard() -> bool:
        return (await send(receiver, naming(number))).status_code == 202

    await wait_until(heard)
    assert await marks(receiver, number) == 1
    assert (await send(receiver, naming(number), "wrong")).status_code == 401


async def test_a_frozen_redis_holds_no_sender(receiver: Receiving, module_redis: OwnRedis, number: int) -> None:
    assert (await send(receiver, naming(number))).status_code == 202
    module_redis.freeze()
    async with asyncio.timeout(2 * STORE_WITHIN_S):
        answers = await asyncio.gather(*(send(receiver, naming(number)) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {503}
    module_redis.thaw()
    assert (await send(receiver, naming(number))).status_code == 202
    assert await receiver.context.ledger.is_due(ACME, number)


async def test_a_full_redis_takes_no_mark_and_the_sender_is_told(receiver: Receiving, number: int) -> None:
    state = receiver.context.redis.state
    assert (await send(receiver, naming(number))).status_code == 202
    await state.config_set("maxmemory", 1)
    try:
        assert await told_to_come_back(receiver, number)
    finally:
        await state.config_set("maxmemory", 0)
    assert await marks(receiver, number) == 1
    assert (await send(receiver, naming(number))).json()["generation"] == 2


async def test_a_replica_takes_no_mark_and_the_sender_is_told(receiver: Receiving, number: int) -> None:
    """After a failover a client may talk to the server that may no longer write."""
    state = receiver.context.redis.state
    await state.replicaof("127.0.0.1", "1")
    try:
        assert await told_to_come_back(receiver, number)
    finally:
        await state.replicaof("NO", "ONE")
    assert (await send(receiver, naming(number))).json()["generation"] == 1


async def test_a_redis_that_forgot_our_scripts_is_taught_them_again(receiver: Receiving, number: int) -> None:
    assert (await send(receiver, naming(number))).json()["generation"] == 1
    await receiver.context.redis.state.script_flush()
    answers = await asyncio.gather(*(send(receiver, naming(number)) for _ in range(10)))
    assert sorted(answer.json()["generation"] for answer in answers) == list(range(2, 12))


@asynccontextmanager
async def refusing(folder: Path, words: str) -> AsyncIterator[Settings]:
    """A server that speaks Redis' protocol and refuses every command with the same error."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.startswith(b"*"):  # a command begins; its parts are of no interest
                writer.write(f"-{words}\r\n".encode())
        writer.close()

    async with await asyncio.start_unix_server(refuse, folder / "redis.sock"):
        yield Settings(data_dir=folder, redis_url=SecretStr(f"unix://{folder}/redis.sock"))


@pytest.mark.parametrize(
    "words",
    ["LOADING Redis is loading the dataset in memory", "MASTERDOWN Link with MASTER is down", "BUSY Redis is busy",
     "MISCONF Errors writing to the AOF file", "CLUSTERDOWN The cluster is down",
     "OOM command not allowed when used memory > 'maxmemory'.", "TRYAGAIN Multiple keys request", "odd"],
)  # fmt: skip
async def test_whatever_redis_refuses_with_the_sender_is_told_to_come_back(tmp_path: Path, words: str) -> None:
    async with refusing(tmp_path, words) as settings, receiving(settings) as made:
        assert await told_to_come_back(made, 1)
