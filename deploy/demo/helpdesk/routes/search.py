"""Ticket search: `query="(status:2 OR status:3) AND created_at:>'2026-01-01'"`, 30 a page, at most 10 pages.

Fields only: the real one has no full-text search either. Its index lags by minutes; this one does not.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from litestar import get
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk.call import Call
from deploy.demo.helpdesk.errors import Invalid, problem
from deploy.demo.helpdesk.fields import Page
from deploy.demo.helpdesk.models import Ticket
from deploy.demo.helpdesk.views import ticket_row

PAGE_SIZE, LAST_PAGE, LONGEST_QUERY = 30, 10, 512
_TOKEN = re.compile(r"\s*(\(|\)|AND\b|OR\b|(\w+):([><]?)('[^']*'|[^\s()]+))")

Test = Callable[[Ticket], bool]
FIELDS: dict[str, Callable[[Ticket], Any]] = {
    "agent_id": lambda ticket: ticket.responder_id,
    "group_id": lambda ticket: ticket.group_id,
    "priority": lambda ticket: ticket.priority,
    "status": lambda ticket: ticket.status,
    "tag": lambda ticket: ticket.tags,
    "type": lambda ticket: ticket.type,
    "due_by": lambda ticket: ticket.due_by,
    "fr_due_by": lambda ticket: ticket.fr_due_by,
    "created_at": lambda ticket: ticket.created_at,
    "updated_at": lambda ticket: ticket.updated_at,
}


def parse_query(text: str) -> Test:
    """Turn a query, without its double quotes, into a test of tickets.

    Raises:
        Invalid: it can't be read.

    """
    tokens: list[re.Match[str]] = []
    position = 0
    while text[position:].strip():
        token = _TOKEN.match(text, position)
        if token is None:
            raise _wrong("Given query is invalid")
        tokens.append(token)
        position = token.end()
    parser = _Parser(tokens)
    test = parser.alternatives()
    if parser.tokens:
        raise _wrong("Given query is invalid")
    return test


def _wrong(message: str) -> Invalid:
    return Invalid(problem("query", message, "invalid_value"))


class _Parser:
    """AND binds closer than OR."""

    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self.tokens = tokens

    def next_is(self, word: str) -> bool:
        if self.tokens and self.tokens[0][1] == word:
            self.tokens.pop(0)
            return True
        return False

    def alternatives(self) -> Test:
        tests = [self.together()]
        while self.next_is("OR"):
            tests.append(self.together())
        return lambda ticket: any(test(ticket) for test in tests)

    def together(self) -> Test:
        tests = [self.single()]
        while self.next_is("AND"):
            tests.append(self.single())
        return lambda ticket: all(test(ticket) for test in tests)

    def single(self) -> Test:
        if self.next_is("("):
            test = self.alternatives()
            if not self.next_is(")"):
                raise _wrong("Given query is invalid")
            return test
        if not self.tokens or not self.tokens[0][2]:
            raise _wrong("Given query is invalid")
        return _comparison(*self.tokens.pop(0).group(2, 3, 4))


def _comparison(name: str, operator: str, raw: str) -> Test:
    if name.startswith("cf_"):
        getter: Callable[[Ticket], Any] = lambda ticket: ticket.custom_fields.get(name)  # noqa: E731
    elif name in FIELDS:
        getter = FIELDS[name]
    else:
        raise _wrong(f"Unexpected/invalid field in request: {name}")
    wanted = raw.strip("'")

    def test(ticket: Ticket) -> bool:
        have = getter(ticket)
        if raw == "null":
            return have is None
        if isinstance(have, list):
            return wanted in have
        if have is None:
            return False
        text = have.strftime("%Y-%m-%d") if isinstance(have, datetime) else str(have)
        if not operator:
            return text == wanted
        # `:>` and `:<` include the value itself; numbers of one field have equal lengths, dates sort as text.
        return text >= wanted if operator == ">" else text <= wanted

    return test


@get("/search/tickets")
async def search_tickets(request: Call) -> dict[str, Any]:
    """Search tickets; archived ones are not found."""
    query = request.query("query")
    text = query.get("query", "")
    if "per_page" in query:
        raise Invalid(problem("per_page", "Unexpected/invalid field in request", "invalid_field"))
    page = Page(Page.of(query).number, PAGE_SIZE)
    if page.number > LAST_PAGE:
        raise Invalid(problem("page", f"It should be less than or equal to {LAST_PAGE}", "invalid_value"))
    if len(text) > LONGEST_QUERY or not (len(text) > 1 and text[0] == text[-1] == '"'):
        raise _wrong("Query should be in double quotes and have at most 512 characters")
    test, desk = parse_query(text[1:-1]), request.desk
    found = [
        ticket
        for ticket in desk.state.tickets.values()
        if not (ticket.archived or ticket.deleted or ticket.spam)
        and desk.may_see(request.agent, ticket)
        and test(ticket)
    ]
    found.sort(key=lambda ticket: ticket.id, reverse=True)
    rows, _ = page.cut(found)
    return {"total": len(found), "results": [ticket_row(desk, ticket, {"description"}) for ticket in rows]}


ROUTES: list[ControllerRouterHandler] = [search_tickets]
