"""`/settings`: an admin chooses in the app what an operator can choose by `canvas tenant set`."""

from typing import Any

from tests.serve.answering import Answering
from tests.serve.test_backfills import admin
from tests.waiting import wait_until

CHOSEN: dict[str, Any] = {
    "language": "ko",
    "tone": "formal",
    "forbidden_phrases": ["환불 보장"],
    "similar_days": 365,
}
DEFAULTS: dict[str, Any] = {"language": None, "tone": None, "forbidden_phrases": [], "similar_days": None}


async def test_an_admin_chooses_and_what_the_operator_chose_stays(answering: Answering) -> None:
    acme = answering.acme
    client = await admin(answering, acme)
    assert (await client.get("/settings")).json() == DEFAULTS
    answer = await client.put("/settings", json=CHOSEN | {"forbidden_phrases": [" 환불 보장 ", "환불 보장"]})
    assert (answer.status_code, answer.json()) == (200, CHOSEN)
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/settings")).json() == CHOSEN
    back = await client.put("/settings", json={})
    assert back.json() == DEFAULTS
    stranger = await admin(answering, answering.other)
    assert (await stranger.get("/settings")).json() == DEFAULTS


async def test_only_admins_may_see_and_choose(answering: Answering) -> None:
    agent = await answering.agent(answering.acme)
    for answer in (await agent.get("/settings"), await agent.put("/settings", json=CHOSEN)):
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:prompt-canvas:forbidden")


async def test_what_can_not_be_chosen_is_refused_and_nothing_changes(answering: Answering) -> None:
    client = await admin(answering, answering.acme)
    bodies: list[dict[str, Any]] = [
        {"language": "de"},
        {"tone": "rude"},
        {"similar_days": 0},
        {"similar_days": 40_000},
        {"forbidden_phrases": [" "]},
        {"forbidden_phrases": ["x" * 201]},
        {"forbidden_phrases": ["x"] * 101},
        {"style_guide": "From the operator alone"},
    ]
    for body in bodies:
        answer = await client.put("/settings", json=body)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:prompt-canvas:bad-input"), body
    assert (await client.get("/settings")).json() == DEFAULTS


async def test_the_backfill_that_was_begun_last_needs_no_id(answering: Answering) -> None:
    client = await admin(answering, answering.acme)
    started = await client.post("/ingest", json={"data_types": ["solutions"]})

    async def ended() -> bool:
        found = (await client.get("/ingest/latest")).json()
        assert found["id"] == started.json()["id"]
        return found["state"] in {"done", "failed"}

    await wait_until(ended)
