"""One run of one ticket: fetch ▸ clean ▸ embed ▸ similar ▸ recommend, with summarize beside them from `clean` on.

Each stage tells the run's log when it ends. A stage that fails leaves its part of the Canvas empty and names itself in
`provenance`; only a failed fetch ends the run, since without the ticket there is nothing to say. Vectors, summary and
replies whose content did not change are used again (`ingest.content`); similar tickets and articles are always found
anew.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from ingest import finished, incidents
from ingest.content import Contents, Kept, brief_of, contents_of, kept_parts
from ingest.context import WorkerContext
from ingest.freshdesk.limits import Priority
from ingest.prepared import Prepared, take_prepared
from ingest.router.deferral import Deferral
from ingest.router.generation import totals
from ingest.run import Run
from ingest.stages import clean, embed, fetch, recommend, similar, summarize
from ingest.stages.embed import Embedded
from ingest.thread import Thread
from ingest.vectors.protocol import TicketPayload, VectorStore
from ingest.writers.protocol import Brief
from ingest.writers.versions import version_of
from shared.assignments import Assignment, Assignments
from shared.due import Claim
from shared.errors import StageFailed
from shared.models import Canvas, CanvasStatus, Freshness, Incident, Provenance, Summary
from shared.reconcile_state import is_unlisted
from shared.run_log import Event
from shared.tasks import first_cause
from shared.tenants import Tenant
from shared.tracing import traceparent


@dataclass(frozen=True)
class RunResult:
    """A Canvas, not stored yet, and the kinds in which stages or preferred writers have failed on the way.

    `recipe` names what made it; `summary_of` and `replies_of` are the digests of what these parts were made of, b""
    where they are to be made again; `covers` and `updates` are how many messages the summary has read, and how often it
    was brought up to date. `ticket` and `embedded` are what others find of the ticket (None where that failed);
    `searched` is False where it could not look for others itself; `before` is the Canvas that was stored until now,
    `thread` what was read; `unlisted` says that others shall not find it any more. `since_ms` and `read_at`: see `Run`.
    `deferred` says that texts come later, by a provider's batch.
    """

    canvas: Canvas
    failures: frozenset[str]
    recipe: str
    summary_of: bytes
    replies_of: bytes
    covers: int
    updates: int
    listed_before: tuple[int, ...]
    ticket: TicketPayload
    embedded: Embedded | None
    searched: bool
    thread: Thread
    before: Canvas | None
    unlisted: bool = False
    since_ms: int | None = None
    read_at: datetime | None = None
    deferred: bool = False


class Solved(NamedTuple):
    """What the stages beside the summary have made."""

    embedded: Embedded | None
    found: similar.Found
    incident: Incident | None
    recommended: recommend.Recommended


async def run_ticket(context: WorkerContext, tenant: Tenant, claim: Claim) -> RunResult:
    """Execute the stages for a claimed ticket.

    Raises:
        CanvasError: the ticket is gone or can't be fetched.
        LeaseLost: another worker has taken the ticket over.
    """
    run = Run(context, tenant, claim)
    # Who follows the run's events finds the way to its spans, where there are any.
    started = {"ticket_id": claim.ticket_id, "attempt": claim.attempt}
    trace = {"trace": found} if (found := traceparent()) else {}
    await run.emit(Event.RESET if claim.resumed else Event.STARTED, started | trace)
    prepared: Prepared | None = None
    if claim.listed:
        prepared = await take_prepared(context.redis.state, claim.host, claim.ticket_id, claim.generation)
    if prepared:
        run.watch.reports += prepared.stages
        await _assign(run, prepared.thread.group_id, prepared.thread.responder_id)
    thread = prepared.thread if prepared else await _read(run)
    if await is_unlisted(context.redis.state, claim.host, claim.ticket_id, thread.revision):
        thread = msgspec.structs.replace(thread, unlisted=True)
    contents = contents_of(thread, run.recipe)
    await _look_back(run, thread, contents, refresh=prepared is not None and prepared.refresh)
    if prepared and prepared.batch and not claim.viewed:
        run.deferral = Deferral()
    brief = await asyncio.to_thread(brief_of, thread, run.kept, run.voice)
    try:
        async with asyncio.TaskGroup() as tasks:
            summarizing = tasks.create_task(_summarize(run, brief, contents))
            embedded = prepared.embedded if prepared else None
            solving = tasks.create_task(_find_and_recommend(run, brief, contents, embedded))
    except ExceptionGroup as group:
        raise first_cause(group) from group
    solved = solving.result()
    deferred = await run.put_aside(thread, contents)
    canvas = _canvas(run, thread, summarizing.result(), solved)
    return replace(_result(run, brief, contents, canvas, solved), deferred=deferred)


async def _look_back(run: Run, thread: Thread, contents: Contents, *, refresh: bool) -> None:
    """Find what earlier runs have left: parts of the Canvas that hold, and texts of a run that was killed."""
    context, claim = run.context, run.claim
    run.kept = await kept_parts(context.canvases, claim.host, thread, run.recipe, contents)
    if refresh:
        run.kept = Kept(listed=run.kept.listed, canvas=run.kept.canvas)
    if claim.resumed or claim.listed:
        run.finished = await finished.finished(context.redis.state, claim.host, claim.ticket_id, contents)


def _result(run: Run, brief: Brief, contents: Contents, canvas: Canvas, solved: Solved) -> RunResult:
    # Not what a writer made that only stands in for another, nor replies that were written without their sources.
    lasting = {draft.task for draft in run.drafts if not draft.failures}
    sources_known = run.failed.isdisjoint({embed.NAME, similar.NAME}) or run.kept.replies is not None
    # Who had no ground may find some with the next look; until then nobody is asked.
    sources_known = sources_known and (
        solved.recommended.why_none != "no_ground" or solved.recommended.draft.model != ""
    )
    written = [kind for draft in run.drafts for kind in draft.failures]
    return RunResult(
        canvas=canvas,
        failures=frozenset([*run.failures, *written]),
        recipe=run.recipe.canvas,
        summary_of=contents.summary if "summary" in lasting else b"",
        replies_of=contents.replies if "replies" in lasting and sources_known else b"",
        updates=run.kept.updates if summarize.NAME in run.reused else run.kept.updates + 1 if brief.earlier else 0,
        covers=len(brief.messages),
        listed_before=run.kept.listed,
        ticket=embed.described(run.claim.host, brief),
        embedded=solved.embedded,
        searched=similar.NAME not in run.failed,
        thread=brief,
        before=run.kept.canvas,
        unlisted=brief.unlisted,
        since_ms=run.since_ms,
        read_at=run.read_at,
    )


def _priority(claim: Claim) -> Priority:
    if claim.viewed:
        return Priority.INTERACTIVE
    return Priority.BACKFILL if claim.listed else Priority.LIVE


async def _read(run: Run) -> Thread:
    ticket: dict[str, Any] = {}
    thread: Thread | None = None
    run.read_at = datetime.now(UTC)
    async with run.stage(fetch.NAME):
        freshdesk = run.context.freshdesk(run.tenant, _priority(run.claim))
        ticket = await fetch.fetch(freshdesk, run.claim.ticket_id)
        await _assign(run, ticket.get("group_id"), ticket.get("responder_id"))
    async with run.stage(clean.NAME):
        # A long thread is tens of milliseconds of parsing: not on the loop that streams to others.
        thread = await asyncio.to_thread(clean.clean_for, run.tenant, ticket)
    if thread is None:
        raise StageFailed("The ticket could not be read", kind="internal")
    return thread


async def _assign(run: Run, group_id: int | None, responder_id: int | None) -> None:
    """Before the first event that tells of the ticket: whoever follows it must know whether it may."""
    assignment = Assignment(group_id or 0, responder_id or 0)
    await Assignments(run.context.redis.state).put(run.claim.host, run.claim.ticket_id, assignment)


async def _summarize(run: Run, thread: Brief, contents: Contents) -> Summary | None:
    summary: Summary | None = None
    async with run.stage(summarize.NAME):
        draft = run.kept.summary
        if draft is None and run.finished.summary is not None:
            draft = run.finished.summary
        elif draft is None:
            parts = run.context.canvases.parts(run.claim.host, thread.ticket_id)
            language, router = run.language(thread), run.context.router
            draft = await summarize.summarize(router, run.order, thread, language, run.emit, parts)
            await finished.keep_summary(run.context.redis.state, run.claim.host, thread.ticket_id, contents, draft)
        else:
            run.reused.add(summarize.NAME)
        run.drafts.append(draft)
        summary = draft.value
        await run.emit(Event.SUMMARY, summary)
    return summary


async def _find_and_recommend(run: Run, thread: Thread, contents: Contents, embedded: Embedded | None) -> Solved:
    found = similar.Found([], [])
    incident = run.kept.canvas.incident if run.kept.canvas else None
    if embedded is None:
        embedded = await _embed(run, thread)
    async with run.stage(similar.NAME):
        if embedded is not None:
            vectors, floor, ticket_id = run.context.vectors, run.context.embedder.floor, thread.ticket_id
            found = await similar.find_similar(run.claim.host, ticket_id, embedded, vectors, floor, run.since_ms)
            now = await incidents.look(vectors, floor, run.claim.host, ticket_id, thread.created_at, embedded)
            incident = incidents.merged(incident, now, ticket_id)
            await _drop_hidden_replies(run, embedded, vectors)
    await run.emit(Event.SIMILAR, found.similar_tickets())
    await run.emit(Event.SOLUTIONS, found.solutions())
    return Solved(embedded, found, incident, await _recommend(run, thread, contents, found))


async def _drop_hidden_replies(run: Run, embedded: Embedded, vectors: VectorStore) -> None:
    """Kept replies hold only while customers may read the articles that they rest on."""
    replies = run.kept.replies
    sources = [source for reply in replies.value for source in reply.sources] if replies else []
    if not await similar.all_public(run.claim.host, sources, embedded.dense, vectors):
        run.kept = run.kept._replace(replies=None)


async def _embed(run: Run, thread: Thread) -> Embedded | None:
    embedded: Embedded | None = None
    async with run.stage(embed.NAME):
        context = run.context
        embedded, reused = await embed.place(run.claim.host, thread, context.embedder, context.vectors)
        if reused:
            run.reused.add(embed.NAME)
    return embedded


async def _recommend(run: Run, thread: Thread, contents: Contents, found: similar.Found) -> recommend.Recommended:
    recommended = recommend.Recommended(draft=recommend.nothing())
    async with run.stage(recommend.NAME):
        if run.kept.replies is None and run.finished.replies is not None:
            recommended = run.finished.replies
        elif run.kept.replies is None:
            router = run.context.router
            recommended = await recommend.recommend(router, run.order, thread, found, run.language(thread), run.emit)
            state, host = run.context.redis.state, run.claim.host
            await finished.keep_replies(state, host, thread.ticket_id, contents, recommended)
            if recommended.why_none == "no_ground" and not run.failed.isdisjoint({embed.NAME, similar.NAME}):
                # Nobody could look for it; the stages say why.
                recommended = msgspec.structs.replace(recommended, why_none="")
        else:
            why = run.kept.canvas.no_replies if run.kept.canvas else ""
            recommended = recommend.Recommended(draft=run.kept.replies, why_none=why)
            run.reused.add(recommend.NAME)
        run.drafts.append(recommended.draft)
        await run.emit(Event.REPLIES, recommended.draft.value)
    return recommended


def _canvas(run: Run, thread: Thread, summary: Summary | None, solved: Solved) -> Canvas:
    degraded = any(draft.failures for draft in run.drafts)
    status: CanvasStatus = "partial" if run.failures else "degraded" if degraded else "ready"
    calls = [call for draft in run.drafts for call in draft.calls]
    tokens, cost = totals(calls)
    models = {draft.task: draft.model for draft in run.drafts if draft.model}
    return Canvas(
        ticket_id=thread.ticket_id,
        revision=thread.revision,
        status=status,
        language=run.language(thread),
        generated_at=datetime.now(UTC),
        summary=summary,
        similar_tickets=solved.found.similar_tickets(),
        solutions=solved.found.solutions(),
        replies=solved.recommended.draft.value,
        no_replies=solved.recommended.why_none,
        incident=solved.incident,
        freshness=Freshness(
            covers=len(thread.messages), covers_until=thread.messages[-1].created_at if thread.messages else None
        ),
        provenance=Provenance(
            models=models | {"embedding": run.context.embedder.name},
            prompts={task: version_of(task, model) for task, model in models.items()},
            tokens=tokens,
            cost=cost,
            stages=run.watch.reports,
            calls=calls,
        ),
    )
