"""`/runs/{run_id}`: the events of a run, from the start or from where a cut connection left off."""

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath

from serve.context import ServeContext
from serve.routes.access import admitted
from serve.routes.sse import run_stream
from shared.asked import access_of
from shared.errors import (
    BadInput,
    FreshdeskUnavailable,
    RateLimited,
    RunMissing,
    StoreUnavailable,
    TooManyStreams,
    Unauthorized,
)
from shared.problems import documented, store_answers
from shared.questions import is_asked

MAX_RUN_ID = 40


@get(
    "/runs/{run_id:str}",
    media_type="text/event-stream",
    responses=documented(
        BadInput, Unauthorized, RateLimited, TooManyStreams, RunMissing, StoreUnavailable, FreshdeskUnavailable
    ),
)
async def run_events(request: Request[Any, Any, State], run_id: FromPath[str]) -> Response[Any]:
    """Stream a run of the caller's own tenant; another tenant's does not exist for it, nor one that is not its own."""
    context: ServeContext = request.app.state.context
    caller = await admitted(request)
    if len(run_id) > MAX_RUN_ID or not run_id.replace("-", "").replace("_", "").isalnum():
        raise RunMissing
    # Asked before the first byte: after it no status can be sent any more.
    async with store_answers():
        there = await context.followers.exists(caller.host, run_id)
        if is_asked(run_id):
            access = access_of(caller.scope, caller.agent_id, caller.groups)
            there = await context.questions.belongs_to(caller.host, run_id, access) and there
    if not there:
        raise RunMissing
    return await run_stream(context, caller, run_id, after=request.headers.get("last-event-id", ""))
