"""The ticket list: what is on it, in which order, and how far one can page.

Without `updated_since` only tickets created in the last 30 days are listed. Deleted, spam, merged and archived tickets
are not, whatever `updated_since` says, so that their end is invisible to whoever reads only changes.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.demo.helpdesk.errors import Invalid, problem
from deploy.demo.helpdesk.fields import Page, choice, number, time
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import OPEN, Agent, Ticket, to_second

DEFAULT_AGE = timedelta(days=30)
LAST_PAGE = 300
# Lists that readers page through at the same time.
REMEMBERED = 32
FILTERS = ("new_and_my_open", "watching", "spam", "deleted")
ORDERS: dict[str, Callable[[Ticket], Any]] = {
    "created_at": lambda ticket: ticket.created_at,
    "updated_at": lambda ticket: ticket.updated_at,
    "due_by": lambda ticket: ticket.due_by or datetime.max.replace(tzinfo=UTC),
    "status": lambda ticket: ticket.status,
}
PARAMETERS = (
    "filter",
    "requester_id",
    "email",
    "unique_external_id",
    "company_id",
    "updated_since",
    "order_by",
    "order_type",
    "include",
)

Test = Callable[[Ticket], bool]


class TicketList:
    """Answers list calls; remembers orderings until the data changes, so that deep paging stays cheap."""

    def __init__(self, desk: Helpdesk) -> None:
        self._desk = desk
        self._changed = -1
        self._orderings: dict[Any, list[Ticket]] = {}

    def page(self, agent: Agent, query: Mapping[str, str]) -> tuple[list[Ticket], bool]:
        """One page, and whether another follows.

        Raises:
            Invalid: a parameter is wrong, or the page lies beyond the 300th.

        """
        page = Page.of(query)
        if page.number > LAST_PAGE:
            message = "You cannot access tickets beyond the 300th page. Please provide a smaller page number."
            raise Invalid(problem("page", message, "invalid_value"))
        tickets, more = page.cut(self._ordering(agent, query))
        return tickets, more

    def _ordering(self, agent: Agent, query: Mapping[str, str]) -> list[Ticket]:
        tests = self._tests(agent, query)
        order = choice(query, "order_by", tuple(ORDERS), "created_at")
        descending = choice(query, "order_type", ("asc", "desc"), "desc") == "desc"
        since = time(query, "updated_since")
        oldest = None if since else self._desk.now() - DEFAULT_AGE
        if self._changed != self._desk.changed:
            self._changed, self._orderings = self._desk.changed, {}
        asked = tuple(sorted((name, query[name]) for name in query if name not in ("page", "per_page", "include")))
        key = (agent.id, asked, oldest)
        if key not in self._orderings:
            tests += [_created_since(oldest)] if oldest else []
            tickets = [ticket for ticket in self._desk.state.tickets.values() if all(t(ticket) for t in tests)]
            if len(self._orderings) >= REMEMBERED:
                self._orderings.clear()
            rank = ORDERS[order]
            tickets.sort(key=lambda ticket: (rank(ticket), ticket.id), reverse=descending)
            self._orderings[key] = tickets
        return self._orderings[key]

    def _tests(self, agent: Agent, query: Mapping[str, str]) -> list[Test]:
        tests: list[Test] = [lambda ticket: ticket.merged_into is None and not ticket.archived]
        if agent.ticket_scope != 1:
            tests.append(lambda ticket: self._desk.may_see(agent, ticket))
        if (since := time(query, "updated_since")) is not None:
            tests.append(_updated_since(since))
        tests += self._people_tests(query)
        tests += _filter_tests(agent, choice(query, "filter", FILTERS, "") if "filter" in query else "")
        return tests

    def _people_tests(self, query: Mapping[str, str]) -> list[Test]:
        tests: list[Test] = []
        requester = number(query, "requester_id")
        if requester is not None and requester not in self._desk.state.contacts:
            raise _unknown("contact", "requester_id")
        if (email := query.get("email")) is not None:
            contact = self._desk.contact_by_email(email)
            if contact is None:
                raise _unknown("contact", "email")
            tests.append(_requested_by(contact.id))
        if (external := query.get("unique_external_id")) is not None:
            known = [c.id for c in self._desk.state.contacts.values() if c.unique_external_id == external]
            if not known:
                raise _unknown("contact", "unique_external_id")
            tests.append(_requested_by(known[0]))
        if requester is not None:
            tests.append(_requested_by(requester))
        if (company := number(query, "company_id")) is not None:
            if company not in self._desk.state.companies:
                raise _unknown("company", "company_id")
            tests.append(lambda ticket: ticket.company_id == company)
        return tests


def _unknown(what: str, field: str) -> Invalid:
    return Invalid(problem(field, f"There is no {what} matching the given {field}", "invalid_value"))


def _requested_by(contact: int) -> Test:
    return lambda ticket: ticket.requester_id == contact


def _updated_since(since: datetime) -> Test:
    # Inclusive, at a resolution of seconds.
    earliest = to_second(since)
    return lambda ticket: ticket.updated_at >= earliest


def _created_since(oldest: datetime) -> Test:
    return lambda ticket: ticket.created_at >= oldest


def _filter_tests(agent: Agent, name: str) -> list[Test]:
    if name == "deleted":
        return [lambda ticket: ticket.deleted]
    if name == "spam":
        return [lambda ticket: ticket.spam and not ticket.deleted]
    tests: list[Test] = [lambda ticket: not (ticket.deleted or ticket.spam)]
    if name == "new_and_my_open":
        tests.append(lambda ticket: ticket.status == OPEN and ticket.responder_id in (None, agent.id))
    elif name == "watching":
        # Watchers are not modelled: nobody watches anything.
        tests.append(lambda _ticket: False)
    return tests
