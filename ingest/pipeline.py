"""One run of one ticket: fetch ▸ clean ▸ embed ▸ similar ▸ recommend, with summarize beside them from `clean` on.

Each stage tells the run's log when it ends. A stage that fails leaves its part of the Canvas empty and names itself in
`provenance`; only a failed fetch ends the run, since without the ticket there is nothing to say.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from ingest.context import WorkerContext
from ingest.prepared import Prepared, take_prepared
from ingest.stages import clean, embed, fetch, recommend, similar, summarize
from ingest.stages.writing import Draft
from ingest.stopwatch import Stopwatch
from ingest.thread import Thread
from shared.due import Claim
from shared.errors import TOMBSTONES, CanvasError, StageFailed
from shared.logs import failure
from shared.models import Canvas, CanvasStatus, Provenance, Reply, SimilarTicket, Solution, Summary
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
            await self.emit(Event.STAGE, self.watch.reports[-1])

    async def _failed(self, name: str, kind: str) -> None:
        self.failures.append(kind)
        self.context.outcomes[name] = kind
        log.warning("stage failed", host=self.claim.host, ticket=self.claim.ticket_id, stage=name, kind=kind)
        await self.emit(Event.STAGE, self.watch.fail(name, kind))


@dataclass(frozen=True)
class RunResult:
    """A Canvas, not stored yet, and the kinds in which stages or preferred writers have failed on the way."""

    canvas: Canvas
    failures: frozenset[str]


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
    try:
        async with asyncio.TaskGroup() as tasks:
            summary = tasks.create_task(_summarize(run, thread))
            rest = tasks.create_task(_find_and_recommend(run, thread, prepared.embedded if prepared else None))
    except ExceptionGroup as group:
        raise first_cause(group) from group
    canvas = _canvas(run, thread, summary.result(), *rest.result())
    written = [kind for draft in run.drafts for kind in draft.failures]
    return RunResult(canvas, frozenset([*run.failures, *written]))


async def _read(run: Run) -> Thread:
    ticket: dict[str, Any] = {}
    thread: Thread | None = None
    async with run.stage(fetch.NAME):
        ticket = await fetch.fetch(run.context.freshdesk(run.tenant), run.claim.ticket_id)
    async with run.stage(clean.NAME):
        # A long thread is tens of milliseconds of parsing: not on the loop that streams to others.
        thread = await asyncio.to_thread(clean.clean, ticket, run.tenant.statuses)
    if thread is None:
        raise StageFailed("The ticket could not be read", kind="internal")
    return thread


async def _summarize(run: Run, thread: Thread) -> Summary | None:
    summary: Summary | None = None
    async with run.stage(summarize.NAME):
        draft = await summarize.summarize(run.context.writers, thread, thread.language, run.emit)
        run.drafts.append(draft)
        summary = draft.value
        await run.emit(Event.SUMMARY, summary)
    return summary


async def _find_and_recommend(
    run: Run, thread: Thread, embedded: embed.Embedded | None
) -> tuple[list[SimilarTicket], list[Solution], list[Reply]]:
    host, vectors = run.claim.host, run.context.vectors
    found = similar.Found([], [])
    if embedded is None:
        async with run.stage(embed.NAME):
            embedded = await embed.embed(thread, run.context.embedder)
            await embed.index(host, thread, embedded, vectors)
    async with run.stage(similar.NAME):
        if embedded is not None:
            floor = run.context.embedder.floor
            found = await similar.find_similar(host, thread.ticket_id, embedded, vectors, floor)
    await run.emit(Event.SIMILAR, found.similar_tickets())
    await run.emit(Event.SOLUTIONS, found.solutions())
    replies: list[Reply] = []
    async with run.stage(recommend.NAME):
        draft = await recommend.recommend(run.context.writers, thread, found, thread.language, run.emit)
        run.drafts.append(draft)
        replies = draft.value
        await run.emit(Event.REPLIES, replies)
    return found.similar_tickets(), found.solutions(), replies


def _canvas(
    run: Run,
    thread: Thread,
    summary: Summary | None,
    tickets: list[SimilarTicket],
    solutions: list[Solution],
    replies: list[Reply],
) -> Canvas:
    degraded = any(draft.failures for draft in run.drafts)
    status: CanvasStatus = "partial" if run.failures else "degraded" if degraded else "ready"
    usages = [draft.usage for draft in run.drafts]
    return Canvas(
        ticket_id=thread.ticket_id,
        revision=thread.revision,
        status=status,
        language=thread.language,
        generated_at=datetime.now(UTC),
        summary=summary,
        similar_tickets=tickets,
        solutions=solutions,
        replies=replies,
        provenance=Provenance(
            models={draft.task: draft.model for draft in run.drafts} | {"embedding": run.context.embedder.name},
            tokens={
                "input": sum(usage.input_tokens for usage in usages),
                "cached": sum(usage.cached_tokens for usage in usages),
                "output": sum(usage.output_tokens for usage in usages),
            },
            cost=0.0 if not any(usage.output_tokens for usage in usages) else None,
            stages=run.watch.reports,
        ),
    )
