"""Who may come in, the first line of every handler: address, credential and limits are looked at, in this order."""

from typing import Any

from litestar import Request
from litestar.types import Message

from serve.caller import Caller
from serve.context import ServeContext
from serve.limits.buckets import OverLimit
from serve.limits.limits import Kind
from shared.request_ids import about

RATE_LIMIT = "canvas.rate-limit"
"""In the scope's state: headers that `add_rate_limit` puts into the answer."""


async def admitted(request: Request[Any, Any, Any], kind: Kind = Kind.READ) -> Caller:
    """The caller of a request that is within its limits; the answer will carry its `RateLimit` headers.

    Raises:
        Unauthorized: no credential, a wrong or an expired one.
        RateLimited: too many requests, or too many wrong keys.
        FreshdeskUnavailable, FreshdeskLimited: the key is new and Freshdesk can't be asked.
        StoreUnavailable: Redis does not answer.
    """
    context: ServeContext = request.app.state.context
    scope = request.scope
    address = context.addresses.of(scope)
    try:
        await context.limits.spend_address(address)
        if kind is Kind.SESSION:
            caller = await context.credentials.key_holder(scope["headers"], address)
        else:
            caller = await context.credentials.caller(scope["headers"], address)
        about(host=caller.host)
        scope["state"][RATE_LIMIT] = await context.limits.spend(caller, kind=kind)
    except OverLimit as error:
        scope["state"][RATE_LIMIT] = error.headers
        raise
    return caller


async def add_rate_limit(message: Message, scope: Any) -> None:
    """Litestar's `before_send` hook: the headers that `admitted` has left."""
    if message["type"] == "http.response.start":
        headers = scope.get("state", {}).get(RATE_LIMIT)
        if headers:
            message["headers"] = [*message["headers"], *headers]
