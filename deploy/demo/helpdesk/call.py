"""One API call: the request with its helpdesk, its agent, and its query and body already checked."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from deploy.demo.helpdesk.errors import BadJson, Denied
from deploy.demo.helpdesk.fields import Field, Page, check_body, check_query
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.listing import TicketList
from deploy.demo.helpdesk.models import Agent

AGENT, DESK, LISTING = "helpdesk.agent", "helpdesk.desk", "helpdesk.listing"
"""Where the gate puts them in a call's scope."""


def desk_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Helpdesk:
    """The account that is called."""
    desk: Helpdesk = connection.scope[DESK]  # type: ignore[literal-required]
    return desk


class Call(Request[Any, Any, State]):
    """A request under /api; the gate has put the agent into the scope."""

    @property
    def desk(self) -> Helpdesk:
        """The account."""
        return desk_of(self)

    @property
    def listing(self) -> TicketList:
        """The account's ticket list."""
        listing: TicketList = self.scope[LISTING]  # type: ignore[literal-required]
        return listing

    @property
    def agent(self) -> Agent:
        """The agent whose API key was sent."""
        agent: Agent = self.scope[AGENT]  # type: ignore[literal-required]
        return agent

    def query(self, *allowed: str) -> dict[str, str]:
        """Return the query parameters; the last of several equal ones counts.

        Raises:
            Invalid: a parameter that this endpoint doesn't take.

        """
        query = dict(parse_qsl(self.scope["query_string"].decode(), keep_blank_values=True))
        check_query(query, allowed)
        return query

    async def fields(self, spec: Mapping[str, Field], required: Collection[str] = ()) -> dict[str, Any]:
        """Return the body's fields.

        Raises:
            BadJson: not a JSON object.
            Invalid: unknown, missing or wrong fields.

        """
        try:
            data = msgspec.json.decode(await self.body() or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadJson from None
        if not isinstance(data, dict):
            raise BadJson
        check_body(data, spec, required)
        return data

    def paged(self, items: list[Any], query: Mapping[str, str]) -> Response[Any]:
        """Answer with the page that the query asks for.

        Raises:
            Invalid: `page` or `per_page` is wrong.

        """
        rows, more = Page.of(query).cut(items)
        return self.page_answer(rows, query, more=more)

    def page_answer(self, rows: list[Any], query: Mapping[str, str], *, more: bool) -> Response[Any]:
        """Answer with a page; the `Link` header is there only when another one follows."""
        if not more:
            return Response(rows)
        following = urlencode({**query, "page": str(Page.of(query).number + 1)})
        link = f'<{self.url.scheme}://{self.url.netloc}{self.url.path}?{following}>; rel="next"'
        return Response(rows, headers={"link": link})

    def created(self, content: Any, path: str) -> Response[Any]:
        """Answer 201 with the new thing's URL."""
        location = f"https://{self.desk.settings.domain}/api/v2/{path}"
        return Response(content, status_code=201, headers={"location": location})


def no_content() -> Response[None]:
    """Answer 204."""
    return Response(None, status_code=204)


def admin_only(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Guard of calls that need an admin's key.

    Raises:
        Denied: the key belongs to an ordinary agent.

    """
    agent: Agent = connection.scope[AGENT]  # type: ignore[literal-required]
    if not agent.admin:
        raise Denied
