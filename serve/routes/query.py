"""`/query`: a question in the agent's words over the tenant's tickets, articles and files, answered with citations."""

from datetime import datetime
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
from shared.asked import MOST_CHARACTERS, Access, Question, Scope
from shared.errors import BadInput, RunMissing, TooManyStreams
from shared.models import Answer
from shared.problems import documented
from shared.run_log import Event


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question. Times bound when what is looked for was created, and have a time zone."""

    question: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MOST_CHARACTERS,
            description="What the agent wants to know, in its own words",
            examples=["How do I reset the router?"],
        ),
    ]
    types: Annotated[
        list[Scope], Meta(max_length=4, description="Where to look; everywhere if empty", examples=[["tickets"]])
    ] = msgspec.field(default_factory=list)
    since: Annotated[datetime | None, Meta(description="Only what was created at this time or later")] = None
    until: Annotated[datetime | None, Meta(description="Only what was created before this time")] = None
    language: Annotated[
        Literal["ko", "en"] | None, Meta(description="The answer's language; the question's own if null")
    ] = None
    ticket_id: Annotated[
        TicketId | None, Meta(description='The ticket that the agent has open, which "this ticket" means')
    ] = None

    def wanted(self, access: Access) -> Question:
        """The question as a worker gets it."""
        return Question(
            text=self.question,
            types=list(dict.fromkeys(self.types)),
            since=self.since,
            until=self.until,
            language=self.language,
            ticket_id=self.ticket_id or 0,
            access=access,
        )


@post(
    "/query",
    status_code=200,
    exception_handlers=BODY_ERRORS,
    responses={200: ResponseSpec(Answer, generate_examples=False, description="The answer, with its sources")}
    | documented(BadInput, *ASKING_ERRORS),
)
async def query(request: Request[Any, Any, State], data: JSONBody[Query]) -> Response[Any]:
    """Answer a question, and wait for the whole answer; closing the connection stops the work."""
    context, caller, access = await asker(request)
    return await answered(request, context, caller, data.wanted(access), Event.ANSWER)


@post(
    "/query/stream",
    status_code=200,
    media_type="text/event-stream",
    exception_handlers=BODY_ERRORS,
    responses={
        200: ResponseSpec(
            str,
            generate_examples=False,
            media_type="text/event-stream",
            description="`sources`, `answer.delta` …, `answer`, then `done` or `error`; `Location` resumes it",
        )
    }
    | documented(BadInput, TooManyStreams, RunMissing, *ASKING_ERRORS),
)
async def query_stream(request: Request[Any, Any, State], data: JSONBody[Query]) -> Response[Any]:
    """Answer a question as a stream of events; leaving it for more than a moment stops the work."""
    context, caller, access = await asker(request)
    return await stream(context, caller, data.wanted(access))
