"""`/init/{ticket_id}`: the stored Canvas at once, or the run that makes it.

hit: the stored bytes. stale: the same, marked, and a run is started. miss: the ticket's run is started or joined, and
its events are streamed to whoever takes them, or named in a 202 for whoever does not.
"""

from typing import Annotated, Any

from litestar import Request, Response, route
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Headers, State
from litestar.enums import HttpMethod
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter

from serve.context import ServeContext
from serve.hits.answer import HIT, STALE, Answer, Copy
from serve.rights.restricted import standing
from serve.routes.access import admitted
from serve.routes.ids import parse_ticket_id
from serve.routes.miss import Started, answer_miss, refresh
from shared.canvas_store import StoredCanvas
from shared.errors import (
    TOMBSTONES,
    FreshdeskUnavailable,
    MalformedTicketId,
    RateLimited,
    StoreUnavailable,
    TicketDeleted,
    TicketMissing,
    TicketSpam,
    Unauthorized,
)
from shared.metrics import INIT
from shared.models import Canvas
from shared.problems import documented, problem_response
from shared.tracing import current_span


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
        RateLimited,
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
    caller = await admitted(request)
    read = await context.reads.read(caller.host, number)
    copy = read.copy
    seen = standing(caller, copy.stored) if copy else "unknown"
    gone = copy is not None and (copy.stored.tombstone or seen == "hidden")
    if copy is None or seen == "unknown" or (gone and copy.state == "due"):
        INIT.labels(outcome="miss").inc()
        answer, missed = await answer_miss(context, headers.get("accept", "*/*"), caller, number)
        return _made(answer, headers, missed) if isinstance(answer, StoredCanvas) else answer
    if gone:
        INIT.labels(outcome="gone").inc()
        return problem_response(TOMBSTONES[copy.stored.tombstone or TicketMissing.code]())
    if caller.restricted:
        copy = Copy(await context.restricted.canvas(caller, copy.stored), copy.state, copy.newer)
    current = copy.state == "current" and not read.doubtful
    INIT.labels(outcome="hit" if current else "stale").inc()
    if current_span().recording and not read.doubtful:
        current_span().link(await context.ledger.made_by(caller.host, number))
    # While Redis does not answer there is nothing to start a run with.
    due = copy.state == "due" and not read.doubtful
    extra, wake = await refresh(context, caller.host, number) if due else ({}, None)
    # A POST has no 304 (RFC 9110, 15.4.5): the earlier app gets the Canvas each time.
    condition = headers.get("if-none-match", "") if request.method == HttpMethod.GET else ""
    status = HIT if current else STALE
    return _response(copy.answer(_accepted(headers), condition.encode("latin-1"), status, read.timing), extra, wake)


@route("/init", http_method=[HttpMethod.GET, HttpMethod.POST], include_in_schema=False)
async def init_without_id() -> None:
    """An empty id is a malformed one, not an unknown path.

    Raises:
        MalformedTicketId: always.
    """
    raise MalformedTicketId


def _made(stored: StoredCanvas, headers: Headers, missed: dict[str, str]) -> Response[bytes]:
    """The Canvas that a miss has made."""
    status = missed.get("Cache-Status", HIT)
    answer = Copy(stored, "current", 0).answer(_accepted(headers), b"", status, b"run")
    return _response(answer, {name: value for name, value in missed.items() if name != "Cache-Status"})


def _response(answer: Answer, extra: dict[str, str], after: BackgroundTask | None = None) -> Response[bytes]:
    headers = {name.decode(): value.decode("latin-1") for name, value in answer.headers}
    for name in ("content-type", "content-length"):
        headers.pop(name, None)
    headers |= extra
    return Response(
        answer.body, status_code=answer.status, media_type="application/json", headers=headers, background=after
    )


def _accepted(headers: Headers) -> bytes:
    return headers.get("accept-encoding", "").encode("latin-1")
