"""The ends of a ticket's life: deleted, spam, restored, merged, archived, purged."""

from typing import Any

from deploy.demo.helpdesk import automation
from deploy.demo.helpdesk.automation import DELETED, SPAMMED, UPDATED, Actor, Event
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import CLOSED, Ticket
from deploy.demo.helpdesk.tickets import add_conversation, bump, set_status


def delete(desk: Helpdesk, actor: Actor, ticket: Ticket) -> None:
    """Move a ticket to the trash; it stays readable until it is purged."""
    ticket.deleted = True
    bump(desk, ticket)
    automation.updated(desk, ticket, actor, DELETED)


def mark_spam(desk: Helpdesk, actor: Actor, ticket: Ticket) -> None:
    """Move a ticket to spam."""
    ticket.spam = True
    bump(desk, ticket)
    automation.updated(desk, ticket, actor, SPAMMED)


def restore(desk: Helpdesk, actor: Actor, ticket: Ticket) -> None:
    """Take a ticket back from trash and spam."""
    ticket.deleted = ticket.spam = False
    bump(desk, ticket)
    automation.updated(desk, ticket, actor, UPDATED)


def archive(desk: Helpdesk, ticket: Ticket) -> None:
    """Put a ticket where it is read-only; Freshdesk does so 120 days after the last change, without automations."""
    ticket.archived = True
    desk.touch()


def purge(desk: Helpdesk, ticket: Ticket) -> None:
    """Forget a ticket for good; Freshdesk does so with trash and spam after 30 days."""
    del desk.state.tickets[ticket.id]
    desk.touch()


def merge(
    desk: Helpdesk,
    actor: Actor,
    primary: Ticket,
    secondaries: list[Ticket],
    notes: dict[str, dict[str, Any] | None],
) -> None:
    """Merge tickets into `primary`, for good.

    Each secondary's description and conversations become notes of the primary; the secondary is closed with a note
    that names the primary and leaves the ticket list. `notes` may hold `primary` and `secondary`: `{body, private}`.
    """
    for secondary in secondaries:
        bodies = [secondary.description, *(entry.body for entry in secondary.conversations)]
        for body in bodies:
            add_conversation(desk, primary, "note", actor.id, {"body": body})
        link = f"This ticket is closed and merged into ticket {primary.id}"
        _add_note(desk, actor, secondary, notes.get("secondary") or {"body": link, "private": True})
        secondary.merged_into = primary.id
        automation.updated(desk, secondary, actor, set_status(desk, secondary, CLOSED))
    listed = ", ".join(str(secondary.id) for secondary in secondaries)
    kind = _add_note(
        desk, actor, primary, notes.get("primary") or {"body": f"Ticket(s) {listed} merged into this one."}
    )
    automation.updated(desk, primary, actor, Event("note_type", kind))


def _add_note(desk: Helpdesk, actor: Actor, ticket: Ticket, note: dict[str, Any]) -> str:
    entry = add_conversation(desk, ticket, "note", actor.id, note)
    entry.private = bool(note.get("private", True))
    return "private" if entry.private else "public"
