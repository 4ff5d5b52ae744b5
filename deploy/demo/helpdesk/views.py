"""JSON of tickets, conversations and people, as the API serves them: blank is null, never omitted."""

from typing import Any

from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import Agent, Contact, Conversation, Stats, Ticket
from deploy.demo.helpdesk.seed import support_email

EMBEDDED_CONVERSATIONS = 10
CUSTOMER, AGENT_PRIVATE, AGENT_PUBLIC = 1, 2, 3


def ticket_json(desk: Helpdesk, ticket: Ticket, include: set[str]) -> dict[str, Any]:
    """One ticket in full, with the blocks that `include` names."""
    data = _ticket_base(ticket)
    data |= {
        "description": ticket.description,
        "description_text": ticket.description_text,
        "attachments": ticket.attachments,
        "structured_description": None,
        "source_additional_info": None,
    }
    if ticket.archived:
        data["archived"] = True
    if "conversations" in include:
        entries = sorted_conversations(ticket)[:EMBEDDED_CONVERSATIONS]
        data["conversations"] = [conversation_json(desk, entry) for entry in entries]
    _embed(desk, ticket, include, data)
    return data


def ticket_row(desk: Helpdesk, ticket: Ticket, include: set[str]) -> dict[str, Any]:
    """One ticket of a list: no description (unless asked for), no attachments, no conversations."""
    data = _ticket_base(ticket)
    if "description" in include:
        data |= {"description": ticket.description, "description_text": ticket.description_text}
    _embed(desk, ticket, include, data)
    return data


def sorted_conversations(ticket: Ticket) -> list[Conversation]:
    """Oldest first."""
    return sorted(ticket.conversations, key=lambda entry: (entry.created_at, entry.id))


def conversation_json(desk: Helpdesk, entry: Conversation) -> dict[str, Any]:
    """One conversation."""
    category = CUSTOMER if entry.incoming else AGENT_PRIVATE if entry.private else AGENT_PUBLIC
    note = entry.from_email is None
    return {
        "id": entry.id,
        "ticket_id": entry.ticket_id,
        "body": entry.body,
        "body_text": entry.body_text,
        "structured_body": None,
        "incoming": entry.incoming,
        "private": entry.private,
        "user_id": entry.user_id,
        "source": entry.source,
        "category": category,
        "support_email": None if note else support_email(desk.settings.domain),
        "from_email": entry.from_email,
        "to_emails": entry.to_emails,
        "cc_emails": entry.cc_emails,
        "bcc_emails": entry.bcc_emails,
        "email_failure_count": None,
        "outgoing_failures": None,
        "attachments": entry.attachments,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
        "last_edited_at": entry.last_edited_at,
        "last_edited_user_id": entry.last_edited_user_id,
        "source_additional_info": None,
    }


def reply_json(entry: Conversation) -> dict[str, Any]:
    """Answer to `POST /tickets/{id}/reply`."""
    names = ("id", "user_id", "from_email", "cc_emails", "bcc_emails", "body", "body_text", "ticket_id")
    data: dict[str, Any] = {name: getattr(entry, name) for name in names}
    return data | {
        "replied_to": entry.to_emails,
        "attachments": entry.attachments,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


def contact_json(contact: Contact) -> dict[str, Any]:
    """One contact."""
    data: dict[str, Any] = {
        "active": False,
        "address": None,
        "company_id": contact.company_id,
        "view_all_tickets": False,
        "description": None,
        "email": contact.email,
        "id": contact.id,
        "job_title": contact.job_title,
        "language": contact.language,
        "mobile": contact.mobile,
        "name": contact.name,
        "phone": contact.phone,
        "time_zone": "Seoul" if contact.language == "ko" else "London",
        "twitter_id": None,
        "unique_external_id": contact.unique_external_id,
        "other_emails": [],
        "other_companies": [],
        "tags": [],
        "custom_fields": {},
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
    }
    return data | {"deleted": True} if contact.deleted else data


def agent_json(agent: Agent) -> dict[str, Any]:
    """One agent, with the personal data in `contact`."""
    return {
        "id": agent.id,
        "available": True,
        "occasional": False,
        "type": "support_agent",
        "ticket_scope": agent.ticket_scope,
        "role_ids": [ADMIN_ROLE if agent.admin else AGENT_ROLE],
        "group_ids": agent.group_ids,
        "skill_ids": [],
        "signature": None,
        "available_since": None,
        "created_at": agent.created_at,
        "updated_at": agent.created_at,
        "contact": {
            "active": True,
            "email": agent.email,
            "job_title": agent.job_title,
            "language": agent.language,
            "mobile": None,
            "name": agent.name,
            "phone": None,
            "time_zone": "Seoul" if agent.language == "ko" else "London",
            "created_at": agent.created_at,
            "updated_at": agent.created_at,
            "last_login_at": agent.created_at,
        },
    }


ADMIN_ROLE, AGENT_ROLE = 82_000_900_001, 82_000_900_002


def _ticket_base(ticket: Ticket) -> dict[str, Any]:
    data = {
        "cc_emails": ticket.cc_emails,
        "fwd_emails": [],
        "reply_cc_emails": ticket.cc_emails,
        "ticket_cc_emails": ticket.cc_emails,
        "fr_escalated": False,
        "spam": ticket.spam,
        "email_config_id": None,
        "group_id": ticket.group_id,
        "priority": ticket.priority,
        "requester_id": ticket.requester_id,
        "responder_id": ticket.responder_id,
        "source": ticket.source,
        "company_id": ticket.company_id,
        "status": ticket.status,
        "subject": ticket.subject,
        "association_type": None,
        "support_email": None,
        "to_emails": None,
        "product_id": ticket.product_id,
        "id": ticket.id,
        "type": ticket.type,
        "due_by": ticket.due_by,
        "fr_due_by": ticket.fr_due_by,
        "nr_due_by": None,
        "is_escalated": False,
        "nr_escalated": None,
        "custom_fields": ticket.custom_fields,
        "tags": ticket.tags,
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "associated_tickets_count": None,
    }
    return data | {"deleted": True} if ticket.deleted else data


def _embed(desk: Helpdesk, ticket: Ticket, include: set[str], data: dict[str, Any]) -> None:
    if "requester" in include:
        person = desk.state.contacts[ticket.requester_id]
        names = ("id", "name", "email", "mobile", "phone")
        data["requester"] = {name: getattr(person, name) for name in names}
    if "company" in include:
        company = desk.state.companies.get(ticket.company_id or 0)
        data["company"] = {"id": company.id, "name": company.name} if company else {}
    if "stats" in include:
        stats: Stats = ticket.stats
        data["stats"] = {name: getattr(stats, name) for name in stats.__struct_fields__}
