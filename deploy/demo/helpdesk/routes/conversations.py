"""Conversations of a ticket: list, reply, note, and changes to notes."""

from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk import tickets as actions
from deploy.demo.helpdesk.automation import Actor
from deploy.demo.helpdesk.call import Call
from deploy.demo.helpdesk.errors import Invalid, NotAllowed, NotFound, problem
from deploy.demo.helpdesk.fields import Field
from deploy.demo.helpdesk.models import NOTE_SOURCE, Conversation, Ticket
from deploy.demo.helpdesk.routes.tickets import writable
from deploy.demo.helpdesk.views import conversation_json, reply_json, sorted_conversations

REPLY_FIELDS = {
    "body": Field("String"),
    "from_email": Field("String"),
    "user_id": Field("Integer"),
    "cc_emails": Field("Array", items="String"),
    "bcc_emails": Field("Array", items="String"),
}
NOTE_FIELDS = {
    "body": Field("String"),
    "private": Field("Boolean"),
    "incoming": Field("Boolean"),
    "user_id": Field("Integer"),
    "notify_emails": Field("Array", items="String"),
}


def find_note(request: Call, conversation_id: int) -> tuple[Ticket, Conversation]:
    """Return a note and its ticket.

    Raises:
        NotFound: no such conversation.
        NotAllowed: a reply, which nobody can change.

    """
    for ticket in request.desk.state.tickets.values():
        for entry in ticket.conversations:
            if entry.id == conversation_id:
                if entry.source != NOTE_SOURCE:
                    raise NotAllowed(request.method)
                return writable(request, ticket.id), entry
    raise NotFound


def check_author(request: Call, data: dict[str, Any]) -> None:
    """Refuse an unknown `user_id`.

    Raises:
        Invalid: neither agent nor contact.

    """
    state = request.desk.state
    if "user_id" in data and data["user_id"] not in state.agents and data["user_id"] not in state.contacts:
        raise Invalid(problem("user_id", "There is no user matching the given user_id", "invalid_value"))


def conversation_page(request: Call, ticket: Ticket) -> Response[Any]:
    """Answer with a page of a ticket's conversations, oldest first."""
    query = request.query()
    rows = [conversation_json(request.desk, entry) for entry in sorted_conversations(ticket)]
    return request.paged(rows, query)


@get("/tickets/{ticket_id:int}/conversations")
async def list_conversations(request: Call, ticket_id: FromPath[int]) -> Response[Any]:
    """List a ticket's conversations; the description is not one of them."""
    return conversation_page(request, request.desk.ticket(ticket_id, request.agent))


@get("/tickets/archived/{ticket_id:int}/conversations")
async def list_archived_conversations(request: Call, ticket_id: FromPath[int]) -> Response[Any]:
    """List an archived ticket's conversations."""
    return conversation_page(request, request.desk.ticket(ticket_id, request.agent, archived=True))


@post("/tickets/{ticket_id:int}/reply")
async def reply(request: Call, ticket_id: FromPath[int]) -> Response[Any]:
    """Answer the requester."""
    ticket = writable(request, ticket_id)
    data = await request.fields(REPLY_FIELDS, ("body",))
    check_author(request, data)
    entry = actions.reply(request.desk, Actor.agent(request.agent), ticket, data)
    return request.created(reply_json(entry), f"tickets/{ticket.id}/conversations")


@post("/tickets/{ticket_id:int}/notes")
async def add_note(request: Call, ticket_id: FromPath[int]) -> Response[Any]:
    """Add a note, private unless told otherwise."""
    ticket = writable(request, ticket_id)
    data = await request.fields(NOTE_FIELDS, ("body",))
    check_author(request, data)
    entry = actions.add_note(request.desk, Actor.agent(request.agent), ticket, data)
    content = conversation_json(request.desk, entry) | {"notified_to": entry.to_emails}
    return request.created(content, f"tickets/{ticket.id}/conversations")


@put("/conversations/{conversation_id:int}")
async def edit_note(request: Call, conversation_id: FromPath[int]) -> dict[str, Any]:
    """Change a note."""
    ticket, entry = find_note(request, conversation_id)
    data = await request.fields({"body": Field("String")}, ("body",))
    actions.edit_note(request.desk, Actor.agent(request.agent), ticket, entry, data["body"])
    return conversation_json(request.desk, entry)


@delete("/conversations/{conversation_id:int}", status_code=204)
async def delete_note(request: Call, conversation_id: FromPath[int]) -> None:
    """Delete a note."""
    ticket, entry = find_note(request, conversation_id)
    ticket.conversations.remove(entry)
    actions.bump(request.desk, ticket)


ROUTES: list[ControllerRouterHandler] = [
    list_conversations,
    list_archived_conversations,
    reply,
    add_note,
    edit_note,
    delete_note,
]
