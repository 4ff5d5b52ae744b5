"""Nothing is lost: changes during runs, runs that overtake each other, a failing Freshdesk, lost and doubled webhooks.

Faults of models and embeddings are in `test_model_faults`, of Redis and arq in `test_store_faults`, killed processes in
`deploy/test_crash`, tickets that are deleted or merged in `test_ticket_ends`.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from deploy.demo.helpdesk import Fault
from ingest.backfill.prepare import prepare_ticket
from ingest.jobs.precompute import _committed, _store
from ingest.pipeline import run_ticket
from ingest.registration import register_tenant
from shared import keys
from shared.canvas_store import to_ms
from shared.due import MAX_ATTEMPTS
from shared.queues import Queue
from shared.run_log import Event
from shared.settings import Settings
from shared.workers import reports
from tests.faults import (
    claimed,
    current,
    fail_reading,
    held,
    hold_after_reading,
    long_ticket,
    postponed,
    silent_ticket,
    tick,
    time_passes,
    updated_at,
    worker_of,
)
from tests.waiting import wait_until
from tests.world import ADMIN_KEY, AGENT_KEY, Account, World, parse_events, world


@pytest.fixture
def acme(small_world: World) -> Account:
    """One account whose every change can be told from the one before."""
    tick(small_world.acme)
    return small_world.acme


# --- Changes during a run, and runs that overtake each other ---


async def test_an_update_while_its_run_is_going_on_is_never_lost(acme: Account) -> None:
    number = await acme.create_ticket("Login fails", "I can't log in since this morning.")
    await current(acme, number)
    acme.helpdesk.faults.add(Fault("delay", path=f"/api/v2/tickets/{number}", method="GET", seconds=30, count=1))
    await acme.change(number, priority=2)
    await held(acme)
    await acme.agent_replies(number, "Please clear the cache of the app, that ends it.")
    await acme.helpdesk.webhooks.settled()
    acme.helpdesk.faults.clear()
    assert "clear the cache" in str((await current(acme, number))["summary"])


async def test_an_update_after_its_run_has_read_the_ticket_is_never_lost(acme: Account) -> None:
    number = await long_ticket(acme)
    for priority in (2, 3, 4):
        hold_after_reading(acme, number, count=1)
        await acme.change(number, priority=priority)
        await held(acme)  # the run has read the ticket as it is now …
        read = updated_at(acme.helpdesk, number)
        await acme.change(number, subject=f"Printer is on fire {priority}")  # … and is behind from here on
        await acme.helpdesk.webhooks.settled()
        acme.helpdesk.faults.clear()
        await current(acme, number)
        assert updated_at(acme.helpdesk, number) > read


@pytest.mark.parametrize("first", ["older", "newer"])
@pytest.mark.parametrize("in_the_same_second", [True, False])
async def test_an_older_run_never_replaces_a_newer_canvas(acme: Account, first: str, in_the_same_second: bool) -> None:
    worker, number = worker_of(acme), await silent_ticket(acme)
    await worker.ledger.mark(acme.host, number)
    tenant, old = await claimed(acme, number)
    old_result = await run_ticket(worker, tenant, old)
    # The worker stands still for so long that its lease ends; the ticket changes and another worker takes it.
    await worker.redis.state.delete(keys.lease(acme.host, number))
    read = updated_at(acme.helpdesk, number)
    acme.helpdesk.faults.add(Fault("webhook_drop", count=1))
    await acme.agent_replies(number, "Please install driver 7.2, it ends this.")
    if in_the_same_second:
        acme.helpdesk.state.tickets[number].updated_at = read
    await worker.ledger.mark(acme.host, number)
    _, new = await claimed(acme, number)
    new_result = await run_ticket(worker, tenant, new)
    runs = [("lost", old, old_result), ("done", new, new_result)]
    for settled, claim, result in runs if first == "older" else reversed(runs):
        assert await worker.ledger.settle(claim, await _store(worker, claim, result)) == settled
    assert "driver 7.2" in str((await current(acme, number))["summary"])


async def test_an_older_state_than_was_read_before_is_shown_and_looked_at_again(acme: Account) -> None:
    worker, number = worker_of(acme), await silent_ticket(acme)
    await worker.ledger.mark(acme.host, number)
    tenant, claim = await claimed(acme, number)
    # An earlier run has read a later state, whose Canvas the cache has evicted; Freshdesk's replica lags.
    later = to_ms(updated_at(acme.helpdesk, number)) + 60_000
    await worker.redis.state.hset(keys.record(acme.host, number), "revision", str(later))  # type: ignore[misc]
    ending = await _store(worker, claim, await run_ticket(worker, tenant, claim))
    assert (ending.satisfied, ending.error) == (False, "lagging")
    assert await worker.canvases.get(acme.host, number) is not None
    assert await worker.ledger.settle(claim, ending) == "later"
    await current(acme, number)


@pytest.mark.parametrize(("after_s", "known"), [(0.4, -1), (-0.4, -1), (1.2, 0)])
def test_a_revision_that_was_read_within_its_own_second_is_not_taken_for_known(after_s: float, known: int) -> None:
    revision = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert _committed(revision, revision + timedelta(seconds=after_s)) - to_ms(revision) == known


async def test_a_worker_that_stops_is_no_longer_reported(settings: Settings, redis: Redis) -> None:
    async def reported() -> bool:
        return bool(await reports(redis))

    async with world(settings):
        await wait_until(reported)
    assert not await reported()


async def test_whoever_takes_over_a_run_takes_its_words_back_first(acme: Account) -> None:
    worker, number = worker_of(acme), await silent_ticket(acme)
    await worker.ledger.open_run(acme.host, number, now=True)  # the log of a run that nobody opens goes with its end
    _, killed = await claimed(acme, number)
    await worker.run_log.append(killed, [(Event.STARTED, {}), (Event.SUMMARY_DELTA, {"text": "Half a sen"})])
    await worker.redis.state.delete(keys.lease(acme.host, number))  # as if it had ended
    await acme.change(number, subject="Printer is on fire")
    await current(acme, number)
    seen = [entry.event for entry in await worker.run_log.read(acme.host, killed.run_id)]
    assert seen[:4] == ["queued", "started", "summary.delta", "reset"]
    assert seen[-1] == "done"


# --- Freshdesk fails ---


@pytest.mark.parametrize(
    ("kind", "fault", "reason", "at_least"),
    [
        ("error", {"status": 500}, "freshdesk-unavailable", 1),
        ("error", {"status": 503}, "freshdesk-unavailable", 1),
        ("rate_limit", {"retry_after": 40}, "freshdesk-limited", 35),
        ("html", {}, "freshdesk-unavailable", 1),
        ("cut", {}, "freshdesk-unavailable", 1),
        ("wrong key", {}, "freshdesk-refused", 0),
    ],
)
async def test_a_failing_freshdesk_postpones_the_run_with_a_reason_and_heals(
    acme: Account, kind: str, fault: dict[str, int], reason: str, at_least: int
) -> None:
    number = await acme.create_ticket("Wi-Fi drops", "The router drops the Wi-Fi every hour.")
    before = await current(acme, number)
    keys_of_agents = dict(acme.helpdesk._agents_by_api_key)
    if kind == "wrong key":
        acme.helpdesk._agents_by_api_key.pop("admin-key" + acme.host)
    else:
        fail_reading(acme, number, kind, **fault)
    await acme.change(number, subject="Wi-Fi is gone")

    code, wait = await postponed(acme, number)
    assert code == reason
    assert wait > timedelta(seconds=at_least)
    # Meanwhile the old Canvas is served, and says that it is behind.
    answer = await acme.init(number)
    assert answer.json() == before
    assert answer.headers["cache-status"] == "prompt-canvas; hit; detail=stale"

    acme.helpdesk.faults.clear()
    acme.helpdesk._agents_by_api_key.update(keys_of_agents)
    await time_passes(acme)
    await current(acme, number)


async def test_an_outage_of_freshdesk_that_outlasts_all_attempts_loses_nothing(acme: Account) -> None:
    number = await acme.create_ticket("Wi-Fi drops", "The router drops the Wi-Fi every hour.")
    await current(acme, number)
    fail_reading(acme, number, "error")
    await acme.change(number, subject="Wi-Fi is gone")
    for _ in range(MAX_ATTEMPTS + 2):
        _, wait = await postponed(acme, number)
        calls = len(acme.helpdesk.log.requests)
        await time_passes(acme)
        await wait_until(lambda calls=calls: len(acme.helpdesk.log.requests) > calls)  # type: ignore[misc]
    assert wait > timedelta(seconds=20), "a long outage is asked about ever more rarely"
    await postponed(acme, number)
    acme.helpdesk.faults.clear()
    await time_passes(acme)
    await current(acme, number)


# --- Webhooks are lost, doubled and out of order ---


async def test_a_ticket_that_was_never_announced_is_computed_when_it_is_opened(acme: Account) -> None:
    number = await silent_ticket(acme)
    answer = await acme.init(number)
    assert answer.status_code in {200, 202}
    assert answer.headers["cache-status"] == "prompt-canvas; fwd=uri-miss"
    await current(acme, number)
    assert acme.helpdesk.log.webhooks[-1].outcome == "dropped"


async def test_doubled_and_shuffled_webhooks_cost_few_runs_and_the_last_state_wins(settings: Settings) -> None:
    async with world(settings.model_copy(update={"debounce_s": 0.3})) as made:
        tick(made.acme)
        await double_and_shuffle(made.acme)


async def double_and_shuffle(acme: Account) -> None:
    numbers = [await acme.create_ticket(f"Order {order} is late", "Where is my parcel?") for order in range(3)]
    acme.helpdesk.faults.add(Fault("webhook_double"))
    acme.helpdesk.faults.add(Fault("webhook_shuffle"))
    for turn in range(8):
        await asyncio.gather(*(acme.change(number, priority=1 + (turn + 1) % 4) for number in numbers))
    for number in numbers:
        await acme.agent_replies(number, "Your parcel left our house today.")
        assert "left our house" in str((await current(acme, number))["summary"])
    delivered = [record for record in acme.helpdesk.log.webhooks if record.outcome == "delivered"]
    assert len(delivered) == 3 + 2 * 3 * 9
    looks = [entry for entry in acme.helpdesk.log.requests if entry.method == "GET" and "/tickets/" in entry.path]
    assert len(looks) <= len(delivered) / 3


async def test_a_change_during_a_backfill_is_never_lost(acme: Account) -> None:
    worker, number = worker_of(acme), await silent_ticket(acme)
    tenant = await worker.tenants.get(acme.host)
    assert tenant is not None
    # The backfill has read the ticket; before it marks it as due, the ticket changes and Freshdesk says so.
    assert await prepare_ticket(worker, tenant, number)
    await acme.agent_replies(number, "Please install driver 7.2, it ends this.")
    assert "driver 7.2" in str((await current(acme, number))["summary"])
    # The backfill goes on, and what it has read is of no use any more.
    await worker.ledger.mark(acme.host, number, "backfill")
    assert "driver 7.2" in str((await current(acme, number))["summary"])


# --- Tickets that always fail ---


async def test_a_ticket_that_kills_its_worker_each_time_is_put_aside_and_the_others_are_not(acme: Account) -> None:
    worker, poison = worker_of(acme), await acme.create_ticket("Poison", "This one kills its worker.")
    before = await current(acme, poison)
    acme.helpdesk.faults.add(Fault("webhook_drop", count=1))
    await acme.change(poison, priority=4)
    opened = await worker.ledger.open_run(acme.host, poison, now=True)
    watching = asyncio.create_task(acme.canvas.get(f"/runs/{opened.run_id}"))
    for _ in range(MAX_ATTEMPTS):
        await claimed(acme, poison)
        await worker.redis.state.delete(keys.lease(acme.host, poison))  # killed: it never settled
    await worker.queue.precompute(Queue.LIVE, acme.host, poison)

    # Who followed it is told, and its old Canvas says from now on that it is behind.
    assert parse_events((await watching).text)[-1][0] == "error"
    assert await worker.ledger.state_of(acme.host, poison) == "dead"
    answer = await acme.init(poison)
    assert answer.json() == before
    assert answer.headers["cache-status"] == "prompt-canvas; hit; detail=stale"
    # The others are as quick as ever, and the ticket has a new life when it changes.
    await current(acme, await acme.create_ticket("Harmless", "This one is like all others."))
    await acme.change(poison, priority=1)
    await current(acme, poison)
    assert await worker.redis.state.zcard(keys.dead(acme.host)) == 0


async def test_a_new_api_key_gives_tickets_that_failed_with_the_old_one_another_life(acme: Account) -> None:
    worker, number = worker_of(acme), await acme.create_ticket("Wi-Fi drops", "The router drops the Wi-Fi every hour.")
    await current(acme, number)
    acme.helpdesk._agents_by_api_key.pop(ADMIN_KEY + acme.host)
    await acme.change(number, subject="Wi-Fi is gone")

    async def given_up() -> bool:
        await time_passes(acme)
        return await worker.ledger.state_of(acme.host, number) == "dead"

    await wait_until(given_up)
    key = AGENT_KEY + acme.host
    await register_tenant(worker, worker.freshdesk_with(acme.host, SecretStr(key)), acme.host, key)
    await time_passes(acme)
    await current(acme, number)
