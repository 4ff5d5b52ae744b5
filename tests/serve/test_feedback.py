"""`/feedback`: counted once, by who wrote the suggestion, and exported without a word of any ticket."""

from typing import Any

import pytest

from shared import keys
from shared.feedback import Feedback, this_month
from shared.metrics import TENANT_ACCEPTANCE, TENANT_FEEDBACK
from tests.faults import current, worker_of
from tests.serve.answering import Answering


def said(number: int, action: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{action}-{number}", "ticket_id": number, "kind": "summary", "action": action} | more


async def kept(answering: Answering, number: int) -> list[Any]:
    store = Feedback(worker_of(answering.acme).redis.state)
    return [entry.given async for entry in store.since(answering.acme.host) if entry.given.ticket_id == number]


async def test_what_an_agent_did_counts_once_and_by_who_wrote_the_suggestion(answering: Answering) -> None:
    acme = answering.acme
    number = await acme.create_ticket("Printer is offline", "The printer is offline since Monday.")
    canvas = await current(acme, number)
    agent = await answering.agent(acme)
    etag = (await agent.get(f"/init/{number}", headers={"Accept": "application/json"})).headers["etag"]
    batch = [said(number, "shown", etag=etag), said(number, "copied", etag=etag), said(number, "up", kind="reply")]
    for _ in range(2):
        answer = await agent.post("/feedback", json=batch)
        assert (answer.status_code, answer.content) == (204, b""), answer.text
    entries = await kept(answering, number)
    assert [entry.action for entry in entries] == ["shown", "copied", "up"], "sent twice, counted once"
    provenance = canvas["provenance"]
    assert {entry.model for entry in entries[:2]} == {provenance["models"]["summary"]}
    assert {entry.prompt for entry in entries[:2]} == {provenance["prompts"]["summary"]}
    labels = {"tenant": acme.host, "kind": "summary", "model": entries[0].model, "prompt": entries[0].prompt}
    assert TENANT_FEEDBACK.labels(**labels, action="copied")._value.get() >= 1
    assert 0 < TENANT_ACCEPTANCE.labels(**labels)._value.get() <= 1
    rates = await Feedback(worker_of(acme).redis.state).acceptance(acme.host, this_month())
    assert any(rate.kind == "summary" and rate.counts.get("copied") for rate in rates)


async def test_of_another_canvas_than_the_stored_one_it_is_not_known_who_wrote_it(answering: Answering) -> None:
    number = await answering.acme.create_ticket("Printer is offline", "The printer is offline since Monday.")
    await current(answering.acme, number)
    agent = await answering.agent(answering.acme)
    assert (await agent.post("/feedback", json=said(number, "shown", etag='"older"'))).status_code == 204
    [entry] = await kept(answering, number)
    assert (entry.model, entry.etag) == ("", '"older"')


async def test_an_answer_is_known_by_its_run(answering: Answering, number: int) -> None:
    agent = await answering.agent(answering.acme)
    location = (await agent.post("/query/stream", json={"question": "How do I reset the router?"})).headers["location"]
    await agent.post("/feedback", json=said(number, "inserted", kind="answer", run=location, item=0))
    [entry] = await kept(answering, number)
    assert (entry.model, f"/runs/{entry.run}", entry.item) == ("extractive", location, 0)


async def test_it_is_bounded_and_ends(answering: Answering, number: int) -> None:
    agent = await answering.agent(answering.acme)
    await agent.post("/feedback", json=said(number, "rejected", reason="outdated"))
    state, host = worker_of(answering.acme).redis.state, answering.acme.host
    for key in (keys.feedback(host), keys.feedback_ids(host), keys.feedback_counts(host, this_month())):
        assert await state.ttl(key) > 0


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"id": "a", "ticket_id": 1, "kind": "summary", "action": "loved"},
        {"id": "a", "ticket_id": 1, "kind": "poem", "action": "shown"},
        {"id": "", "ticket_id": 1, "kind": "summary", "action": "shown"},
        {"id": "a b", "ticket_id": 1, "kind": "summary", "action": "shown"},
        {"id": "a", "ticket_id": 0, "kind": "summary", "action": "shown"},
        {"id": "a", "ticket_id": 1, "kind": "summary", "action": "shown", "item": -1},
        {"id": "a", "ticket_id": 1, "kind": "summary", "action": "rejected", "reason": "the customer said her name"},
        {"id": "a", "ticket_id": 1, "kind": "summary", "action": "shown", "run": "../etc"},
        {"id": "a", "ticket_id": 1, "kind": "summary", "action": "shown", "text": "x"},
        [{"id": str(n), "ticket_id": 1, "kind": "summary", "action": "shown"} for n in range(101)],
    ],
)
async def test_what_is_no_feedback_is_refused(answering: Answering, body: Any) -> None:
    agent = await answering.agent(answering.acme)
    answer = await agent.post("/feedback", json=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:prompt-canvas:bad-input"), answer.text
