"""`/ingest`: admins bring history in, one backfill at a time, and watch it as JSON or as a stream."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from deploy.demo.helpdesk.faults import Fault
from shared import keys
from shared.backfill import BackfillCounts, BackfillOptions
from tests.faults import silent_ticket, worker_of
from tests.serve.agents import colleague
from tests.serve.answering import Answering
from tests.waiting import wait_until
from tests.world import Account, parse_events

LONG_AGO = datetime.now(UTC) - timedelta(days=900)
SPAN = {"since": (LONG_AGO - timedelta(days=1)).isoformat(), "until": LONG_AGO.isoformat()}
NOTHING = {"data_types": ["tickets"], "date_range": SPAN}
"""No ticket is of that day."""


async def admin(answering: Answering, account: Any) -> httpx.AsyncClient:
    """A client with the key of an admin that no other test uses."""
    who = colleague(account.helpdesk, account.host)
    account.helpdesk.state.agents[who.agent_id].admin = True
    return await answering.client(who)


async def at_rest(account: Account) -> None:
    """Wait until no ticket is due."""
    await account.helpdesk.webhooks.settled()

    async def nothing_is_due() -> bool:
        return await worker_of(account).ledger.count_due(account.host) == 0

    await wait_until(nothing_is_due)


async def until_done(client: httpx.AsyncClient, location: str) -> dict[str, Any]:
    return await until_state(client, location, "done", "failed")


async def until_state(client: httpx.AsyncClient, location: str, *states: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def reached() -> bool:
        found.append((await client.get(location)).json())
        return found[-1]["state"] in states

    await wait_until(reached)
    return found[-1]


async def test_an_admin_starts_a_backfill_and_sees_its_end(answering: Answering) -> None:
    acme = answering.acme
    await at_rest(acme)  # or a ticket of another test is computed beside it
    number = await silent_ticket(acme)
    client = await admin(answering, acme)
    started = await client.post("/ingest", json={"data_types": ["tickets"]})
    assert started.status_code == 202, started.text
    location = started.headers["location"]
    assert location == f"/ingest/{started.json()['id']}"
    end = await until_done(client, location)
    assert (end["state"], end["articles"], end["working"]) == ("done", 0, False)
    assert set(end) == {field.name for field in msgspec.structs.fields(BackfillCounts)} - {"queued_at"} | {"working"}
    assert end["computed"] == end["tickets"] >= 1
    assert (await acme.init(number)).headers["cache-status"] == "prompt-canvas; hit"
    events = parse_events((await client.get(location, headers={"Accept": "text/event-stream"})).text)
    assert [name for name, _ in events] == ["progress", "done"]
    assert events[0][1]["id"] == end["id"]


async def test_a_range_of_dates_bounds_what_is_read(answering: Answering) -> None:
    acme = answering.acme
    await silent_ticket(acme)
    client = await admin(answering, acme)
    started = await client.post("/ingest", json=NOTHING)
    end = await until_done(client, started.headers["location"])
    assert (end["tickets"], end["current"]) == (0, 0)


async def test_who_asks_for_a_second_one_joins_the_first(answering: Answering) -> None:
    acme = answering.acme
    state, client = worker_of(acme).redis.state, await admin(answering, acme)
    lease = keys.backfill_lease(acme.host)
    await wait_until(lambda: state.set(lease, "another worker", nx=True, ex=60))
    await state.hset(keys.backfill(acme.host), mapping={"state": "computing", "id": "", "computed": 3})  # type: ignore[misc]
    await state.hdel(keys.backfill(acme.host), "id")  # type: ignore[misc]
    await state.expire(keys.backfill(acme.host), 60)
    first, second = await client.post("/ingest", json={}), await client.post("/ingest", json={})
    assert first.status_code == second.status_code == 202
    assert first.headers["location"] == second.headers["location"]
    assert (second.json()["computed"], second.json()["working"]) == (3, True)
    await state.delete(lease, keys.backfill(acme.host))


async def test_of_a_worker_that_was_lost_nobody_waits_for_ever(answering: Answering) -> None:
    acme = answering.acme
    state, client = worker_of(acme).redis.state, await admin(answering, acme)
    lease = keys.backfill_lease(acme.host)
    await wait_until(lambda: state.set(lease, "another worker", nx=True, ex=60))
    await state.delete(keys.BACKFILLS)  # or a worker of this process would go on with it
    wanted = msgspec.json.encode(BackfillOptions(data_types=["tickets"], until=LONG_AGO))
    await state.delete(keys.backfill(acme.host))
    await state.hset(keys.backfill(acme.host), mapping={"state": "computing", "id": "lost", "wanted": wanted})  # type: ignore[misc]
    await state.expire(keys.backfill(acme.host), 60)
    assert (await client.get("/ingest/lost")).json()["working"]
    await state.delete(lease)
    assert not (await client.get("/ingest/lost")).json()["working"]
    again = await client.post("/ingest", json=NOTHING)
    assert again.headers["location"] == "/ingest/lost", "what was begun would be forgotten"
    assert (await until_done(client, "/ingest/lost"))["state"] == "done"


async def test_only_admins_may_and_a_foreign_backfill_is_none(answering: Answering) -> None:
    agent, client = await answering.agent(answering.acme), await admin(answering, answering.acme)
    stranger = await admin(answering, answering.other)
    refused = await agent.post("/ingest", json={})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:prompt-canvas:forbidden")
    location = (await client.post("/ingest", json=NOTHING)).headers["location"]
    assert (await agent.get(location)).status_code == 403
    foreign, unknown = await stranger.get(location), await client.get("/ingest/unknown")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    await until_done(client, location)


async def test_what_can_not_be_brought_in_is_refused(answering: Answering) -> None:
    client = await admin(answering, answering.acme)
    bodies: list[dict[str, Any]] = [
        {"data_types": []},
        {"data_types": ["contacts"]},
        {"date_range": {"since": "2026-01-01T00:00:00"}},
        {"date_range": {"since": "9999-12-31T23:59:59-14:00"}},
        {"date_range": {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}},
        {"date_range": {"from": "2026-01-02T00:00:00Z"}},
        {"everything": True},
        {"archived": True, "ids": [1]},
    ]
    for body in bodies:
        answer = await client.post("/ingest", json=body)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:prompt-canvas:bad-input"), body


async def test_an_admin_pauses_a_backfill_lets_it_go_on_and_cancels_it(answering: Answering) -> None:
    acme = answering.acme
    client = await admin(answering, acme)
    lists = Fault("delay", path="/api/v2/tickets", seconds=30)
    acme.helpdesk.faults.add(lists)
    location = (await client.post("/ingest", json={"data_types": ["tickets"], "reindex": True})).headers["location"]
    assert (await client.post(f"{location}/pause")).status_code == 202
    acme.helpdesk.faults.clear()
    await until_state(client, location, "paused")
    acme.helpdesk.faults.add(lists)
    assert (await client.post(f"{location}/resume")).json()["state"] in {"queued", "listing"}
    assert (await client.post(f"{location}/cancel")).status_code == 202
    acme.helpdesk.faults.clear()
    end = await until_state(client, location, "cancelled")
    assert (end["working"], end["computed"]) == (False, 0)
    events = parse_events((await client.get(location, headers={"Accept": "text/event-stream"})).text)
    assert [name for name, _ in events] == ["progress", "done"]
    for wrong in (f"{location}/stop", "/ingest/unknown/pause"):
        assert (await client.post(wrong)).json()["type"] == "urn:prompt-canvas:backfill-missing"
    assert (await (await answering.agent(acme)).post(f"{location}/cancel")).status_code == 403
