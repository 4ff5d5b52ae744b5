"""One run of one ticket: fetch ▸ clean ▸ embed ▸ similar ▸ recommend, with summarize beside them from `clean` on.

Each stage tells the run's log when it ends. A stage that fails leaves its part of the Canvas empty and names itself in
`provenance`; only a failed fetch ends the run, since without the ticket there is nothing to say. Vectors, summary and
replies whose content did not change are used again (`ingest.content`); similar tickets and articles are always found
anew.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import structlog

from ingest.content import Kept, content_of, kept_parts
from ingest.context import WorkerContext
from ingest.freshdesk.limits import Priority
from ingest.prepared import Prepared, take_prepared
from ingest.router.generation import Order, totals
from ingest.stages import clean, embed, fetch, recommend, similar, summarize
from ingest.stages.embed import Embedded
from ingest.stages.writing import Draft
from ingest.stopwatch import Stopwatch
from ingest.thread import Thread
from ingest.vectors.protocol import TicketPayload
from shared.due import Claim
from shared.errors import TOMBSTONES, CanvasError, StageFailed
from shared.logs import failure
from shared.models import Canvas, CanvasStatus, Provenance, Reply, Summary
from shared.reconcile_state import is_unlisted
from shared.run_log import Event, LeaseLost
from shared.tasks import first_cause
from shared.tenants import Tenant

log = structlog.get_logger()


@dataclass
class Run:
    """What a run has produced so far; `emit` appends to its log."""

    context: WorkerContext
    tenant: Tenant
    claim: Claim
    watch: Stopwatch = field(default_factory=Stopwatch)
    drafts: list[Draft[Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    reused: set[str] = field(default_factory=set)
    kept: Kept = field(default_factory=Kept)

    @property
    def order(self) -> Order:
        """On whose behalf texts are written, and how urgently."""
        chosen = self.tenant.settings
        return Order(
            host=self.tenant.host,
            priority="interactive" if self.claim.viewed else "backfill" if self.claim.listed else "live",
            models=chosen.models,
            daily_tokens=chosen.daily_token_budget,
        )

    @property
    def recipe(self) -> str:
        """What makes this tenant's texts: the installation's recipe, and the models and language that it has chosen."""
        chosen, language = self.tenant.settings.models, self.tenant.settings.language
        models = [f"{task}={','.join(chosen[task])}" for task in sorted(chosen)]
        return "|".join([self.context.recipe, *models, *([f"language={language}"] if language else [])])

    def language(self, thread: Thread) -> str:
        """The language to write in: the tenant's choice, else the ticket's own."""
        return self.tenant.settings.language or thread.language

    @cached_property
    def since_ms(self) -> int | None:
        """When similar tickets may have been created at the earliest; the same moment for the whole run."""
        return similar.reach(self.tenant.settings.similar_days, datetime.now(UTC))

    async def emit(self, event: Event, data: Any) -> None:
        """Append one event to the run's log."""
        await self.context.run_log.append(self.claim, [(event, data)])

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[None]:
        """Time a stage, report it, and swallow its failure: the stages after it see an empty part.

        A ticket that is gone or can't be fetched is no stage's failure and ends the run.
        """
        try:
            with self.watch.stage(name):
                yield
        except StageFailed as error:
            await self._failed(name, error.kind)
        except CanvasError as error:
            self.context.outcomes[name] = "" if error.code in TOMBSTONES else error.code
            raise
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001
            # An edge: a bug in one stage must not cost the agent the work of the others.
            log.error("bug in a stage", stage=name, **failure(error))  # noqa: TRY400
            await self._failed(name, "internal")
        else:
            self.context.outcomes[name] = ""
            report = self.watch.reuse(name) if name in self.reused else self.watch.reports[-1]
            await self.emit(Event.STAGE, report)

    async def _failed(self, name: str, kind: str) -> None:
        self.failures.append(kind)
        self.failed.add(name)
        self.context.outcomes[name] = kind
        log.warning("stage failed", host=self.claim.host, ticket=self.claim.ticket_id, stage=name, kind=kind)
        await self.emit(Event.STAGE, self.watch.fail(name, kind))


@dataclass(frozen=True)
class RunResult:
    """A Canvas, not stored yet, and the kinds in which stages or preferred writers have failed on the way.

    `summary_of` and `replies_of` are the digest of what these parts were made of, b"" where they are to be made again.
    `ticket` and `embedded` are what others find of the ticket (None where that failed); `searched` is False where it
    could not look for others itself; `unlisted` says that others shall not find it any more; `since_ms` as in `Run`.
    """

    canvas: Canvas
    failures: frozenset[str]
    summary_of: bytes
    replies_of: bytes
    listed_before: tuple[int, ...]
    ticket: TicketPayload
    embedded: Embedded | None
    searched: bool
    unlisted: bool = False
    since_ms: int | None = None


class Solved(NamedTuple):
    """What the stages beside the summary have made."""

    embedded: Embedded | None
    found: similar.Found
    replies: list[Reply]


async def run_ticket(context: WorkerContext, tenant: Tenant, claim: Claim) -> RunResult:
    """Execute the stages for a claimed ticket.

    Raises:
        CanvasError: the ticket is gone or can't be fetched.
        LeaseLost: another worker has taken the ticket over.
    """
    run = Run(context, tenant, claim)
    await run.emit(Event.RESET if claim.resumed else Event.STARTED, {"attempt": claim.attempt})
    prepared: Prepared | None = None
    if claim.listed:
        prepared = await take_prepared(context.redis.state, claim.host, claim.ticket_id, claim.generation)
    if prepared:
        run.watch.reports += prepared.stages
    thread = prepared.thread if prepared else await _read(run)
    if await is_unlisted(context.redis.state, claim.host, claim.ticket_id, thread.revision):
        thread = msgspec.structs.replace(thread, unlisted=True)
    content = content_of(thread, run.recipe)
    run.kept = await kept_parts(context.canvases, claim.host, claim.ticket_id, content)
    try:
        async with asyncio.TaskGroup() as tasks:
            summarizing = tasks.create_task(_summarize(run, thread))
            solving = tasks.create_task(_find_and_recommend(run, thread, prepared.embedded if prepared else None))
    except ExceptionGroup as group:
        raise first_cause(group) from group
    solved = solving.result()
    return _result(run, thread, content, _canvas(run, thread, summarizing.result(), solved), solved)


def _result(run: Run, thread: Thread, content: bytes, canvas: Canvas, solved: Solved) -> RunResult:
    # Not what a writer made that only stands in for another, nor replies that were written without their sources.
    lasting = {draft.task for draft in run.drafts if not draft.failures}
    sources_known = run.failed.isdisjoint({embed.NAME, similar.NAME}) or run.kept.replies is not None
    written = [kind for draft in run.drafts for kind in draft.failures]
    return RunResult(
        canvas=canvas,
        failures=frozenset([*run.failures, *written]),
        summary_of=content if "summary" in lasting else b"",
        replies_of=content if "replies" in lasting and sources_known else b"",
        listed_before=run.kept.listed,
        ticket=embed.described(run.claim.host, thread),
        embedded=solved.embedded,
        searched=similar.NAME not in run.failed,
        unlisted=thread.unlisted,
        since_ms=run.since_ms,
    )


def _priority(claim: Claim) -> Priority:
    if claim.viewed:
        return Priority.INTERACTIVE
    return Priority.BACKFILL if claim.listed else Priority.LIVE


async def _read(run: Run) -> Thread:
    ticket: dict[str, Any] = {}
    thread: Thread | None = None
    async with run.stage(fetch.NAME):
        freshdesk = run.context.freshdesk(run.tenant, _priority(run.claim))
        ticket = await fetch.fetch(freshdesk, run.claim.ticket_id)
    async with run.stage(clean.NAME):
        # A long thread is tens of milliseconds of parsing: not on the loop that streams to others.
        thread = await asyncio.to_thread(clean.clean_for, run.tenant, ticket)
    if thread is None:
        raise StageFailed("The ticket could not be read", kind="internal")
    return thread


async def _summarize(run: Run, thread: Thread) -> Summary | None:
    summary: Summary | None = None
    async with run.stage(summarize.NAME):
        draft = run.kept.summary
        if draft is None:
            draft = await summarize.summarize(run.context.router, run.order, thread, run.language(thread), run.emit)
        else:
            run.reused.add(summarize.NAME)
        run.drafts.append(draft)
        summary = draft.value
        await run.emit(Event.SUMMARY, summary)
    return summary


async def _find_and_recommend(run: Run, thread: Thread, embedded: Embedded | None) -> Solved:
    found = similar.Found([], [])
    if embedded is None:
        embedded = await _embed(run, thread)
    async with run.stage(similar.NAME):
        if embedded is not None:
            vectors, floor, ticket_id = run.context.vectors, run.context.embedder.floor, thread.ticket_id
            found = await similar.find_similar(run.claim.host, ticket_id, embedded, vectors, floor, run.since_ms)
    await run.emit(Event.SIMILAR, found.similar_tickets())
    await run.emit(Event.SOLUTIONS, found.solutions())
    return Solved(embedded, found, await _recommend(run, thread, found))


async def _embed(run: Run, thread: Thread) -> Embedded | None:
    embedded: Embedded | None = None
    async with run.stage(embed.NAME):
        context = run.context
        embedded, reused = await embed.place(run.claim.host, thread, context.embedder, context.vectors)
        if reused:
            run.reused.add(embed.NAME)
    return embedded


async def _recommend(run: Run, thread: Thread, found: similar.Found) -> list[Reply]:
    replies: list[Reply] = []
    async with run.stage(recommend.NAME):
        draft = run.kept.replies
        if draft is None:
            router = run.context.router
            draft = await recommend.recommend(router, run.order, thread, found, run.language(thread), run.emit)
        else:
            run.reused.add(recommend.NAME)
        run.drafts.append(draft)
        replies = draft.value
        await run.emit(Event.REPLIES, replies)
    return replies


def _canvas(run: Run, thread: Thread, summary: Summary | None, solved: Solved) -> Canvas:
    degraded = any(draft.failures for draft in run.drafts)
    status: CanvasStatus = "partial" if run.failures else "degraded" if degraded else "ready"
    calls = [call for draft in run.drafts for call in draft.calls]
    tokens, cost = totals(calls)
    return Canvas(
        ticket_id=thread.ticket_id,
        revision=thread.revision,
        status=status,
        language=run.language(thread),
        generated_at=datetime.now(UTC),
        summary=summary,
        similar_tickets=solved.found.similar_tickets(),
        solutions=solved.found.solutions(),
        replies=solved.replies,
        provenance=Provenance(
            models={draft.task: draft.model for draft in run.drafts} | {"embedding": run.context.embedder.name},
            tokens=tokens,
            cost=cost,
            stages=run.watch.reports,
            calls=calls,
        ),
    )
