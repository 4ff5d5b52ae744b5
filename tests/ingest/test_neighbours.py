"""What one ticket's change does to the Canvases of others: their similar lists follow, and nothing else of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ingest.jobs.precompute import _store
from ingest.neighbours import forget, tell, with_newcomer
from ingest.pipeline import run_ticket
from shared import keys
from shared.canvas_store import to_ms
from shared.models import SimilarTicket
from tests.faults import claimed, current, desk, tick, worker_of
from tests.waiting import wait_until
from tests.world import Account, World

SUBJECT = "Wi-Fi drops every hour"
WORDS = "The router drops the Wi-Fi every hour since the update, and only a restart helps."


@pytest.fixture
def acme(small_world: World) -> Account:
    """One account whose every change can be told from the one before."""
    tick(small_world.acme)
    return small_world.acme


async def ticket(account: Account, subject: str = SUBJECT) -> int:
    number = await account.create_ticket(subject, WORDS)
    await current(account, number)
    return number


async def opened(account: Account, ticket_id: int) -> tuple[str, dict[str, Any]]:
    """The ETag and the Canvas that an agent gets at this moment."""
    answer = await account.init(ticket_id)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"], answer.json()


def listed(canvas: dict[str, Any]) -> list[int]:
    return [shown["ticket_id"] for shown in canvas["similar_tickets"]]


async def silently(account: Account, subject: str = SUBJECT) -> int:
    """A ticket that is due, and that no worker is told of."""
    account.helpdesk.state.rules.clear()
    number = await account.create_ticket(subject, WORDS)
    await worker_of(account).ledger.mark(account.host, number)
    return number


async def test_a_new_ticket_appears_beside_an_older_open_one(acme: Account) -> None:
    older = await ticket(acme)
    etag, before = await opened(acme, older)
    assert listed(before) == []
    newer = await ticket(acme, "Wi-Fi is gone every hour")
    new_etag, after = await opened(acme, older)
    assert listed(after) == [newer]
    assert after["similar_tickets"][0]["subject"] == "Wi-Fi is gone every hour"
    assert new_etag != etag
    assert {**after, "similar_tickets": []} == before, "its texts, its age and its revision are what they were"
    assert (await acme.init(older, **{"If-None-Match": etag})).status_code == 200
    # Both see the same similarity.
    _, other = await opened(acme, newer)
    assert after["similar_tickets"][0]["score"] == other["similar_tickets"][0]["score"]


async def test_a_ticket_about_something_else_touches_nothing(acme: Account) -> None:
    older = await ticket(acme)
    before = await opened(acme, older)
    other = await acme.create_ticket("환불 요청", "신발을 반품했는데 아직 환불이 되지 않았습니다. 언제 입금되나요?")
    await current(acme, other)
    assert await opened(acme, older) == before


async def test_the_list_of_a_solved_ticket_is_not_touched_by_newcomers(acme: Account) -> None:
    solved = await ticket(acme)
    await acme.change(solved, status=4)
    await current(acme, solved)
    before = await opened(acme, solved)
    newer = await ticket(acme)
    assert await opened(acme, solved) == before
    assert listed((await opened(acme, newer))[1]) == [solved]


async def test_a_ticket_that_is_deleted_leaves_all_lists_at_once(acme: Account) -> None:
    older, doomed, newer = [await ticket(acme) for _ in range(3)]
    assert {*listed((await opened(acme, older))[1])} == {doomed, newer}
    await desk(acme, doomed, "delete")
    await acme.until_gone(doomed)

    async def nobody_lists_it() -> bool:
        return all([doomed not in listed((await opened(acme, number))[1]) for number in (older, newer)])

    await wait_until(nobody_lists_it)
    assert await worker_of(acme).canvases.shown_in(acme.host, doomed) == []


@pytest.mark.parametrize("meanwhile", ["a newcomer", "a new status", "a deletion"])
async def test_what_happens_between_a_runs_search_and_its_commit_is_seen(acme: Account, meanwhile: str) -> None:
    worker, other = worker_of(acme), await ticket(acme)
    number = await silently(acme)
    tenant, claim = await claimed(acme, number)
    result = await run_ticket(worker, tenant, claim)  # … and its writers take their time
    assert [shown.ticket_id for shown in result.canvas.similar_tickets] == [other]
    if meanwhile == "a newcomer":
        newcomer = await silently(acme)
        tenant, second = await claimed(acme, newcomer)
        await worker.ledger.settle(second, await _store(worker, second, await run_ticket(worker, tenant, second)))
    elif meanwhile == "a new status":
        await acme.change(other, status=4)
        await worker.ledger.mark(acme.host, other)
        await current(acme, other)
    else:
        await desk(acme, other, "delete")
        await worker.ledger.mark(acme.host, other)
        await acme.until_gone(other)
    await worker.ledger.settle(claim, await _store(worker, claim, result))
    _, canvas = await opened(acme, number)
    shown = {entry["ticket_id"]: entry["status"] for entry in canvas["similar_tickets"]}
    # The newcomer has the very words of the other one: both are one entry now, in the newer one's place.
    expected = {"a newcomer": {number + 1: "Open"}, "a new status": {other: "Resolved"}}
    assert [entry["count"] for entry in canvas["similar_tickets"]] == [2 if meanwhile == "a newcomer" else 1][
        : len(shown)
    ]
    assert shown == expected.get(meanwhile, {})


async def test_an_overtaken_run_tells_nothing_old(acme: Account) -> None:
    worker, older = worker_of(acme), await ticket(acme)
    number = await silently(acme)
    tenant, claim = await claimed(acme, number)
    result = await run_ticket(worker, tenant, claim)
    await worker.ledger.settle(claim, await _store(worker, claim, result))
    await acme.change(number, status=4)
    await worker.ledger.mark(acme.host, number)
    await current(acme, number)
    before = await opened(acme, older)
    assert before[1]["similar_tickets"][0]["status"] == "Resolved"
    await tell(worker, claim, result)  # a worker that was frozen since its commit
    assert await opened(acme, older) == before


async def test_a_newcomer_does_not_bring_a_tombstone_back(acme: Account) -> None:
    worker, older = worker_of(acme), await ticket(acme)
    # In the moment after its tombstone is written and before the vectors forget it.
    assert await worker.canvases.put_tombstone(acme.host, older, 0, 99, "ticket-deleted")
    newer = await ticket(acme)
    assert listed((await opened(acme, newer))[1]) == [older]
    assert (await acme.init(older)).status_code == 410


async def test_a_backfills_run_does_not_introduce_its_ticket(acme: Account) -> None:
    worker, older = worker_of(acme), await ticket(acme)
    before = await opened(acme, older)
    acme.helpdesk.state.rules.clear()
    number = await acme.create_ticket(SUBJECT, WORDS)
    await worker.ledger.mark(acme.host, number, "backfill")
    tenant, claim = await claimed(acme, number)
    assert claim.listed
    await worker.ledger.settle(claim, await _store(worker, claim, await run_ticket(worker, tenant, claim)))
    assert await opened(acme, older) == before


async def test_a_ticket_that_is_older_than_the_tenant_looks_back_is_introduced_to_nobody(acme: Account) -> None:
    worker, old = worker_of(acme), await ticket(acme)
    young = await ticket(acme)
    assert await forget(worker, acme.host, old) == 1
    acme.helpdesk.state.rules.clear()
    await worker.ledger.mark(acme.host, old)
    tenant, claim = await claimed(acme, old)
    result = await run_ticket(worker, tenant, claim)
    reach = to_ms(acme.helpdesk.state.tickets[young].created_at)
    await worker.ledger.settle(claim, await _store(worker, claim, replace(result, since_ms=reach)))
    assert listed((await opened(acme, old))[1]) == [young]
    assert listed((await opened(acme, young))[1]) == []


async def test_a_failure_of_the_vectors_after_the_commit_harms_no_run(acme: Account) -> None:
    worker, number = worker_of(acme), await silently(acme)
    tenant, claim = await claimed(acme, number)
    result = await run_ticket(worker, tenant, claim)
    broken = msgspec.structs.replace(result.embedded, dense=[1.0]) if result.embedded else None
    ending = await _store(worker, claim, replace(result, embedded=broken))
    assert ending.satisfied
    assert await worker.ledger.settle(claim, ending) == "done"


async def test_forgetting_twice_and_what_was_never_known_is_no_error(acme: Account) -> None:
    worker, older = worker_of(acme), await ticket(acme)
    gone = await ticket(acme)
    await worker.redis.cache.delete(keys.canvas(acme.host, gone))
    assert await forget(worker, acme.host, gone) == 1
    assert await forget(worker, acme.host, gone) == 0
    assert await forget(worker, acme.host, 987654) == 0
    assert listed((await opened(acme, older))[1]) == []


def shown(*scores: float) -> list[SimilarTicket]:
    return [
        SimilarTicket(ticket_id=place, subject="", status="Open", score=score, resolution="", url="")
        for place, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("scores", "newcomer", "after"),
    [
        ([], 0.9, [0.9]),
        ([0.95, 0.85], 0.9, [0.95, 0.9, 0.85]),
        ([0.95, 0.85], 0.8, [0.95, 0.85, 0.8]),
        ([0.95, 0.94, 0.93, 0.92, 0.85], 0.9, [0.95, 0.94, 0.93, 0.92, 0.9]),
        ([0.95, 0.94, 0.93, 0.92, 0.91], 0.9, [0.95, 0.94, 0.93, 0.92, 0.91]),
        ([0.95, 0.94, 0.93, 0.92, 0.9], 0.9, [0.95, 0.94, 0.93, 0.92, 0.9]),
        # An answered ticket stands first although others score better: it is not pushed down, nor out.
        ([0.82, 0.95, 0.93], 0.9, [0.82, 0.95, 0.93, 0.9]),
        ([0.82, 0.95, 0.94, 0.93, 0.92], 0.9, [0.82, 0.95, 0.94, 0.93, 0.92]),
    ],
)
def test_a_newcomer_stands_behind_what_is_at_least_as_similar(
    scores: Sequence[float], newcomer: float, after: Sequence[float]
) -> None:
    entry = msgspec.structs.replace(shown(newcomer)[0], ticket_id=99)
    assert [one.score for one in with_newcomer(shown(*scores), entry)] == after
