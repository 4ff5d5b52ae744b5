"""Conditions of automation rules: sets of properties, all or any of which must hold.

Business hours are not modelled: `during` always holds.
"""

from collections.abc import Callable
from typing import Any

from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import Rule, Ticket


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _contains(have: Any, want: Any) -> bool:
    text = ",".join(map(str, have)) if isinstance(have, list) else str(have or "")
    return any(str(word).lower() in text.lower() for word in _list(want))


def _in(have: Any, want: Any) -> bool:
    wanted = [str(value) for value in _list(want)]
    return any(str(value) in wanted for value in _list(have))


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "is": _in,
    "in": _in,
    "is_not": lambda have, want: not _in(have, want),
    "not_in": lambda have, want: not _in(have, want),
    "contains": _contains,
    "does_not_contain": lambda have, want: not _contains(have, want),
    "is_any_of": _in,
    "is_none_of": lambda have, want: not _in(have, want),
    "during": lambda _have, _want: True,
}


def conditions_hold(rule: Rule, ticket: Ticket, desk: Helpdesk) -> bool:
    """Whether the ticket meets the rule's condition sets; a rule without any always holds."""
    results = [_set_holds(group, ticket, desk) for group in rule.conditions]
    if not results:
        return True
    return any(results) if " or " in (rule.operator or "").lower() else all(results)


def _set_holds(group: dict[str, Any], ticket: Ticket, desk: Helpdesk) -> bool:
    results = [
        OPERATORS[prop["operator"]](_value(prop["field_name"], ticket, desk), prop.get("value"))
        for prop in group.get("properties", [])
    ]
    if not results:
        return True
    return any(results) if group.get("match_type") == "any" else all(results)


def _value(name: str, ticket: Ticket, desk: Helpdesk) -> Any:
    requester = desk.state.contacts[ticket.requester_id]
    values: dict[str, Any] = {
        "status": ticket.status,
        "priority": ticket.priority,
        "source": ticket.source,
        "ticket_type": ticket.type,
        "type": ticket.type,
        "group_id": ticket.group_id,
        "responder_id": ticket.responder_id,
        "product_id": ticket.product_id,
        "tag_names": ticket.tags,
        "tag_ids": ticket.tags,
        "tags": ticket.tags,
        "subject": ticket.subject,
        "description": ticket.description_text,
        "subject_or_description": f"{ticket.subject}\n{ticket.description_text}",
        "from_email": requester.email,
        "email": requester.email,
        "name": requester.name,
        "language": requester.language,
    }
    return values[name] if name in values else ticket.custom_fields.get(name)
