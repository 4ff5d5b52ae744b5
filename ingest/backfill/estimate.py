"""What a backfill would take, before it begins: tickets, calls, minutes, tokens and money, and how sure that is.

Tickets are counted by the list's pages; of a random sample the real prompts are built and counted. No model is asked.
How long answers are is learnt from texts that were written before; where there are none, from what the writer without a
model makes of the sample.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingest.backfill.history import History, history_of
from ingest.backfill.listing import MOST_UNLISTED
from ingest.backfill.no_tickets import NoTickets
from ingest.backfill.prompting import Ground, drafted, neighbour_of, prompts_of
from ingest.backfill.reckoning import Estimate, Sampled, reckon
from ingest.backfill.sampling import Sampler
from ingest.context import ReceiverContext
from ingest.freshdesk.budget import Tally
from ingest.freshdesk.client import FreshdeskClient
from ingest.jobs.articles import EVERYBODY, PART_CHARACTERS, split
from ingest.recipe import recipe_of
from ingest.router.models import Models, TaskName
from ingest.stages import clean
from ingest.text.clean import clean_message, detect_language
from ingest.thread import Thread
from ingest.writers.llm import LlmWriter
from ingest.writers.protocol import Article
from shared import keys
from shared.backfill import BackfillOptions
from shared.canvas_store import CanvasStore
from shared.errors import TOMBSTONES
from shared.tenants import Tenant

SAMPLE = 100
"""Tickets: their mean prompt is then known to some 5 %."""
DRAFTED = 25
"""Tickets whose texts are written without a model, to see how long they become."""
AT_ONCE = 4
ARTICLES_READ = 30
TASKS: tuple[TaskName, ...] = ("summary", "reply")


@dataclass(frozen=True)
class Asked:
    """Where an estimate looks. `embedder` is the embedding model's name, `store` as `ingest.recipe` has it.

    `tally` counts the calls of `freshdesk`.
    """

    context: ReceiverContext
    tenant: Tenant
    models: Models
    embedder: str
    freshdesk: FreshdeskClient
    tally: Tally
    store: str = ""


@dataclass(frozen=True)
class _Wanted:
    """Tickets that would be read, those among them that are current, and rows to draw the sample from."""

    tickets: int
    texts: int
    """Of these so many whose texts would be written, too."""
    current: int
    pages: int
    rows: list[tuple[int, str | None]]
    """Ids, and the requesters' names."""
    seen: list[int]
    unlisted: int = 0
    """Ids that are tried because no list shows them."""


async def estimate(asked: Asked, options: BackfillOptions, sample: int = SAMPLE, seed: int = 0) -> Estimate:
    """Estimate a backfill; it makes about `sample` calls to Freshdesk, and 12 more for every 30,000 tickets.

    Raises:
        CanvasError: Freshdesk refuses, or is away.
    """
    wanted = await _wanted(asked, options, seed)
    recipe = recipe_of(asked.models, asked.embedder, asked.tenant.settings, asked.store)
    canvases = CanvasStore(asked.context.redis.cache)
    written = await history_of(canvases, asked.tenant, asked.freshdesk, wanted.seen, recipe.summary)
    before = replace(asked.tally)
    threads = await _threads(asked, wanted.rows[:sample])
    spent = Tally(asked.tally.calls - before.calls, asked.tally.credits - before.credits)
    before = replace(asked.tally)
    articles = await _articles(asked, options)
    listing = Tally(asked.tally.calls - before.calls, asked.tally.credits - before.credits)
    host, chosen = asked.tenant.host, asked.tenant.settings
    ground = Ground([found for thread in threads if (found := neighbour_of(host, thread)).reply], articles)
    written.output |= await _drafted(asked, threads[:DRAFTED], ground, written)
    counted = [
        await asyncio.to_thread(prompts_of, thread, chosen, ground, place, written.output["summary"])
        for place, thread in enumerate(threads)
    ]
    sampled = Sampled(
        counted=counted,
        spent=spent,
        listing=listing if "solutions" in options.data_types else Tally(),
        tickets=wanted.tickets,
        texts=wanted.texts,
        current=wanted.current,
        pages=wanted.pages,
        unlisted=wanted.unlisted,
        limit=await _limit(asked),
        embedder=asked.embedder,
    )
    preferred: dict[TaskName, LlmWriter] = {
        task: able[0] for task in TASKS if (able := asked.models.of(task, chosen.models.get(task, ())))
    }
    return reckon(sampled, preferred, written, batch=options.batch)


async def _limit(asked: Asked) -> int:
    """The account's credits a minute, 0 where it has no limit or none is known."""
    found = await asked.context.redis.state.hget(keys.calls(asked.tenant.host), "total")  # type: ignore[misc]
    return max(0, int(float(found or 0)))


async def _wanted(asked: Asked, options: BackfillOptions, seed: int) -> _Wanted:
    chance, host = random.Random(seed), asked.tenant.host  # noqa: S311 - chooses a sample
    if "tickets" not in options.data_types:
        return _Wanted(0, 0, 0, 0, [], [])
    if options.ids:
        ids = sorted(set(options.ids))
        chosen = chance.sample(ids, len(ids))
        stored = await asked.context.ledger.committed(host, ids)
        return _Wanted(len(ids), len(ids), 0, 0, [(ticket_id, None) for ticket_id in chosen], sorted(stored))
    sampler = Sampler(asked.freshdesk, options.until)
    stretches = await sampler.stretches(options.since)
    rows = await sampler.sample(stretches, seed)
    listed = sum(stretch.tickets for stretch in stretches)
    share = listed / len(rows) if rows else 0.0
    highest = await asked.freshdesk.highest_id() if options.archived else 0
    known = await NoTickets(asked.context.redis.state, host, archived=True).count(highest)
    wanted = [row for row in rows if not options.statuses or row.status in options.statuses]
    stored = await asked.context.ledger.committed(host, [row.id for row in rows])
    recipe = recipe_of(asked.models, asked.embedder, asked.tenant.settings, asked.store).canvas
    outdated = [row for row in wanted if stored.get(row.id) != (row.revision_ms, recipe)]
    read = wanted if options.reindex or options.refresh_summaries else outdated
    written = wanted if options.refresh_summaries else outdated
    return _Wanted(
        tickets=round(len(read) * share),
        texts=round(len(written) * share),
        current=round((len(wanted) - len(read)) * share),
        pages=sum(stretch.pages for stretch in stretches),
        rows=[(row.id, row.requester.name if row.requester else None) for row in chance.sample(written, len(written))],
        seen=sorted(stored),
        unlisted=min(MOST_UNLISTED, max(0, highest - listed - known)),
    )


async def _threads(asked: Asked, rows: Sequence[tuple[int, str | None]]) -> list[Thread]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(ticket_id: int, requester: str | None) -> Thread | None:
        try:
            async with slots:
                ticket = await asked.freshdesk.ticket(ticket_id, requester)
        except tuple(TOMBSTONES.values()):
            return None
        return await asyncio.to_thread(clean.clean_for, asked.tenant, ticket)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(*row)) for row in rows]
    return [thread for task in tasks if (thread := task.result()) is not None]


async def _drafted(asked: Asked, threads: Sequence[Thread], ground: Ground, written: History) -> dict[str, float]:
    """Mean tokens of answers that nobody has measured, by what these tickets give to say."""
    outputs: dict[str, list[int]] = {}
    for place, thread in enumerate(threads):
        found = await asyncio.to_thread(drafted, thread, asked.tenant.settings, ground, place)
        for task in found.keys() - written.known:
            outputs.setdefault(task, []).append(found[task])
    return {task: sum(tokens) / len(tokens) for task, tokens in outputs.items()}


async def _articles(asked: Asked, options: BackfillOptions) -> list[Article]:
    """Passages of the first articles that customers may read, if any will be indexed."""
    state, host = asked.context.redis.state, asked.tenant.host
    if "solutions" not in options.data_types and not await state.exists(keys.articles(host)):
        return []
    found: list[Article] = []
    async for article, visibility in asked.freshdesk.articles():
        if visibility == EVERYBODY:
            found.append(await asyncio.to_thread(_passage, asked.tenant.host, article))
        if len(found) >= ARTICLES_READ:
            break
    return found


def _passage(host: str, article: dict[str, Any]) -> Article:
    body, title = clean_message(article.get("description") or ""), str(article["title"])
    return Article(
        article_id=int(article["id"]),
        title=title,
        language=detect_language(f"{title}\n{body}"),
        snippet=split(body, PART_CHARACTERS)[0],
        url=f"https://{host}/support/solutions/articles/{article['id']}",
        public=True,
    )
