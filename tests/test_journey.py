"""Read this first: the way of a ticket through Prompt Canvas, from the webhook to the sidebar, as a tutorial.

`world` is one Prompt Canvas process and two Freshdesk accounts that use it, all over HTTP. `account.create_ticket` is
a customer's mail; Freshdesk's automation rules (installed through its API, as on a real account) send the webhooks.
"""

import asyncio
import time

from tests.waiting import PATIENCE_S
from tests.world import World, parse_events


async def test_a_new_ticket_is_ready_before_anyone_opens_it(small_world: World) -> None:
    acme = small_world.acme
    # A customer writes in. Freshdesk sends a webhook; nobody opens the ticket.
    number = await acme.create_ticket(
        "Login fails with error 0x80070005",
        "Hello, since this morning I can't log in. The app says error 0x80070005. I restarted it twice.",
    )
    # Some moments later an agent opens it, and the Canvas is simply there.
    canvas = await acme.hit(number)
    assert canvas["ticket_id"] == number
    assert canvas["status"] == "ready"
    assert "0x80070005" in canvas["summary"]["text"]
    # It is the account's first ticket: nothing says how to answer, so nothing is invented, and the Canvas says so.
    assert (canvas["replies"], canvas["no_replies"]) == ([], "no_ground")
    # It says where it came from: no LLM key is set, so the summary was extracted, and that is not hidden.
    assert canvas["provenance"]["models"]["summary"] == "extractive"


async def test_a_similar_ticket_that_was_solved_brings_its_answer(small_world: World) -> None:
    acme = small_world.acme
    solved = await acme.create_ticket(
        "SSO 로그인이 401 오류로 실패합니다", "어제부터 SSO 로그인을 하면 401 오류가 나옵니다."
    )
    await acme.agent_replies(solved, "관리자 설정에서 SAML 인증서를 새로 올려 주시면 401 오류가 해결됩니다.")
    await acme.change(solved, status=4)
    await acme.hit(solved)
    # Months later, another customer, other words, the same problem:
    number = await acme.create_ticket(
        "로그인할 수 없어요", "SSO로 로그인하면 401 에러가 떠요. 도와주세요.", "jun@example.com"
    )
    canvas = await acme.hit(number)
    assert solved in [ticket["ticket_id"] for ticket in canvas["similar_tickets"]]
    assert "SAML 인증서" in canvas["replies"][0]["text"]
    assert f"ticket:{solved}" in canvas["replies"][0]["sources"]
    assert canvas["language"] == "ko"


async def test_a_ticket_that_is_opened_too_early_streams(small_world: World) -> None:
    acme = small_world.acme
    # The webhook is lost (Freshdesk drops what it can't deliver), and an agent opens the ticket: a miss.
    acme.helpdesk.state.rules.clear()
    number = await acme.create_ticket("Where is my invoice?", "I can't find the invoice for March. Order 1234.")
    started = time.perf_counter()
    async with acme.canvas.stream("GET", f"/init/{number}", headers={"Accept": "text/event-stream"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        body = "".join([chunk async for chunk in stream.aiter_text()])
    names = [name for name, _ in parse_events(body)]
    # The stream tells what happens from the first moment on, and ends by itself.
    assert names[0] == "queued"
    assert names[-1] == "done"
    assert {"stage", "summary.delta", "summary", "similar", "solutions", "replies"} <= set(names)
    assert time.perf_counter() - started < PATIENCE_S
    # From now on it is a hit.
    assert (await acme.hit(number))["ticket_id"] == number


async def test_a_reply_makes_the_canvas_stale_and_then_new(small_world: World) -> None:
    acme = small_world.acme
    number = await acme.create_ticket("Refund please", "I returned the shoes two weeks ago and got no refund.")
    first = await acme.hit(number)
    await acme.agent_replies(number, "Your refund was sent today to your bank account.")
    # The old Canvas stays readable until the new one is there; nobody ever waits for a known ticket.
    assert (await acme.init(number)).status_code == 200
    second = await acme.hit(number)
    assert second["revision"] >= first["revision"]
    assert "refund was sent" in str(second["summary"])


async def test_fifty_updates_in_a_moment_cost_few_runs_and_the_last_one_wins(small_world: World) -> None:
    acme = small_world.acme
    number = await acme.create_ticket("Wi-Fi drops", "The router drops the Wi-Fi every hour.")
    await asyncio.gather(*(acme.change(number, priority=1 + turn % 4) for turn in range(49)))
    await acme.agent_replies(number, "Please update the firmware to 2.4.1, that ends the drops.")
    canvas = await acme.hit(number)
    assert "firmware to 2.4.1" in str(canvas["summary"])
    ticket_calls = [entry for entry in acme.helpdesk.log.requests if entry.path == f"/api/v2/tickets/{number}"]
    assert len([entry for entry in ticket_calls if entry.method == "GET"]) < 15


async def test_two_tenants_never_see_each_other(small_world: World, known_in_time: None) -> None:
    acme, other = small_world.acme, small_world.other
    words = "The secret project Bluebird can't be exported."
    mine = await acme.create_ticket("Export of Bluebird fails", words)
    await acme.hit(mine)
    # The other account has a ticket with the very same words, and finds nothing of ours beside it.
    theirs = await other.create_ticket("Export of Bluebird fails", words)
    canvas = await other.hit(theirs)
    assert all(acme.host not in ticket["url"] for ticket in canvas["similar_tickets"])
    # A foreign ticket's number answers just like one that does not exist …
    foreign = await other.canvas.get(f"/init/{mine + 5000}", headers={"Accept": "application/json"})
    assert foreign.status_code == 404
    # … and a key opens only its own account's door.
    stolen = await other.canvas.get(f"/init/{mine}", headers={"X-Freshdesk-Domain": acme.host})
    assert stolen.status_code == 401


async def test_a_deleted_ticket_says_so_and_leaves_the_similar_lists(small_world: World) -> None:
    acme = small_world.acme
    number = await acme.create_ticket("Camera shows no picture", "The camera shows a black picture since the update.")
    await acme.hit(number)
    assert (await acme.freshdesk.delete(f"/api/v2/tickets/{number}")).status_code == 204
    problem = await acme.until_gone(number)
    assert problem["type"] == "urn:prompt-canvas:ticket-deleted"
    again = await acme.create_ticket("Camera picture is black", "Since the update the camera shows a black picture.")
    canvas = await acme.hit(again)
    assert number not in [ticket["ticket_id"] for ticket in canvas["similar_tickets"]]
