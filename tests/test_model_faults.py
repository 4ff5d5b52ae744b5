"""A model that fails costs a part of a Canvas, never the Canvas; the part comes by itself when the model is back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from ingest.jobs.precompute import HEALING_ATTEMPTS
from ingest.settings import IngestSettings
from shared.due import MAX_ATTEMPTS
from shared.settings import Settings
from tests.faults import current, postponed, silent_ticket, tick, time_passes
from tests.ground import lay_ground
from tests.ingest.writers.threads import REPLIES, SUMMARIES, document
from tests.lookalikes import AnthropicLookalike, Fault, LoggedRequest, OpenAILookalike, Script
from tests.waiting import wait_until
from tests.world import Account, parse_events, world

WORDS = "The printer is offline since Monday. I restarted it twice and it says error 0x6100004A every time."


@asynccontextmanager
async def served_by(settings: Settings, ingest: IngestSettings) -> AsyncIterator[Account]:
    async with world(settings, ingest) as made:
        tick(made.acme)
        await lay_ground(made.acme, f"Printer is offline\n{WORDS}")
        yield made.acme


@pytest.fixture
async def openai() -> AsyncIterator[OpenAILookalike]:
    async with OpenAILookalike() as fake:
        yield fake


@pytest.fixture
async def embedded(settings: Settings, openai: OpenAILookalike) -> AsyncIterator[Account]:
    """An account whose embeddings and texts come from OpenAI."""
    ingest = IngestSettings(openai_api_key=SecretStr("any"), openai_base_url=openai.base_url)
    async with served_by(settings, ingest) as account:
        yield account


@pytest.fixture
async def anthropic() -> AsyncIterator[AnthropicLookalike]:
    async with AnthropicLookalike() as fake:
        yield fake


@pytest.fixture
async def written(settings: Settings, anthropic: AnthropicLookalike) -> AsyncIterator[Account]:
    """An account whose texts come from Anthropic, and from the extractive writer where that fails."""
    ingest = IngestSettings(
        anthropic_api_key=SecretStr("any"), anthropic_base_url=anthropic.base_url, outage_wait_s=0.5
    )
    async with served_by(settings, ingest) as account:
        yield account


def fluent(request: LoggedRequest) -> str:
    """A good answer, long enough to break off in its middle."""
    return document(REPLIES["en"] if "replies" in str(request.schema) else SUMMARIES["en"])


def failed_stages(canvas: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["error"] for stage in canvas["provenance"]["stages"] if stage.get("error")}


async def served(account: Account, ticket_id: int) -> dict[str, Any]:
    """What an agent gets who opens the ticket now: a Canvas at once, although there is more to come."""
    answer = await account.init(ticket_id)
    assert answer.status_code == 200
    assert answer.headers["cache-status"] == "prompt-canvas; hit; detail=stale"
    canvas: dict[str, Any] = answer.json()
    return canvas


@pytest.mark.parametrize(
    ("fault", "kind"), [(Fault.server_error(), "unknown"), (Fault.rate_limited(1), "rate_limited")], ids=["5xx", "429"]
)
async def test_without_embeddings_a_canvas_is_partial_until_they_are_back(
    embedded: Account, openai: OpenAILookalike, fault: Fault, kind: str
) -> None:
    openai.script.share(fault, 1.0, on="embeddings")
    number = await embedded.create_ticket("Printer is offline", WORDS)
    await postponed(embedded, number)
    canvas = await served(embedded, number)
    assert canvas["status"] == "partial"
    assert failed_stages(canvas) == {"embed": kind}
    assert canvas["summary"]["text"]
    assert canvas["replies"] == [], "nothing to write them from can be found"

    openai.script.clear()
    await time_passes(embedded)
    healed = await current(embedded, number)
    assert healed["status"] == "ready"
    assert failed_stages(healed) == {}


@pytest.mark.parametrize("outage", ["refuses connections", "overloaded"])
async def test_without_its_model_a_canvas_is_degraded_until_the_model_is_back(
    written: Account, anthropic: AnthropicLookalike, outage: str
) -> None:
    if outage == "overloaded":
        anthropic.script.share(Fault.overloaded(), 1.0)
    else:
        await anthropic.stop()
    number = await written.create_ticket("Printer is offline", WORDS)
    await postponed(written, number)
    canvas = await served(written, number)
    assert canvas["status"] == "degraded"
    assert canvas["provenance"]["models"]["summary"] == "extractive"
    assert canvas["provenance"]["models"]["replies"] == "extractive"
    assert "0x6100004A" in canvas["summary"]["text"]

    anthropic.script.clear()
    if outage != "overloaded":
        await anthropic.start()
    await time_passes(written)
    healed = await current(written, number)
    assert healed["status"] == "ready"
    assert healed["provenance"]["models"]["summary"].startswith("anthropic/")


async def test_an_outage_of_the_model_that_outlasts_all_attempts_heals_too(
    written: Account, anthropic: AnthropicLookalike
) -> None:
    anthropic.script.share(Fault.overloaded(), 1.0)
    number = await written.create_ticket("Printer is offline", WORDS)
    for _ in range(MAX_ATTEMPTS + 2):
        await postponed(written, number)
        asked = len(anthropic.requests)
        await time_passes(written)
        await anthropic.until(lambda asked=asked: len(anthropic.requests) > asked)  # type: ignore[misc]
    _, wait = await postponed(written, number)
    assert wait > timedelta(minutes=5), "what works is paid for each time"
    anthropic.script.clear()
    await time_passes(written)
    assert (await current(written, number))["status"] == "ready"


async def test_an_update_while_its_model_fails_is_never_lost(written: Account, anthropic: AnthropicLookalike) -> None:
    anthropic.script.share(Fault.overloaded(), 1.0)
    number = await written.create_ticket("Printer is offline", WORDS)
    await postponed(written, number)
    await written.agent_replies(number, "Please install driver 7.2, it ends this.")

    async def mentions_the_reply() -> bool:
        return "driver 7.2" in str((await written.init(number)).json()["summary"])

    await wait_until(mentions_the_reply)
    anthropic.script.clear()
    await written.helpdesk.webhooks.settled()
    await postponed(written, number)
    await time_passes(written)
    assert (await current(written, number))["status"] == "ready"


@pytest.mark.parametrize(
    "fault",
    [Fault.cut(after=40), Fault.error_event(after=40), Fault.early_end(after=40), Fault.max_tokens(after=40)],
    ids=lambda fault: fault.name,
)
async def test_a_failure_in_the_middle_of_a_text_never_shows_half_of_two(
    written: Account, anthropic: AnthropicLookalike, fault: Fault
) -> None:
    anthropic.script = Script(default=fluent)
    anthropic.script.share(fault, 1.0)
    number = await silent_ticket(written)
    answer = await written.canvas.get(f"/init/{number}", headers={"Accept": "text/event-stream"})
    shown = {"summary": "", "reply": ""}
    taken_back = {"summary": "", "reply": ""}
    events = parse_events(answer.text)
    for name, data in events:
        part, _, kind = name.partition(".")
        if kind == "delta":
            shown[part] += data["text"]
        elif name == "reset":
            part = data["part"]
            taken_back[part], shown[part] = shown[part], ""
    assert all(taken_back.values()), "the model had begun to write"
    assert shown["summary"] == next(data["text"] for name, data in events if name == "summary")
    assert shown["reply"] == next(data[0]["text"] for name, data in events if name == "replies")
    assert events[-1][0] == "done"
    assert (await served(written, number))["summary"]["text"] == shown["summary"]


async def test_whoever_joins_after_the_failure_sees_the_same_text(
    written: Account, anthropic: AnthropicLookalike
) -> None:
    anthropic.script.share(Fault.cut(after=15), 1.0)
    number = await silent_ticket(written)
    first = await written.canvas.get(f"/init/{number}", headers={"Accept": "text/event-stream"})
    again = await written.canvas.get(first.headers["canvas-run"])
    assert parse_events(again.text) == parse_events(first.text)


async def test_an_answer_that_can_not_be_read_degrades_a_canvas_and_is_not_asked_for_without_end(
    written: Account, anthropic: AnthropicLookalike
) -> None:
    anthropic.script = Script(default="I only speak prose.")
    number = await written.create_ticket("Printer is offline", WORDS)
    await postponed(written, number)

    async def resigned() -> bool:
        await time_passes(written)
        return not await written.world.running.worker.ledger.is_due(written.host, number)

    await wait_until(resigned)
    assert (await current(written, number))["status"] == "degraded"
    assert len(anthropic.requests) == 2 * HEALING_ATTEMPTS
