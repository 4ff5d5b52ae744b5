"""`/init/{ticket_id}`: the stored Canvas at once, or the run that makes it.

hit: the stored bytes. stale: the same, marked, and a run is started. miss: the ticket's run is started or joined, and
its events are streamed to whoever takes them, or named in a 202 for whoever does not.
"""

from typing import Annotated, Any

from litestar import Request, Response, route
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter

from serve.context import ServeContext
from serve.miss import Started, answer_miss, refresh
from shared.canvas_store import StoredCanvas
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
from shared.problems import documented, problem_response, store_answers

MAX_ID_DIGITS = 15

CACHE_CONTROL = "private, no-cache"
HIT = "prompt-canvas; hit"
STALE = "prompt-canvas; hit; detail=stale"


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
        answer, missed = await answer_miss(context, headers.get("accept", "*/*"), caller.host, number)
        return _hit(answer, "", missed) if isinstance(answer, StoredCanvas) else answer
    if stored.tombstone:
        INIT.labels(outcome="gone").inc()
        return problem_response(TOMBSTONES[stored.tombstone]())
    INIT.labels(outcome="hit" if state == "current" else "stale").inc()
    extra = {"Cache-Status": HIT if state == "current" else STALE}
    if state == "due":
        extra |= await refresh(context, caller.host, number)
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
