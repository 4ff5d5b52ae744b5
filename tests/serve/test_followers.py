"""Following runs: many followers, one reader, nothing lost over a cut, and nobody sees another tenant's run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from serve.routes.sse import encode_entry
from serve.streams.followed import ENTRY_BYTES
from serve.streams.followers import RunFollowers
from serve.streams.silence import Patience
from shared import keys, lifetimes, workers
from shared.due import Claim, DueLedger, Ending
from shared.errors import RunMissing, StoreUnavailable
from shared.queues import Queue
from shared.redis import connect
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
        assert followers.followed == 1
    assert not followers.followed


async def test_a_redis_that_went_away_and_came_back_loses_no_event(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    watching = asyncio.create_task(followed(followers, claim.run_id))
    await wait_until(lambda: followers.followed == 1)
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


def test_what_stands_in_no_log_has_no_id_on_the_wire() -> None:
    assert encode_entry(Entry("", "waiting", b"{}")) == b"event: waiting\ndata: {}\n\n"


async def test_entries_that_were_let_go_are_read_from_the_log_by_whoever_is_behind(redis: Redis) -> None:
    claim, log = await started_run(redis), RunLog(redis)
    async with (
        RunFollowers(redis, held_bytes=5_000) as followers,
        aclosing(followers.follow(HOST, claim.run_id)) as slow,
        aclosing(followers.follow(HOST, claim.run_id)) as fast,
    ):
        seen = [*await anext(slow), *await anext(fast)][:1]
        for number in range(60):
            await log.append(claim, [(Event.SUMMARY_DELTA, {"text": str(number)})])
            await anext(fast)
        assert followers.held <= 5_000
        await finish(redis, claim)
        late = await followed(followers, claim.run_id)
        after = await followed(followers, claim.run_id, after=late[20].id)
        async for batch in slow:
            seen += batch
    assert [entry.data for entry in late[1:-1]] == [b'{"text":"%d"}' % number for number in range(60)]
    assert seen == late
    assert after == late[21:]


async def test_one_bad_run_costs_the_others_nothing(redis: Redis, followers: RunFollowers) -> None:
    good, torn, replaced = [await started_run(redis, ticket_id) for ticket_id in (1, 2, 3)]
    watching = [asyncio.create_task(followed(followers, claim.run_id)) for claim in (good, torn, replaced)]
    await wait_until(lambda: followers.held > 3 * ENTRY_BYTES)
    await redis.xadd(keys.run(HOST, torn.run_id), {"no": "event"})
    await redis.set(keys.run(HOST, replaced.run_id), "no stream", ex=60)
    with pytest.raises(StoreUnavailable):
        await watching[2]
    for claim in (good, torn):
        await RunLog(redis).append(claim, [(Event.SUMMARY_DELTA, {"text": "goes on"})])
        await finish(redis, claim)
    for entries in await asyncio.gather(*watching[:2]):
        # There is no worker, and whoever waited for long was told so.
        assert [entry.event for entry in entries if entry.id] == ["queued", "summary.delta", "done"]


async def test_a_run_whose_log_is_gone_ends_its_streams(redis: Redis) -> None:
    claim = await started_run(redis)
    async with RunFollowers(redis, patience=Patience(0.02, 0.05, 0.05)) as followers:
        watching = asyncio.create_task(followed(followers, claim.run_id))
        await wait_until(lambda: followers.followed == 1)
        await redis.delete(keys.run(HOST, claim.run_id))
        with pytest.raises(RunMissing):
            await watching


def reporting(queue: Queue) -> workers.WorkerReport:
    return workers.WorkerReport(name=f"one of {queue}", queues=[queue.value], parts={}, at=0.0)


async def test_followers_are_told_that_there_is_no_worker_and_go_on_when_one_comes(redis: Redis) -> None:
    claim = await started_run(redis)
    await workers.report(redis, reporting(Queue.LIVE))
    async with (
        RunFollowers(redis, patience=Patience(0.02, 0.05)) as followers,
        aclosing(followers.follow(HOST, claim.run_id)) as batches,
        aclosing(followers.follow(HOST, claim.run_id)) as late,
    ):
        assert [entry.event for entry in await anext(batches)] == ["queued"]
        (told,) = await anext(batches)
        assert (told.id, told.event) == ("", "waiting")
        assert b'"code":"no-worker"' in told.data
        assert [(await anext(late))[0].event for _ in range(2)] == ["queued", "waiting"]
        await RunLog(redis).append(claim, [(Event.STARTED, {"attempt": 1})])
        assert [entry.event for entry in await anext(batches)] == ["started"]


async def test_a_run_that_is_silent_while_a_worker_is_there_is_no_news(redis: Redis) -> None:
    claim = await started_run(redis)
    await workers.report(redis, reporting(Queue.INTERACTIVE))
    async with (
        RunFollowers(redis, patience=Patience(0.02, 0.05)) as followers,
        aclosing(followers.follow(HOST, claim.run_id, heartbeat_s=0.3)) as batches,
    ):
        assert [len(await anext(batches)) for _ in range(2)] == [1, 0]


async def test_a_worker_that_does_not_report_any_more_is_not_alive(redis: Redis) -> None:
    assert not await workers.alive(redis, Queue.INTERACTIVE)
    await workers.report(redis, reporting(Queue.INTERACTIVE))
    assert await workers.alive(redis, Queue.INTERACTIVE)
    assert not await workers.alive(redis, Queue.BACKFILL)
    silent_for = workers.SILENT_AFTER.total_seconds() + 0.1
    left_ms = int((lifetimes.HEARTBEAT_LIFETIME.total_seconds() - silent_for) * 1000)
    await redis.pexpire(keys.worker(reporting(Queue.INTERACTIVE).name), left_ms)
    assert not await workers.alive(redis, Queue.INTERACTIVE)


async def test_streams_end_without_a_last_event_when_the_process_stops(redis: Redis, followers: RunFollowers) -> None:
    claim = await started_run(redis)
    watching = asyncio.create_task(followed(followers, claim.run_id))
    await wait_until(lambda: followers.held > 0)
    followers.drain()
    assert [entry.event for entry in await watching] == ["queued"]
    assert await followed(followers, claim.run_id) == []


async def test_hundreds_of_runs_are_followed_over_a_handful_of_connections(redis: Redis, valkey_url: str) -> None:
    claims = [await started_run(redis, ticket_id) for ticket_id in range(1, 301)]
    before = len(await redis.client_list())
    client = connect(valkey_url)
    async with RunFollowers(client) as followers:
        watching = [asyncio.create_task(followed(followers, claim.run_id)) for claim in claims for _ in range(2)]
        await wait_until(lambda: followers.followed == len(claims))
        assert len(await redis.client_list()) - before <= 6
        await asyncio.gather(*(finish(redis, claim) for claim in claims))
        assert {entries[-1].event for entries in await asyncio.gather(*watching)} == {"done"}
        assert followers.held == 0
    await client.aclose()
    await client.connection_pool.aclose()
