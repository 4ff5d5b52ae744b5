"""`/init`: what a hit, a stale Canvas, a miss and a ticket that is gone look like, to the letter."""

import asyncio
import re

import httpx
import pytest

import serve.routes.miss
from deploy.demo.helpdesk.faults import Fault
from tests.waiting import wait_until
from tests.world import ADMIN_KEY, ADMIN_TOKEN, Account, World, parse_events

pytestmark = pytest.mark.usefixtures("known_in_time")
JSON = "application/json"
STREAM = "text/event-stream"


@pytest.fixture
def acme(whole_world: World) -> Account:
    return whole_world.acme


async def ready_ticket(account: Account, text: str = "The printer prints stripes since the last update.") -> int:
    """A ticket whose Canvas is there."""
    number = await account.create_ticket("Printer prints stripes", text)
    await account.hit(number)
    return number


async def unannounced_ticket(account: Account, text: str = "The tray is stuck and I need my paper.") -> int:
    """A ticket whose webhook got lost: nothing is computed for it."""
    account.helpdesk.faults.add(Fault("webhook_drop", count=1))
    return await account.create_ticket("The tray is stuck", text)


def slow(number: int) -> Fault:
    """Freshdesk takes its time with this ticket, until its faults are cleared."""
    return Fault("delay", path=f"/api/v2/tickets/{number}", method="GET", seconds=30)


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    document = answer.json()
    return (
        answer.status_code == document["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and document["type"] == f"urn:prompt-canvas:{code}"
        and bool(document["title"])
    )


async def test_a_hit_says_what_it_is_and_who_may_keep_it(acme: Account) -> None:
    answer = await acme.init(await ready_ticket(acme))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == JSON
    assert re.fullmatch(r'"[0-9a-f]{24}(-zstd|-gzip)?"', answer.headers["etag"]), "a strong validator"
    assert answer.headers["cache-status"] == "prompt-canvas; hit"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert {name.strip().lower() for name in answer.headers["vary"].split(",")} == {
        "authorization",
        "x-freshdesk-domain",
        "x-freshdesk-api-key",
        "accept-encoding",
        "origin",
    }
    assert "canvas-run" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_the_same_canvas_is_the_same_bytes_and_the_same_etag(acme: Account) -> None:
    number = await ready_ticket(acme)
    first, again = await acme.init(number), await acme.init(number, accept=STREAM)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    by_post = await acme.canvas.post(f"/init/{number}", json={"anything": "the earlier app sends"})
    assert (by_post.status_code, by_post.content) == (200, first.content)
    unconditional = await acme.canvas.post(f"/init/{number}", headers={"If-None-Match": first.headers["etag"]})
    assert unconditional.status_code == 200, "only GET and HEAD have a 304"


async def test_who_has_the_canvas_already_is_told_so_without_a_body(acme: Account) -> None:
    number = await ready_ticket(acme)
    etag = (await acme.init(number)).headers["etag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', f'"a",W/{etag} , "b"', "*"):
        answer = await acme.init(number, **{"If-None-Match": condition})
        assert (answer.status_code, answer.content) == (304, b""), condition
        assert answer.headers["etag"] == etag
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "content-type" not in answer.headers
        assert "content-length" not in answer.headers
    for condition in ('"other"', 'W/"other"', "", etag.strip('"'), etag[:-2] + '"', '"*"'):
        assert (await acme.init(number, **{"If-None-Match": condition})).status_code == 200, condition


async def test_a_changed_ticket_no_longer_matches_its_old_etag(acme: Account) -> None:
    number = await ready_ticket(acme)
    etag = (await acme.init(number)).headers["etag"]
    await acme.agent_replies(number, "Please clean the drum, then the stripes go away.")
    await acme.helpdesk.webhooks.settled()
    await acme.hit(number)
    answer = await acme.init(number, **{"If-None-Match": etag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != etag


async def test_a_stale_canvas_is_served_at_once_and_names_the_run_that_makes_the_new_one(acme: Account) -> None:
    number = await ready_ticket(acme)
    old = await acme.init(number)
    # Freshdesk is slow, so the run goes on while we look.
    acme.helpdesk.faults.add(slow(number))
    await acme.agent_replies(number, "Please clean the drum with the brush in the box.")
    await wait_until(lambda: acme.world.running.worker.ledger.is_due(acme.host, number))
    stale = await acme.init(number)
    assert (stale.status_code, stale.content) == (200, old.content)
    assert stale.headers["cache-status"] == "prompt-canvas; hit; detail=stale"
    run = stale.headers["canvas-run"]
    assert re.fullmatch(r"/runs/[A-Za-z0-9_-]{22}", run)
    unchanged = await acme.init(number, **{"If-None-Match": old.headers["etag"]})
    assert unchanged.status_code == 304
    assert unchanged.headers["cache-status"] == "prompt-canvas; hit; detail=stale", "and the 304 says it is stale, too"
    assert unchanged.headers["canvas-run"] == run, "everyone joins the same run"
    acme.helpdesk.faults.clear()
    events = parse_events((await acme.canvas.get(run)).text)
    assert events[-1][0] == "done"
    assert (await acme.hit(number))["summary"] is not None


async def test_a_miss_streams_to_whoever_takes_a_stream(acme: Account) -> None:
    for accept in (STREAM, "*/*", "application/json, text/event-stream"):
        answer = await acme.init(await unannounced_ticket(acme), accept=accept)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(STREAM), accept
        assert answer.headers["cache-status"] == "prompt-canvas; fwd=uri-miss"
        assert re.fullmatch(r"/runs/[A-Za-z0-9_-]{22}", answer.headers["canvas-run"])
        assert parse_events(answer.text)[-1][0] == "done"


async def test_a_miss_without_an_accept_header_streams(acme: Account) -> None:
    number = await unannounced_ticket(acme)
    request = acme.canvas.build_request("GET", f"/init/{number}")
    del request.headers["accept"]
    answer = await acme.canvas.send(request)
    assert answer.headers["content-type"].startswith(STREAM)


async def test_a_miss_asked_for_as_json_names_the_run(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve.routes.miss, "KNOWN_WITHIN_S", 0.05)
    number = await unannounced_ticket(acme)
    acme.helpdesk.faults.add(slow(number))
    answer = await acme.init(number, accept=JSON)
    assert answer.status_code == 202
    assert answer.headers["content-type"] == JSON
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {"run": answer.headers["location"], "status": "running"}
    assert answer.headers["canvas-run"] == answer.headers["location"]
    acme.helpdesk.faults.clear()
    assert parse_events((await acme.canvas.get(answer.headers["location"])).text)[-1][0] == "done"
    assert (await acme.hit(number))["ticket_id"] == number


async def test_who_names_json_before_anything_else_gets_json(acme: Account) -> None:
    """axios and others send `application/json, text/plain, */*` and parse whatever comes as JSON."""
    number = await unannounced_ticket(acme)
    answer = await acme.init(number, accept="application/json, text/plain, */*")
    assert answer.headers["content-type"] == JSON
    assert answer.status_code in {200, 202}


@pytest.mark.parametrize("accept", [JSON, "*/*", STREAM])
async def test_a_miss_that_freshdesk_does_not_allow_says_so_and_is_made_good(acme: Account, accept: str) -> None:
    number = await unannounced_ticket(acme)
    acme.helpdesk.faults.add(Fault("error", path=f"/api/v2/tickets/{number}", count=1))
    answer = await acme.init(number, accept=accept)
    if accept == STREAM:
        name, problem = parse_events(answer.text)[-1]
        assert (name, problem["type"], problem["status"]) == ("error", "urn:prompt-canvas:freshdesk-unavailable", 503)
    else:
        assert is_problem(answer, 503, "freshdesk-unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    # Who opens it again has it tried again at once.
    answer = await acme.init(number, accept=accept)
    assert answer.status_code in {200, 202}
    assert (await acme.hit(number))["ticket_id"] == number


async def test_an_unknown_ticket_is_a_problem_document_for_everyone(acme: Account, number: int) -> None:
    for accept in (JSON, "*/*"):
        assert is_problem(await acme.init(number, accept=accept), 404, "ticket-missing")


async def test_an_unknown_ticket_ends_a_stream_with_the_same_problem(acme: Account, number: int) -> None:
    answer = await acme.init(number, accept=STREAM)
    name, problem = parse_events(answer.text)[-1]
    assert name == "error"
    assert problem == (await acme.init(number)).json()
    # Known by now, so that asking again costs no run.
    assert is_problem(await acme.init(number, accept=STREAM), 404, "ticket-missing")


async def test_deleted_and_spam_tickets_say_so(acme: Account) -> None:
    deleted, spam = await ready_ticket(acme), await ready_ticket(acme)
    assert (await acme.freshdesk.delete(f"/api/v2/tickets/{deleted}")).status_code == 204
    house = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    assert (await acme.freshdesk.put(f"/_desk/tickets/{spam}/spam", headers=house, auth=httpx.Auth())).is_success
    await acme.until_gone(deleted)
    await acme.until_gone(spam)
    for number, code in ((deleted, "ticket-deleted"), (spam, "ticket-spam")):
        for accept in (JSON, STREAM, "*/*"):
            answer = await acme.init(number, accept=accept)
            assert is_problem(answer, 410, code)
            assert answer.headers["cache-control"] == "no-store"


async def test_a_foreign_ticket_answers_just_like_a_missing_one(whole_world: World, number: int) -> None:
    acme, other = whole_world.acme, whole_world.other
    # A busier account: its numbers are ahead of anything that acme will ever count up to.
    for _ in range(5000):
        other.helpdesk.state.next_id("ticket")
    theirs = await ready_ticket(other)
    foreign, missing = await acme.init(theirs), await acme.init(number)
    assert foreign.status_code == 404
    assert foreign.content == missing.content
    assert set(foreign.headers) == set(missing.headers)


async def test_a_hundred_agents_who_open_one_ticket_cost_one_run(acme: Account) -> None:
    number = await unannounced_ticket(acme)
    answers = await asyncio.gather(*(acme.init(number, accept=STREAM) for _ in range(100)))
    assert all(parse_events(answer.text)[-1][0] == "done" for answer in answers if "event:" in answer.text)
    assert len({answer.headers["canvas-run"] for answer in answers if "canvas-run" in answer.headers}) == 1
    await acme.hit(number)
    fetched = [entry for entry in acme.helpdesk.log.requests if entry.path == f"/api/v2/tickets/{number}"]
    assert len(fetched) == 1


async def test_every_agent_of_an_account_sees_the_same_canvas(acme: Account) -> None:
    number = await ready_ticket(acme)
    as_admin = await acme.init(number, **{"X-Freshdesk-API-Key": ADMIN_KEY + acme.host})
    as_agent = await acme.init(number)
    assert as_admin.content == as_agent.content
