"""`/query`: questions over HTTP, answered, streamed, resumed, and stopped when nobody waits any more."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from serve.settings import ServeSettings
from shared import keys
from shared.metrics import ANSWERS
from shared.run_log import RunLog
from tests.faults import current, worker_of
from tests.lookalikes import Answer, Speed
from tests.parts import Desks, credentials
from tests.serve.agents import GROUP, OWN
from tests.serve.answering import Answering
from tests.waiting import wait_until
from tests.world import ACME, parse_events

HOW = {"question": "How do I reset the router?"}
LONG = "\n".join(["Hold the reset button of the router for ten seconds [1]."] * 30)
SLOW = Answer(json.dumps({"text": LONG}), speed=Speed(tokens_per_second=40))


async def final(answering: Answering, location: str) -> Any:
    """The last event of a run of `other`, as soon as it is there."""
    log, host = RunLog(worker_of(answering.other).redis.state), answering.other.host
    found: list[Any] = []

    async def ended() -> bool:
        found[:] = await log.last(host, location.removeprefix("/runs/"), 1)
        return bool(found) and found[0].final

    await wait_until(ended)
    return found[0]


async def test_a_question_is_answered_with_numbered_sources(answering: Answering) -> None:
    agent = await answering.agent(answering.acme)
    answer = await agent.post("/query", json=HOW | {"types": ["solutions"], "language": "en"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert "Hold the reset button of the router for ten seconds [1]." in found["text"]
    assert [(source["number"], source["article_id"]) for source in found["sources"]] == [(1, 7)]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


async def test_a_stream_tells_its_sources_first_and_can_be_resumed_by_its_run(answering: Answering) -> None:
    agent = await answering.agent(answering.acme)
    answer = await agent.post("/query/stream", json=HOW)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = parse_events(answer.text)
    names = [name for name, _ in events]
    assert names.index("sources") < names.index("answer.delta") < names.index("answer") < names.index("done")
    place = answer.text.index("event: answer\n")
    last_id = answer.text[:place].rpartition("id: ")[2].split()[0]
    before = [line[4:] for line in answer.text.split("\n") if line.startswith("id: ")]
    resumed = await agent.get(answer.headers["location"], headers={"Last-Event-ID": before[before.index(last_id) - 1]})
    assert [name for name, _ in parse_events(resumed.text)] == ["answer", "done"]


async def test_what_a_restricted_agent_asked_is_its_own_and_it_follows_nobody_elses(answering: Answering) -> None:
    everyone, anyone = [await answering.agent(answering.acme) for _ in range(2)]
    own, other = [await answering.agent(answering.acme, OWN) for _ in range(2)]
    by_own, by_all = [(await one.post("/query/stream", json=HOW)).headers["location"] for one in (own, everyone)]
    assert [(await one.get(by_own)).status_code for one in (own, other, everyone)] == [200, 404, 404]
    assert [(await one.get(by_all)).status_code for one in (everyone, anyone, own)] == [200, 200, 404]
    hidden, unknown = await own.get(by_all), await own.get("/runs/ask-" + "x" * 22)
    assert hidden.content == unknown.content


async def test_another_tenant_has_no_such_run(answering: Answering) -> None:
    agent, stranger = await answering.agent(answering.acme), await answering.agent(answering.other)
    location = (await agent.post("/query/stream", json=HOW)).headers["location"]
    foreign, unknown = await stranger.get(location), await stranger.get("/runs/ask-" + "x" * 22)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content


async def test_agents_who_may_not_see_a_ticket_do_not_find_it(answering: Answering) -> None:
    acme = answering.acme
    number = await acme.create_ticket("Plotter is offline", "The plotter prints nothing, error ZX-4711-QP.")
    await acme.agent_replies(number, "Please replace the cable of the plotter. That ends error ZX-4711-QP.")
    mine = {"question": "What ends error ZX-4711-QP of the plotter?", "types": ["tickets"]}
    own, group = await answering.agent(acme, OWN), await answering.agent(acme, GROUP, (4711,))
    await acme.change(number, group_id=4711)
    await current(acme, number)
    found = {name: (await agent.post("/query", json=mine)).json() for name, agent in (("own", own), ("group", group))}
    assert (found["own"]["found"], found["group"]["found"]) == (False, True)
    named = {"question": f"Summarize ticket {number}"}
    assert not (await own.post("/query", json=named)).json()["found"], "not by its number either"
    assert (await group.post("/query", json=named)).json()["found"]
    this = {"question": "Summarize this ticket", "ticket_id": number}
    assert [source["ticket_id"] for source in (await group.post("/query", json=this)).json()["sources"]] == [number]


async def test_closing_a_plain_request_stops_the_model_at_once(answering: Answering) -> None:
    answering.provider.script.add(SLOW)
    agent = await answering.agent(answering.other)
    request = asyncio.create_task(agent.post("/query", json=HOW))
    await wait_until(lambda: bool(answering.provider.requests) and answering.provider.requests[0].tokens_sent > 3)
    [call] = answering.provider.requests
    request.cancel()
    await answering.provider.until(lambda: call.disconnected)
    assert call.tokens_sent < 200, "it was cut in the middle of a text of 450"
    await wait_until(lambda: ANSWERS.labels(outcome="lost")._value.get() > 0)


async def test_a_stream_is_stopped_when_its_last_follower_has_gone_and_not_before(answering: Answering) -> None:
    answering.provider.script.add(SLOW)
    agent = await answering.agent(answering.other)
    async with agent.stream("POST", "/query/stream", json=HOW) as first:
        location = first.headers["location"]
        async with agent.stream("GET", location) as second:
            await wait_until(lambda: bool(answering.provider.requests))
            [call] = answering.provider.requests
            await first.aclose()
            async for line in second.aiter_lines():
                if line == "event: answer.delta":
                    break
            assert not call.disconnected
    await answering.provider.until(lambda: call.disconnected)
    end = await final(answering, location)
    assert (end.event, json.loads(end.data)["type"]) == ("error", "urn:prompt-canvas:run-cancelled")
    again = await agent.get(location)
    assert parse_events(again.text)[-1][0] == "error"


async def test_a_client_that_comes_back_soon_finds_its_run_going_on(answering: Answering) -> None:
    short = Answer(json.dumps({"text": "\n".join(LONG.split("\n")[:4])}), speed=Speed(tokens_per_second=100))
    answering.provider.script.add(short)
    agent = await answering.agent(answering.other)
    async with agent.stream("POST", "/query/stream", json=HOW) as stream:
        location = stream.headers["location"]
        await wait_until(lambda: bool(answering.provider.requests) and answering.provider.requests[0].tokens_sent > 3)
    resumed = await agent.get(location)
    assert [name for name, _ in parse_events(resumed.text)][-2:] == ["answer", "done"]
    assert not answering.provider.requests[0].disconnected


async def test_what_takes_too_long_goes_on_as_a_run(accounts: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.parts import serving

    monkeypatch.setenv("CANVAS_ANSWER_S", "0.2")
    assert ServeSettings().answer_s == 0.2
    async with serving(accounts.settings) as served:
        late = await served.acme.post("/query", json=HOW)
        assert late.status_code == 504
        assert late.headers["content-type"] == "application/problem+json"
        assert late.json()["type"] == "urn:prompt-canvas:answer-late"
        run = late.headers["location"].removeprefix("/runs/")
        state = served.context.redis.state
        assert await state.exists(keys.run(ACME, run))
        assert await state.hexists(keys.answer(ACME, run), "question"), "it goes on"  # type: ignore[misc]


BODIES: list[bytes] = [
    b"",
    b"null",
    b'{"question": ""}',
    b'{"question": "' + b"x" * 2001 + b'"}',
    b'{"question": "a", "typos": []}',
    b'{"question": "a", "types": ["people"]}',
    b'{"question": "a", "ticket_id": 0}',
    b'{"question": "a", "ticket_id": 1e400}',
    b'{"question": "a", "since": "yesterday"}',
    b'{"question": "a", "since": "2026-01-01T00:00:00"}',
    b'{"question": "a", "since": "0001-01-01T00:00:00+14:00"}',
    b'{"question": "a", "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}',
    b'{"question": "\xff"}',
    b'{"question": "\\ud800"}',
    b'{"question": "a"',
    b"[" * 100_000,
    b'{"question": ' + b"[" * 50_000,
]


@pytest.mark.parametrize("path", ["/query", "/query/stream"])
async def test_what_is_no_question_is_a_problem_and_not_a_failure(answering: Answering, path: str) -> None:
    agent = await answering.agent(answering.acme)
    answers = [(body, await agent.post(path, content=body)) for body in BODIES]
    for body, answer in answers:
        assert answer.status_code == 400, body[:60]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:prompt-canvas:bad-input"
        assert answer.json()["detail"]
    assert (await agent.post(path, content=b"x" * 300_000)).status_code == 413


async def test_who_shows_no_credential_asks_nothing(answering: Answering) -> None:
    async with httpx.AsyncClient(base_url=answering.world.running.url) as nobody:
        assert (await nobody.post("/query", json=HOW)).status_code == 401
        wrong = credentials(ACME, "a-wrong-key")
        assert (await nobody.post("/query/stream", json=HOW, headers=wrong)).status_code == 401
