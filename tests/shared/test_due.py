"""The due ledger: nothing that was marked is ever lost, and one ticket has one worker."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

import shared.due
from shared import keys, lifetimes
from shared.due import LEASE, MAX_ATTEMPTS, Claim, Debounce, DueLedger, Ending
from shared.due_view import RECORD, state_of_record
from shared.run_log import Event, LeaseLost, RunLog
from tests.waiting import wait_until

HOST = "acme.freshdesk.com"
DONE = Ending(satisfied=True, event=Event.DONE, data=b"{}")
FAILED = Ending(satisfied=False, event=Event.ERROR, data=b"{}", error="stage-failed", delay=timedelta(hours=1))


@pytest.fixture
def ledger(redis: Redis) -> DueLedger:
    return DueLedger(redis)


async def claimed(ledger: DueLedger, ticket_id: int = 7) -> Claim:
    claim = await ledger.claim(HOST, ticket_id)
    assert claim is not None
    return claim


async def test_a_marked_ticket_is_due_until_its_run_is_settled(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    assert await ledger.is_due(HOST, 7)
    assert await ledger.settle(await claimed(ledger), DONE) == "done"
    assert not await ledger.is_due(HOST, 7)
    assert await ledger.claim(HOST, 7) is None


async def test_a_change_during_a_run_asks_for_another_run(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    claim = await claimed(ledger)
    await ledger.mark(HOST, 7)
    assert await ledger.settle(claim, DONE) == "again"
    assert (await claimed(ledger)).generation == 2


async def test_fifty_changes_cost_one_run(ledger: DueLedger) -> None:
    for _ in range(50):
        await ledger.mark(HOST, 7)
    assert await ledger.settle(await claimed(ledger), DONE) == "done"


async def test_only_one_of_many_workers_gets_a_ticket(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    claims = await asyncio.gather(*(ledger.claim(HOST, 7) for _ in range(30)))
    assert sum(claim is not None for claim in claims) == 1


async def test_a_worker_that_lost_its_lease_can_neither_append_nor_settle(ledger: DueLedger, redis: Redis) -> None:
    await ledger.mark(HOST, 7)
    slow = await claimed(ledger)
    await redis.delete(keys.lease(HOST, 7))  # as if it had expired
    fast = await claimed(ledger)
    log = RunLog(redis)
    with pytest.raises(LeaseLost):
        await log.append(slow, [(Event.SUMMARY_DELTA, {"text": "late"})])
    assert await ledger.settle(slow, DONE) == "lost"
    await log.append(fast, [(Event.SUMMARY_DELTA, {"text": "right"})])
    await ledger.open_run(HOST, 7, now=True)  # somebody looks, so that the log is kept
    assert await ledger.settle(fast, DONE) == "done"
    assert [entry.event for entry in await log.read(HOST, fast.run_id)] == [Event.SUMMARY_DELTA, Event.DONE]


async def test_a_log_is_kept_a_while_for_agents_who_looked_and_not_at_all_where_none_did(
    ledger: DueLedger, redis: Redis
) -> None:
    log = RunLog(redis)
    for number, looked in ((7, True), (8, False)):
        await ledger.mark(HOST, number)
        if looked:
            await ledger.open_run(HOST, number, now=True)
        claim = await ledger.claim(HOST, number)
        assert claim is not None
        await log.append(claim, [(Event.SUMMARY_DELTA, {"text": "so far"})])
        assert await ledger.settle(claim, DONE) == "done"
        assert await log.exists(HOST, claim.run_id) == looked
        if looked:
            left = await redis.ttl(keys.run(HOST, claim.run_id))
            assert 0 < left <= lifetimes.ENDED_RUN_LIFETIME.total_seconds()


async def test_a_tickets_own_record_says_how_it_stands(ledger: DueLedger, redis: Redis) -> None:
    """Who is told of changes of the record alone must not miss what the tenant's sets say."""

    async def both() -> tuple[str, str]:
        record = await redis.hmget(keys.record(HOST, 7), list(RECORD))  # type: ignore[misc]
        return await ledger.state_of(HOST, 7), state_of_record(*record)[0]

    assert await both() == ("current", "current")
    await ledger.mark(HOST, 7)
    assert await both() == ("due", "due")
    assert await ledger.settle(await claimed(ledger), DONE) == "done"
    assert await both() == ("current", "current")
    await ledger.mark(HOST, 7)
    await redis.hset(keys.record(HOST, 7), "attempts", str(MAX_ATTEMPTS))  # type: ignore[misc]
    assert await ledger.claim(HOST, 7) is None
    assert await both() == ("dead", "dead")
    await ledger.open_run(HOST, 7, now=False)
    assert await both() == ("due", "due")
    assert await ledger.claim(HOST, 7) is None
    assert await both() == ("dead", "dead")
    await ledger.drop(HOST, [7])
    assert await both() == ("current", "current")


async def test_the_lease_of_a_dead_worker_ends_by_itself(ledger: DueLedger, redis: Redis) -> None:
    await ledger.mark(HOST, 7)
    await claimed(ledger)
    left_ms = await redis.pttl(keys.lease(HOST, 7))
    assert 0 < left_ms <= LEASE.total_seconds() * 1000


async def test_a_failed_run_waits_for_its_next_attempt(ledger: DueLedger, redis: Redis) -> None:
    await ledger.mark(HOST, 7)
    assert await ledger.settle(await claimed(ledger), FAILED) == "later"
    assert await ledger.claim(HOST, 7) is None
    at = await redis.zscore(keys.turn(HOST, "live"), "7")
    assert at is not None
    seconds, _ = await redis.time()
    assert 3000 < at / 1000 - seconds <= 3601
    await redis.zincrby(keys.turn(HOST, "live"), -3_600_000, "7")  # an hour passes
    assert (await claimed(ledger)).attempt == 2


async def test_a_ticket_that_always_fails_is_put_aside_until_it_changes(ledger: DueLedger, redis: Redis) -> None:
    await ledger.mark(HOST, 7)
    for _ in range(MAX_ATTEMPTS):
        await claimed(ledger)
        await redis.delete(keys.lease(HOST, 7))  # the worker was killed: it never settled
    assert await ledger.claim(HOST, 7) is None
    assert await redis.zscore(keys.dead(HOST), "7") is not None
    await ledger.mark(HOST, 7)
    assert (await claimed(ledger)).attempt == 1
    assert await redis.zscore(keys.dead(HOST), "7") is None


async def test_whoever_opens_a_ticket_second_joins_its_run(ledger: DueLedger) -> None:
    opened = await asyncio.gather(*(ledger.open_run(HOST, 7, now=True) for _ in range(20)))
    assert len({run.run_id for run in opened}) == 1
    assert sum(run.created for run in opened) == 1


async def test_an_opened_run_is_the_one_that_the_worker_executes(ledger: DueLedger, redis: Redis) -> None:
    opened = await ledger.open_run(HOST, 7, now=True)
    assert (await claimed(ledger)).run_id == opened.run_id
    assert [entry.event for entry in await RunLog(redis).read(HOST, opened.run_id)] == [Event.QUEUED]


async def test_an_agent_joins_a_precompute_that_is_going_on(ledger: DueLedger, redis: Redis) -> None:
    await ledger.mark(HOST, 7)
    claim = await claimed(ledger)
    opened = await ledger.open_run(HOST, 7, now=True)
    assert opened.run_id == claim.run_id
    assert not opened.created
    assert await RunLog(redis).exists(HOST, opened.run_id)


async def test_opening_a_ticket_that_waits_for_its_next_attempt_runs_it_now(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    await ledger.settle(await claimed(ledger), Ending(False, Event.ERROR, b"{}", delay=timedelta(hours=1)))
    await ledger.open_run(HOST, 7, now=True)
    assert (await claimed(ledger)).attempt == 1


async def test_the_dispatcher_hands_each_ticket_out_once_in_the_order_of_their_turns(ledger: DueLedger) -> None:
    for number in (5, 3, 4):
        await ledger.mark(HOST, number)
        await asyncio.sleep(0.002)
    answers = await asyncio.gather(*(ledger.dispatch(HOST, 2, 2) for _ in range(5)))
    assert sorted(ticket for handed in answers for ticket in handed.live) == [3, 4, 5]
    assert [5, 3] in [handed.live for handed in answers]
    assert (await ledger.counts(HOST)).out == 3


async def test_what_is_handed_out_and_never_claimed_gets_its_turn_again(
    ledger: DueLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(shared.due.UNCLAIMED, "live", timedelta(milliseconds=20))
    await ledger.mark(HOST, 7)
    assert (await ledger.dispatch(HOST, 1, 1)).live == [7]
    await wait_until(lambda: handed(ledger, 7))


async def test_a_ticket_whose_worker_is_gone_gets_its_turn_again(
    ledger: DueLedger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.due, "LEASE", timedelta(milliseconds=50))
    await ledger.mark(HOST, 7)
    await claimed(ledger)
    assert (await ledger.counts(HOST)).running == 1
    await wait_until(lambda: handed(ledger, 7))
    assert (await claimed(ledger)).resumed


async def test_a_worker_that_renews_its_lease_is_left_alone(ledger: DueLedger, redis: Redis) -> None:
    await ledger.mark(HOST, 7)
    await claimed(ledger)
    await redis.zadd(keys.held(HOST), {"7": 0})
    assert (await ledger.dispatch(HOST, 1, 1)).live == []
    assert (await ledger.counts(HOST)).running == 1


async def test_a_live_change_takes_a_ticket_out_of_the_backfill_lane(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 2, "backfill")
    await ledger.mark(HOST, 2)
    await ledger.mark(HOST, 2, "backfill")
    handed_out = await ledger.dispatch(HOST, 5, 5)
    assert (handed_out.live, handed_out.backfill) == ([2], [])


async def test_a_live_change_of_a_ticket_that_waits_on_the_backfill_queue_gets_a_turn_of_its_own(
    ledger: DueLedger,
) -> None:
    await ledger.mark(HOST, 2, "backfill")
    assert (await ledger.dispatch(HOST, 5, 5)).backfill == [2]
    await ledger.mark(HOST, 2)
    assert (await ledger.dispatch(HOST, 5, 5)).live == [2]


@pytest.mark.parametrize(
    ("calm_s", "longest_s", "waited_s"), [(3600, 0.2, 0.2), (0.2, 3600, 0.2)], ids=["lasted too long", "calmed down"]
)
async def test_a_burst_is_computed_when_it_has_calmed_down_or_has_lasted_too_long(
    redis: Redis, calm_s: float, longest_s: float, waited_s: float
) -> None:
    ledger = DueLedger(redis, Debounce(timedelta(seconds=calm_s), timedelta(seconds=longest_s)))
    began, changes = asyncio.get_running_loop().time(), 0
    while not await handed(ledger, 7):
        if changes < 3 or longest_s < calm_s:
            await ledger.mark(HOST, 7)
            changes += 1
        await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - began >= waited_s
    assert (await claimed(ledger)).generation == changes


async def test_an_agent_who_looks_cuts_the_debounce_short(redis: Redis) -> None:
    ledger = DueLedger(redis, Debounce(timedelta(hours=1), timedelta(hours=1)))
    await ledger.mark(HOST, 7)
    assert await ledger.claim(HOST, 7) is None
    assert (await ledger.states_of(HOST, [7])) == {7: "waiting"}
    assert (await ledger.open_run(HOST, 7, now=False)).wake
    assert (await claimed(ledger)).viewed


async def test_changes_during_a_run_are_another_burst(redis: Redis) -> None:
    ledger = DueLedger(redis, Debounce(timedelta(hours=1), timedelta(hours=2)))
    await ledger.mark(HOST, 7)
    await ledger.open_run(HOST, 7, now=True)
    claim = await claimed(ledger)
    await ledger.mark(HOST, 7)
    assert await ledger.settle(claim, DONE) == "again"
    assert await ledger.claim(HOST, 7) is None


async def test_a_claim_that_is_sent_twice_is_one_attempt(ledger: DueLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "same")
    await ledger.mark(HOST, 7)
    assert await claimed(ledger) == await claimed(ledger)


async def test_a_batch_that_is_sent_twice_stands_in_the_log_once(ledger: DueLedger, redis: Redis) -> None:
    await ledger.mark(HOST, 7)
    claim = await claimed(ledger)
    log = RunLog(redis)
    for _ in range(2):
        claim.appends.count = 0
        await log.append(claim, [(Event.SUMMARY_DELTA, {"text": "once"})])
    assert len(await log.read(HOST, claim.run_id)) == 1


async def test_a_due_ticket_without_a_place_is_repaired(ledger: DueLedger, redis: Redis) -> None:
    for number in (7, 8):
        await ledger.mark(HOST, number)
    await redis.zrem(keys.turn(HOST, "live"), "7")
    assert await ledger.repair(HOST) == 1
    assert sorted((await ledger.dispatch(HOST, 5, 5)).live) == [7, 8]


async def test_a_dead_ticket_tells_why_and_is_replayed_or_dropped(ledger: DueLedger, redis: Redis) -> None:
    for number in (7, 8):
        await ledger.mark(HOST, number)
        for _ in range(MAX_ATTEMPTS):
            await claimed(ledger, number)
            await redis.delete(keys.lease(HOST, number))
        assert await ledger.claim(HOST, number) is None
    letters = await ledger.dead_letters(HOST)
    assert [(letter.ticket_id, letter.code) for letter in letters] == [(7, "worker-lost"), (8, "worker-lost")]
    assert await ledger.drop(HOST, [7, 99]) == 1
    assert await ledger.state_of(HOST, 7) == "current"
    assert await ledger.replay(HOST) == 1
    assert (await claimed(ledger, 8)).attempt == 1


async def handed(ledger: DueLedger, ticket_id: int) -> bool:
    return ticket_id in (await ledger.dispatch(HOST, 1, 1)).live


async def test_tenants_with_the_same_ticket_number_never_meet(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    assert not await ledger.is_due("other.freshdesk.com", 7)
    assert await ledger.claim("other.freshdesk.com", 7) is None


async def test_refreshing_a_stale_canvas_respects_the_backoff(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    await ledger.settle(await claimed(ledger), Ending(False, Event.ERROR, b"{}", delay=timedelta(hours=1)))
    await ledger.open_run(HOST, 7, now=False)
    assert await ledger.claim(HOST, 7) is None


async def test_a_ticket_that_was_given_up_is_tried_again_when_an_agent_has_nothing_to_look_at(
    ledger: DueLedger, redis: Redis
) -> None:
    await ledger.mark(HOST, 7)
    for _ in range(MAX_ATTEMPTS):
        await claimed(ledger)
        await redis.delete(keys.lease(HOST, 7))
    assert await ledger.claim(HOST, 7) is None
    assert await ledger.state_of(HOST, 7) == "dead"
    await ledger.open_run(HOST, 7, now=True)
    assert (await claimed(ledger)).attempt == MAX_ATTEMPTS  # once more, since it may be what killed its workers


async def test_a_ticket_that_kills_its_workers_is_given_up_however_often_agents_look(
    ledger: DueLedger, redis: Redis
) -> None:
    for _ in range(MAX_ATTEMPTS + 1):  # that the first worker is gone is seen by the second
        await ledger.open_run(HOST, 7, now=True)
        await claimed(ledger)
        await redis.delete(keys.lease(HOST, 7))
    assert await ledger.claim(HOST, 7) is None
    assert await ledger.state_of(HOST, 7) == "dead"


async def test_a_change_during_a_failing_run_does_not_wait_for_the_next_attempt(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    claim = await claimed(ledger)
    await ledger.mark(HOST, 7)
    late = Ending(False, Event.ERROR, b"{}", delay=timedelta(hours=1))
    assert await ledger.settle(claim, late) == "later"
    assert (await claimed(ledger)).generation == 2


async def test_an_agent_who_asks_again_and_again_does_not_put_off_the_dispatcher(
    ledger: DueLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(shared.due.UNCLAIMED, "live", timedelta(milliseconds=50))

    async def asked_and_handed() -> bool:
        await ledger.open_run(HOST, 7, now=True)
        return await handed(ledger, 7)

    await wait_until(asked_and_handed)


async def test_views_take_no_room_of_the_live_lane(ledger: DueLedger) -> None:
    for number in range(1, 6):
        await ledger.open_run(HOST, number, now=True)
    assert (await ledger.dispatch(HOST, 0, 0)).live_out == 0


async def test_a_worker_that_stops_gives_its_ticket_back_without_counting_the_attempt(ledger: DueLedger) -> None:
    await ledger.mark(HOST, 7)
    await ledger.release(await claimed(ledger))
    assert (await claimed(ledger)).attempt == 1
