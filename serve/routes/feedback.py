"""`/feedback`: what the agent did with a suggestion. Who wrote it is looked up here, so a client can't make it up."""

import re
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from serve.caller import Caller
from serve.context import ServeContext
from serve.routes.access import admitted
from serve.routes.bodies import BODY_ERRORS
from serve.routes.ids import TicketId
from shared.errors import BadInput, RateLimited, StoreUnavailable, Unauthorized
from shared.feedback import Action, Given, Kind, Reason
from shared.models import Provenance
from shared.problems import documented, store_answers
from shared.questions import is_asked
from shared.run_log import Event, RunLog

MOST_AT_ONCE = 100
OF_ENCODING = re.compile(r'\AW/|-(?:gzip|zstd)(?="\Z)')
"""What an ETag says of how the Canvas was sent."""
OF_CANVAS: dict[str, str] = {
    "summary": "summary",
    "reply": "replies",
    "similar": "embedding",
    "solution": "embedding",
}
"""By kind, the text as a Canvas's provenance names it; what is found is found by the embedding model."""
OF_RUN: dict[str, tuple[Event, str]] = {
    "answer": (Event.ANSWER, "answer"),
    "generated_reply": (Event.REPLY, "reply"),
}
"""By kind, the event of a run that carries provenance, and the text as it is named there."""


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the agent did with one suggestion."""

    id: Annotated[
        str,
        Meta(
            pattern=r"\A[A-Za-z0-9_.:-]{1,64}\Z",
            description="The client's own name for this, so that sending it again counts once: a UUID",
            examples=["5f1c2b4e-6f0e-4b8e-9d0e-1f8f2a9c7b10"],
        ),
    ]
    ticket_id: TicketId
    kind: Kind
    action: Action
    item: Annotated[
        Annotated[int, Meta(ge=0, lt=10**18)] | None,
        Meta(description="Which of several: an index, or a ticket's or article's id"),
    ] = None
    reason: Annotated[Reason, Meta(description="Why it was rejected, in one of these words")] = ""
    etag: Annotated[
        str, Meta(max_length=100, pattern=r"\A[\x21-\x7e]*\Z", description="`ETag` of the Canvas that was shown")
    ] = ""
    run: Annotated[
        str,
        Meta(
            pattern=r"\A(/runs/)?[A-Za-z0-9_-]{0,40}\Z",
            description="The run that an answer or a generated reply came from",
        ),
    ] = ""


class _Made(msgspec.Struct, frozen=True):
    """Of a Canvas or an answer: who made it."""

    provenance: Provenance


_made = msgspec.json.Decoder(_Made).decode


@post(
    "/feedback",
    status_code=204,
    exception_handlers=BODY_ERRORS,
    responses={204: ResponseSpec(None, description="Kept, or known already")}
    | documented(BadInput, Unauthorized, RateLimited, StoreUnavailable),
)
async def feedback(
    request: Request[Any, Any, State],
    data: JSONBody[Said | list[Said]],
) -> Response[None]:
    """Keep what an agent did with one suggestion, or with several."""
    caller = await admitted(request)
    context: ServeContext = request.app.state.context
    said = data if isinstance(data, list) else [data]
    if not 1 <= len(said) <= MOST_AT_ONCE:
        raise BadInput(f"A list has 1 to {MOST_AT_ONCE} entries")
    async with store_answers():
        makers = await _makers(context, caller, said)
        entries = [_given(caller, one, makers.get(_place(one))) for one in said]
        await context.feedback.add(caller.host, entries)
    return Response(None, status_code=204, headers={"Cache-Control": "no-store"})


Place = tuple[int, str, str]


def _place(said: Said) -> Place:
    """Where it stands who made the suggestion: in a ticket's Canvas, or in a run's log."""
    run = said.run.removeprefix("/runs/")
    return (0, run, said.kind) if said.kind in OF_RUN else (said.ticket_id, said.etag, "")


async def _makers(context: ServeContext, caller: Caller, said: list[Said]) -> dict[Place, Provenance]:
    found: dict[Place, Provenance] = {}
    for place in {_place(one) for one in said}:
        ticket_id, name, kind = place
        if kind:
            made = await _of_run(context, caller.host, name, OF_RUN[kind][0])
        else:
            # A restricted agent has had a Canvas of its own, with an ETag of its own.
            made = await _of_canvas(context, caller.host, ticket_id, "" if caller.restricted else name)
        if made is not None:
            found[place] = made
    return found


async def _of_canvas(context: ServeContext, host: str, ticket_id: int, etag: str) -> Provenance | None:
    stored = await context.canvases.get(host, ticket_id)
    if stored is None or stored.tombstone or (etag and OF_ENCODING.sub("", etag) != stored.etag):
        return None
    return _provenance(stored.body)


async def _of_run(context: ServeContext, host: str, run_id: str, event: Event) -> Provenance | None:
    if not is_asked(run_id):
        return None
    last = await RunLog(context.redis.state).last(host, run_id, 2)
    data = next((entry.data for entry in last if entry.event == event), None)
    return None if data is None else _provenance(data)


def _provenance(document: bytes) -> Provenance | None:
    try:
        return _made(document).provenance
    except msgspec.MsgspecError:  # of another version of ours
        return None


def _given(caller: Caller, said: Said, made: Provenance | None) -> Given:
    text = OF_RUN[said.kind][1] if said.kind in OF_RUN else OF_CANVAS[said.kind]
    return Given(
        id=said.id,
        agent_id=caller.agent_id,
        ticket_id=said.ticket_id,
        kind=said.kind,
        action=said.action,
        item=said.item,
        reason=said.reason,
        model=made.models.get(text, "") if made else "",
        prompt=made.prompts.get(text, "") if made else "",
        etag=said.etag,
        run=said.run.removeprefix("/runs/"),
    )
