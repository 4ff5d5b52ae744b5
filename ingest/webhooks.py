"""The webhook receiver: authenticate, find the ticket id, mark it due, answer. Nothing else happens in the request.

Freshdesk retries every answer that is not 2xx for a day. So 503 where Redis can't take the mark, and 202 for an
authenticated body that will never be of use; only a wrong secret is refused.
"""

import base64
from typing import Any

import structlog
from litestar import Litestar, Request, get, post
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import Response
from redis.exceptions import RedisError

from ingest.context import ReceiverContext
from ingest.webhook_body import ticket_id_of
from shared.errors import BadInput, StoreUnavailable, Unauthorized
from shared.metrics import WEBHOOKS, exposition
from shared.problems import canvas_error_handlers, store_answers
from shared.queues import Queue
from shared.tenants import parse_host

SECRET_HEADER = "X-Canvas-Secret"  # noqa: S105 - the header's name, not a secret
MAX_BODY_BYTES = 256 * 1024

log = structlog.get_logger()


def create_receiver(context: ReceiverContext) -> Litestar:
    """The ASGI app of the webhook endpoint over an open context."""
    return Litestar(
        [receive, metrics],
        state=State({"context": context}),
        exception_handlers=canvas_error_handlers(),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        openapi_config=None,
    )


@post("/webhooks/freshdesk/{tenant:str}", status_code=202)
async def receive(tenant: FromPath[str], request: Request[Any, Any, State]) -> dict[str, Any]:
    """Mark the ticket that a webhook names as due: `{"accepted": true, "ticket_id": 12, "generation": 3}`."""
    context: ReceiverContext = request.app.state.context
    try:
        async with store_answers():
            host = await _authenticate(context, tenant, request)
        ticket_id = ticket_id_of(await request.body())
        if ticket_id is None:
            WEBHOOKS.labels(outcome="unusable").inc()
            log.warning("webhook without a ticket id", host=host)
            return {"accepted": False, "reason": "no-ticket-id"}
        async with store_answers():
            generation = await context.ledger.mark(host, ticket_id)
    except (RedisError, OSError, StoreUnavailable) as error:
        WEBHOOKS.labels(outcome="unavailable").inc()
        raise StoreUnavailable from error
    except Unauthorized:
        WEBHOOKS.labels(outcome="unauthorized").inc()
        raise
    await _wake(context, host, ticket_id)
    WEBHOOKS.labels(outcome="accepted").inc()
    return {"accepted": True, "ticket_id": ticket_id, "generation": generation}


@get("/metrics", include_in_schema=False)
async def metrics() -> Response[bytes]:
    """Prometheus' exposition of this process."""
    return exposition()


async def _authenticate(context: ReceiverContext, tenant: str, request: Request[Any, Any, State]) -> str:
    try:
        host = parse_host(tenant)
    except BadInput as error:
        raise Unauthorized from error
    record = await context.tenants.get(host)
    if not context.tenants.accepts_webhook(record, _secret(request)):
        raise Unauthorized
    return host


def _secret(request: Request[Any, Any, State]) -> str:
    """The secret from our header, or the password of Basic auth, for rules that use "Requires authentication"."""
    secret = request.headers.get(SECRET_HEADER)
    if secret is not None:
        return secret
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:  # binascii.Error and UnicodeDecodeError are ValueErrors; so is text that is not ASCII
        return ""


async def _wake(context: ReceiverContext, host: str, ticket_id: int) -> None:
    try:
        async with store_answers():
            await context.queue.precompute(Queue.LIVE, host, ticket_id)
    except (RedisError, OSError, StoreUnavailable):
        # The mark is durable, and the sweeper wakes what is due: the webhook is accepted all the same.
        log.warning("wake-up lost", host=host, ticket=ticket_id)
