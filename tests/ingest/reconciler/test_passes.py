"""A pass finds what no webhook told of, and its watermark never moves past what was not marked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deploy.demo.helpdesk import Fault
from ingest.reconciler.loop import reconcile_tenant, reconcile_tenants
from ingest.reconciler.passes import OVERLAP
from shared import keys
from shared.due import Ending
from shared.reconcile_state import PassLease, PassLost, ReconcileSchedule, reconcile_state, reconcile_states
from shared.settings import Settings
from shared.tasks import beside
from tests.ingest.reconciler.desks import Quiet, quiet_account
from tests.waiting import wait_until
from tests.world import ACME, OTHER

SECOND = timedelta(seconds=1)
LISTS = "/api/v2/tickets"


@pytest.fixture
async def quiet(settings: Settings) -> AsyncIterator[Quiet]:
    async with quiet_account(settings) as made:
        yield made


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def watermark(quiet: Quiet) -> datetime:
    return datetime.fromtimestamp((await reconcile_state(quiet.context.redis.state, ACME)).updated / 1000, UTC)


async def test_what_changed_since_the_registration_is_marked_and_history_is_not(quiet: Quiet, now: datetime) -> None:
    quiet.write(1, now - timedelta(minutes=5))
    quiet.write(2, now - timedelta(days=3))
    found = await quiet.reconcile()
    assert found is not None
    assert (found.found, found.code) == (1, "")
    assert await quiet.due() == {1}


async def test_a_second_pass_marks_nothing_and_costs_one_call_a_list(quiet: Quiet, now: datetime) -> None:
    quiet.crowd(range(1, 31), now - timedelta(minutes=5), SECOND)
    await quiet.reconcile()
    generations = [await quiet.context.ledger.generation(ACME, number) for number in range(1, 31)]
    calls = len(quiet.list_calls())
    found = await quiet.reconcile()
    assert found is not None
    assert (found.found, found.found_total) == (0, 30)
    assert [await quiet.context.ledger.generation(ACME, number) for number in range(1, 31)] == generations
    assert len(quiet.list_calls()) - calls == 4  # updated, deleted, spam, and a page of the audit


async def test_two_hundred_and_fifty_changes_cost_three_calls(quiet: Quiet, now: datetime) -> None:
    quiet.crowd(range(1, 251), now - timedelta(minutes=50), SECOND)
    await quiet.reconcile()
    assert await quiet.due() == set(range(1, 251))
    assert len([call for call in quiet.list_calls() if "filter" not in call and "2000-01-01" not in call]) == 3


async def test_more_changes_in_one_second_than_fit_a_page_are_all_found(quiet: Quiet, now: datetime) -> None:
    quiet.crowd(range(1, 251), now - timedelta(minutes=50), timedelta(0))
    quiet.crowd(range(251, 301), now - timedelta(minutes=40), SECOND)
    await quiet.reconcile()
    assert await quiet.due() == set(range(1, 301))


async def test_a_ticket_that_changes_between_two_pages_hides_no_other(quiet: Quiet, now: datetime) -> None:
    quiet.crowd(range(1, 251), now - timedelta(minutes=50), SECOND)
    quiet.desk.faults.add(Fault("delay", path=LISTS, after=1, count=1, seconds=30))
    passing = asyncio.create_task(quiet.reconcile())
    await wait_until(lambda: quiet.desk.faults.waiting > 0)
    for number in range(1, 21):  # all of them were on the first page
        quiet.write(number, now)
    quiet.desk.faults.clear()
    await passing
    assert await quiet.due() == set(range(1, 251))


@pytest.mark.parametrize(
    ("kind", "code"),
    [("rate_limit", "freshdesk-limited"), ("error", "freshdesk-unavailable"), ("html", "freshdesk-unavailable")],
)
async def test_the_watermark_stays_before_the_page_that_failed(
    quiet: Quiet, now: datetime, kind: str, code: str
) -> None:
    begin = now - timedelta(minutes=50)
    quiet.crowd(range(1, 251), begin, SECOND)
    quiet.desk.faults.add(Fault(kind, path=LISTS, after=1, count=1))  # type: ignore[arg-type]
    found = await quiet.reconcile()
    assert found is not None
    assert (found.code, found.found, found.succeeded_ms) == (code, 100, 0)
    assert await quiet.due() == set(range(1, 101))
    assert await watermark(quiet) == begin + 99 * SECOND
    # It is looked at again soon, and goes on where it stopped.
    at = await quiet.context.redis.state.zscore(keys.RECONCILE, ACME)
    assert at is not None
    assert at - await ReconcileSchedule(quiet.context.redis.state).now_ms() <= 31_000
    calls = len(quiet.list_calls())
    await quiet.reconcile()
    assert await quiet.due() == set(range(1, 251))
    assert f"{begin + 99 * SECOND:%H%%3A%M%%3A%S}" in quiet.list_calls()[calls]


async def test_what_may_still_turn_up_late_is_read_again(quiet: Quiet, now: datetime) -> None:
    quiet.write(1, now - timedelta(seconds=5))
    await quiet.reconcile()
    assert now - OVERLAP - 5 * SECOND <= await watermark(quiet) <= now - OVERLAP + 30 * SECOND
    quiet.write(2, now - timedelta(minutes=2))  # a replica shows it only now
    await quiet.reconcile()
    assert await quiet.due() == {1, 2}


async def test_a_stopped_pass_is_taken_over_at_once_and_a_killed_one_when_its_lease_ends(
    quiet: Quiet, now: datetime
) -> None:
    quiet.crowd(range(1, 251), now - timedelta(minutes=50), SECOND)
    quiet.desk.faults.add(Fault("delay", path=LISTS, after=1, count=1, seconds=30))
    passing = asyncio.create_task(quiet.reconcile())
    await wait_until(lambda: quiet.desk.faults.waiting > 0)
    passing.cancel()
    await asyncio.wait([passing])
    quiet.desk.faults.clear()
    assert await watermark(quiet) == now - timedelta(minutes=50) + 99 * SECOND
    # Nobody frees the lease of a killed process.
    assert await PassLease(quiet.context.redis.state, ACME).take()
    assert await quiet.reconcile(quiet.second) is None
    await quiet.context.redis.state.delete(keys.reconcile_lease(ACME))
    assert await quiet.reconcile(quiet.second) is not None
    assert await quiet.due() == set(range(1, 251))


async def test_two_processes_do_one_pass(quiet: Quiet, now: datetime) -> None:
    quiet.crowd(range(1, 31), now - timedelta(minutes=5), SECOND)
    await ReconcileSchedule(quiet.context.redis.state).ask(ACME)
    done = await asyncio.gather(*(reconcile_tenant(context, ACME) for context in [quiet.context, quiet.second] * 3))
    assert len([result for result in done if result is not None]) == 1
    assert await reconcile_tenant(quiet.second, ACME) is None, "and the next one is minutes away"
    assert len(quiet.list_calls()) == 4


async def test_a_pass_that_was_overtaken_moves_no_watermark(quiet: Quiet, now: datetime) -> None:
    state = quiet.context.redis.state
    slow, quick = PassLease(state, ACME), PassLease(state, ACME)
    assert await slow.take()
    assert not await quick.take()
    await slow.write(("max", "updated", 5))
    await state.delete(keys.reconcile_lease(ACME))  # as if it had ended
    assert await quick.take()
    with pytest.raises(PassLost):
        await slow.write(("max", "updated", 9))
    await slow.end()
    await quick.write(("max", "updated", 7), ("max", "updated", 6))
    assert (await reconcile_state(state, ACME)).updated == 7


async def test_asked_for_during_a_pass_another_one_follows(quiet: Quiet, now: datetime) -> None:
    quiet.write(1, now - timedelta(minutes=5))
    quiet.desk.faults.add(Fault("delay", path=LISTS, count=1, seconds=30))
    passing = asyncio.create_task(quiet.reconcile())
    await wait_until(lambda: quiet.desk.faults.waiting > 0)
    schedule = ReconcileSchedule(quiet.context.redis.state)
    await schedule.ask(ACME)
    quiet.desk.faults.clear()
    await passing
    assert await schedule.is_due(ACME)


async def test_a_ticket_that_was_given_up_is_marked_again_only_when_it_changes(quiet: Quiet, now: datetime) -> None:
    ledger, state = quiet.context.ledger, quiet.context.redis.state
    quiet.write(1, now - timedelta(minutes=5))
    await ledger.mark(ACME, 1)
    claim = await ledger.claim(ACME, 1)
    assert claim is not None
    await ledger.settle(claim, Ending(satisfied=False, event="error", data=b"{}"))
    await state.zrem(keys.due(ACME), "1")
    await state.zadd(keys.dead(ACME), {"1": now.timestamp() * 1000})
    await quiet.reconcile()
    assert await quiet.due() == set()
    await ledger.drop(ACME, [1])
    await quiet.reconcile()
    assert await quiet.due() == set(), "an operator dropped it: it counts as current until its next change"
    quiet.write(1, now + timedelta(minutes=1))
    await quiet.reconcile()
    assert await quiet.due() == {1}


async def test_a_change_of_a_ticket_that_waits_in_a_backfill_is_news(quiet: Quiet, now: datetime) -> None:
    """The backfill has read it before; its run would not look again."""
    quiet.write(1, now - timedelta(minutes=5))
    await quiet.context.ledger.mark(ACME, 1, "backfill")
    found = await quiet.reconcile()
    assert found is not None
    assert found.found == 1
    claim = await quiet.context.ledger.claim(ACME, 1)
    assert claim is not None
    assert not claim.listed


async def test_the_audit_goes_round_and_finds_what_was_missed_long_ago(quiet: Quiet, now: datetime) -> None:
    quiet.crowd(range(1, 251), now - timedelta(days=40), SECOND)
    state = quiet.context.redis.state
    await state.hset(keys.record(ACME, 222), mapping={"want": 1, "done": 1, "revision": 1})  # type: ignore[misc]
    await state.expire(keys.record(ACME, 222), 60)
    positions = []
    for _ in range(4):
        await quiet.reconcile()
        positions.append((await reconcile_state(state, ACME)).audit)
    assert positions[0] < positions[1]
    assert positions[2] == 0, "the third page was the last"
    assert positions[3] == positions[0], "and it begins again"
    assert await quiet.due() == {222}


async def test_the_tenants_of_an_installation_get_a_pass_each_within_the_interval(quiet: Quiet, now: datetime) -> None:
    quiet.write(1, now - timedelta(minutes=5))
    state = quiet.context.redis.state
    await state.zadd(keys.RECONCILE, {"removed.freshdesk.com": 0})
    often = replace(quiet.context, reconcile_every=timedelta(seconds=1))

    async def all_done() -> bool:
        found = await reconcile_states(state, [ACME, OTHER])
        return all(known.succeeded_ms for known in found.values())

    async with beside(reconcile_tenants(often)):
        await wait_until(all_done)
    assert await quiet.due() == {1}
    assert await ReconcileSchedule(state).known() == {ACME, OTHER}


async def test_a_key_that_no_longer_works_is_reported_and_not_tried_in_a_loop(quiet: Quiet, now: datetime) -> None:
    quiet.desk._agents_by_api_key.clear()
    found = await quiet.reconcile()
    assert found is not None
    assert found.code == "freshdesk-refused"
    at = await quiet.context.redis.state.zscore(keys.RECONCILE, ACME)
    assert at is not None
    assert at - await ReconcileSchedule(quiet.context.redis.state).now_ms() > 200_000
