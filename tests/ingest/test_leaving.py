"""Deleted, spam, merged and archived tickets leave vectors and similar lists; who comes back is found again."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.commands.reconcile import watch_pass
from deploy.demo.helpdesk import Fault
from ingest.reconciler.loop import reconcile_tenant
from shared.reconcile_state import ReconcileSchedule, ReconcileState
from tests.faults import current, desk, evict, tick, ticking, worker_of
from tests.waiting import wait_until
from tests.world import Account, World

GONE = {"deleted": ("delete", "restore"), "spam": ("spam", "unspam")}


@pytest.fixture
def acme(small_world: World) -> Account:
    """One account whose every change can be told from the one before."""
    tick(small_world.acme)
    return small_world.acme


async def a_pair(account: Account) -> tuple[int, int]:
    """Two tickets about one thing; the second one's Canvas lists the first."""
    first = await account.create_ticket(
        "SSO login fails with 401", "Since yesterday my SSO login fails with error 401."
    )
    await current(account, first)
    second = await account.create_ticket("SSO login error 401", "The SSO login shows error 401, please help.")
    await current(account, second)
    assert await shown(account, second) == {first}
    return first, second


async def shown(account: Account, ticket_id: int) -> set[int]:
    answer = await account.init(ticket_id)
    assert answer.status_code == 200, answer.text
    return {ticket["ticket_id"] for ticket in answer.json()["similar_tickets"]}


async def indexed(account: Account, ticket_id: int) -> bool:
    """Whether others can find the ticket."""
    ahead = int((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1000)
    return ticket_id in await worker_of(account).vectors.tickets_between(account.host, 0, ahead, 1000)


async def no_longer_listed_by(account: Account, ticket_id: int, other: int) -> bool:
    return ticket_id not in await shown(account, other) and not await indexed(account, ticket_id)


async def later(account: Account) -> ReconcileState:
    """Some minutes pass, and the tenant is reconciled."""
    account.helpdesk.clock = ticking(account.helpdesk.now() + timedelta(minutes=3))
    worker = worker_of(account)
    await ReconcileSchedule(worker.redis.state).ask(account.host)
    found = await reconcile_tenant(worker, account.host)
    assert found is not None
    assert found.code == ""
    return found


@pytest.mark.parametrize("end", GONE)
async def test_a_ticket_that_is_gone_leaves_the_lists_of_others_at_once(acme: Account, end: str) -> None:
    first, second = await a_pair(acme)
    await desk(acme, first, GONE[end][0])
    await acme.until_gone(first)
    await wait_until(lambda: no_longer_listed_by(acme, first, second))
    await acme.helpdesk.webhooks.settled()
    assert (await later(acme)).found == 0, "its webhook has said it all"


@pytest.mark.parametrize("end", GONE)
async def test_an_end_and_a_return_that_no_webhook_tells_of_are_found(acme: Account, end: str) -> None:
    first, second = await a_pair(acme)
    acme.helpdesk.state.rules.clear()
    out, back = GONE[end]
    await desk(acme, first, out)
    assert (await later(acme)).found == 1
    assert (await acme.until_gone(first))["type"] == f"urn:prompt-canvas:ticket-{end}"
    await wait_until(lambda: no_longer_listed_by(acme, first, second))
    assert (await later(acme)).found == 0
    await desk(acme, first, back)
    assert (await later(acme)).found == 1
    await current(acme, first)
    assert await indexed(acme, first)
    assert (await later(acme)).found == 0


async def test_a_merged_ticket_leaves_at_once_by_its_link_note(acme: Account) -> None:
    first, second = await a_pair(acme)
    other = await acme.create_ticket("SSO is broken", "My SSO login fails with the error 401, too.")
    await current(acme, other)
    body = {"primary_id": second, "ticket_ids": [first]}
    assert (await acme.freshdesk.put("/api/v2/tickets/merge", json=body)).status_code == 204
    await current(acme, first)  # it is still served
    for listing in (second, other):
        await wait_until(lambda listing=listing: no_longer_listed_by(acme, first, listing))  # type: ignore[misc]
    assert (await later(acme)).left == 0


async def test_a_merged_ticket_with_a_note_of_the_agents_own_leaves_within_a_pass(acme: Account) -> None:
    first, second = await a_pair(acme)
    note = {"body": "Doppelt, siehe das andere.", "private": True}
    body = {"primary_id": second, "ticket_ids": [first], "note_in_secondary": note}
    assert (await acme.freshdesk.put("/api/v2/tickets/merge", json=body)).status_code == 204
    await current(acme, first)
    await current(acme, second)
    assert await indexed(acme, first)
    assert (await later(acme)).left == 1
    assert await no_longer_listed_by(acme, first, second)
    assert (await acme.init(first)).headers["cache-status"] == "prompt-canvas; hit"
    # Whoever computes it once more does not put it back.
    await worker_of(acme).ledger.mark(acme.host, first)
    await current(acme, first)
    assert not await indexed(acme, first)
    assert (await later(acme)).left == 0


async def test_an_archived_ticket_leaves_and_is_still_served(acme: Account) -> None:
    first, second = await a_pair(acme)
    await desk(acme, first, "archive")
    assert (await later(acme)).left == 1
    assert await no_longer_listed_by(acme, first, second)
    assert (await acme.init(first)).headers["cache-status"] == "prompt-canvas; hit"
    await evict(acme, first)
    assert (await acme.init(first)).headers["cache-status"] == "prompt-canvas; fwd=uri-miss"
    await current(acme, first)
    assert not await indexed(acme, first)
    found = await later(acme)
    assert (found.found, found.left) == (0, 0)


async def test_a_ticket_that_is_listed_again_is_found_again(acme: Account) -> None:
    first, _ = await a_pair(acme)
    await desk(acme, first, "archive")
    assert (await later(acme)).left == 1
    acme.helpdesk.state.tickets[first].archived = False
    acme.helpdesk.touch()
    assert (await later(acme)).found == 1
    await current(acme, first)
    assert await indexed(acme, first)


async def test_lost_webhooks_are_made_up_for_by_the_pass_that_a_person_asks_for(acme: Account) -> None:
    acme.helpdesk.faults.add(Fault("webhook_drop", share=0.5))
    numbers = [await acme.create_ticket(f"Order {order} is late", "Where is my parcel?") for order in range(8)]
    for number in numbers:
        await acme.agent_replies(number, "Your parcel left our house today.")
    await acme.helpdesk.webhooks.settled()
    lost = {record.ticket_id for record in acme.helpdesk.log.webhooks if record.outcome == "dropped"}
    assert lost
    found = await watch_pass(worker_of(acme), acme.host)  # the workers of this world do it
    assert 0 < found.found <= len(lost)
    for number in numbers:
        assert "left our house" in str((await current(acme, number))["summary"])
