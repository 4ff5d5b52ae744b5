"""What happens where a current Canvas is not there: the ticket's run is started or joined.

A miss is the run's stream, for whoever takes one; whoever does not waits until it is known whether the ticket exists,
and gets the Canvas, the problem, or the run's address. A stale Canvas is served by the caller; its run is named here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.background_tasks import BackgroundTask
from redis.exceptions import RedisError

from serve.caller import Caller
from serve.context import ServeContext
from serve.rights.restricted import standing
from serve.routes.sse import run_stream
from shared.canvas_store import StoredCanvas
from shared.due import OpenedRun
from shared.errors import StoreUnavailable
from shared.problems import problem_of_run, store_answers
from shared.queues import Queue
from shared.request_ids import about
from shared.run_log import Entry, Event

KNOWN_WITHIN_S = 2.0
"""How long a client that did not ask for a stream waits until it is known whether the ticket exists at all."""
MISS = "prompt-canvas; fwd=uri-miss"
log = structlog.get_logger()


class Started(msgspec.Struct, frozen=True):
    """The body of a 202: where the run's events are."""

    run: str
    status: str = "running"


async def refresh(context: ServeContext, host: str, ticket_id: int) -> tuple[dict[str, str], BackgroundTask | None]:
    """Start or join the run of a stale Canvas: the header that names it, and what wakes a worker once that is sent.

    The stale one is served even where that fails. A wake-up that is lost is made up for by the dispatcher.
    """
    try:
        async with store_answers():
            run = await context.ledger.open_run(host, ticket_id, now=False)
    except (RedisError, OSError, StoreUnavailable) as error:
        log.warning("refresh not started", host=host, ticket=ticket_id, reason=type(error).__name__)
        return {}, None
    about(ticket=ticket_id, run=run.run_id)
    wake = BackgroundTask(_wake_quietly, context, host, ticket_id, run) if run.wake else None
    return {"Canvas-Run": f"/runs/{run.run_id}"}, wake


async def open_run(context: ServeContext, host: str, ticket_id: int) -> OpenedRun:
    """The ticket's run, started (without a debounce) or joined, with a job on the interactive queue.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    async with store_answers():
        run = await context.ledger.open_run(host, ticket_id, now=True)
        about(ticket=ticket_id, run=run.run_id)
        if run.wake:
            await _wake(context, host, ticket_id, run)
    return run


async def _wake(context: ServeContext, host: str, ticket_id: int, run: OpenedRun) -> None:
    """Also when joining: the run that is joined may wait behind others.

    Each run has a wake-up of its own: arq drops one while the job of the run before it is just ending, or was killed.
    """
    await context.queue.precompute(Queue.INTERACTIVE, host, ticket_id, suffix=f":{run.run_id}")


async def _wake_quietly(context: ServeContext, host: str, ticket_id: int, run: OpenedRun) -> None:
    try:
        async with store_answers():
            await _wake(context, host, ticket_id, run)
    except (RedisError, OSError, StoreUnavailable) as error:
        log.warning("refresh not woken", host=host, ticket=ticket_id, reason=type(error).__name__)


async def answer_miss(
    context: ServeContext, accept: str, caller: Caller, ticket_id: int
) -> tuple[StoredCanvas | Response[Any], dict[str, str]]:
    """What a miss is answered with, and its headers: the Canvas where it is there at once, else a finished response.

    `accept` is the request's header, in any case.

    Raises:
        TooManyStreams: the caller has too many open.
        StoreUnavailable: Redis does not answer.
    """
    host = caller.host
    run = await open_run(context, host, ticket_id)
    location = f"/runs/{run.run_id}"
    headers = {"Canvas-Run": location, "Cache-Status": MISS}
    accept = accept.lower()
    if "text/event-stream" in accept:
        return await run_stream(context, caller, run.run_id, headers), headers
    # Whoever asks for JSON, or for anything, is told right away if there is no such ticket.
    async with aclosing(context.restricted.run(context.followers.follow, caller, run.run_id)) as batches:
        seen = await _until_known(batches)
    if seen and seen[-1].event == Event.ERROR:
        return problem_of_run(seen[-1].data), headers
    if seen and seen[-1].final:
        async with store_answers():
            stored = await context.canvases.get(host, ticket_id)
        if stored is not None and not stored.tombstone and standing(caller, stored) == "visible":
            return await context.restricted.canvas(caller, stored), {"Cache-Status": MISS}
    # `application/json, text/plain, */*`, as axios sends it, wants JSON: what it gets is parsed as such.
    if "*/*" in accept and "application/json" not in accept:
        return await run_stream(context, caller, run.run_id, headers), headers
    headers |= {"Location": location, "Retry-After": "1"}
    return Response(Started(location), status_code=202, headers=headers), headers


async def _until_known(batches: AsyncIterator[list[Entry]]) -> list[Entry]:
    """A run's entries up to the first that says whether the ticket exists, or those of the first two seconds."""
    seen: list[Entry] = []
    try:
        async with asyncio.timeout(KNOWN_WITHIN_S):
            async for batch in batches:
                seen += batch
                if any(entry.event in {Event.STAGE, Event.SUMMARY, Event.DONE, Event.ERROR} for entry in batch):
                    break
    except TimeoutError:
        pass
    return seen
