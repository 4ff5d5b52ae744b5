"""`/ingest`: bring a tenant's existing tickets and articles in, watch how it goes, and steer it. For admins alone.

One backfill of a tenant goes on at a time: who asks for another one joins it.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, cast, get_args

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from serve.caller import Caller
from serve.context import ServeContext
from serve.routes.access import admitted
from serve.routes.bodies import BODY_ERRORS
from serve.routes.sse import sse_response
from shared.backfill import (
    STANDING_STILL,
    BackfillCounts,
    BackfillOptions,
    BackfillProgress,
    BackfillState,
    DataType,
    Order,
    check_options,
)
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
LATEST = "latest"
"""In place of an id: the backfill that was begun last, by whomever."""
NAMED = "As `Location` of `POST /ingest` has named it, or `latest`"
NO_STORE = {"Cache-Control": "no-store"}


class DateRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of tickets those that changed at `since` or later and before `until`; without one of them, without bound."""

    since: datetime | None = None
    until: datetime | None = None


class Ingest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to bring in, and how: as `canvas backfill` has it (see `shared.backfill.BackfillOptions`)."""

    data_types: Annotated[list[DataType], Meta(min_length=1, max_length=2)] = msgspec.field(
        default_factory=lambda: ["tickets", "solutions"]
    )
    date_range: DateRange = DateRange()
    statuses: Annotated[list[Annotated[int, Meta(ge=1, le=9999)]], Meta(max_length=50)] = []
    ids: Annotated[list[Annotated[int, Meta(ge=1, le=2**53)]], Meta(max_length=10_000)] = []
    reindex: bool = False
    refresh_summaries: bool = False
    budget_usd: Annotated[float, Meta(gt=0)] | None = None
    budget_tokens: Annotated[int, Meta(gt=0)] | None = None
    batch: bool = False
    archived: bool = False


class IngestProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backfill is, in the figures of `canvas backfill`; `working` says whether a worker is at it now.

    Of `tickets` that are not `current`, so many are `prepared` (read and indexed) or could not be (`unprepared`); later
    `computed`, `waiting` for another attempt, or `dead`; of those computed, `deferred` ones wait for a provider's
    batch. `canned` responses were found (-1: the key may not read them); `unreached` ids were too many to be tried.
    `calls` are its own to Freshdesk and cost `credits`; of the account's `calls_limit` a minute `calls_minute` were
    used in the last one. `per_s` tickets a second are done, `left_s` seconds are left (-1: not known). `cost` is in
    USD. `asked` is what somebody asked it to do, and it has not done yet.
    """

    id: str
    state: BackfillState
    working: bool
    error: str
    asked: str
    articles: int
    canned: int
    missing: int
    listed: int
    highest: int
    current: int
    tickets: int
    prepared: int
    unprepared: int
    computed: int
    waiting: int
    dead: int
    deferred: int
    unreached: int
    tokens: int
    cost: float
    calls: int
    credits: int
    per_s: float
    left_s: int
    calls_minute: int
    calls_limit: int
    started_ms: int
    ended_ms: int


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
    types = list(dict.fromkeys(data.data_types))
    chosen = msgspec.structs.asdict(data) | {"data_types": types}
    dates = msgspec.structs.asdict(chosen.pop("date_range"))
    options = BackfillOptions(**chosen, **dates)
    check_options(options)
    progress = BackfillProgress(context.redis.state, caller.host)
    async with store_answers():
        backfill_id, _ = await progress.want(options)
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
    backfill_id: Annotated[str, PathParameter(description=NAMED)],
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


@post(
    "/ingest/{backfill_id:str}/{order:str}",
    status_code=202,
    responses={202: ResponseSpec(IngestProgress, generate_examples=False, description="How it stands now")}
    | documented(Unauthorized, Forbidden, BackfillMissing, RateLimited, StoreUnavailable, FreshdeskUnavailable),
)
async def steer_ingest(
    request: Request[Any, Any, State],
    backfill_id: Annotated[str, PathParameter(description=NAMED)],
    order: Annotated[str, PathParameter(description="`pause`, `resume` or `cancel`")],
) -> Response[IngestProgress]:
    """Pause a backfill, let it go on, or cancel it: what is being computed ends first. Doing it twice is fine."""
    context, caller = await _admin(request)
    if order not in get_args(Order):
        raise BackfillMissing
    progress = BackfillProgress(context.redis.state, caller.host)
    async with store_answers():
        await _progress(progress, backfill_id)
        await progress.steer(cast("Order", order))
        found = await _progress(progress, backfill_id)
    return Response(found, status_code=202, headers=NO_STORE)


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
    if not counts.id or backfill_id not in {counts.id, LATEST}:
        raise BackfillMissing
    working = await progress.alive() and counts.state not in STANDING_STILL
    told = {name: getattr(counts, name) for name in IngestProgress.__struct_fields__ if name != "working"}
    return IngestProgress(**told, working=working)


async def _changes(progress: BackfillProgress, backfill_id: str) -> AsyncGenerator[list[Entry]]:
    """Batches of a stream: the progress whenever it has changed; an empty one is a heartbeat."""
    told, silent_s = b"", 0.0
    while True:
        async with store_answers():
            found = await _progress(progress, backfill_id)
        data = msgspec.json.encode(found)
        if found.state in {"done", "cancelled", "over_budget"}:
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
