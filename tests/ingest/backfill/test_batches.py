"""A backfill by the providers' batch interfaces, over look-alikes of both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.backfill import batches
from ingest.deferred import DeferredTexts
from shared.backfill import BackfillOptions
from shared.settings import Settings
from tests.ingest.backfill.desks import Desk, desk, inside, outside, some_tickets
from tests.lookalikes import Answer, Fault
from tests.lookalikes.scripts import Item
from tests.waiting import wait_until
from tests.world import ACME

BATCH = BackfillOptions(batch=True)
TICKETS = 4
CLAUDE = {"summary_models": ["anthropic/claude-haiku-5-5"], "reply_models": ["anthropic/claude-haiku-5-5"]}
GPT = {"summary_models": ["openai/gpt-6-luna"], "reply_models": ["openai/gpt-6-luna"]}
BOTH = {"summary_models": ["openai/gpt-6-luna"], "reply_models": ["anthropic/claude-haiku-5-5"]}


@asynccontextmanager
async def small_desk(settings: Settings, tmp_path: Path, models: dict[str, Any]) -> AsyncIterator[Desk]:
    async with desk(settings, some_tickets(tmp_path / "seed", TICKETS), **models) as made:
        yield made


def direct(desk: Desk) -> int:
    """Texts that were asked for at once."""
    paths = ("/v1/messages", "/v1/responses", "/v1/chat/completions")
    return sum(request.path in paths for fake in (desk.claude, desk.gpt) for request in fake.requests)


@pytest.mark.parametrize("models", [BOTH, {**GPT, "openai_api": "responses"}])
async def test_texts_come_by_batches_at_half_the_price(
    settings: Settings, tmp_path: Path, models: dict[str, Any]
) -> None:
    async with small_desk(settings, tmp_path, models) as desk:
        counts = await desk.backfill(BATCH)
        assert (counts.state, counts.computed, counts.deferred) == ("done", TICKETS, 0)
        assert direct(desk) == 0
        made = [*desk.claude.batches.calls, *desk.gpt.batches.calls]
        calls = []
        for ticket_id in range(1, TICKETS + 1):
            canvas = await desk.canvas(ticket_id)
            assert canvas.status == "ready"
            assert canvas.provenance.models["summary"] == models["summary_models"][0]
            calls += canvas.provenance.calls
        assert len(calls) == len(made)
        assert all(call.batch and call.outcome == "ok" for call in calls)
        assert counts.tokens == sum(call.input_tokens + call.output_tokens for call in calls)
        # gpt-6-luna and claude-haiku-5-5: 0.10 and 0.50 dollars a million tokens, by batch a half.
        fresh = sum(call.input_tokens - call.cached_tokens - call.cache_write_tokens for call in calls)
        cheap = (fresh * 0.10 + sum(call.output_tokens for call in calls) * 0.50) / 2e6
        dear = (sum(call.cache_write_tokens for call in calls) * 0.125 / 2) / 1e6
        read = (sum(call.cached_tokens for call in calls) * 0.01 / 2) / 1e6
        assert counts.cost == pytest.approx(cheap + dear + read)
        assert all(not kept for kept in getattr(desk.gpt.batches, "files", {}).values()), "files of customers' words"


async def test_meanwhile_there_is_an_extractive_canvas_and_a_changed_ticket_keeps_its_own(
    settings: Settings, tmp_path: Path
) -> None:
    async with small_desk(settings, tmp_path, CLAUDE) as desk:
        desk.claude.batches.held = True
        await desk.progress.want(BATCH)
        await wait_until(lambda: bool(desk.claude.batches.made))
        waiting = await desk.canvas(1)
        assert (waiting.status, waiting.provenance.models["summary"]) == ("degraded", "extractive")
        ledger = desk.worker.ledger
        await ledger.mark(ACME, 2)
        await desk.claude.until(lambda: direct(desk) > 0)
        await wait_until(lambda: _current(desk, 2))
        before = await desk.canvas(2)
        desk.claude.batches.held = False
        assert (await desk.ended()).state == "done"
        assert await desk.canvas(2) == before
        assert not any(call.batch for call in before.provenance.calls)
        assert all(call.batch for call in (await desk.canvas(1)).provenance.calls)


@pytest.mark.parametrize("models", [CLAUDE])
async def test_what_failed_or_was_no_good_is_asked_for_directly(
    settings: Settings, tmp_path: Path, models: dict[str, Any]
) -> None:
    async with small_desk(settings, tmp_path, models) as desk:
        fake = desk.claude if models is CLAUDE else desk.gpt
        fake.batches.held = True
        await desk.progress.want(BATCH)
        await wait_until(lambda: bool(fake.batches.made))
        bad: list[Item] = [Fault.overloaded(), Fault.max_tokens(), Fault.refusal(), Answer("no JSON")]
        fake.script.add(*bad)
        fake.batches.held = False
        counts = await desk.ended()
        assert counts.state == "done"
        assert direct(desk) == len(bad)
        canvases = [await desk.canvas(ticket_id) for ticket_id in range(1, TICKETS + 1)]
        assert {canvas.status for canvas in canvases} == {"ready"}
        made = [call.batch for canvas in canvases for call in canvas.provenance.calls]
        assert made.count(False) == len(bad)


@pytest.mark.parametrize("models", [GPT])
async def test_an_expired_batch_is_finished_directly(
    settings: Settings, tmp_path: Path, models: dict[str, Any]
) -> None:
    async with small_desk(settings, tmp_path, models) as desk:
        fake = desk.claude if models is CLAUDE else desk.gpt
        fake.batches.expire_after = 2
        assert (await desk.backfill(BATCH)).state == "done"
        assert direct(desk) == len(fake.batches.calls) - 2
        canvases = [await desk.canvas(ticket_id) for ticket_id in range(1, TICKETS + 1)]
        assert {canvas.status for canvas in canvases} == {"ready"}


@pytest.mark.parametrize("models", [CLAUDE, GPT])
async def test_a_batch_whose_answer_was_lost_is_found_and_not_paid_for_twice(
    settings: Settings, tmp_path: Path, models: dict[str, Any]
) -> None:
    async with small_desk(settings, tmp_path, models) as desk:
        fake = desk.claude if models is CLAUDE else desk.gpt
        fake.batches.lose_answers = 1
        counts = await desk.backfill(BATCH)
        assert (counts.state, len(fake.batches.made), direct(desk)) == ("done", 1, 0)


async def test_a_batch_that_shows_late_on_the_list_is_waited_for_and_not_handed_over_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anthropic's batches take no name of ours, so there is only the list to tell that one has come through."""
    monkeypatch.setattr(batches, "LISTED_WITHIN_S", 1.0)
    async with small_desk(settings, tmp_path, CLAUDE) as desk:
        fake = desk.claude.batches
        fake.lose_answers, fake.unlisted = 1, 1
        counts = await desk.backfill(BATCH)
        assert (counts.state, len(fake.made), direct(desk)) == ("done", 1, 0)
        assert fake.unlisted == 0, "it was looked for while it was on no list"


async def test_a_batch_that_nobody_knows_is_handed_over_again_after_a_while(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LISTED_WITHIN_S", 0.2)
    async with small_desk(settings, tmp_path, CLAUDE) as desk:
        desk.claude.batches.faults.append(Fault.overloaded())
        counts = await desk.backfill(BATCH)
        assert (counts.state, len(desk.claude.batches.made), direct(desk)) == ("done", 1, 0)


async def test_a_budget_holds_for_batches_too_and_more_money_lets_them_go_on(
    settings: Settings, tmp_path: Path
) -> None:
    async with small_desk(settings, tmp_path, CLAUDE) as desk:
        counts = await desk.backfill(BackfillOptions(batch=True, budget_tokens=2_000))
        assert counts.state == "over_budget"
        handed_over = len(desk.claude.batches.calls)
        assert 0 < handed_over < TICKETS
        assert direct(desk) == 0, "what the budget has no room for waits, and is not asked for at the full price"
        counts = await desk.backfill(BackfillOptions(batch=True, budget_tokens=10**7))
        assert (counts.state, counts.deferred, direct(desk)) == ("done", 0, 0)
        asked = [call.body for call in desk.claude.batches.calls]
        assert len(asked) == len({str(body) for body in asked}), "a finished text was paid for again"


async def test_another_process_goes_on_with_what_is_on_its_way(settings: Settings, tmp_path: Path) -> None:
    async with outside(some_tickets(tmp_path / "seed", TICKETS)) as out:
        out.claude.batches.held = True
        async with inside(settings, out, **CLAUDE) as first:
            await first.progress.want(BATCH)
            await wait_until(lambda: _handed_over(first))
        out.claude.batches.held = False
        async with inside(settings, out, **CLAUDE) as second:
            counts = await second.ended()
            assert (counts.state, len(out.claude.batches.made), direct(second)) == ("done", 1, 0)
            assert (await second.canvas(1)).provenance.calls[0].batch


async def test_a_cancelled_backfill_cancels_its_batches(settings: Settings, tmp_path: Path) -> None:
    async with small_desk(settings, tmp_path, CLAUDE) as desk:
        desk.claude.batches.held = True
        await desk.progress.want(BATCH)
        await wait_until(lambda: _handed_over(desk))
        await desk.progress.steer("cancel")
        assert (await desk.ended()).state == "cancelled"
        assert desk.claude.batches.made[0].state == "cancelled"
        assert await DeferredTexts(desk.worker.redis.state, ACME).counts() == (0, 0, 0)
        # Nothing counts as done that has only an extractive text.
        desk.claude.batches.held = False
        assert (await desk.backfill(BackfillOptions())).computed == TICKETS


async def _current(desk: Desk, ticket_id: int) -> bool:
    return not await desk.worker.ledger.is_due(ACME, ticket_id)


async def _handed_over(desk: Desk) -> bool:
    waiting, sent, batches = await DeferredTexts(desk.worker.redis.state, ACME).counts()
    return sent == TICKETS and batches == 1 and not waiting
