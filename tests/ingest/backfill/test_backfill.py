"""A backfill brings in what is wanted, once; it can be asked for again, steered, and gone on with by another worker."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from deploy.demo.helpdesk import listing
from deploy.demo.helpdesk.faults import Fault
from ingest.backfill import listing as ids
from ingest.backfill import walk
from ingest.backfill.pace import Pace
from ingest.backfill.record import BY_ID, place_of
from ingest.freshdesk import client
from ingest.freshdesk.listing import ListedTicket
from shared import keys
from shared.backfill import BackfillCounts, BackfillOptions, BackfillProgress, BackfillState, note_spent
from shared.models import Canvas
from tests.faults import silent_ticket, worker_of
from tests.parts import OwnRedis
from tests.waiting import wait_until
from tests.world import ACME, Account, World, world

TICKETS = BackfillOptions(data_types=["tickets"])


@pytest.fixture(scope="module")
async def running(module_redis: OwnRedis) -> AsyncIterator[World]:
    """Two accounts and one Prompt Canvas, for all tests here."""
    async with world(module_redis.settings) as made:
        yield made


@pytest.fixture
async def acme(running: World) -> Account:
    """An account with five tickets that nobody has computed."""
    await five_tickets(running.acme)
    return running.acme


async def five_tickets(account: Account) -> None:
    account.helpdesk.faults.clear()
    account.helpdesk.log.clear()
    account.helpdesk.state.tickets.clear()
    for _ in range(5):
        await silent_ticket(account)


def numbers(account: Account) -> list[int]:
    """The ids of its tickets."""
    return list(account.helpdesk.state.tickets)


def progress_of(account: Account) -> BackfillProgress:
    return BackfillProgress(worker_of(account).redis.state, account.host)


async def until(account: Account, *states: BackfillState) -> BackfillCounts:
    """Wait for one of these states, and return the counts."""
    progress, found = progress_of(account), list[BackfillCounts]()

    async def reached() -> bool:
        found[:] = [await progress.read()]
        return found[0].state in states

    await wait_until(reached, 60)
    return found[0]


async def backfilled(account: Account, **chosen: Any) -> BackfillCounts:
    """Do a backfill of tickets to its end."""
    options = {"data_types": ["tickets"], **chosen}
    await progress_of(account).want(BackfillOptions(**options))
    return await until(account, "done", "failed")


async def canvas(account: Account, ticket_id: int) -> Canvas:
    stored = await worker_of(account).canvases.get(account.host, ticket_id)
    assert stored is not None
    return msgspec.json.decode(stored.body, type=Canvas)


async def writes_again(account: Account) -> bool:
    """Whether the summary of the first ticket was written by its last run."""
    stages = (await canvas(account, numbers(account)[0])).provenance.stages
    return not next(stage.reused for stage in stages if stage.name == "summarize")


def reads(account: Account) -> list[str]:
    """The tickets that were read, in order."""
    calls = [record.path for record in account.helpdesk.log.requests if record.method == "GET"]
    return [path.rpartition("/")[2] for path in calls if "/tickets/" in path and "conversations" not in path]


async def test_what_is_current_is_read_once_and_an_embedding_or_a_prompt_can_be_asked_for_again(acme: Account) -> None:
    first = await backfilled(acme)
    assert (first.state, first.tickets, first.computed, first.current) == ("done", 5, 5, 0)
    assert len(reads(acme)) == 5
    assert first.calls == 5 + 2
    again = await backfilled(acme)
    assert (again.tickets, again.current, len(reads(acme))) == (0, 5, 5)
    reindexed = await backfilled(acme, reindex=True)
    assert (reindexed.tickets, reindexed.computed) == (5, 5)
    assert await writes_again(acme) is False
    await backfilled(acme, refresh_summaries=True)
    assert await writes_again(acme) is True


async def test_of_statuses_and_ids_only_those_are_read_also_archived_ones(acme: Account) -> None:
    state, (_, solved, archived, _, last) = acme.helpdesk.state, numbers(acme)
    state.tickets[solved].status = 4
    state.tickets[archived].archived = True
    acme.helpdesk.touch()
    found = await backfilled(acme, statuses=[4])
    assert (found.tickets, found.computed, reads(acme)) == (1, 1, [str(solved)])
    found = await backfilled(acme, ids=[archived, last, 4711])
    assert (found.tickets, found.computed, found.missing, found.dead) == (3, 2, 1, 0)
    assert (await canvas(acme, archived)).summary is not None


async def test_archived_tickets_are_found_among_the_ids_that_no_list_shows_by_a_call_each(acme: Account) -> None:
    state, (first, _, archived, merged, _) = acme.helpdesk.state, numbers(acme)
    state.tickets[archived].archived = True
    state.tickets[merged].merged_into = first
    acme.helpdesk.touch()
    assert (await backfilled(acme)).computed == 3
    acme.helpdesk.log.requests.clear()
    assert (await backfilled(acme, archived=True)).computed == 1
    assert set(await worker_of(acme).canvases.read(ACME, [archived, merged])) == {archived}
    paths = [record.path for record in acme.helpdesk.log.requests if "/tickets/" in record.path]
    assert all("/archived/" in path for path in paths), "what a list has shown is current, and not read again"


async def test_an_id_that_was_no_ticket_is_not_tried_by_the_next_backfill_but_by_who_names_it(acme: Account) -> None:
    acme.helpdesk.state.tickets[numbers(acme)[2]].archived = True
    for gone in (numbers(acme)[0], numbers(acme)[3]):
        del acme.helpdesk.state.tickets[gone]
    acme.helpdesk.touch()
    assert (await backfilled(acme, archived=True)).missing >= 2
    acme.helpdesk.log.requests.clear()
    found = await backfilled(acme, archived=True)
    assert (found.tickets, found.missing) == (0, 0)
    assert not [record.path for record in acme.helpdesk.log.requests if "/tickets/" in record.path]
    assert (await backfilled(acme, ids=[gone])).missing == 1


async def test_of_more_ids_than_are_tried_the_highest_come_first(
    acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    low, high = numbers(acme)[:2]
    for archived in (low, high):
        acme.helpdesk.state.tickets[archived].archived = True
    acme.helpdesk.touch()
    monkeypatch.setattr(ids, "MOST_UNLISTED", 1)
    found = await backfilled(acme, archived=True)
    assert (found.computed, found.missing) == (4, 0)
    assert found.unreached >= 1
    assert await worker_of(acme).canvases.get(ACME, high) is not None


async def test_one_whose_worker_is_gone_is_joined_by_who_wants_something_else(redis: Redis) -> None:
    progress = BackfillProgress(redis, ACME)
    first, _ = await progress.want(BackfillOptions(refresh_summaries=True))
    await redis.hset(keys.backfill(ACME), "state", "computing")  # type: ignore[misc]
    assert await progress.want(BackfillOptions()) == (first, False)
    assert (await progress.options()).refresh_summaries, "what was begun is not forgotten"
    assert (await progress.read()).state == "queued"


def test_where_freshdesk_names_no_limit_the_calls_of_a_minute_are_the_backfills_own() -> None:
    pace = Pace()
    pace.feed(0.0, BackfillCounts(calls=5))
    assert pace.feed(30.0, BackfillCounts(calls=45, tickets=9, prepared=3))[2] == 40
    assert pace.feed(90.0, BackfillCounts(calls=50))[2] == 5


async def test_more_tickets_in_a_second_than_are_listed_are_found_by_their_ids(
    acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MAX_LIST_PAGE", 2)
    monkeypatch.setattr(listing, "LAST_PAGE", 2)
    monkeypatch.setattr(client, "PAGE_SIZE", 1)
    moment = acme.helpdesk.now() - timedelta(days=3)
    for ticket in acme.helpdesk.state.tickets.values():
        ticket.updated_at = moment
    acme.helpdesk.touch()
    found = await backfilled(acme)
    assert (found.computed, found.unreached) == (5, 0)
    assert found.listed < 5


def test_open_tickets_come_first_and_then_the_newest() -> None:
    def place(status: int, hour: int) -> int:
        return place_of(ListedTicket(1, datetime(2026, 5, 4, hour, tzinfo=UTC), status))

    assert place(2, 1) < place(5, 9) < place(4, 3) < BY_ID
    assert place(3, 2) < place(2, 1)


async def test_a_paused_backfill_goes_on_and_a_cancelled_one_leaves_nothing_due(acme: Account) -> None:
    progress, worker = progress_of(acme), worker_of(acme)
    acme.helpdesk.faults.add(Fault("delay", path="/api/v2/tickets", seconds=0.1))
    await progress.want(TICKETS)
    await until(acme, "listing", "indexing")
    await progress.steer("pause")
    paused = await until(acme, "paused")
    assert paused.computed < 5
    assert (await progress.want(TICKETS))[0] == paused.id  # of the same options, so it goes on
    assert (await until(acme, "done")).computed == 5
    await progress.want(BackfillOptions(data_types=["tickets"], reindex=True))
    await until(acme, "listing", "indexing")
    await progress.steer("cancel")
    await until(acme, "cancelled")
    await wait_until(lambda: _nobody_is_at_it(acme))
    assert not await worker.redis.state.exists(keys.backfill_list(ACME, "pending"), keys.due(ACME))
    assert await progress.steer("resume") == "cancelled"


async def test_at_the_end_of_its_budget_it_stops_and_more_money_lets_it_go_on(acme: Account) -> None:
    progress, state = progress_of(acme), worker_of(acme).redis.state
    cheap = BackfillOptions(data_types=["tickets"], budget_usd=1.0)
    acme.helpdesk.faults.add(Fault("delay", path="/api/v2/tickets", seconds=0.05))
    await progress.want(cheap)
    await note_spent(state, ACME, 5_000, 1.25)
    stopped = await until(acme, "over_budget")
    assert (stopped.cost, stopped.tokens) == (1.25, 5_000)
    await wait_until(lambda: _nobody_is_at_it(acme))
    assert not await state.zcard(keys.due(ACME))
    assert (await backfilled(acme)).computed + stopped.computed == 5


async def test_another_worker_goes_on_where_one_was_lost(acme: Account) -> None:
    progress, state = progress_of(acme), worker_of(acme).redis.state
    acme.helpdesk.faults.add(Fault("delay", path="/api/v2/tickets/", seconds=0.05))
    await progress.want(TICKETS)
    await until(acme, "listing", "indexing")
    await state.delete(keys.backfill_lease(ACME))  # as if its worker had been silent for too long
    done = await until(acme, "done")
    assert (done.computed, done.tickets) == (5, 5)


async def test_while_freshdesk_is_away_it_waits_and_a_refused_key_ends_it(acme: Account) -> None:
    acme.helpdesk.faults.add(Fault("error", path="/api/v2/tickets", status=503, count=1))
    assert (await backfilled(acme)).computed == 5
    worker = worker_of(acme)
    tenant = await worker.tenants.require(ACME)
    await worker.tenants.put(msgspec.structs.replace(tenant, api_key=worker.vault.encrypt("revoked", ACME)))
    failed = await backfilled(acme, reindex=True)
    assert (failed.state, failed.error) == ("failed", "freshdesk-refused")
    await worker.tenants.put(tenant)
    assert (await backfilled(acme, reindex=True)).id == failed.id  # it goes on where it stopped


async def _nobody_is_at_it(account: Account) -> bool:
    return not await progress_of(account).alive()


async def test_two_accounts_are_backfilled_beside_each_other(running: World) -> None:
    both = (running.acme, running.other)
    for account in both:
        await five_tickets(account)
    await asyncio.gather(*(progress_of(account).want(TICKETS) for account in both))
    for account in both:
        assert (await until(account, "done")).computed == 5
