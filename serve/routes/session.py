"""`POST /session`: a token for the browser, in exchange for the API key that must never get there.

The Freshdesk app calls it through a request template, so that Freshworks' proxy adds the key; what comes back can be
given to the page. A token is good for at most 15 minutes and brings forth no other one.
"""

import time
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec

from serve.context import ServeContext
from serve.limits.limits import Kind
from serve.routes.access import admitted
from shared.errors import FreshdeskLimited, FreshdeskUnavailable, RateLimited, StoreUnavailable, Unauthorized
from shared.problems import documented


class Session(msgspec.Struct, frozen=True):
    """A bearer token, when it expires, and whose it is; `admin` says whether its agent may start backfills."""

    token: str
    expires_at: Annotated[int, msgspec.Meta(description="Seconds since the epoch")]
    expires_in: Annotated[int, msgspec.Meta(description="Seconds from now: for a browser whose clock is wrong")]
    host: str
    agent_id: int
    admin: bool


@post(
    "/session",
    status_code=200,
    security=[{"domain": [], "key": []}],
    responses={200: ResponseSpec(Session, generate_examples=False, description="A token for `Authorization: Bearer`")}
    | documented(Unauthorized, RateLimited, FreshdeskUnavailable, FreshdeskLimited, StoreUnavailable),
)
async def session(request: Request[Any, Any, State]) -> Response[Session]:
    """Mint a session token for the agent whose API key is sent."""
    context: ServeContext = request.app.state.context
    caller = await admitted(request, Kind.SESSION)
    admin = await context.credentials.is_admin(caller)
    registration = context.credentials.registration(caller.host)
    token, expires_at = context.tokens.mint(msgspec.structs.replace(caller, admin=admin, registration=registration))
    made = Session(token, expires_at, expires_at - int(time.time()), caller.host, caller.agent_id, admin)
    return Response(made, headers={"Cache-Control": "no-store"})
