"""The account's calls: counted together by all processes, corrected by what Freshdesk says, shared by urgency."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ingest.freshdesk.budget import CallBudget, Spent, TakenCall
from ingest.freshdesk.limits import Cost, Priority, Reported
from shared import keys, lifetimes
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
    """An account as one process sees it; its answers say `total`."""

    def __init__(self, redis: Redis, window: timedelta = MINUTE, total: int | None = 50) -> None:
        self.redis, self.window, self.total = redis, window, total
        self.budget = CallBudget(redis, window)

    async def answer(self, taken: TakenCall, remaining: int | None = None, **more: int) -> None:
        blocked_for = timedelta(seconds=more["blocked_s"]) if "blocked_s" in more else None
        said = Reported(total=self.total, remaining=remaining, used=more.get("used"), blocked_for=blocked_for)
        await self.budget.settle(HOST, taken, Spent(said=said, sound=blocked_for is None))

    async def viewed(self, priority: Priority, **patience: timedelta) -> TakenCall:
        """A look at a ticket with its answer."""
        taken = await self.budget.take(HOST, VIEW, priority, **patience)
        await self.answer(taken)
        return taken

    async def call(self, priority: Priority = INTERACTIVE, cost: Cost = VIEW) -> float:
        """A call with its answer by one who does not wait; returns 0, or after how many seconds its place is."""
        call_id = secrets.token_hex(4)
        taken, ms, _ = await self.budget._ask(HOST, call_id, cost, priority, 0)
        if taken:
            await self.answer(TakenCall(call_id, cost, ms))
        return 0.0 if taken else ms / 1000

    async def calls(self, priority: Priority = INTERACTIVE, cost: Cost = VIEW, most: int = 1000) -> int:
        """How many calls go through before one does not."""
        for number in range(most):
            if await self.call(priority, cost):
                return number
        return most

    async def unpaced_calls(self, priority: Priority, cost: Cost = VIEW) -> int:
        """How many calls go through before one does not, if the time that the pacing wants passes at once."""
        number = 0
        while True:
            await self.redis.hset(keys.calls(HOST), mapping={"pace": 0, "pace_live": 0})  # type: ignore[misc]
            if await self.call(priority, cost):
                return number
            number += 1

    async def learns(self, total: int | None) -> None:
        """The first answer names the limit; its own credit is forgotten."""
        self.total = total
        assert not await self.call(cost=Cost(1))
        await self.redis.delete(keys.call_log(HOST), keys.call_lists(HOST))
        await self.redis.hdel(keys.calls(HOST), "asked0", "asked1")  # type: ignore[misc]

    async def are_due(self, count: int, seconds_ago: float) -> None:
        """The turn of so many live tickets came so long ago."""
        seconds, _ = await self.redis.time()
        turns = {str(number): 1000 * (seconds - seconds_ago) for number in range(count)}
        if turns:
            await self.redis.zadd(keys.turn(HOST, "live"), turns)

    async def used(self) -> int:
        return (await rate_limit(self.redis, HOST, self.window)).used


@pytest.fixture
def account(redis: Redis) -> Account:
    return Account(redis)


@pytest.fixture
async def other(account: Account, valkey_url: str) -> AsyncIterator[Account]:
    """The same account in another process."""
    client = connect(valkey_url)
    yield Account(client)
    await client.aclose()
    await client.connection_pool.aclose()


async def test_all_processes_together_take_no_more_than_the_account_has(account: Account, other: Account) -> None:
    await account.learns(50)
    results = await asyncio.gather(*[process.call(cost=Cost(1)) for process in (account, other) * 40])
    assert results.count(0.0) == 50


async def test_an_unknown_account_is_taken_for_one_of_the_smallest_plan(account: Account) -> None:
    account.total = None
    asked = [await account.budget._ask(HOST, f"call {number}", Cost(1), INTERACTIVE, 0) for number in range(60)]
    assert [taken for taken, _, _ in asked].count(True) == 50


async def test_the_limit_is_learnt_from_answers_and_followed_when_the_plan_changes(account: Account) -> None:
    for total in (700, 200, 400):
        await account.learns(total)
        assert (await rate_limit(account.redis, HOST, MINUTE)).total == total


async def test_an_answer_without_the_header_undoes_nothing(account: Account) -> None:
    await account.learns(700)
    await account.learns(None)
    assert (await rate_limit(account.redis, HOST, MINUTE)).total == 700


async def test_an_account_without_a_limit_is_not_limited(account: Account) -> None:
    await account.learns(None)
    assert await account.calls(BACKFILL, most=120) == 120
    assert await account.calls(BACKFILL, LIST, most=20) == 20
    assert (await rate_limit(account.redis, HOST, MINUTE)).unlimited


async def test_credits_come_back_a_window_after_their_answer(redis: Redis) -> None:
    account = Account(redis, timedelta(seconds=0.9))
    await account.learns(3)
    # An agent's call waits the moment that is left of the window.
    first, second = [await account.viewed(INTERACTIVE) for _ in range(2)]
    assert second.at_ms - first.at_ms >= 900
    assert await account.used() <= 3


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
    await account.answer(await account.budget.take(HOST, VIEW, INTERACTIVE), remaining=47)
    assert await account.used() == 29


async def test_a_blind_retry_of_redis_py_takes_and_counts_once(account: Account) -> None:
    await account.budget._ask(HOST, "call", VIEW, LIVE, 0)
    taken, at_ms, _ = await account.budget._ask(HOST, "call", VIEW, LIVE, 0)
    assert taken is True
    assert await account.used() == 3
    for _ in range(2):
        await account.answer(TakenCall("call", VIEW, at_ms), used=4, remaining=36)
        assert await account.used() == 14


# --- who goes first ---


@pytest.mark.parametrize(
    ("priority", "asked", "used"),
    [
        (INTERACTIVE, [INTERACTIVE], 50),
        (INTERACTIVE, [INTERACTIVE, LIVE], 49),
        (LIVE, [], 49),
        (LIVE, [INTERACTIVE], 46),
        (BACKFILL, [], 50),
        (BACKFILL, [INTERACTIVE], 47),
        (BACKFILL, [LIVE], 49),
        (BACKFILL, [INTERACTIVE, LIVE], 46),
    ],
)
async def test_a_share_is_left_to_the_more_urgent_if_they_asked_lately(
    account: Account, priority: Priority, asked: list[Priority], used: int
) -> None:
    await account.learns(50)
    for other in asked:
        await account.budget.settle(HOST, await account.budget.take(HOST, VIEW, other), Spent(never_sent=True))
    # And of all calls one for a webhook that we know nothing of yet.
    assert await account.unpaced_calls(priority, Cost(1)) == used
    assert await account.calls(INTERACTIVE, Cost(1)) == (49 if LIVE in {priority, *asked} else 50) - used


@pytest.mark.parametrize(
    ("total", "due", "out", "left"), [(50, 1, 0, 3), (50, 1, 1, 6), (50, 5, 0, 8), (200, 0, 0, 3), (200, 2, 0, 9)]
)
async def test_a_backfill_leaves_a_look_at_each_live_ticket_that_is_due(
    account: Account, total: int, due: int, out: int, left: int
) -> None:
    await account.learns(total)
    await account.are_due(due, seconds_ago=20)
    seconds, _ = await account.redis.time()
    handed = {f"out {number}": 1000 * (seconds + 30) for number in range(out)}
    if handed:
        await account.redis.zadd(keys.out(HOST, "live"), handed)
    await account.budget.settle(HOST, await account.budget.take(HOST, VIEW, LIVE), Spent(never_sent=True))
    # Not more than 15 %, and of 200 a minute what comes free in a second.
    assert await account.unpaced_calls(BACKFILL, Cost(1)) == total - 1 - left


async def test_webhooks_of_tickets_that_became_due_since_the_last_answer_count_as_seen_by_freshdesk(
    account: Account,
) -> None:
    await account.learns(50)
    taken = await account.budget.take(HOST, VIEW, LIVE)
    await account.answer(taken, remaining=46)
    assert await account.used() == 4
    await account.are_due(2, seconds_ago=-1.5)
    assert await account.calls(INTERACTIVE, Cost(1)) == 50 - 4 - 3


# --- when Freshdesk's minute begins ---


async def counted_by_freshdesk(account: Account, counts: Sequence[int]) -> None:
    """Calls of one credit each, after whose answers Freshdesk has counted so many in its minute."""
    for count in counts:
        taken = await account.budget.take(HOST, Cost(1), INTERACTIVE)
        await account.answer(taken, remaining=50 - count)
        await another_millisecond(account)


async def another_millisecond(account: Account) -> None:
    """Of calls of one millisecond nobody can tell which came first, so they are all taken for later ones."""
    _, micros = await account.redis.time()
    while (await account.redis.time())[1] // 1000 == micros // 1000:
        continue


async def minute_began(account: Account, seconds_ago: float) -> None:
    """Freshdesk's minute was seen to begin so long ago."""
    seconds, micros = await account.redis.time()
    began = int(1000 * (seconds - seconds_ago)) + micros // 1000
    assert await account.redis.hexists(keys.calls(HOST), "began")  # type: ignore[misc]
    await account.redis.hset(keys.calls(HOST), mapping={"began": began, "counted_from": began})  # type: ignore[misc]


async def test_a_minute_that_was_seen_to_begin_has_all_its_calls(account: Account) -> None:
    await account.learns(50)
    await counted_by_freshdesk(account, range(1, 41))
    assert await account.redis.hget(keys.calls(HOST), "began") is None  # type: ignore[misc]
    await counted_by_freshdesk(account, [1])
    assert await account.calls(INTERACTIVE, Cost(1)) == 49


async def test_where_any_sixty_seconds_count_no_minute_is_seen(account: Account) -> None:
    await account.learns(50)
    # Forty are used, and those of a minute ago come free one by one while others are used.
    await counted_by_freshdesk(account, [*range(1, 41), *[40] * 5, 38, 39])
    assert await account.redis.hget(keys.calls(HOST), "began") is None  # type: ignore[misc]
    assert await account.calls(INTERACTIVE, Cost(1)) == 3


async def test_answers_that_overtake_each_other_begin_no_minute(account: Account) -> None:
    await account.learns(50)
    first, second = [await account.budget.take(HOST, Cost(2), INTERACTIVE) for _ in range(2)]
    await account.answer(second, remaining=46)
    await account.answer(first, remaining=48)
    assert await account.redis.hget(keys.calls(HOST), "began") is None  # type: ignore[misc]
    assert await account.calls(INTERACTIVE, Cost(1)) == 46


async def test_calls_of_other_apps_stay_used_until_the_minute_ends(account: Account) -> None:
    await account.learns(50)
    await counted_by_freshdesk(account, [*range(1, 21), 1, 22])
    assert await account.calls(INTERACTIVE, Cost(1)) == 50 - 22


async def test_what_is_left_to_live_tickets_is_given_back_in_the_last_two_seconds(account: Account) -> None:
    await account.learns(50)
    await counted_by_freshdesk(account, [*range(1, 21), 1])
    for _ in range(4):
        taken = await account.budget.take(HOST, VIEW, LIVE)
        await account.budget.settle(HOST, taken, Spent(never_sent=True))
    await account.redis.delete(keys.call_log(HOST))
    await account.redis.hset(keys.calls(HOST), "counted", "0")  # type: ignore[misc]
    await account.redis.hdel(keys.calls(HOST), "asked0")  # type: ignore[misc]
    used = 0
    # They take 12 a minute, with webhooks 16: 8 in the half that is left, then one; and another webhook may have come.
    for seconds_ago, left in ((30, 8), (50, 4), (58.5, 0)):
        await minute_began(account, seconds_ago)
        used += await account.unpaced_calls(BACKFILL, Cost(1))
        assert used == 50 - 1 - left, seconds_ago


async def test_after_the_minutes_end_one_call_finds_out_whether_another_has_begun(account: Account) -> None:
    await account.learns(50)
    await counted_by_freshdesk(account, [*range(1, 21), 1])
    assert await account.calls(INTERACTIVE, Cost(1)) == 49
    await minute_began(account, 60.2)
    await another_millisecond(account)
    first = await account.budget.take(HOST, Cost(2), BACKFILL)
    assert await account.call(INTERACTIVE, Cost(1)), "only one goes"
    await account.answer(first, remaining=48)
    assert await account.calls(INTERACTIVE, Cost(1)) == 48


async def test_a_refusal_makes_the_log_count_again_whatever_minutes_were_seen(account: Account) -> None:
    await account.learns(50)
    await counted_by_freshdesk(account, [*range(1, 41), 1])
    taken = await account.budget.take(HOST, Cost(1), INTERACTIVE)
    await account.answer(taken, remaining=0, blocked_s=1)
    await account.redis.hdel(keys.calls(HOST), "blocked")  # type: ignore[misc]
    assert await account.calls(INTERACTIVE, Cost(1)) == 50 - 42


async def test_a_backfill_comes_evenly_spread(account: Account) -> None:
    await account.learns(5)
    # At once it may catch up 3 s; a credit is 12 s of 5 a minute.
    assert await account.calls(BACKFILL, Cost(1)) == 1
    assert await account.used() == 1


async def test_a_live_call_does_not_wait_for_the_turn_of_a_backfill(account: Account) -> None:
    await account.learns(50)
    await account.call(LIVE)
    await account.are_due(1, seconds_ago=20)
    await account.unpaced_calls(BACKFILL, Cost(1))
    seconds, _ = await account.redis.time()
    await account.redis.hset(keys.calls(HOST), "pace", str(1000 * (seconds + 30)))  # type: ignore[misc]
    assert await account.call(BACKFILL)
    assert await account.call(LIVE) == 0.0, "what is left free for it is there for it at once"


async def test_a_burst_of_live_calls_takes_half_at_once_and_the_rest_evenly(account: Account) -> None:
    await account.learns(50)
    # Half of the credits is 8 looks; the pacing lets one more pass.
    assert await account.calls(LIVE) == 9
    assert await account.calls(INTERACTIVE) == 7


async def test_a_backfill_nearly_stops_while_live_tickets_queue(account: Account) -> None:
    await account.learns(50)
    await account.calls(LIVE)
    await account.redis.delete(keys.call_log(HOST))
    assert await account.unpaced_calls(BACKFILL) == 1
    await account.redis.hset(keys.calls(HOST), "pace", "0")  # type: ignore[misc]
    assert 15 < await account.call(BACKFILL) < 30


async def test_a_backfills_pace_gives_way_to_calls_of_others(account: Account) -> None:
    await account.learns(50)
    assert not await account.call(BACKFILL)

    async def pace() -> int:
        return int(await account.redis.hget(keys.calls(HOST), "pace") or 0)  # type: ignore[misc]

    before = await pace()
    taken = await account.budget.take(HOST, VIEW, LIVE)
    after_live = await pace()
    await account.answer(taken, remaining=50 - 3 - 3 - 1)
    # A look is 3.6 s of 50 a minute, and a webhook 1.2 s.
    assert after_live - before >= 3600
    assert await pace() - after_live >= 1200


async def test_each_refused_caller_gets_a_later_place(account: Account) -> None:
    await account.learns(50)
    await account.calls(LIVE)
    began = time.monotonic()
    places = [(await account.call(LIVE), time.monotonic()) for _ in range(20)]
    # Counted from the moment of each call, so that a gap is shorter by what passed between two of them.
    gaps = [
        (later - earlier, later - earlier + now - before)
        for (earlier, _), (later, now), before in zip(
            places, places[1:], [began, *(at for _, at in places)], strict=False
        )
    ]
    assert all(least < 3.7 and most > 3.4 for least, most in gaps), gaps


async def test_places_begin_again_so_that_those_of_dead_callers_are_not_lost(account: Account) -> None:
    await account.learns(50)
    await account.calls(LIVE)
    places = [await account.call(LIVE) for _ in range(120)]
    assert 170 < max(places) < 190
    assert sum(place < 10 for place in places) >= 4


async def test_a_place_that_is_far_away_is_an_error_that_names_it(account: Account) -> None:
    await account.learns(50)
    await account.calls(INTERACTIVE)
    for priority in Priority:
        with pytest.raises(FreshdeskLimited) as limited:
            await account.budget.take(HOST, VIEW, priority)
        assert timedelta(seconds=50) < limited.value.retry_after < timedelta(seconds=70)


async def test_patient_callers_wait_until_calls_are_free(redis: Redis) -> None:
    account = Account(redis, timedelta(seconds=0.9))
    await account.learns(3)

    calls = await asyncio.gather(*[account.viewed(BACKFILL, stay=timedelta.max) for _ in range(2)])
    first, second = sorted(call.at_ms for call in calls)
    assert second - first >= 900
    assert await account.used() <= 3


async def test_a_call_that_costs_more_than_the_account_has_goes_alone(account: Account) -> None:
    await account.learns(2)
    assert await account.calls(INTERACTIVE) == 1


# --- refusals ---


async def test_a_refusal_stops_all_calls_of_all_processes_until_it_ends(account: Account, other: Account) -> None:
    await account.learns(700)
    await account.answer(await account.budget.take(HOST, VIEW, LIVE), remaining=0, blocked_s=40)
    for priority in Priority:
        assert 30 < await other.call(priority) <= 41
    assert 30 < (await rate_limit(account.redis, HOST, MINUTE)).blocked_for_s <= 40
    await other.budget.take("other.freshdesk.com", VIEW, LIVE)


async def test_the_lists_of_a_known_plan_have_their_own_limit(account: Account) -> None:
    await account.learns(200)
    assert await account.calls(INTERACTIVE, LIST) == 20
    assert not await account.call(INTERACTIVE, VIEW)


async def test_a_list_that_is_refused_while_calls_are_left_stops_lists_only_and_is_learnt(account: Account) -> None:
    await account.learns(333)
    assert await account.calls(INTERACTIVE, LIST, most=7) == 7
    await account.answer(await account.budget.take(HOST, LIST, INTERACTIVE), remaining=300, blocked_s=40)
    assert await account.call(INTERACTIVE, LIST) > 30
    assert not await account.call(INTERACTIVE, VIEW)
    assert 30 < (await rate_limit(account.redis, HOST, MINUTE)).lists_blocked_for_s <= 40
    await account.redis.hdel(keys.calls(HOST), "lists_blocked")  # type: ignore[misc]
    await account.redis.delete(keys.call_lists(HOST))
    assert await account.calls(INTERACTIVE, LIST) == 7


async def test_the_calls_of_an_old_account_are_counted_by_the_hour(account: Account) -> None:
    await account.learns(3000)
    assert not await account.call()
    found = await rate_limit(account.redis, HOST, MINUTE)
    assert found.window_s == 3600
    assert 3590 < found.resets_in_s <= 3600
    assert (
        3_600_000 < await account.redis.pttl(keys.call_log(HOST)) <= lifetimes.CALL_LOG_LIFETIME.total_seconds() * 1000
    )


async def test_a_clock_that_was_put_back_parks_nobody(account: Account) -> None:
    await account.learns(50)
    later = 10**14
    await account.redis.zadd(keys.call_log(HOST), {f"call:{number}": later for number in range(50)})
    parked = dict.fromkeys(("pace", "pace_live", "place1", "trickle"), later)
    await account.redis.hset(keys.calls(HOST), mapping=parked)  # type: ignore[misc]
    assert await account.calls(LIVE) == 8
    assert await account.call(BACKFILL) <= 60


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
        await client.aclose()
        await client.connection_pool.aclose()
