"""What the public API can't do, for the demo and for tests; behind the admin token.

`/_desk`: the customer writes, tickets become spam, archived, purged. `/_admin`: faults and the log.
"""

from secrets import compare_digest
from typing import Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk import lifecycle
from deploy.demo.helpdesk import tickets as actions
from deploy.demo.helpdesk.automation import Actor
from deploy.demo.helpdesk.call import Call, desk_of, no_content
from deploy.demo.helpdesk.errors import NotFound
from deploy.demo.helpdesk.faults import Fault
from deploy.demo.helpdesk.fields import Field
from deploy.demo.helpdesk.models import Ticket
from deploy.demo.helpdesk.views import conversation_json, ticket_json


def admin_token(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Guard: `Authorization: Bearer <admin token>`.

    Raises:
        HTTPException: 401.

    """
    wanted = f"Bearer {desk_of(connection).settings.admin_token}"
    given = connection.headers.get("authorization", "")
    if not compare_digest(given.encode(), wanted.encode()):
        raise HTTPException(status_code=401, detail="wrong admin token")


def any_ticket(request: Call, ticket_id: int) -> Ticket:
    """Return a ticket in whatever state.

    Raises:
        NotFound: no such ticket.

    """
    ticket = request.desk.state.tickets.get(ticket_id)
    if ticket is None:
        raise NotFound
    return ticket


@post("/_desk/tickets/{ticket_id:int}/customer_reply", guards=[admin_token])
async def customer_reply(request: Call, ticket_id: FromPath[int]) -> Response[Any]:
    """Let the requester write `{"body": html}`; answers with the ticket it went to, and the conversation.

    An answer to an archived ticket makes a new one (`conversation` is null); one to a merged ticket goes to its
    primary.
    """
    ticket = any_ticket(request, ticket_id)
    if ticket.deleted or ticket.spam:
        raise NotFound
    data = await request.fields({"body": Field("String")}, ("body",))
    landed, entry = actions.customer_reply(request.desk, ticket, data["body"])
    conversation = conversation_json(request.desk, entry) if entry else None
    return Response({"ticket": ticket_json(request.desk, landed, set()), "conversation": conversation}, status_code=201)


@put("/_desk/tickets/{ticket_id:int}/{change:str}", guards=[admin_token])
async def change_state(request: Call, ticket_id: FromPath[int], change: FromPath[str]) -> Response[None]:
    """Make a ticket `spam`, no spam (`unspam`), or archived (`archive`)."""
    desk, ticket = request.desk, any_ticket(request, ticket_id)
    actor = Actor("agent", next(iter(desk.state.agents.values()), None))
    if change == "spam":
        lifecycle.mark_spam(desk, actor, ticket)
    elif change == "unspam":
        lifecycle.restore(desk, actor, ticket)
    elif change == "archive":
        lifecycle.archive(desk, ticket)
    else:
        raise NotFound
    return no_content()


@delete("/_desk/tickets/{ticket_id:int}", guards=[admin_token], status_code=204)
async def purge(request: Call, ticket_id: FromPath[int]) -> None:
    """Delete a ticket for good, as Freshdesk does 30 days after it went to the trash."""
    lifecycle.purge(request.desk, any_ticket(request, ticket_id))


@post("/_admin/faults", guards=[admin_token])
async def add_fault(request: Call) -> Response[Any]:
    """Switch a fault on, see `Fault`; answers with all that are active."""
    try:
        fault = msgspec.json.decode(await request.body(), type=Fault)
    except msgspec.DecodeError as error:
        raise HTTPException(status_code=400, detail=str(error)) from error
    request.desk.faults.add(fault)
    return Response(list(request.desk.faults.active), status_code=201)


@get("/_admin/faults", guards=[admin_token])
async def list_faults(request: Call) -> list[Fault]:
    """List active faults."""
    return list(request.desk.faults.active)


@delete("/_admin/faults", guards=[admin_token], status_code=204)
async def clear_faults(request: Call) -> None:
    """Switch all faults off."""
    request.desk.faults.clear()


@get("/_admin/log", guards=[admin_token])
async def view_log(request: Call) -> dict[str, Any]:
    """View requests and webhook attempts, oldest first."""
    log = request.desk.log
    return {"requests": list(log.requests), "webhooks": list(log.webhooks)}


@delete("/_admin/log", guards=[admin_token], status_code=204)
async def clear_log(request: Call) -> None:
    """Empty the log."""
    request.desk.log.clear()


ROUTES: list[ControllerRouterHandler] = [
    customer_reply,
    change_state,
    purge,
    add_fault,
    list_faults,
    clear_faults,
    view_log,
    clear_log,
]
