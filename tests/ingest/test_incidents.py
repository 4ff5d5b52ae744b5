"""Many new tickets about one thing are an incident, and all their Canvases say so, without a model being asked."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ingest import incidents
from ingest.stages.embed import Embedded
from ingest.vectors.edge import EdgeVectorStore
from ingest.vectors.protocol import SparseVector, TicketPoint
from shared.canvas_store import to_ms
from shared.models import Incident
from tests.faults import current, desk, tick, worker_of
from tests.waiting import wait_until
from tests.world import Account, World

HOST = "acme.freshdesk.com"
FLOOR = 0.8
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
REPORTS = [
    ("Can't log in, error 503", "Since nine o'clock I can't log in to the portal. It says error 503."),
    ("Login fails with error 503", "I can't log in to the portal since this morning, it says error 503."),
    ("Error 503 at login", "When I log in to the portal it says error 503 since this morning."),
    ("Portal login: error 503", "The portal says error 503 when I log in, since nine o'clock."),
    ("503 when logging in", "Since this morning I can't log in to the portal, error 503."),
]


@pytest.fixture
async def vectors(tmp_path: Path) -> AsyncIterator[EdgeVectorStore]:
    store = await EdgeVectorStore.open(tmp_path, "made/up", 8, FLOOR)
    yield store
    await store.close()


def embedded(cosine: float = 1.0) -> Embedded:
    """A vector with this cosine to the first one."""
    direction = [cosine, float(np.sqrt(1 - cosine**2)), *[0.0] * 6]
    return Embedded(direction, SparseVector([7], [1.0]))


async def put(vectors: EdgeVectorStore, *created_at: datetime, cosine: float = 0.95, first: int = 1) -> None:
    """Tickets at these times, all of which are alike."""
    points = [
        TicketPoint(
            ticket_id=number,
            revision_ms=1,
            subject="",
            status="Open",
            resolved=False,
            language="en",
            created_ms=to_ms(moment),
            resolution="",
            reply="",
            url="",
            dense=embedded(cosine).dense,
            sparse=embedded().sparse,
        )
        for number, moment in enumerate(created_at, first)
    ]
    await vectors.put_tickets(HOST, points)


async def look(vectors: EdgeVectorStore, created_at: datetime = NOW) -> Incident | None:
    return await incidents.look(vectors, FLOOR, HOST, 999, created_at, embedded())


async def test_several_alike_within_hours_are_an_incident(vectors: EdgeVectorStore) -> None:
    await put(vectors, NOW - 5 * HOUR, NOW - 2 * HOUR)
    assert await look(vectors) is None
    await put(vectors, NOW - HOUR, first=3)
    found = await look(vectors)
    assert found is not None
    assert (found.count, found.tickets) == (4, [3, 2, 1])
    assert found.last_seen - found.first_seen == pytest.approx(5 * HOUR, abs=timedelta(milliseconds=2))


async def test_tickets_that_are_less_alike_are_none(vectors: EdgeVectorStore) -> None:
    below = incidents.threshold(FLOOR) - 0.01
    await put(vectors, *[NOW - HOUR] * 9, cosine=below)
    assert await look(vectors) is None


async def test_what_comes_every_day_is_no_incident(vectors: EdgeVectorStore) -> None:
    daily = [NOW - timedelta(days=day, hours=hour) for day in range(1, 7) for hour in (1, 9, 12)]
    await put(vectors, *daily)
    await put(vectors, *[NOW - HOUR] * 4, first=100)
    assert await look(vectors) is None, "18 came in the week before, and 4 today"
    await put(vectors, *[NOW - HOUR] * 8, first=100)
    found = await look(vectors)
    assert found is not None
    assert found.count == 9


async def test_an_old_ticket_is_part_of_no_new_incident(vectors: EdgeVectorStore) -> None:
    await put(vectors, *[NOW - HOUR] * 9)
    assert await look(vectors, NOW - incidents.WINDOW - HOUR) is None


async def test_another_tenants_tickets_do_not_count(vectors: EdgeVectorStore) -> None:
    await put(vectors, *[NOW - HOUR] * 9)
    assert await incidents.look(vectors, FLOOR, "other.freshdesk.com", 999, NOW, embedded()) is None


def incident(count: int, *tickets: int, last: datetime = NOW) -> Incident:
    return Incident(count=count, first_seen=last - HOUR, last_seen=last, tickets=list(tickets))


def test_a_canvas_keeps_the_incident_that_it_was_part_of_for_some_days() -> None:
    old = incident(4, 1, 2, 3, last=NOW - timedelta(days=2))
    assert incidents.merged(old, None, 9) == old
    assert incidents.merged(incident(4, 1, 2, 3, last=NOW - incidents.REMEMBERED - HOUR), None, 9) is None
    both = incidents.merged(old, incident(4, 3, 4, 5), 9)
    assert both is not None
    assert (both.count, both.tickets, both.first_seen) == (6, [3, 4, 5, 1, 2], old.first_seen)


def test_another_ticket_sees_the_teller_and_not_itself_and_a_storm_is_not_told_in_full() -> None:
    found = incident(4, 1, 2, 3)
    assert incidents.seen_by(2, None, found, 9) == incident(4, 9, 1, 3)
    shown = incident(50, *range(100, 149))
    assert incidents.seen_by(2, shown, incident(51, *range(100, 149)), 9) == shown, "one more says nothing new"
    grown = incidents.seen_by(2, shown, incident(60, *range(100, 159)), 9)
    assert grown is not None
    assert grown.count >= 60


@pytest.fixture
def acme(small_world: World) -> Account:
    tick(small_world.acme)
    return small_world.acme


async def reported(account: Account, number: int) -> list[int]:
    tickets = []
    for subject, text in REPORTS[:number]:
        tickets.append(await account.create_ticket(subject, text))
        await current(account, tickets[-1])
    return tickets


async def shown(account: Account, ticket_id: int) -> dict[str, object] | None:
    found: dict[str, object] | None = (await account.init(ticket_id)).json()["incident"]
    return found


async def test_all_canvases_of_an_incident_say_so_the_earlier_ones_too(acme: Account) -> None:
    tickets = await reported(acme, 3)
    assert [await shown(acme, ticket_id) for ticket_id in tickets] == [None, None, None]
    other = await acme.create_ticket("환불 요청", "신발을 반품했는데 아직 환불이 되지 않았습니다. 언제 입금되나요?")
    await current(acme, other)
    subject, text = REPORTS[3]
    tickets.append(await acme.create_ticket(subject, text))
    newest = await current(acme, tickets[-1])
    assert newest["incident"]["count"] == 4
    assert newest["incident"]["tickets"] == tickets[2::-1]

    async def all_say_so() -> bool:
        found = [await shown(acme, ticket_id) for ticket_id in tickets]
        return all(told is not None and told["count"] == 4 for told in found)

    await wait_until(all_say_so)
    first = await shown(acme, tickets[0])
    assert first is not None
    assert set(first["tickets"]) == set(tickets[1:])  # type: ignore[call-overload]
    assert first["first_seen"] == newest["incident"]["first_seen"]
    assert await shown(acme, other) is None
    # A change of the ticket keeps it, and a ticket that is deleted leaves it.
    await acme.change(tickets[0], priority=4)
    assert (await current(acme, tickets[0]))["incident"]["count"] == 4
    await desk(acme, tickets[-1], "delete")
    await acme.until_gone(tickets[-1])

    async def left() -> bool:
        told = await shown(acme, tickets[1])
        return told is not None and tickets[-1] not in told["tickets"]  # type: ignore[operator]

    await wait_until(left)
    assert worker_of(acme).embedder.floor == FLOOR, "the threshold was measured with this model"
