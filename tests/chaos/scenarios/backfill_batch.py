"""A backfill by batches whose workers are killed: each ticket is computed once, and no answered call is paid for again.

Both providers' look-alikes are played, one after the other: some calls of a batch fail, one batch expires before it is
through, and workers die at random moments, many of them while a batch is handed over or read.
"""

import asyncio
import json
import re
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.backfill import BackfillCounts, BackfillOptions, BackfillProgress
from shared.canvas_store import CanvasStore
from shared.models import Canvas
from tests.chaos.history import Findings
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.processes import Fleet
from tests.chaos.world import HOSTS, World, world
from tests.lookalikes import AnthropicLookalike, Fault, OpenAILookalike
from tests.lookalikes.wire import LoggedRequest
from tests.waiting import wait_until

HOST = HOSTS[0]
SUBJECT = re.compile(r"Subject: (\S[^\\\n]*)")
DIRECT = frozenset({"/v1/messages", "/v1/responses", "/v1/chat/completions"})
LEASE_S = 6.0


@dataclass(frozen=True)
class Size:
    """How many tickets, calls in a batch, and kills, for each provider; `failed` calls come to nothing."""

    tickets: int
    calls: int
    kills: int
    failed: int
    within_s: float


FULL = Size(tickets=600, calls=50, kills=10, failed=6, within_s=400)
SMALL = Size(tickets=12, calls=4, kills=1, failed=1, within_s=60)
MODELS = {"anthropic": "anthropic/claude-haiku-5-5", "openai": "openai/gpt-6-luna"}


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Play each provider in a world of its own."""
    found = [await _play(provider, size, seed, folder / provider) for provider in MODELS]
    figures = {name: value for each in found for name, value in each.figures.items()}
    examples = {name: value for each in found for name, value in each.examples.items()}
    return Outcome(figures, all(each.passed for each in found), examples)


async def _play(provider: str, size: Size, seed: int, folder: Path) -> Outcome:
    await asyncio.to_thread(folder.mkdir)
    async with AsyncExitStack() as stack:
        fake: AnthropicLookalike | OpenAILookalike
        fake = (
            await stack.enter_async_context(AnthropicLookalike())
            if provider == "anthropic"
            else (await stack.enter_async_context(OpenAILookalike()))
        )
        made = await stack.enter_async_context(world(folder, seed, hosts=HOSTS[:1]))
        workers = await stack.enter_async_context(
            made.workers(2, lambda: "batch_worker", **_environment(provider, fake.base_url, size.calls))
        )
        made.desks[HOST].state.tickets.clear()
        made.add_tickets(size.tickets, (HOST,))
        fake.script.add(*[Fault.refusal() for _ in range(size.failed)])
        fake.batches.expire_after = size.calls // 2
        progress = BackfillProgress(made.redis, HOST)
        await progress.want(BackfillOptions(data_types=["tickets"], batch=True))
        await _kill(made, workers, fake, size)
        await wait_until(lambda: _ended(progress), size.within_s)
        await made.settled(30)
        return _judged(provider, size, fake, await progress.read(), await _without_text(made, MODELS[provider]))


def _judged(
    provider: str, size: Size, fake: AnthropicLookalike | OpenAILookalike, counts: BackfillCounts, without: list[str]
) -> Outcome:
    findings, asked = Findings(), Counter(_subject(call) for call in fake.batches.calls)
    again = [subject for subject, times in asked.items() if times > 1]
    direct = sum(request.path in DIRECT for request in fake.requests)
    unanswered = len(fake.batches.calls) - sum(len(batch.outcomes) for batch in fake.batches.made)
    figures = {
        "tickets": size.tickets,
        "batches": len(fake.batches.made),
        "kills": size.kills,
        "asked_again": len(again),
        "direct": direct,
        "expired": unanswered,
        "state": counts.state,
    }
    findings.add("asked_again", again)
    findings.add("without_its_text", without)
    return outcome(
        {f"{provider}_{name}": value for name, value in figures.items()},
        findings,
        done=counts.state == "done",
        # One may wait for its next attempt when the backfill ends; by now it has its text (see `without`).
        computed=counts.settled == size.tickets and not counts.dead,
        # A text that is asked for at once when its run is killed is asked for by the next one.
        directly_only_what_failed=direct <= unanswered + size.failed + size.kills,
    )


async def _kill(made: World, workers: Fleet, fake: AnthropicLookalike | OpenAILookalike, size: Size) -> None:
    """Kill the workers as soon as the first batches come, then every other lease's time."""
    await wait_until(lambda: bool(fake.batches.made), size.within_s)
    for _ in range(size.kills):
        await asyncio.sleep(made.random.uniform(0.0, 0.5))
        workers.place(0).kill()
        workers.place(1).kill()
        await asyncio.sleep(made.random.uniform(0.2, 1.5 * LEASE_S) if size.kills > 1 else 0.0)


async def _without_text(made: World, model: str) -> list[str]:
    """Tickets whose Canvas is not ready, or not this model's."""
    stored = await CanvasStore(made.redis).read(HOST, [ticket_id for _, ticket_id in made.tickets])
    canvases = {number: msgspec.json.decode(found.stored.body, type=Canvas) for number, found in stored.items()}
    return [
        str(number)
        for _, number in made.tickets
        if number not in canvases
        or (canvases[number].status, canvases[number].provenance.models.get("summary")) != ("ready", model)
    ]


def _environment(provider: str, url: str, calls: int) -> dict[str, str]:
    name = provider.upper()
    return {
        f"{name}_API_KEY": "any",
        f"{name}_BASE_URL": url,
        "CANVAS_SUMMARY_MODELS": MODELS[provider],
        "CHAOS_BATCH_CALLS": str(calls),
    }


def _subject(call: LoggedRequest) -> str:
    found = SUBJECT.search(json.dumps(call.body, ensure_ascii=False))
    return found[1] if found else "?"


async def _ended(progress: BackfillProgress) -> bool:
    await asyncio.sleep(0.1)
    return (await progress.read()).state in {"done", "failed"}
