"""`/generate_reply`: a reply to a ticket's customer as the agent wishes it, or the agent's own draft, improved."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta

from serve.routes.asking import ASKING_ERRORS, answered, asker, stream
from serve.routes.bodies import BODY_ERRORS
from serve.routes.ids import TicketId
from shared.asked import DRAFT_CHARACTERS, MOST_CHARACTERS, Access, WantedReply
from shared.errors import BadInput, TicketDeleted, TicketMissing, TicketSpam, TooManyStreams
from shared.models import GeneratedReply, Tone
from shared.problems import documented
from shared.run_log import Event


class GenerateReply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reply is wanted. The tenant's own rules (forbidden phrases, style) hold whatever is asked for."""

    ticket_id: TicketId
    tone: Annotated[Tone | None, Meta(description="The tenant's tone if null")] = None
    instructions: Annotated[
        str,
        Meta(
            max_length=MOST_CHARACTERS,
            description="What the agent wants of the reply",
            examples=["Shorter, and ask for the serial number"],
        ),
    ] = ""
    language: Annotated[
        Literal["ko", "en", "customer"] | None,
        Meta(description="`customer`: the ticket's own, whatever the tenant's is; the tenant's, or that one, if null"),
    ] = None
    draft: Annotated[
        str, Meta(max_length=DRAFT_CHARACTERS, description="What the agent has written, to be improved")
    ] = ""

    def wanted(self, access: Access) -> WantedReply:
        """The reply as a worker is asked for it."""
        return WantedReply(
            ticket_id=self.ticket_id,
            tone=self.tone,
            instructions=self.instructions,
            language=self.language,
            draft=self.draft,
            access=access,
        )


@post(
    "/generate_reply",
    status_code=200,
    exception_handlers=BODY_ERRORS,
    responses={200: ResponseSpec(GeneratedReply, generate_examples=False, description="The reply")}
    | documented(BadInput, TicketMissing, TicketDeleted, TicketSpam, *ASKING_ERRORS),
)
async def generate_reply(request: Request[Any, Any, State], data: JSONBody[GenerateReply]) -> Response[Any]:
    """Write a reply, and wait for the whole of it; closing the connection stops the work."""
    context, caller, access = await asker(request)
    return await answered(request, context, caller, data.wanted(access), Event.REPLY)


@post(
    "/generate_reply/stream",
    status_code=200,
    media_type="text/event-stream",
    exception_handlers=BODY_ERRORS,
    responses={
        200: ResponseSpec(
            str,
            generate_examples=False,
            media_type="text/event-stream",
            description="`reply.delta` …, `reply`, then `done` or `error`; `Location` resumes it",
        )
    }
    | documented(BadInput, TooManyStreams, *ASKING_ERRORS),
)
async def generate_reply_stream(request: Request[Any, Any, State], data: JSONBody[GenerateReply]) -> Response[Any]:
    """Write a reply as a stream of events; leaving it for more than a moment stops the work."""
    context, caller, access = await asker(request)
    return await stream(context, caller, data.wanted(access))
