"""Following runs: many followers, one reader, nothing lost over a cut, and nobody sees another tenant's run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from serve.followers import RunFollowers
from serve.sse import encode_entry
from shared import keys
from shared.due import Claim, DueLedger, Ending
from shared.errors import RunMissing
from shared.run_log import Entry, Event, RunLog
from tests.waiting import wait_until

HOST = "acme.freshdesk.com"


@pytest.fixture
async def followers(redis: Redis) -> AsyncIterator[RunFollowers]:
    async with RunFollowers(redis) as made:
        yield made


async def started_run(redis: Redis, ticket_id: int = 7) -> Claim:
    ledger = DueLedger(redis)
    await ledger.open_run(HOST, ticket_id, now=True)
    claim = await ledger.claim(HOST, ticket_id)
    assert claim is not None
    return claim


async def finish(redis: Redis, claim: Claim) -> None:
    await DueLedger(redis).settle(claim, Ending(satisfied=True, event=Event.DONE, data=b'{"ok":true}'))


async def followed(followers: RunFollowers, run_id: str, after: str = "", host: str = HOST) -> list[Entry]:
    async with aclosing(followers.follow(host, run_id, after)) as batches:
        return [entry async for batch in batches for entry in batch]


async def test_a_hundred_followers_see_every_event_in_order(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    log = RunLog(redis)
    watching = [asyncio.create_task(followed(followers, claim.run_id)) for _ in range(100)]
    for number in range(50):
        await log.append(claim, [(Event.SUMMARY_DELTA, {"text": str(number)})])
    await finish(redis, claim)
    seen = await asyncio.gather(*watching)
    assert all(entries == seen[0] for entries in seen)
    assert [entry.event for entry in seen[0]] == ["queued", *["summary.delta"] * 50, "done"]


async def test_a_follower_that_comes_back_goes_on_where_it_was(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    log = RunLog(redis)
    await log.append(claim, [(Event.SUMMARY_DELTA, {"text": "one"}), (Event.SUMMARY_DELTA, {"text": "two"})])
    async with aclosing(followers.follow(HOST, claim.run_id)) as batches:
        first = await anext(batches)
    await log.append(claim, [(Event.SUMMARY_DELTA, {"text": "three"})])
    await finish(redis, claim)
    rest = await followed(followers, claim.run_id, after=first[1].id)
    assert [entry.data for entry in rest] == [b'{"text":"two"}', b'{"text":"three"}', b'{"ok":true}']


async def test_a_finished_run_can_be_read_again_from_the_start(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    await finish(redis, claim)
    assert [entry.event for entry in await followed(followers, claim.run_id)] == ["queued", "done"]
    assert [entry.event for entry in await followed(followers, claim.run_id, after="not an id")] == ["queued", "done"]


async def test_a_run_of_another_tenant_does_not_exist(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    with pytest.raises(RunMissing):
        await followed(followers, claim.run_id, host="other.freshdesk.com")


async def test_a_quiet_run_sends_heartbeats(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    async with aclosing(followers.follow(HOST, claim.run_id, heartbeat_s=0.02)) as batches:
        assert [entry.event for entry in await anext(batches)] == ["queued"]
        assert await anext(batches) == []


async def test_followers_that_leave_are_forgotten(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    async with aclosing(followers.follow(HOST, claim.run_id)) as batches:
        await anext(batches)
        assert followers._runs
    assert not followers._runs


async def test_a_redis_that_went_away_and_came_back_loses_no_event(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    watching = asyncio.create_task(followed(followers, claim.run_id))
    await wait_until(lambda: bool(followers._runs))
    await redis.client_kill_filter(_type="normal", skipme=True)
    await RunLog(redis).append(claim, [(Event.SUMMARY_DELTA, {"text": "after the cut"})])
    await finish(redis, claim)
    assert [entry.event for entry in await watching] == ["queued", "summary.delta", "done"]


async def test_the_wake_stream_has_a_lifetime(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    async with aclosing(followers.follow(HOST, claim.run_id)) as batches:
        await anext(batches)
    names = [key async for key in redis.scan_iter(keys.wake("*"))]
    assert len(names) == 1
    assert await redis.ttl(names[0]) > 0


def test_an_event_on_the_wire_carries_its_id_and_says_when_it_is_behind() -> None:
    entry = Entry("5-0", "done", b'{"status":"ready"}', "again")
    assert encode_entry(entry) == b'id: 5-0\nevent: done\ndata: {"status":"ready","stale":true}\n\n'
