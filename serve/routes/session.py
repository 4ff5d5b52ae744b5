"""`POST /session`: a token for the browser, in exchange for the API key that must never get there.

The Freshdesk app calls it through a request template, so that Freshworks' proxy adds the key; what comes back can be
given to the page. A token is good for at most 15 minutes and brings forth no other one.

All agents of an account share the key that the app was installed with, which may be an admin's. So a token has the
rights of an admin only where the address asks for them: a request template fixes the address, and the page that sends
it can choose no other one (a body would be the page's own).
"""

import time
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from serve.context import ServeContext
from serve.limits.limits import Kind
from serve.routes.access import admitted
from serve.routes.bodies import BODY_ERRORS
from shared.errors import (
    BadInput,
    Forbidden,
    FreshdeskLimited,
    FreshdeskUnavailable,
    RateLimited,
    StoreUnavailable,
    Unauthorized,
)
from shared.problems import documented

ADMIN = "admin"


class Session(msgspec.Struct, frozen=True):
    """A bearer token, when it expires, and whose it is; `admin` says whether it opens what is for admins alone."""

    token: str
    expires_at: Annotated[int, msgspec.Meta(description="Seconds since the epoch")]
    expires_in: Annotated[int, msgspec.Meta(description="Seconds from now: for a browser whose clock is wrong")]
    host: str
    agent_id: int
    admin: bool


@post(
    "/session",
    status_code=200,
    exception_handlers=BODY_ERRORS,
    security=[{"domain": [], "key": []}],
    responses={200: ResponseSpec(Session, generate_examples=False, description="A token for `Authorization: Bearer`")}
    | documented(
        BadInput, Unauthorized, Forbidden, RateLimited, FreshdeskUnavailable, FreshdeskLimited, StoreUnavailable
    ),
)
async def session(
    request: Request[Any, Any, State],
    admin: Annotated[
        bool, QueryParameter(description="Also for `/ingest` and `/settings`: refused where the key is no admin's")
    ] = False,
) -> Response[Session]:
    """Mint a session token for the agent whose API key is sent, without the rights of an admin unless it asks."""
    context: ServeContext = request.app.state.context
    # Twice is never wanted: one may be a template's, the other one the page's.
    if len(request.query_params.getall(ADMIN, [])) > 1:
        raise BadInput(f"`{ADMIN}` is there twice")
    caller = await admitted(request, Kind.SESSION)
    if admin:
        await context.credentials.require_admin(caller)
    registration = context.credentials.registration(caller.host)
    token, expires_at = context.tokens.mint(msgspec.structs.replace(caller, admin=admin, registration=registration))
    made = Session(token, expires_at, expires_at - int(time.time()), caller.host, caller.agent_id, admin)
    return Response(made, headers={"Cache-Control": "no-store"})
