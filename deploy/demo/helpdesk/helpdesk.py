"""One account in memory: its data, clock, rate limit, faults, log and webhook sender, and who may see what.

The operations on tickets live in `tickets.py`, the HTTP surface in `routes/`; both work on this object. Everything
runs in one event loop without awaiting in the middle of a change, so no locks are needed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.demo.helpdesk.errors import Denied, Invalid, NotFound, problem
from deploy.demo.helpdesk.faults import Faults
from deploy.demo.helpdesk.limits import RateLimiter
from deploy.demo.helpdesk.log import EventLog
from deploy.demo.helpdesk.models import Agent, Company, Contact, State, Ticket, to_second
from deploy.demo.helpdesk.seed import load_seed
from deploy.demo.helpdesk.settings import HelpdeskSettings
from deploy.demo.helpdesk.webhooks import WebhookSender

SCOPE_GROUP, SCOPE_RESTRICTED = 2, 3


def utc_now() -> datetime:
    """The usual clock."""
    return datetime.now(UTC)


class Helpdesk:
    """One Freshdesk account; `changed` counts changes of its data, so that an owner knows when to save."""

    def __init__(
        self,
        settings: HelpdeskSettings,
        state: State | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Build an account around `state` (empty by default); `clock` is replaced by tests of rate limits."""
        self.settings = settings
        self.clock = clock
        self.state = state or State()
        self.changed = 0
        self.log = EventLog()
        self.faults = Faults(settings.seed)
        self.limits = RateLimiter(settings.limits(), clock, settings.window, counting=settings.counting)
        self.webhooks = WebhookSender(settings, self.faults, self.limits, self.log, clock)
        self._index()

    @classmethod
    def from_seed(
        cls,
        folder: Path,
        settings: HelpdeskSettings,
        now: datetime,
        clock: Callable[[], datetime] = utc_now,
    ) -> "Helpdesk":
        """Build an account from seed files, ages counted back from `now`; the same seed gives the same ids.

        Raises:
            FileNotFoundError: the folder has no agents.json.
            ValueError: a seed line is unusable (its file and key are named), or an API key belongs to nobody.

        """
        return cls(settings, load_seed(folder, now, settings.domain), clock)

    def snapshot(self) -> dict[str, Any]:
        """Return a JSON-able copy of all data, webhooks on their way included; not faults, logs and limits."""
        self.state.deliveries = dict(self.webhooks.pending)
        return self.state.dump()

    def restore(self, data: dict[str, Any]) -> None:
        """Replace all data by a snapshot's.

        Raises:
            msgspec.ValidationError: not a snapshot of this version.
            ValueError: an API key belongs to an agent that the snapshot doesn't have.

        """
        self.state = State.load(data)
        self._index()
        self.webhooks.adopt(self.state.deliveries.values())
        self.touch()

    def now(self) -> datetime:
        """Now, as the API would serve it."""
        return to_second(self.clock())

    def touch(self) -> None:
        """Note that the data changed."""
        self.changed += 1

    def agent_of_key(self, api_key: str) -> Agent | None:
        """Return the agent whose rights this API key has."""
        return self._agents_by_api_key.get(api_key)

    def ticket(self, ticket_id: int, agent: Agent, *, archived: bool = False) -> Ticket:
        """Return a ticket that this agent may see.

        Raises:
            NotFound: no such ticket, or it is archived and was not asked for as such (or the other way round).
            Denied: outside the agent's scope.

        """
        ticket = self.state.tickets.get(ticket_id)
        if ticket is None or ticket.archived is not archived:
            raise NotFound
        if not self.may_see(agent, ticket):
            raise Denied
        return ticket

    def may_see(self, agent: Agent, ticket: Ticket) -> bool:
        """Tell whether a ticket is within the agent's `ticket_scope`: 1 all, 2 own groups', 3 own only."""
        if agent.ticket_scope == SCOPE_GROUP:
            return ticket.responder_id == agent.id or ticket.group_id in agent.group_ids
        return agent.ticket_scope != SCOPE_RESTRICTED or ticket.responder_id == agent.id

    def contact_by_email(self, email: str) -> Contact | None:
        """Return the contact with this address, whatever its case."""
        number = self._contact_ids.get(email.lower())
        return self.state.contacts.get(number) if number else None

    def requester(self, data: dict[str, Any]) -> Contact:
        """Return the requester that a new ticket names, by id or address; an unknown address becomes a contact.

        Raises:
            Invalid: neither is given, or the id is unknown.

        """
        if (number := data.get("requester_id")) is not None:
            contact = self.state.contacts.get(number)
            if contact is None:
                raise Invalid(
                    problem("requester_id", "There is no contact matching the given requester_id", "invalid_value")
                )
            return contact
        if email := data.get("email"):
            return self.contact_by_email(email) or self.add_contact(data.get("name") or email, email)
        raise Invalid(problem("requester_id", "Please fill at least 1 of requester_id, email fields", "missing_field"))

    def add_contact(self, name: str, email: str | None, **more: Any) -> Contact:
        """Add a contact; `more` are its other fields."""
        now = self.now()
        contact = Contact(self.state.next_id("contact"), name, email, created_at=now, updated_at=now, **more)
        self.state.contacts[contact.id] = contact
        self._index_contact(contact)
        self.touch()
        return contact

    def change_contact(self, contact: Contact, fields: dict[str, Any]) -> None:
        """Set fields of a contact."""
        self._contact_ids.pop((contact.email or "").lower(), None)
        for name, value in fields.items():
            setattr(contact, name, value)
        contact.updated_at = self.now()
        self._index_contact(contact)
        self.touch()

    def add_company(self, name: str) -> Company:
        """Add a company."""
        company = Company(self.state.next_id("company"), name, self.now())
        self.state.companies[company.id] = company
        self.touch()
        return company

    def _index(self) -> None:
        self._contact_ids: dict[str, int] = {}
        for contact in self.state.contacts.values():
            self._index_contact(contact)
        by_key = {agent.key: agent for agent in self.state.agents.values()}
        missing = sorted(set(self.settings.api_keys.values()) - set(by_key))
        if missing and by_key:
            raise ValueError(f"API keys of agents that don't exist: {', '.join(missing)}")
        self._agents_by_api_key = {
            api_key: by_key[agent] for api_key, agent in self.settings.api_keys.items() if agent in by_key
        }

    def _index_contact(self, contact: Contact) -> None:
        if contact.email:
            self._contact_ids[contact.email.lower()] = contact.id
