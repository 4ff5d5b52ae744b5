"""The account's calls: counted together by all processes, corrected by what Freshdesk says, shared by urgency."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ingest.freshdesk.budget import CallBudget, Spent, TakenCall
from ingest.freshdesk.limits import Cost, Priority, Reported
from shared import keys
from shared.errors import FreshdeskLimited, StoreUnavailable
from shared.rate_limit import rate_limit
from shared.redis import connect
from tests.parts import own_redis

HOST = "acme.freshdesk.com"
MINUTE = timedelta(minutes=1)
VIEW = Cost(3)
LIST = Cost(1, ticket_list=True)
INTERACTIVE, LIVE, BACKFILL = Priority


class Account:
    """An account as one process sees it; `said` is what its answers say of the limit."""

    def __init__(self, redis: Redis, window: timedelta = MINUTE) -> None:
        self.redis, self.window = redis, window
        self.budget = CallBudget(redis, window)

    async def answer(self, taken: TakenCall, total: int | None = 50, remaining: int | None = None, **more: int) -> None:
        blocked_for = timedelta(seconds=more["blocked_s"]) if "blocked_s" in more else None
        said = Reported(total=total, remaining=remaining, used=more.get("used"), blocked_for=blocked_for)
        await self.budget.settle(HOST, taken, Spent(said=said, sound=blocked_for is None))

    async def call(self, priority: Priority = INTERACTIVE, cost: Cost = VIEW, total: int | None = 50) -> TakenCall:
        """A call with its answer."""
        taken = await self.budget.take(HOST, cost, priority)
        await self.answer(taken, total)
        return taken

    async def learns(self, total: int | None) -> None:
        """The first answer names the limit; its own credit is forgotten."""
        await self.call(cost=Cost(1), total=total)
        await self.redis.delete(keys.call_log(HOST), keys.call_lists(HOST))
        await self.redis.hdel(keys.calls(HOST), "asked0", "asked1")  # type: ignore[misc]

    async def calls_until_refused(self, priority: Priority, cost: Cost = VIEW, most: int = 1000) -> tuple[int, float]:
        """How many calls go through, and for how long the next one is sent away, in seconds."""
        for number in range(most):
            try:
                await self.call(priority, cost)
            except FreshdeskLimited as limited:
                return number, limited.retry_after.total_seconds()
        return most, 0.0

    async def used(self) -> int:
        return (await rate_limit(self.redis, HOST, self.window)).used


@pytest.fixture
def account(redis: Redis) -> Account:
    return Account(redis)


async def test_all_processes_together_take_no_more_than_the_account_has(redis: Redis, valkey_url: str) -> None:
    other = connect(valkey_url)
    accounts = [Account(redis), Account(other), Account(redis), Account(other)]
    await accounts[0].learns(50)
    takes = [account.budget.take(HOST, Cost(1), INTERACTIVE) for account in accounts * 20]
    results = await asyncio.gather(*takes, return_exceptions=True)
    await other.connection_pool.disconnect()
    assert sum(isinstance(result, TakenCall) for result in results) == 50
    assert sum(isinstance(result, FreshdeskLimited) for result in results) == 30


async def test_an_unknown_account_is_taken_for_one_of_the_smallest_plan(account: Account) -> None:
    for _ in range(50):
        await account.budget.take(HOST, Cost(1), INTERACTIVE)
    with pytest.raises(FreshdeskLimited):
        await account.budget.take(HOST, Cost(1), INTERACTIVE)


async def test_the_limit_is_learnt_from_answers_and_followed_when_the_plan_changes(account: Account) -> None:
    for total in (700, 200, 400):
        await account.learns(total)
        assert (await rate_limit(account.redis, HOST, MINUTE)).total == total


async def test_an_answer_without_the_header_undoes_nothing(account: Account) -> None:
    await account.learns(700)
    await account.call(total=None)
    assert (await rate_limit(account.redis, HOST, MINUTE)).total == 700


async def test_an_account_without_a_limit_is_not_limited(account: Account) -> None:
    await account.learns(None)
    assert await account.calls_until_refused(BACKFILL, most=120) == (120, 0.0)
    assert (await rate_limit(account.redis, HOST, MINUTE)).unlimited
    assert await account.calls_until_refused(BACKFILL, LIST, most=20) == (20, 0.0)


async def test_credits_come_back_a_window_after_their_answer(redis: Redis) -> None:
    account = Account(redis, timedelta(seconds=0.4))
    await account.learns(3)
    await account.call()
    assert await account.used() == 3
    # An agent's call waits the moment that is left of the window.
    await account.call()
    assert await account.used() == 3


async def test_a_call_under_way_is_counted_for_as_long_as_it_can_last(account: Account) -> None:
    # Its caller may have died: nobody will ever say that it is over.
    taken = await account.budget.take(HOST, VIEW, LIVE)
    at = await account.redis.zscore(keys.call_log(HOST), f"{taken.id}:1")
    assert at is not None
    assert timedelta(milliseconds=at - taken.at_ms) == timedelta(seconds=16)
    assert 0 < await account.redis.pttl(keys.call_log(HOST)) <= 100_000


async def test_what_an_include_really_cost_is_corrected_both_ways(account: Account) -> None:
    for used, total in ((3, 3), (1, 4), (5, 9)):
        taken = await account.budget.take(HOST, VIEW, LIVE)
        await account.answer(taken, used=used)
        assert await account.used() == total


async def test_a_call_that_never_reached_freshdesk_costs_nothing(account: Account) -> None:
    taken = await account.budget.take(HOST, LIST, LIVE)
    await account.budget.settle(HOST, taken, Spent(never_sent=True))
    assert await account.used() == 0
    assert not await account.redis.exists(keys.call_log(HOST), keys.call_lists(HOST))


async def test_a_call_without_an_answer_counts_from_now(account: Account) -> None:
    taken = await account.budget.take(HOST, VIEW, LIVE)
    await account.budget.settle(HOST, taken, Spent())
    assert await account.used() == 3


async def test_calls_of_other_apps_count_and_our_own_are_not_counted_twice(account: Account) -> None:
    first, second = [await account.budget.take(HOST, VIEW, LIVE) for _ in range(2)]
    await account.answer(first, remaining=50 - 3)
    assert await account.used() == 6
    await account.answer(second, remaining=50 - 3 - 3 - 20)
    assert await account.used() == 26
    # More is left than we know of: the account's minute began anew, but ours did not.
    await account.answer(await account.budget.take(HOST, VIEW, LIVE), remaining=47)
    assert await account.used() == 29


async def test_a_blind_retry_of_redis_py_takes_and_counts_once(account: Account) -> None:
    ask = (HOST, "call", VIEW, LIVE, 0)
    assert (await account.budget._ask(*ask))[0] is True
    taken, at_ms, _ = await account.budget._ask(*ask)
    assert taken is True
    for _ in range(2):
        await account.answer(TakenCall("call", VIEW, at_ms), used=4, remaining=36)
        assert await account.used() == 14


# --- who goes first ---


async def test_live_calls_leave_a_share_to_agents_who_asked_lately(account: Account) -> None:
    await account.learns(50)
    await account.call(INTERACTIVE, Cost(1))
    taken = [await account.budget.take(HOST, Cost(1), LIVE) for _ in range(25)]
    for call in taken:
        await account.answer(call)
    # Paced from here on: let the pacing catch up at once.
    while await account.redis.hset(keys.calls(HOST), "pace", 0) == 0:  # type: ignore[misc]
        try:
            await account.call(LIVE, Cost(1))
        except FreshdeskLimited:
            break
    assert await account.used() == 47
    assert (await account.calls_until_refused(INTERACTIVE, Cost(1)))[0] == 3


@pytest.mark.parametrize(("asked", "used"), [((), 50), ((INTERACTIVE,), 47), ((LIVE,), 42), ((INTERACTIVE, LIVE), 39)])
async def test_a_backfill_uses_all_calls_unless_others_asked_lately(
    account: Account, asked: tuple[Priority, ...], used: int
) -> None:
    await account.learns(50)
    for priority in asked:
        await account.budget.settle(HOST, await account.budget.take(HOST, VIEW, priority), Spent(never_sent=True))
    for _ in range(100):
        await account.redis.hset(keys.calls(HOST), "pace", 0)  # type: ignore[misc]
        try:
            await account.call(BACKFILL, Cost(1))
        except FreshdeskLimited:
            break
    assert await account.used() == used


async def test_a_backfill_comes_evenly_spread(account: Account) -> None:
    await account.learns(50)
    number, wait_s = await account.calls_until_refused(BACKFILL)
    # At once it may only catch up 3 s; a look at a ticket is 3.6 s of 50 credits a minute.
    assert number == 1
    assert 0 < wait_s <= 3.6 + 3.6


async def test_a_burst_of_live_calls_takes_half_at_once_and_the_rest_evenly(account: Account) -> None:
    await account.learns(50)
    number, _ = await account.calls_until_refused(LIVE)
    # Half of the credits is 8 looks; the pacing lets one more pass.
    assert number == 9
    assert await account.used() == 27


async def test_a_backfill_nearly_stops_while_live_tickets_queue(account: Account) -> None:
    await account.learns(50)
    await account.calls_until_refused(LIVE)
    await account.redis.delete(keys.call_log(HOST))
    await account.redis.hset(keys.calls(HOST), "pace", 0)  # type: ignore[misc]
    await account.call(BACKFILL, Cost(1))
    await account.redis.hset(keys.calls(HOST), "pace", 0)  # type: ignore[misc]
    with pytest.raises(FreshdeskLimited) as limited:
        await account.call(BACKFILL, Cost(1))
    assert limited.value.retry_after > timedelta(seconds=5)


async def test_each_refused_caller_gets_a_later_place(account: Account) -> None:
    await account.learns(50)
    await account.calls_until_refused(LIVE)
    places = []
    for _ in range(20):
        with pytest.raises(FreshdeskLimited) as limited:
            await account.call(LIVE)
        places.append(limited.value.retry_after.total_seconds())
    gaps = [later - earlier for earlier, later in zip(places, places[1:], strict=False)]
    assert all(3.4 < gap < 3.7 for gap in gaps), gaps


async def test_places_begin_again_so_that_those_of_dead_callers_are_not_lost(account: Account) -> None:
    await account.learns(50)
    await account.calls_until_refused(LIVE)
    places = []
    for _ in range(120):
        with pytest.raises(FreshdeskLimited) as limited:
            await account.call(LIVE)
        places.append(limited.value.retry_after.total_seconds())
    assert max(places) < 3 * 60 + 60
    assert places.index(max(places)) < 60
    assert min(places[60:]) < 10


async def test_a_patient_caller_waits_until_a_call_is_free(redis: Redis) -> None:
    account = Account(redis, timedelta(seconds=0.3))
    await account.learns(3)
    for _ in range(4):
        await account.answer(await account.budget.take(HOST, VIEW, BACKFILL, patient=True), total=3)
    assert await account.used() == 3


async def test_a_call_that_costs_more_than_the_account_has_goes_alone(account: Account) -> None:
    await account.learns(2)
    await account.call(BACKFILL, total=2)
    with pytest.raises(FreshdeskLimited):
        await account.call(BACKFILL, total=2)


# --- refusals ---


async def test_a_refusal_stops_all_calls_of_all_processes_until_it_ends(redis: Redis, valkey_url: str) -> None:
    account, other = Account(redis), Account(connect(valkey_url))
    await account.learns(700)
    await account.answer(await account.budget.take(HOST, VIEW, LIVE), total=700, remaining=0, blocked_s=40)
    for priority in Priority:
        with pytest.raises(FreshdeskLimited) as limited:
            await other.call(priority)
        assert timedelta(seconds=39) < limited.value.retry_after <= timedelta(seconds=41)
    await other.redis.connection_pool.disconnect()
    assert 39 < (await rate_limit(redis, HOST, MINUTE)).blocked_for_s <= 40
    await other.budget.take("other.freshdesk.com", VIEW, LIVE)


async def test_the_lists_of_a_known_plan_have_their_own_limit(account: Account) -> None:
    await account.learns(200)
    for _ in range(20):
        await account.call(INTERACTIVE, LIST, total=200)
    with pytest.raises(FreshdeskLimited):
        await account.call(INTERACTIVE, LIST, total=200)
    await account.call(INTERACTIVE, VIEW, total=200)


async def test_a_list_that_is_refused_while_calls_are_left_stops_lists_only_and_is_learnt(account: Account) -> None:
    await account.learns(333)
    for _ in range(7):
        await account.call(INTERACTIVE, LIST, total=333)
    await account.answer(await account.budget.take(HOST, LIST, INTERACTIVE), total=333, remaining=300, blocked_s=9)
    with pytest.raises(FreshdeskLimited):
        await account.call(INTERACTIVE, LIST, total=333)
    await account.call(INTERACTIVE, VIEW, total=333)
    await account.redis.hdel(keys.calls(HOST), "lists_blocked")  # type: ignore[misc]
    await account.redis.delete(keys.call_lists(HOST))
    for _ in range(7):
        await account.call(INTERACTIVE, LIST, total=333)
    with pytest.raises(FreshdeskLimited):
        await account.call(INTERACTIVE, LIST, total=333)


async def test_the_calls_of_an_old_account_are_counted_by_the_hour(account: Account) -> None:
    await account.learns(3000)
    await account.call(INTERACTIVE, total=3000)
    found = await rate_limit(account.redis, HOST, MINUTE)
    assert found.window_s == 3600
    assert 3590 < found.resets_in_s <= 3600
    assert await account.redis.pttl(keys.call_log(HOST)) > 3_600_000


async def test_a_clock_that_was_put_back_parks_nobody(account: Account) -> None:
    await account.learns(50)
    later = 10**15
    await account.redis.zadd(keys.call_log(HOST), {f"call:{number}": later for number in range(50)})
    await account.redis.hset(keys.calls(HOST), mapping={"pace": later, "place1": later, "trickle": later})  # type: ignore[misc]
    await account.call(LIVE)
    with pytest.raises(FreshdeskLimited) as limited:
        await account.call(BACKFILL)
    assert limited.value.retry_after <= MINUTE


async def test_while_redis_is_away_no_call_is_made(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as store:
        assert store.settings.redis_url is not None
        client = connect(store.settings.redis_url.get_secret_value())
        account = Account(client)
        taken = await account.budget.take(HOST, VIEW, LIVE)
        await store.stop()
        with pytest.raises(StoreUnavailable):
            await account.budget.take(HOST, VIEW, LIVE)
        # What was under way ends as if nothing were wrong: its answer is good.
        await account.answer(taken)
        await client.connection_pool.disconnect()
