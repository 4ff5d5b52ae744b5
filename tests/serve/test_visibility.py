"""Agents who may not see all tickets in Freshdesk see no more of them here: a hidden ticket is a missing one."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from functools import partial
from itertools import count

import httpx
import msgspec
import pytest

from serve.caller import Caller
from serve.rights.restricted import Restricted
from serve.rights.visibility import canvas_for, entries_for, may_see, named_in
from shared import keys
from shared.assignments import Assignment, Assignments
from shared.models import Canvas, Incident, Likeness, Provenance, Reply, SimilarTicket, Summary
from shared.run_log import Entry, Event
from tests.parts import JSON, Desks, Serving
from tests.quickest import quickest
from tests.serve.agents import ALL, GROUP, OWN, Colleague, colleague
from tests.waiting import wait_until
from tests.world import ACME, Account, World, parse_events

pytestmark = pytest.mark.usefixtures("known_in_time")
GROUP_ID, OTHER_GROUP = 7001, 7002
_numbers = count(81_000)


def canvas_of(ticket_id: int, similar: tuple[int, ...] = ()) -> Canvas:
    now = datetime.now(UTC)
    listed = [
        SimilarTicket(
            ticket_id=number,
            subject=f"canary-{number}",
            status="Closed",
            score=0.9,
            resolution=f"canary-{number}",
            url="",
            why=Likeness(terms=["toner"]),
        )
        for number in similar
    ]
    replies = [Reply(text=f"canary-{number}", tone="friendly", sources=[f"ticket:{number}"]) for number in similar]
    replies.append(Reply(text="As the manual says.", tone="brief", sources=["article:5"]))
    return Canvas(
        ticket_id=ticket_id,
        revision=now,
        status="ready",
        language="en",
        generated_at=now,
        summary=Summary(text="A printer that jams."),
        similar_tickets=listed,
        solutions=[],
        replies=replies,
        provenance=Provenance(models={}, tokens={}, cost=0.0, stages=[]),
        incident=Incident(count=len(similar) + 1, first_seen=now, last_seen=now, tickets=list(similar)),
    )


async def assign(served: Serving, ticket_id: int, assigned: Assignment) -> None:
    """Note it as a worker does."""
    state, record = served.context.redis.state, keys.record(ACME, ticket_id)
    await state.hset(record, "want", "0")  # type: ignore[misc]
    await state.expire(record, 1000)
    await Assignments(state).put(ACME, ticket_id, assigned)


async def stored(served: Serving, group_id: int, responder_id: int = 0, similar: tuple[int, ...] = ()) -> int:
    """A ticket with a Canvas, assigned to a group and an agent."""
    number, assigned = next(_numbers), Assignment(group_id, responder_id)
    await assign(served, number, assigned)
    assert await served.context.canvases.put(ACME, canvas_of(number, similar), 1, assigned=assigned)
    return number


async def open_as(served: Serving, who: Colleague, number: int, **headers: str) -> httpx.Response:
    return await served.nobody.get(f"/init/{number}", headers={**who.headers, **headers})


@pytest.mark.parametrize(
    ("scope", "group_id", "responder_id", "seen"),
    [
        ("all", 1, 2, True),
        ("all", 0, 0, True),
        ("group", 5, 0, True),
        ("group", 6, 0, False),
        ("group", 0, 0, False),
        ("group", 6, 9, True),
        ("group", 0, 9, True),
        ("own", 5, 0, False),
        ("own", 5, 9, True),
        ("own", 0, 8, False),
        ("own", -1, -1, False),
        ("group", -1, -1, False),
    ],
)
def test_who_may_see_a_ticket(scope: str, group_id: int, responder_id: int, seen: bool) -> None:
    caller = Caller(ACME, 9, scope, frozenset({5, 0, -1} if scope == "group" else ()))  # type: ignore[arg-type]
    assert may_see(caller, group_id, responder_id) is seen


def test_a_canvas_loses_what_comes_from_hidden_tickets_and_nothing_else() -> None:
    body = msgspec.json.encode(canvas_of(1, (2, 3)))
    assert named_in(body) == {2, 3}
    made = msgspec.json.decode(canvas_for(body, {3}), type=Canvas)
    assert [ticket.ticket_id for ticket in made.similar_tickets] == [3]
    assert [reply.sources for reply in made.replies] == [["ticket:3"], ["article:5"]]
    assert made.incident is not None
    assert (made.incident.tickets, made.incident.count) == ([3], 2)
    nothing = canvas_for(body, set())
    assert b"canary" not in nothing
    assert msgspec.json.decode(nothing, type=Canvas).incident is None
    assert msgspec.json.decode(canvas_for(body, {2, 3}), type=Canvas) == msgspec.json.decode(body, type=Canvas)


def test_replies_are_told_in_pieces_only_where_they_can_rest_on_nothing_hidden() -> None:
    replies = msgspec.json.encode(canvas_of(1, (2, 3)).replies)
    entries = [Entry("1-0", Event.REPLY_DELTA, b'{"text":"canary"}'), Entry("2-0", Event.REPLIES, replies)]
    shown = entries_for(entries, {3}, deltas=False)
    assert [entry.event for entry in shown] == [Event.REPLIES]
    assert b"canary-2" not in shown[0].data
    assert b"canary-3" in shown[0].data
    assert entries_for(entries, {2, 3}, deltas=True) == entries


async def test_a_hidden_canvas_is_a_missing_ticket_byte_for_byte(served: Serving, accounts: Desks) -> None:
    own, groups = colleague(accounts.acme, ACME, OWN), colleague(accounts.acme, ACME, GROUP, (GROUP_ID,))
    everybody = colleague(accounts.acme, ACME, ALL)
    hidden = await stored(served, OTHER_GROUP)
    missing = next(_numbers)
    assert await served.context.canvases.put_tombstone(ACME, missing, 1, 1, "ticket-missing")
    assert (await open_as(served, everybody, hidden)).status_code == 200
    for who in (own, groups):
        for extra in ({}, {"Accept": "text/event-stream"}, {"If-None-Match": "*"}):
            answers = [await open_as(served, who, number, **extra) for number in (hidden, missing)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].content == answers[1].content
            assert set(answers[0].headers) == set(answers[1].headers)


async def test_a_hidden_canvas_takes_no_longer_than_a_missing_ticket(served: Serving, accounts: Desks) -> None:
    who = colleague(accounts.acme, ACME, OWN)
    hidden, missing = await stored(served, OTHER_GROUP, similar=(5, 6)), next(_numbers)
    await served.context.canvases.put_tombstone(ACME, missing, 1, 1, "ticket-missing")

    async def not_there(number: int) -> None:
        assert (await open_as(served, who, number)).status_code == 404

    took = await quickest({"hidden": partial(not_there, hidden), "missing": partial(not_there, missing)}, apart=2)
    assert max(took.values()) < 2 * min(took.values()), took


async def test_restricted_agents_see_their_own_and_their_groups_tickets(served: Serving, accounts: Desks) -> None:
    own = colleague(accounts.acme, ACME, OWN)
    groups = colleague(accounts.acme, ACME, GROUP, (GROUP_ID, 9))
    assigned, of_group = await stored(served, OTHER_GROUP, own.agent_id), await stored(served, GROUP_ID)
    assert (await open_as(served, own, assigned)).status_code == 200
    assert (await open_as(served, own, of_group)).status_code == 404
    assert (await open_as(served, groups, assigned)).status_code == 404
    assert (await open_as(served, groups, of_group)).status_code == 200
    token = (await served.nobody.post("/session", headers=groups.headers)).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await served.nobody.get(f"/init/{of_group}", headers=bearer)).status_code == 200
    assert (await served.nobody.get(f"/init/{assigned}", headers=bearer)).status_code == 404


async def test_within_a_canvas_hidden_tickets_are_taken_out(served: Serving, accounts: Desks) -> None:
    who, everybody = colleague(accounts.acme, ACME, GROUP, (GROUP_ID,)), colleague(accounts.acme, ACME)
    seen, hidden, unknown = await stored(served, GROUP_ID), await stored(served, OTHER_GROUP), next(_numbers)
    number = await stored(served, GROUP_ID, similar=(seen, hidden, unknown))
    full, some = await open_as(served, everybody, number), await open_as(served, who, number)
    assert [ticket["ticket_id"] for ticket in full.json()["similar_tickets"]] == [seen, hidden, unknown]
    assert [ticket["ticket_id"] for ticket in some.json()["similar_tickets"]] == [seen]
    assert f"canary-{hidden}" not in some.text
    assert f"canary-{unknown}" not in some.text
    assert some.headers["etag"] != full.headers["etag"]
    assert some.headers["cache-status"] == full.headers["cache-status"]
    again = await open_as(served, who, number, **{"If-None-Match": some.headers["etag"]})
    assert again.status_code == 304
    assert (await open_as(served, who, number, **{"If-None-Match": full.headers["etag"]})).status_code == 200
    assert b"canary" in (await open_as(served, everybody, number)).content


async def test_a_run_tells_nothing_of_a_hidden_ticket_before_its_end(served: Serving, accounts: Desks) -> None:
    number = next(_numbers)
    restricted = Restricted(served.context.redis.state)
    await assign(served, number, Assignment(OTHER_GROUP, 0))
    entries = [
        Entry("1-0", Event.QUEUED, msgspec.json.encode({"ticket_id": number})),
        Entry("1-1", Event.STARTED, b'{"attempt":1}'),
        Entry("2-0", Event.STAGE, b'{"name":"fetch","ms":1}'),
        Entry("2-1", Event.SUMMARY_DELTA, b'{"text":"canary"}'),
        Entry("3-0", Event.DONE, b"{}", "done"),
    ]

    async def told(caller: Caller, after: str = "") -> list[Entry]:
        async def batches() -> AsyncGenerator[list[Entry]]:
            for entry in entries:
                yield [entry]

        return [entry async for batch in restricted.follow(caller, batches(), after) for entry in batch]

    stranger = await told(Caller(ACME, 1, "own"))
    assert [entry.event for entry in stranger] == [Event.QUEUED, Event.STARTED, Event.ERROR]
    assert b"ticket-missing" in stranger[-1].data
    member = Caller(ACME, 1, "group", frozenset({OTHER_GROUP}))
    assert await told(member) == entries
    assert await told(member, "2-0") == entries[3:]
    assert [entry.event for entry in await told(Caller(ACME, 1, "own"), "1-1")] == [Event.ERROR]


async def canvas_there(acme: Account, number: int) -> None:
    async def there() -> bool:
        return (await acme.init(number)).status_code == 200

    await wait_until(there)


async def test_from_webhook_to_canvas_an_assignment_decides(whole_world: World) -> None:
    acme = whole_world.acme
    member = colleague(acme.helpdesk, ACME, GROUP, (GROUP_ID,))
    owner = colleague(acme.helpdesk, ACME, OWN)
    number = await acme.create_ticket("The printer jams", "It jams on every page since Monday.")
    await acme.hit(number)
    url = f"/init/{number}"
    async with httpx.AsyncClient(base_url=str(acme.canvas.base_url), headers=JSON, timeout=20) as client:
        for who in (member, owner):
            assert (await client.get(url, headers=who.headers)).status_code == 404
        await acme.change(number, group_id=GROUP_ID)
        await acme.hit(number)
        assert (await client.get(url, headers=member.headers)).status_code == 200
        assert (await client.get(url, headers=owner.headers)).status_code == 404
        await acme.change(number, group_id=None, responder_id=owner.agent_id)
        await acme.hit(number)
        assert (await client.get(url, headers=member.headers)).status_code == 404
        assert (await client.get(url, headers=owner.headers)).status_code == 200


async def test_a_miss_of_a_hidden_ticket_is_one_of_a_missing_ticket(whole_world: World) -> None:
    acme = whole_world.acme
    member, owner = colleague(acme.helpdesk, ACME, GROUP, (GROUP_ID,)), colleague(acme.helpdesk, ACME, OWN)
    ids = []
    for turn in range(3):
        ids.append(await acme.create_ticket(f"Invoice {turn}", "I can't open the invoice."))
        await acme.change(ids[-1], group_id=GROUP_ID)
        await acme.hit(ids[-1])
    caches, ledger = whole_world.running.worker.redis.cache, whole_world.running.worker.ledger
    await caches.delete(*(keys.canvas(ACME, number) for number in ids))
    assert await ledger.state_of(ACME, ids[0]) == "current"
    async with httpx.AsyncClient(base_url=str(acme.canvas.base_url), timeout=20) as client:
        hidden = await client.get(f"/init/{ids[0]}", headers=JSON | owner.headers)
        missing = await client.get("/init/987654", headers=JSON | owner.headers)
        assert (hidden.status_code, hidden.content) == (404, missing.content)
        stream = {"Accept": "text/event-stream"}
        hidden = await client.get(f"/init/{ids[1]}", headers=stream | owner.headers)
        missing = await client.get("/init/987655", headers=stream | owner.headers)
        told = [[name for name, _ in parse_events(answer.text)] for answer in (hidden, missing)]
        assert told[0][-1] == told[1][-1] == "error"
        assert set(told[0]) <= {"queued", "started", "error"}
        assert parse_events(hidden.text)[-1] == parse_events(missing.text)[-1]
        shown = await client.get(f"/init/{ids[2]}", headers=stream | member.headers)
        assert parse_events(shown.text)[-1][0] == "done"
        assert "summary" in [name for name, _ in parse_events(shown.text)]
        run = shown.headers["canvas-run"]
        followed = await client.get(run, headers=owner.headers)
        assert parse_events(followed.text)[-1][1]["type"] == "urn:prompt-canvas:ticket-missing"
        assert "summary" not in [name for name, _ in parse_events(followed.text)]
        assert parse_events((await client.get(run, headers=member.headers)).text) == parse_events(shown.text)
