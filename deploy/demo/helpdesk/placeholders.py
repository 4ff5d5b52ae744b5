"""Dynamic content (`{{ticket.id}}`) of automation rules.

Names are those of Freshdesk's placeholder article. A placeholder without a value becomes an empty string, which is how
unquoted numbers in typed JSON bodies break in real life. Times have no zone and no `T`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.labels import PRIORITY_LABELS, SOURCE_LABELS, STATUS_LABELS
from deploy.demo.helpdesk.models import Agent, Contact, Ticket

_PLACEHOLDER = re.compile(r"\{\{\s*([a-zA-Z0-9_.]+)\s*\}\}")


@dataclass(frozen=True)
class Moment:
    """What a rule sees when it fires: the ticket as it is now, who did it, and the event in Freshdesk's notation."""

    desk: Helpdesk
    ticket: Ticket
    performer: Agent | Contact | None
    triggered_event: str

    @property
    def requester(self) -> Contact:
        """The ticket's requester."""
        return self.desk.state.contacts[self.ticket.requester_id]

    @property
    def agent(self) -> Agent | None:
        """The ticket's agent."""
        return self.desk.state.agents.get(self.ticket.responder_id or 0)

    @property
    def company_name(self) -> str | None:
        """Name of the ticket's company."""
        company = self.desk.state.companies.get(self.ticket.company_id or 0)
        return company.name if company else None


def render(text: str, moment: Moment, escape: Callable[[str], str] = str) -> str:
    """Fill every placeholder of a text; `escape` makes a value safe for what surrounds it."""
    return _PLACEHOLDER.sub(lambda found: escape(str(value_of(found[1], moment))), text)


def value_of(name: str, moment: Moment) -> Any:
    """Value of one placeholder; an empty string where there is none."""
    if getter := _VALUES.get(name):
        value = getter(moment)
    elif name.startswith("ticket.cf_"):
        value = moment.ticket.custom_fields.get(name.removeprefix("ticket."))
    else:
        value = None
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else value


def _label(table: dict[str, dict[int, str]]) -> Callable[[Moment, int], str]:
    return lambda moment, number: table[moment.desk.settings.language].get(number, str(number))


_status = _label(STATUS_LABELS)
_priority = _label(PRIORITY_LABELS)


def _latest(moment: Moment, *, private: bool) -> str:
    """Text of the newest comment as `name : HTML`."""
    for entry in reversed(moment.ticket.conversations):
        if entry.private is private:
            number = entry.user_id or 0
            author = moment.desk.state.agents.get(number) or moment.desk.state.contacts.get(number)
            return f"{author.name if author else ''} : {entry.body}"
    return ""


def _first_name(name: str) -> str:
    return name.split(" ", 1)[0]


def _last_name(name: str) -> str:
    return name.partition(" ")[2]


_VALUES: dict[str, Callable[[Moment], Any]] = {
    "triggered_event": lambda m: m.triggered_event,
    "helpdesk_name": lambda m: m.desk.settings.domain.split(".", 1)[0],
    "ticket.id": lambda m: m.ticket.id,
    "ticket.subject": lambda m: m.ticket.subject,
    "ticket.description": lambda m: m.ticket.description,
    "ticket.description_html": lambda m: m.ticket.description,
    "ticket.description_text": lambda m: m.ticket.description_text,
    "ticket.url": lambda m: f"https://{m.desk.settings.domain}/helpdesk/tickets/{m.ticket.id}",
    "ticket.public_url": lambda m: f"https://{m.desk.settings.domain}/support/tickets/{m.ticket.id}",
    "ticket.portal_url": lambda m: m.desk.settings.domain,
    "ticket.from_email": lambda m: m.requester.email,
    "ticket.status": lambda m: _status(m, m.ticket.status),
    "ticket.requester_status_name": lambda m: _status(m, m.ticket.status),
    "ticket.status_changed_on": lambda m: m.ticket.stats.status_updated_at,
    "ticket.priority": lambda m: _priority(m, m.ticket.priority),
    "ticket.source": lambda m: SOURCE_LABELS.get(m.ticket.source, str(m.ticket.source)),
    "ticket.source_name": lambda m: SOURCE_LABELS.get(m.ticket.source, str(m.ticket.source)),
    "ticket.ticket_type": lambda m: m.ticket.type,
    "ticket.tags": lambda m: ", ".join(m.ticket.tags),
    "ticket.created_on": lambda m: m.ticket.created_at,
    "ticket.modified_on": lambda m: m.ticket.updated_at,
    "ticket.due_by_time": lambda m: m.ticket.due_by,
    "ticket.fr_due_by_time": lambda m: m.ticket.fr_due_by,
    "ticket.group_id": lambda m: m.ticket.group_id,
    "ticket.agent.id": lambda m: m.agent and m.agent.id,
    "ticket.agent.name": lambda m: m.agent and m.agent.name,
    "ticket.agent.email": lambda m: m.agent and m.agent.email,
    "ticket.agent.job_title": lambda m: m.agent and m.agent.job_title,
    "ticket.requester.id": lambda m: m.requester.id,
    "ticket.requester.name": lambda m: m.requester.name,
    "ticket.requester.firstname": lambda m: _first_name(m.requester.name),
    "ticket.requester.lastname": lambda m: _last_name(m.requester.name),
    "ticket.requester.email": lambda m: m.requester.email,
    "ticket.requester.phone": lambda m: m.requester.phone,
    "ticket.requester.mobile": lambda m: m.requester.mobile,
    "ticket.requester.job_title": lambda m: m.requester.job_title,
    "ticket.requester.language": lambda m: m.requester.language,
    "ticket.requester.company_name": lambda m: m.company_name,
    "ticket.requester.unique_external_id": lambda m: m.requester.unique_external_id,
    "ticket.company.id": lambda m: m.ticket.company_id,
    "ticket.company.name": lambda m: m.company_name,
    "ticket.latest_public_comment": lambda m: _latest(m, private=False),
    "ticket.latest_private_comment": lambda m: _latest(m, private=True),
    "event_performer.name": lambda m: m.performer and m.performer.name,
    "event_performer.firstname": lambda m: m.performer and _first_name(m.performer.name),
    "event_performer.lastname": lambda m: m.performer and _last_name(m.performer.name),
    "event_performer.email": lambda m: m.performer and m.performer.email,
}
