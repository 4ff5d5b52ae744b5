"""`/init/{ticket_id}`: the stored Canvas at once, or the run that makes it.

hit: the stored bytes. stale: the same, marked, and a run is started. miss: the ticket's run is started or joined, and
its events are streamed to whoever takes them, or named in a 202 for whoever does not.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
import structlog
from litestar import Request, Response, route
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter
from redis.exceptions import RedisError

from serve.context import ServeContext
from serve.sse import sse_response
from shared.canvas_store import StoredCanvas
from shared.due import OpenedRun
from shared.errors import (
    TOMBSTONES,
    FreshdeskUnavailable,
    MalformedTicketId,
    StoreUnavailable,
    TicketDeleted,
    TicketMissing,
    TicketSpam,
    Unauthorized,
)
from shared.metrics import INIT
from shared.models import Canvas
from shared.problems import documented, problem_of_run, problem_response, store_answers
from shared.queues import Queue
from shared.run_log import Entry, Event

KNOWN_WITHIN_S = 2.0
"""How long a client that did not ask for a stream waits until it is known whether the ticket exists at all."""
MAX_ID_DIGITS = 15

CACHE_CONTROL = "private, no-cache"
HIT = "prompt-canvas; hit"
STALE = "prompt-canvas; hit; detail=stale"
MISS = "prompt-canvas; fwd=uri-miss"
log = structlog.get_logger()


class Started(msgspec.Struct, frozen=True):
    """The body of a 202: where the run's events are."""

    run: str
    status: str = "running"


def parse_ticket_id(text: str) -> int:
    """A ticket id as Freshdesk displays it.

    Raises:
        MalformedTicketId: not a positive decimal number of at most 15 digits.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS and text[0] != "0"):
        raise MalformedTicketId
    return int(text)


@route(
    "/init/{ticket_id:str}",
    http_method=[HttpMethod.GET, HttpMethod.POST],
    status_code=200,
    responses={
        200: ResponseSpec(Canvas, generate_examples=False, description="The Canvas, or a stream of the run's events"),
        202: ResponseSpec(Started, generate_examples=False, description="The run that makes it; `Location` names it"),
        304: ResponseSpec(None, description="The Canvas that `If-None-Match` names still holds"),
    }
    | documented(
        MalformedTicketId,
        Unauthorized,
        TicketMissing,
        TicketDeleted,
        TicketSpam,
        StoreUnavailable,
        FreshdeskUnavailable,
    ),
)
async def init(
    request: Request[Any, Any, State],
    ticket_id: Annotated[str, PathParameter(description="Freshdesk's number of the ticket")],
) -> Response[Any]:
    """The Canvas of a ticket."""
    number = parse_ticket_id(ticket_id)
    context: ServeContext = request.app.state.context
    headers = request.headers
    caller = await context.credentials.check(headers.get("x-freshdesk-domain"), headers.get("x-freshdesk-api-key"))
    async with store_answers():
        # In this order: a run that ends in between makes a current Canvas look stale, never an old one current.
        state = await context.ledger.state_of(caller.host, number)
        stored = await context.canvases.get(caller.host, number)
    if stored is None or (stored.tombstone and state == "due"):
        INIT.labels(outcome="miss").inc()
        return await _miss(context, request, caller.host, number)
    if stored.tombstone:
        INIT.labels(outcome="gone").inc()
        return problem_response(TOMBSTONES[stored.tombstone]())
    INIT.labels(outcome="hit" if state == "current" else "stale").inc()
    extra = {"Cache-Status": HIT if state == "current" else STALE}
    if state == "due":
        extra |= await _refresh(context, caller.host, number)
    # A POST has no 304 (RFC 9110, 15.4.5): the earlier app gets the Canvas each time.
    return _hit(stored, headers.get("if-none-match", "") if request.method == HttpMethod.GET else "", extra)


@route("/init", http_method=[HttpMethod.GET, HttpMethod.POST], include_in_schema=False)
async def init_without_id() -> None:
    """An empty id is a malformed one, not an unknown path.

    Raises:
        MalformedTicketId: always.
    """
    raise MalformedTicketId


def _hit(stored: StoredCanvas, if_none_match: str, extra: dict[str, str]) -> Response[bytes]:
    headers = {"ETag": stored.etag, "Cache-Control": CACHE_CONTROL, "Vary": "X-Freshdesk-Domain, X-Freshdesk-API-Key"}
    headers |= extra
    if stored.etag in if_none_match or if_none_match.strip() == "*":
        return Response(b"", status_code=304, headers=headers)
    return Response(stored.body, media_type="application/json", headers=headers)


async def _refresh(context: ServeContext, host: str, ticket_id: int) -> dict[str, str]:
    """Start or join the run of a stale Canvas; the stale one is served even where that fails."""
    try:
        run = await _open_run(context, host, ticket_id, now=False)
    except (RedisError, OSError, StoreUnavailable) as error:
        log.warning("refresh not started", host=host, ticket=ticket_id, reason=type(error).__name__)
        return {}
    return {"Canvas-Run": f"/runs/{run.run_id}"}


async def _open_run(context: ServeContext, host: str, ticket_id: int, *, now: bool) -> OpenedRun:
    async with store_answers():
        run = await context.ledger.open_run(host, ticket_id, now=now)
        if run.wake:
            # When joining too: the run that is joined may wait behind others. Each run has a wake-up of its own: arq
            # drops one while the job of the run before it is just ending, or was killed.
            await context.queue.precompute(Queue.INTERACTIVE, host, ticket_id, suffix=f":{run.run_id}")
    return run


async def _miss(context: ServeContext, request: Request[Any, Any, State], host: str, ticket_id: int) -> Response[Any]:
    run = await _open_run(context, host, ticket_id, now=True)
    location = f"/runs/{run.run_id}"
    headers = {"Canvas-Run": location, "Cache-Status": MISS}
    accept = request.headers.get("accept", "*/*").lower()
    batches = context.followers.follow(host, run.run_id)
    if "text/event-stream" in accept:
        return sse_response(batches, headers)
    # Whoever asks for JSON, or for anything, is told right away if there is no such ticket.
    async with aclosing(batches):
        seen = await _until_known(batches)
    if seen and seen[-1].event == Event.ERROR:
        return problem_of_run(seen[-1].data)
    if seen and seen[-1].final:
        async with store_answers():
            stored = await context.canvases.get(host, ticket_id)
        if stored is not None and not stored.tombstone:
            return _hit(stored, "", {"Cache-Status": MISS})
    # `application/json, text/plain, */*`, as axios sends it, wants JSON: what it gets is parsed as such.
    if "*/*" in accept and "application/json" not in accept:
        return sse_response(context.followers.follow(host, run.run_id), headers)
    headers |= {"Location": location, "Retry-After": "1"}
    return Response(Started(location), status_code=202, headers=headers)


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
