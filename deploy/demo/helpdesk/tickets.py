"""What can be done to a ticket: create, update, answer. Each change bumps `updated_at` and runs the automations.

Callers have checked rights and the shape of `data` (see `routes/`).
"""

from datetime import datetime
from typing import Any

from deploy.demo.helpdesk import automation
from deploy.demo.helpdesk.automation import REPLIED, UPDATED, Actor, Event
from deploy.demo.helpdesk.fields import parse_time
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import (
    CLOSED,
    NOTE_SOURCE,
    OPEN,
    PENDING,
    REPLY_SOURCE,
    RESOLVED,
    Contact,
    Conversation,
    ConversationKind,
    Ticket,
    to_second,
)
from deploy.demo.helpdesk.seed import set_due, support_email
from deploy.demo.helpdesk.text import html_to_text

_SETTABLE = (
    "subject",
    "status",
    "priority",
    "source",
    "type",
    "responder_id",
    "group_id",
    "product_id",
    "company_id",
    "tags",
    "cc_emails",
)
# Changes that rules can wait for, by the rule editor's name; the order is the one in which they are reported.
_REPORTED = {
    "status": "status",
    "priority": "priority",
    "type": "ticket_type",
    "group_id": "group_id",
    "responder_id": "responder_id",
}


def create_ticket(desk: Helpdesk, actor: Actor, data: dict[str, Any]) -> Ticket:
    """Create a ticket.

    Raises:
        Invalid: the requester is unknown.

    """
    requester = desk.requester(data)
    now = desk.now()
    ticket = Ticket(
        id=desk.state.next_id("ticket"),
        subject=data["subject"],
        description=data["description"],
        description_text=html_to_text(data["description"]),
        requester_id=requester.id,
        company_id=requester.company_id,
        created_at=now,
        updated_at=now,
        custom_fields={"cf_product": None} | data.get("custom_fields", {}),
    )
    _assign(ticket, data)
    set_due(ticket)
    _assign_due(ticket, data)
    _note_status(ticket, now)
    desk.state.tickets[ticket.id] = ticket
    desk.touch()
    automation.created(desk, ticket, actor)
    return ticket


def update_ticket(desk: Helpdesk, actor: Actor, ticket: Ticket, data: dict[str, Any]) -> None:
    """Set fields of a ticket."""
    before = {name: getattr(ticket, name) for name in (*_SETTABLE, "custom_fields", "description")}
    _assign(ticket, data)
    if "description" in data:
        ticket.description = data["description"]
        ticket.description_text = html_to_text(data["description"])
    if "requester_id" in data or "email" in data:
        ticket.requester_id = desk.requester(data).id
    ticket.custom_fields = ticket.custom_fields | data.get("custom_fields", {})
    _assign_due(ticket, data)
    if ticket.status != before["status"]:
        _note_status(ticket, desk.now(), before["status"])
    bump(desk, ticket)
    automation.updated(desk, ticket, actor, *_changes(ticket, before))


def reply(desk: Helpdesk, actor: Actor, ticket: Ticket, data: dict[str, Any]) -> Conversation:
    """Answer the requester as an agent."""
    entry = add_conversation(desk, ticket, "reply", data.get("user_id", actor.id), data)
    entry.cc_emails = data.get("cc_emails", [])
    entry.bcc_emails = data.get("bcc_emails", [])
    stats = ticket.stats
    stats.agent_responded_at = entry.created_at
    stats.first_responded_at = stats.first_responded_at or entry.created_at
    automation.updated(desk, ticket, actor, REPLIED)
    return entry


def add_note(desk: Helpdesk, actor: Actor, ticket: Ticket, data: dict[str, Any]) -> Conversation:
    """Add a note: private unless `private` is false."""
    entry = add_conversation(desk, ticket, "note", data.get("user_id", actor.id), data)
    entry.private = data.get("private", True)
    entry.incoming = data.get("incoming", False)
    entry.to_emails = data.get("notify_emails", [])
    kind = "private" if entry.private else "public"
    automation.updated(desk, ticket, actor, Event("note_type", kind))
    return entry


def customer_reply(desk: Helpdesk, ticket: Ticket, body: str) -> tuple[Ticket, Conversation | None]:
    """Let the requester write: the ticket it lands in, and the message.

    A merged ticket passes it on to its primary; a solved one opens again; an archived one stays shut, and a new ticket
    (without conversation) takes the message.
    """
    while ticket.merged_into is not None:
        ticket = desk.state.tickets[ticket.merged_into]
    requester = desk.state.contacts[ticket.requester_id]
    actor = Actor.requester(requester)
    if ticket.archived:
        data = {"requester_id": requester.id, "subject": f"Re: {ticket.subject}", "description": body, "source": 1}
        return create_ticket(desk, actor, data), None
    entry = add_conversation(desk, ticket, "customer", requester.id, {"body": body})
    ticket.stats.requester_responded_at = entry.created_at
    events = [REPLIED]
    if ticket.status in (PENDING, RESOLVED, CLOSED):
        events.append(Event("status", old=ticket.status, new=OPEN))
        before, ticket.status = ticket.status, OPEN
        _note_status(ticket, desk.now(), before)
    automation.updated(desk, ticket, actor, *events)
    return ticket, entry


def edit_note(desk: Helpdesk, actor: Actor, ticket: Ticket, entry: Conversation, body: str) -> None:
    """Change a note's text."""
    entry.body, entry.body_text = body, html_to_text(body)
    entry.updated_at = entry.last_edited_at = desk.now()
    entry.last_edited_user_id = actor.id
    bump(desk, ticket)


def bump(desk: Helpdesk, ticket: Ticket) -> None:
    """Note a change of a ticket."""
    ticket.updated_at = desk.now()
    desk.touch()


def set_status(desk: Helpdesk, ticket: Ticket, status: int) -> Event:
    """Change the status alone; the event is left to the caller to announce."""
    before, ticket.status = ticket.status, status
    _note_status(ticket, desk.now(), before)
    bump(desk, ticket)
    return Event("status", old=before, new=status)


def _assign(ticket: Ticket, data: dict[str, Any]) -> None:
    for name in _SETTABLE:
        if name in data:
            setattr(ticket, name, data[name])


def _assign_due(ticket: Ticket, data: dict[str, Any]) -> None:
    for name in ("due_by", "fr_due_by"):
        if name in data:
            at = parse_time(data[name]) if data[name] else None
            setattr(ticket, name, to_second(at) if at else None)


def _note_status(ticket: Ticket, now: datetime, before: int | None = None) -> None:
    stats = ticket.stats
    stats.status_updated_at = now
    stats.pending_since = now if ticket.status == PENDING else None
    if ticket.status in (RESOLVED, CLOSED):
        stats.resolved_at = stats.resolved_at or now
        stats.closed_at = now if ticket.status == CLOSED else None
    else:
        if before in (RESOLVED, CLOSED):
            stats.reopened_at = now
        stats.resolved_at = stats.closed_at = None


def _changes(ticket: Ticket, before: dict[str, Any]) -> list[Event]:
    events = [
        Event(reported, old=before[name], new=getattr(ticket, name))
        for name, reported in _REPORTED.items()
        if before[name] != getattr(ticket, name)
    ]
    custom = before["custom_fields"]
    events += [
        Event(name, old=custom.get(name), new=value)
        for name, value in ticket.custom_fields.items()
        if custom.get(name) != value
    ]
    if any(getattr(ticket, name) != value for name, value in before.items()):
        events.append(UPDATED)
    return events


def add_conversation(
    desk: Helpdesk, ticket: Ticket, kind: ConversationKind, user_id: int | None, data: dict[str, Any]
) -> Conversation:
    """Append a conversation to a ticket, without running automations."""
    now = desk.now()
    requester: Contact = desk.state.contacts[ticket.requester_id]
    support, address = support_email(desk.settings.domain), requester.email or ""
    mail: dict[str, tuple[str | None, list[str]]] = {
        "customer": (address, [support]),
        "reply": (data.get("from_email") or support, [address]),
        "note": (None, []),
    }
    entry = Conversation(
        id=desk.state.next_id("conversation"),
        ticket_id=ticket.id,
        body=data["body"],
        body_text=html_to_text(data["body"]),
        incoming=kind == "customer",
        private=kind == "note",
        user_id=user_id,
        source=NOTE_SOURCE if kind == "note" else REPLY_SOURCE,
        from_email=mail[kind][0],
        to_emails=mail[kind][1],
        created_at=now,
        updated_at=now,
    )
    ticket.conversations.append(entry)
    bump(desk, ticket)
    return entry
