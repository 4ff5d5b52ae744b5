"""Puts one account behind HTTP: the routes, the gate before them, and the webhook sender beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from litestar import Litestar, Request, Response, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException

from deploy.demo.helpdesk.call import Call
from deploy.demo.helpdesk.errors import ApiError, NotAllowed
from deploy.demo.helpdesk.gate import Gate
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.listing import TicketList
from deploy.demo.helpdesk.routes import account, automations, conversations, desk, people, search, solutions, tickets


def create_helpdesk_app(helpdesk: Helpdesk) -> Litestar:
    """Build the ASGI app of one account; its lifespan runs the webhook sender."""

    @asynccontextmanager
    async def webhooks(_app: Litestar) -> AsyncIterator[None]:
        async with helpdesk.webhooks.running():
            yield

    parts = (tickets, conversations, people, account, solutions, automations, search)
    handlers = [handler for part in parts for handler in part.ROUTES]
    app = Litestar(
        route_handlers=[
            Router("/api/v2", route_handlers=handlers),
            Router("/", route_handlers=desk.ROUTES),
        ],
        request_class=Call,
        state=State({"helpdesk": helpdesk, "listing": TicketList(helpdesk)}),
        exception_handlers={ApiError: _api_error, HTTPException: _http_error, 500: _bug},
        lifespan=[webhooks],
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = Gate(app.asgi_handler, helpdesk)
    return app


def _api_error(_request: Request[Any, Any, Any], error: ApiError) -> Response[Any]:
    if error.content is None:
        return Response(b"", status_code=error.status, media_type="text/html", headers=error.headers)
    return Response(error.content, status_code=error.status, headers=error.headers)


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Word the router's errors as Freshdesk does; the demo's own endpoints say what is wrong."""
    if not request.url.path.startswith("/api"):
        return Response({"detail": error.detail}, status_code=error.status_code)
    if isinstance(error, MethodNotAllowedException):
        allowed = [verb for verb in (error.headers or {}).get("allow", "").split(", ") if verb != "OPTIONS"]
        return _api_error(request, NotAllowed(request.method, ", ".join(sorted(allowed))))
    return _api_error(request, ApiError(error.status_code))


def _bug(_request: Request[Any, Any, Any], error: Exception) -> NoReturn:
    # A bug of the look-alike must not pass for a fault of Freshdesk: let the server print it.
    raise error
