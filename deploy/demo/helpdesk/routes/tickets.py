"""Tickets: list, view, create, update, merge, delete, restore, and the archive."""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk import lifecycle
from deploy.demo.helpdesk import tickets as actions
from deploy.demo.helpdesk.automation import Actor
from deploy.demo.helpdesk.call import Call, no_content
from deploy.demo.helpdesk.errors import Invalid, NotAllowed, NotFound, problem
from deploy.demo.helpdesk.fields import Field, check_body, includes
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.labels import PRIORITY_LABELS, STATUS_LABELS, TICKET_TYPES
from deploy.demo.helpdesk.listing import PARAMETERS
from deploy.demo.helpdesk.models import Ticket
from deploy.demo.helpdesk.views import ticket_json, ticket_row

VIEW_INCLUDES = ("conversations", "requester", "company", "stats")
LIST_INCLUDES = ("requester", "company", "stats", "description")
# Sources that the API may set; the rest belongs to channels.
SETTABLE_SOURCES = (1, 2, 3, 5, 6, 7, 9, 10, 11)

UPDATE_FIELDS: dict[str, Field] = {
    "name": Field("String"),
    "requester_id": Field("Integer"),
    "email": Field("String"),
    "subject": Field("String"),
    "description": Field("String"),
    "type": Field("String", TICKET_TYPES, null=True),
    "status": Field("Integer", tuple(STATUS_LABELS["en"])),
    "priority": Field("Integer", tuple(PRIORITY_LABELS["en"])),
    "source": Field("Integer", SETTABLE_SOURCES),
    "responder_id": Field("Integer", null=True),
    "group_id": Field("Integer", null=True),
    "product_id": Field("Integer", null=True),
    "company_id": Field("Integer", null=True),
    "custom_fields": Field("Object"),
    "tags": Field("Array", items="String"),
    "due_by": Field("DateTime", null=True),
    "fr_due_by": Field("DateTime", null=True),
}
CREATE_FIELDS = UPDATE_FIELDS | {"cc_emails": Field("Array", items="String")}
CUSTOM_FIELDS = {"cf_product": Field("String", null=True)}
MERGE_FIELDS = {
    "primary_id": Field("Integer"),
    "ticket_ids": Field("Array", items="Integer"),
    "note_in_primary": Field("Object", null=True),
    "note_in_secondary": Field("Object", null=True),
    "convert_recepients_to_cc": Field("Boolean"),
}
NOTE_FIELDS = {"body": Field("String"), "private": Field("Boolean")}


def writable(request: Call, ticket_id: int) -> Ticket:
    """Return a ticket that may be changed.

    Raises:
        NotFound: unknown or archived.
        Denied: outside the agent's scope.
        NotAllowed: deleted or spam.

    """
    ticket = request.desk.ticket(ticket_id, request.agent)
    if ticket.deleted or ticket.spam:
        raise NotAllowed(request.method)
    return ticket


def check_references(desk: Helpdesk, data: dict[str, Any]) -> None:
    """Refuse unknown custom fields, agents and companies.

    Raises:
        Invalid: one of them doesn't exist.

    """
    check_body(data.get("custom_fields", {}), CUSTOM_FIELDS)
    for name, known in (("responder_id", desk.state.agents), ("company_id", desk.state.companies)):
        if data.get(name) is not None and data[name] not in known:
            what = "agent" if name == "responder_id" else "company"
            raise Invalid(problem(name, f"There is no {what} matching the given {name}", "invalid_value"))


@get("/tickets")
async def list_tickets(request: Call) -> Response[Any]:
    """List tickets."""
    query = request.query(*PARAMETERS)
    include = includes(query, LIST_INCLUDES)
    tickets, more = request.listing.page(request.agent, query)
    return request.page_answer([ticket_row(request.desk, ticket, include) for ticket in tickets], query, more=more)


@get("/tickets/{ticket_id:int}")
async def view_ticket(request: Call, ticket_id: FromPath[int]) -> Response[Any]:
    """View a ticket; a deleted one is served with `deleted: true` unless the settings say otherwise."""
    include = includes(request.query("include"), VIEW_INCLUDES)
    ticket = request.desk.ticket(ticket_id, request.agent)
    status = request.desk.settings.deleted_ticket_status if ticket.deleted else 200
    if status != 200:
        return Response(None, status_code=status)
    return Response(ticket_json(request.desk, ticket, include))


@post("/tickets")
async def create_ticket(request: Call) -> Response[Any]:
    """Create a ticket."""
    data = await request.fields(CREATE_FIELDS, ("subject", "description"))
    check_references(request.desk, data)
    ticket = actions.create_ticket(request.desk, Actor.agent(request.agent), data)
    return request.created(ticket_json(request.desk, ticket, set()), f"tickets/{ticket.id}")


@put("/tickets/{ticket_id:int}")
async def update_ticket(request: Call, ticket_id: FromPath[int]) -> dict[str, Any]:
    """Update a ticket."""
    ticket = writable(request, ticket_id)
    data = await request.fields(UPDATE_FIELDS)
    check_references(request.desk, data)
    actions.update_ticket(request.desk, Actor.agent(request.agent), ticket, data)
    return ticket_json(request.desk, ticket, set())


@delete("/tickets/{ticket_id:int}", status_code=204)
async def delete_ticket(request: Call, ticket_id: FromPath[int]) -> None:
    """Move a ticket to the trash."""
    lifecycle.delete(request.desk, Actor.agent(request.agent), writable(request, ticket_id))


@put("/tickets/{ticket_id:int}/restore")
async def restore_ticket(request: Call, ticket_id: FromPath[int]) -> Response[None]:
    """Take a ticket back from the trash."""
    ticket = request.desk.ticket(ticket_id, request.agent)
    if not ticket.deleted:
        raise NotFound
    lifecycle.restore(request.desk, Actor.agent(request.agent), ticket)
    return no_content()


@put("/tickets/merge")
async def merge_tickets(request: Call) -> Response[None]:
    """Merge tickets into one."""
    data = await request.fields(MERGE_FIELDS, ("primary_id", "ticket_ids"))
    desk, ids = request.desk, dict.fromkeys([data["primary_id"], *data["ticket_ids"]])
    for name in ("note_in_primary", "note_in_secondary"):
        check_body(data.get(name) or {"body": ""}, NOTE_FIELDS)
    unknown = [number for number in ids if number not in desk.state.tickets]
    if unknown or len(ids) == 1:
        field = "primary_id" if data["primary_id"] in unknown else "ticket_ids"
        raise Invalid(problem(field, "There are no tickets matching the given ids", "invalid_value"))
    primary, *secondaries = (writable(request, number) for number in ids)
    if primary.merged_into or any(ticket.merged_into for ticket in secondaries):
        raise Invalid(problem("ticket_ids", "A ticket that was merged can't be merged again", "invalid_value"))
    notes = {"primary": data.get("note_in_primary"), "secondary": data.get("note_in_secondary")}
    lifecycle.merge(desk, Actor.agent(request.agent), primary, secondaries, notes)
    return no_content()


@get("/tickets/archived/{ticket_id:int}")
async def view_archived(request: Call, ticket_id: FromPath[int]) -> dict[str, Any]:
    """View an archived ticket."""
    include = includes(request.query("include"), VIEW_INCLUDES)
    ticket = request.desk.ticket(ticket_id, request.agent, archived=True)
    return ticket_json(request.desk, ticket, include)


@delete("/tickets/archived/{ticket_id:int}", status_code=204)
async def delete_archived(request: Call, ticket_id: FromPath[int]) -> None:
    """Delete an archived ticket for good."""
    lifecycle.purge(request.desk, request.desk.ticket(ticket_id, request.agent, archived=True))


ROUTES: list[ControllerRouterHandler] = [
    list_tickets,
    view_ticket,
    create_ticket,
    update_ticket,
    delete_ticket,
    restore_ticket,
    merge_tickets,
    view_archived,
    delete_archived,
]
