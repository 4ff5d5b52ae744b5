"""The ends of a ticket's life: deleted, spam, merged, archived, purged, and what of it an agent sees afterwards."""

import pytest

from ingest.jobs.precompute import _store
from ingest.pipeline import run_ticket
from shared import keys
from tests.faults import answers, claimed, current, desk, evict, silent_ticket, tick, time_passes, worker_of
from tests.waiting import wait_until
from tests.world import Account, World


@pytest.fixture
def acme(small_world: World) -> Account:
    """One account whose every change can be told from the one before."""
    tick(small_world.acme)
    return small_world.acme


@pytest.mark.parametrize("end", ["deleted", "spam"])
async def test_a_ticket_that_is_gone_says_so_and_comes_back_when_it_is_restored(acme: Account, end: str) -> None:
    number = await acme.create_ticket("Win a prize", "Click here to win a prize.")
    await current(acme, number)
    await desk(acme, number, "spam" if end == "spam" else "delete")
    problem = await acme.until_gone(number)
    assert problem["type"] == f"urn:prompt-canvas:ticket-{end}"
    await desk(acme, number, "unspam" if end == "spam" else "restore")
    await current(acme, number)


async def test_a_ticket_that_was_deleted_while_its_worker_was_killed_is_not_served_any_more(acme: Account) -> None:
    worker, number = worker_of(acme), await silent_ticket(acme)
    await worker.ledger.mark(acme.host, number)
    tenant, killed = await claimed(acme, number)
    await _store(worker, killed, await run_ticket(worker, tenant, killed))  # … and was killed before it could settle
    await worker.redis.state.delete(keys.lease(acme.host, number))
    await desk(acme, number, "delete")
    assert (await acme.until_gone(number))["type"] == "urn:prompt-canvas:ticket-deleted"


async def test_a_merged_ticket_closes_and_its_words_move_to_the_other(acme: Account) -> None:
    primary = await acme.create_ticket("Printer is offline", "The printer is offline since Monday.")
    second = await acme.create_ticket("Printer again", "It says error 0x6100004A and stays offline.")
    await current(acme, primary)
    await current(acme, second)
    body = {"primary_id": primary, "ticket_ids": [second]}
    assert (await acme.freshdesk.put("/api/v2/tickets/merge", json=body)).status_code == 204
    assert "0x6100004A" in str((await current(acme, primary))["summary"])
    await current(acme, second)


async def test_an_archived_ticket_is_served_and_can_be_computed_again(acme: Account) -> None:
    number = await acme.create_ticket("Old story", "This was solved long ago.")
    await current(acme, number)
    await desk(acme, number, "archive")
    assert (await acme.init(number)).headers["cache-status"] == "prompt-canvas; hit"
    await evict(acme, number)
    assert (await acme.init(number)).headers["cache-status"] == "prompt-canvas; fwd=uri-miss"
    await current(acme, number)


async def test_a_purged_ticket_is_missing(acme: Account) -> None:
    number = await acme.create_ticket("Forget me", "Please delete all you know of me.")
    await current(acme, number)
    await desk(acme, number, "purge")
    await worker_of(acme).ledger.mark(acme.host, number)
    await time_passes(acme)
    await wait_until(lambda: answers(acme, number, 404))
