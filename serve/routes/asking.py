"""Ask a worker for something, and wait for it: as JSON at the end, or as the stream of its run.

Who goes away ends the run, unless somebody else follows it (`serve.streams.watching`): a stream's client may come back
for a moment, one that waits for JSON can't. What takes too long for a plain request goes on for whoever follows its
run.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.types import Receive

from serve.caller import Caller
from serve.context import ServeContext
from serve.limits.limits import Kind
from serve.routes.access import admitted
from serve.routes.sse import sse_response
from shared.asked import Access, Wanted, access_of
from shared.errors import (
    AnswerLate,
    CanvasError,
    FreshdeskLimited,
    FreshdeskRefused,
    FreshdeskUnavailable,
    RateLimited,
    RunCancelled,
    StageFailed,
    StoreUnavailable,
    Unauthorized,
)
from shared.problems import problem_of_run, problem_response, store_answers
from shared.run_log import Entry, Event
from shared.tasks import beside

LATE_GRACE_S = 15.0
"""In which whoever was told that it is late may come to follow the run."""
NO_STORE = {"Cache-Control": "no-store"}
ASKING_ERRORS: tuple[type[CanvasError], ...] = (
    Unauthorized,
    RateLimited,
    StageFailed,
    FreshdeskRefused,
    FreshdeskUnavailable,
    FreshdeskLimited,
    StoreUnavailable,
    AnswerLate,
)
"""What any route that asks may answer with, beside a body that is refused."""


class ClientGone(Exception):
    """The client has closed its connection."""


async def asker(request: Request[Any, Any, State], kind: Kind = Kind.COSTLY) -> tuple[ServeContext, Caller, Access]:
    """Who asks, within its limits, and which tickets it may see.

    Raises:
        CanvasError: as `admitted`.
    """
    caller = await admitted(request, kind)
    return request.app.state.context, caller, access_of(caller.scope, caller.agent_id, caller.groups)


async def ask(context: ServeContext, host: str, wanted: Wanted) -> str:
    """Open a run, wake a worker for it, and return the run's id.

    Raises:
        BadInput: it can't be done.
        StoreUnavailable: Redis does not answer.
    """
    async with store_answers():
        run_id = await context.questions.ask(host, wanted)
        # Where this is lost, a worker looks for what nobody has taken after two seconds.
        await context.queue.answer(host, run_id)
    return run_id


async def stream(context: ServeContext, caller: Caller, wanted: Wanted) -> Response[Any]:
    """The events of the run of what is wanted; `Location` names the run, to come back to.

    Raises:
        BadInput, StoreUnavailable: as `ask`.
        TooManyStreams: this agent or tenant has too many open.
    """
    held = context.limits.stream(caller)
    await held.__aenter__()
    try:
        run_id = await ask(context, caller.host, wanted)
    except BaseException:
        await held.__aexit__(None, None, None)
        raise
    location = f"/runs/{run_id}"
    headers = {"Canvas-Run": location, "Location": location}
    return sse_response(context.watching.follow(caller.host, run_id), headers, held)


async def wait(
    request: Request[Any, Any, State],
    context: ServeContext,
    host: str,
    run_id: str,
    event: Event,
    within_s: float | None = None,
) -> Entry | Response[Any]:
    """Wait for the `event` of a run that `ask` has opened, or for the response where there is none.

    Raises:
        RunCancelled: the client has gone, so nobody reads this.
    """
    location = f"/runs/{run_id}"
    found: Entry | None = None
    try:
        # It leaves the run to whoever comes in time, unless it turns out that nobody will.
        async with asyncio.timeout(within_s or context.answer_within_s), beside(_gone(request.receive)):
            found = await _last(context.watching.follow(host, run_id, grace_s=LATE_GRACE_S), event)
    except ClientGone:
        await context.watching.end_now(host, run_id)
        raise RunCancelled from None
    except TimeoutError:
        pass
    if found is None:
        late = problem_response(AnswerLate())
        late.headers.update({"Location": location, "Canvas-Run": location, "Retry-After": "1"})
        return late
    if found.event == Event.ERROR:
        return problem_of_run(found.data)
    return found


async def answered(
    request: Request[Any, Any, State], context: ServeContext, caller: Caller, wanted: Wanted, event: Event
) -> Response[Any]:
    """Ask, and what `wait` finds as JSON; `Canvas-Run` names the run, so that feedback can say what it is about.

    Raises:
        BadInput, StoreUnavailable: as `ask`.
        RunCancelled: as `wait`.
    """
    run_id = await ask(context, caller.host, wanted)
    found = await wait(request, context, caller.host, run_id, event)
    if isinstance(found, Response):
        return found
    headers = {**NO_STORE, "Canvas-Run": f"/runs/{run_id}"}
    return Response(found.data, media_type="application/json", headers=headers)


async def _last(batches: AsyncGenerator[list[Entry]], wanted: Event) -> Entry | None:
    """The last entry that is wanted, or the error that the run has ended with; None where the process stops."""
    found: Entry | None = None
    async with aclosing(batches):
        async for batch in batches:
            for entry in batch:
                if entry.event in {wanted, Event.ERROR}:
                    found = entry
            if batch and batch[-1].final:
                return found
    return None


async def _gone(receive: Receive) -> None:
    """Raise when the client has gone; the body has been read, so nothing else comes."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise ClientGone
