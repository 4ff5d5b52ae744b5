"""Puts one account behind HTTP: the routes, the gate before them, and the webhook sender beside them.

The routes are of no account (the gate says which one is asked), so they are built once a process: nothing else of an
account's start takes as long.
"""

from functools import cache
from typing import Any, NoReturn

from litestar import Litestar, Request, Response, Router
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import ASGIApp

from deploy.demo.helpdesk.call import Call
from deploy.demo.helpdesk.errors import ApiError, NotAllowed
from deploy.demo.helpdesk.gate import Gate
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.routes import account, automations, conversations, desk, people, search, solutions, tickets


def create_helpdesk_app(helpdesk: Helpdesk) -> ASGIApp:
    """The ASGI app of one account; its lifespan runs the webhook sender."""
    gate = Gate(_routes(), helpdesk)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await gate(scope, receive, send)
            return
        await receive()
        async with helpdesk.webhooks.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return app


@cache
def _routes() -> Litestar:
    parts = (tickets, conversations, people, account, solutions, automations, search)
    handlers = [handler for part in parts for handler in part.ROUTES]
    return Litestar(
        route_handlers=[
            Router("/api/v2", route_handlers=handlers),
            Router("/", route_handlers=desk.ROUTES),
        ],
        request_class=Call,
        exception_handlers={ApiError: _api_error, HTTPException: _http_error, 500: _bug},
        openapi_config=None,
        logging_config=None,
    )


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
