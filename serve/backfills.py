"""`/ingest`: bring a tenant's existing tickets and articles in, and watch how it goes. For admins alone.

One backfill of a tenant goes on at a time: who asks for another one joins it.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from serve.access import admitted
from serve.bodies import BODY_ERRORS
from serve.caller import Caller
from serve.context import ServeContext
from serve.sse import sse_response
from shared.asked import check_span
from shared.backfill import BackfillCounts, BackfillProgress, BackfillWanted, DataType
from shared.errors import (
    BackfillMissing,
    BadInput,
    Forbidden,
    FreshdeskUnavailable,
    RateLimited,
    StageFailed,
    StoreUnavailable,
    TooManyStreams,
    Unauthorized,
)
from shared.problems import documented, store_answers
from shared.run_log import Entry, Event

LOOK_EVERY_S = 0.5
HEARTBEAT_S = 15.0
PROGRESS = "progress"
ENDED = frozenset({"done", "failed"})
NO_STORE = {"Cache-Control": "no-store"}


class DateRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of tickets those that changed at `since` or later and before `until`; without one of them, without bound."""

    since: datetime | None = None
    until: datetime | None = None


class Ingest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to bring in."""

    data_types: Annotated[list[DataType], Meta(min_length=1, max_length=2)] = msgspec.field(
        default_factory=lambda: ["tickets", "solutions"]
    )
    date_range: DateRange = DateRange()


class IngestProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backfill is; `working` says whether a worker is at it now, the rest is as `canvas backfill` shows it."""

    id: str
    state: str
    working: bool
    error: str
    articles: int
    current: int
    tickets: int
    prepared: int
    unprepared: int
    computed: int
    waiting: int
    dead: int


@post(
    "/ingest",
    status_code=202,
    exception_handlers=BODY_ERRORS,
    responses={
        202: ResponseSpec(IngestProgress, generate_examples=False, description="Started, or joined: see `Location`")
    }
    | documented(BadInput, Unauthorized, Forbidden, RateLimited, StoreUnavailable, FreshdeskUnavailable),
)
async def ingest(request: Request[Any, Any, State], data: JSONBody[Ingest]) -> Response[IngestProgress]:
    """Start a backfill, or join the one that goes on."""
    context, caller = await _admin(request)
    check_span(data.date_range.since, data.date_range.until)
    types = list(dict.fromkeys(data.data_types))
    wanted = BackfillWanted(data_types=types, since=data.date_range.since, until=data.date_range.until)
    progress = BackfillProgress(context.redis.state, caller.host)
    async with store_answers():
        backfill_id, new = await progress.want(wanted)
        if new:
            await context.queue.backfill(caller.host, backfill_id)
        found = await _progress(progress, backfill_id)
    headers = {**NO_STORE, "Location": f"/ingest/{backfill_id}"}
    return Response(found, status_code=202, headers=headers)


@get(
    "/ingest/{backfill_id:str}",
    responses={200: ResponseSpec(IngestProgress, generate_examples=False, description="How it goes, or a stream")}
    | documented(
        Unauthorized,
        Forbidden,
        BackfillMissing,
        RateLimited,
        TooManyStreams,
        StoreUnavailable,
        FreshdeskUnavailable,
    ),
)
async def ingest_progress(
    request: Request[Any, Any, State],
    backfill_id: Annotated[str, PathParameter(description="As `Location` of `POST /ingest` has named it")],
) -> Response[Any]:
    """How a backfill goes: once, or with `Accept: text/event-stream` as `progress` events up to `done` or `error`."""
    context, caller = await _admin(request)
    progress = BackfillProgress(context.redis.state, caller.host)
    async with store_answers():
        found = await _progress(progress, backfill_id)
    if "text/event-stream" not in request.headers.get("accept", "").lower():
        return Response(found, headers=NO_STORE)
    held = context.limits.stream(caller)
    await held.__aenter__()  # left by the response, when the stream has ended
    return sse_response(_changes(progress, backfill_id), held=held)


async def _admin(request: Request[Any, Any, State]) -> tuple[ServeContext, Caller]:
    caller = await admitted(request)
    context: ServeContext = request.app.state.context
    await context.credentials.require_admin(caller)
    return context, caller


async def _progress(progress: BackfillProgress, backfill_id: str) -> IngestProgress:
    """How the backfill of that id goes.

    Raises:
        BackfillMissing: the tenant has none of that id (any more).
    """
    counts: BackfillCounts = await progress.read()
    if not counts.id or counts.id != backfill_id:
        raise BackfillMissing
    working = await progress.alive() and counts.state not in ENDED
    return IngestProgress(**msgspec.structs.asdict(counts), working=working)


async def _changes(progress: BackfillProgress, backfill_id: str) -> AsyncGenerator[list[Entry]]:
    """Batches of a stream: the progress whenever it has changed; an empty one is a heartbeat."""
    told, silent_s = b"", 0.0
    while True:
        async with store_answers():
            found = await _progress(progress, backfill_id)
        data = msgspec.json.encode(found)
        if found.state == "done":
            yield [Entry("", PROGRESS, data), Entry("", Event.DONE, data)]
            return
        if found.state == "failed":
            failed = StageFailed(f"The backfill stopped ({found.error}): start it again to go on", kind=found.error)
            yield [Entry("", PROGRESS, data), Entry("", Event.ERROR, msgspec.json.encode(failed.problem()))]
            return
        if data != told:
            told, silent_s = data, 0.0
            yield [Entry("", PROGRESS, data)]
        elif silent_s >= HEARTBEAT_S:
            silent_s = 0.0
            yield []
        await asyncio.sleep(LOOK_EVERY_S)
        silent_s += LOOK_EVERY_S
