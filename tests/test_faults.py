"""Nothing is lost: changes during runs, runs that overtake each other, a failing Freshdesk, lost and doubled webhooks.

Faults of models and embeddings are in `test_model_faults`, faults of Redis and arq in `test_store_faults`, killed
processes in `deploy/test_crash`.
"""

import asyncio
from datetime import timedelta

import pytest

from deploy.demo.helpdesk import Fault
from ingest.jobs.precompute import _store
from ingest.pipeline import run_ticket
from shared import keys
from shared.due import MAX_ATTEMPTS
from shared.errors import FreshdeskUnavailable
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
from tests.world import Account, World


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
    old_canvas = await run_ticket(worker, tenant, old)
    # The worker stands still for so long that its lease ends; the ticket changes and another worker takes it.
    await worker.redis.state.delete(keys.lease(acme.host, number))
    read = updated_at(acme.helpdesk, number)
    acme.helpdesk.faults.add(Fault("webhook_drop", count=1))
    await acme.agent_replies(number, "Please install driver 7.2, it ends this.")
    if in_the_same_second:
        acme.helpdesk.state.tickets[number].updated_at = read
    await worker.ledger.mark(acme.host, number)
    _, new = await claimed(acme, number)
    new_canvas = await run_ticket(worker, tenant, new)
    runs = [("lost", old, old_canvas), ("done", new, new_canvas)]
    for settled, claim, canvas in runs if first == "older" else reversed(runs):
        assert await worker.ledger.settle(claim, await _store(worker, claim, canvas)) == settled
    assert "driver 7.2" in str((await current(acme, number))["summary"])


async def test_a_worker_that_lost_its_ticket_stops_by_itself(acme: Account) -> None:
    number = await long_ticket(acme)
    hold_after_reading(acme, number, count=1)
    await acme.change(number, priority=2)
    await held(acme)
    await worker_of(acme).redis.state.delete(keys.lease(acme.host, number))
    await acme.change(number, priority=3)
    acme.helpdesk.faults.add(Fault("delay", path="/nowhere"))  # keeps the first run where it is
    canvas = await current(acme, number)
    acme.helpdesk.faults.clear()
    await wait_until(lambda: acme.helpdesk.log.requests[-1].fault == "delay")
    assert (await acme.hit(number))["generated_at"] == canvas["generated_at"]


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
