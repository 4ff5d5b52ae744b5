"""The webhook receiver: authenticate, find the ticket id, mark it due, answer. Nothing else happens in the request.

Freshdesk retries every answer that is not 2xx for a day. So 503 where Redis can't take the mark, and 202 for an
authenticated body that will never be of use; only a wrong secret is refused. The endpoint is a plain ASGI function
below Litestar's router: the machinery of a Litestar handler took longer than all of it.
"""

import asyncio
import time

import structlog
from litestar import Litestar, asgi
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import Receive, Scope, Send
from redis.exceptions import RedisError

from ingest.context import ReceiverContext
from ingest.last_webhook import LastWebhooks
from ingest.pipelined import Pipelined
from ingest.webhook_auth import SECRET_HEADER, WebhookAuth
from ingest.webhook_body import ticket_id_of
from shared.due import Debounce, DueLedger
from shared.errors import StoreUnavailable, Unauthorized
from shared.gauges import Gauges, metrics
from shared.metrics import WEBHOOK_SECONDS, WEBHOOKS
from shared.problems import canvas_error_handlers, store_answers
from shared.request_ids import add_request_id, enter, request_id
from shared.tenants import TenantRegistry
from shared.tracing import current_span, span

__all__ = ["MAX_BODY_BYTES", "SECRET_HEADER", "create_receiver"]

MAX_BODY_BYTES = 256 * 1024
BODY_WITHIN_S = 10.0
"""A body comes with its headers, or a moment later; who takes longer holds a connection for nothing."""
INLINE_BYTES = 16 * 1024
"""The worst body of this size is read in 1 ms, of 256 KB in 16 ms: those are read in a thread."""
UNUSABLE = b'{"accepted":false,"reason":"no-ticket-id"}'

_ACCEPTED, _UNUSABLE, _UNAUTHORIZED, _UNAVAILABLE = (
    WEBHOOKS.labels(outcome=outcome) for outcome in ("accepted", "unusable", "unauthorized", "unavailable")
)

log = structlog.get_logger()


def create_receiver(context: ReceiverContext) -> Litestar:
    """The ASGI app of the webhook endpoint over an open context."""
    receiver = Receiver(context)

    # A mount, since Litestar 2.25 finds no ASGI function behind a path parameter.
    @asgi("/webhooks/freshdesk", is_mount=True, copy_scope=False)
    async def webhooks(scope: Scope, receive: Receive, send: Send) -> None:
        await receiver.answer(scope, receive, send)

    return Litestar(
        [webhooks, metrics],
        state=State({"gauges": Gauges(context.redis.state, context.settings)}),
        exception_handlers=canvas_error_handlers(),
        before_send=[add_request_id],
        logging_config=None,
        openapi_config=None,
    )


class Receiver:
    """Takes webhooks; those that arrive together share their round trips to Redis."""

    def __init__(self, context: ReceiverContext) -> None:
        state = Pipelined(context.redis.state.connection_pool)
        self._auth = WebhookAuth(TenantRegistry(state, context.vault))
        self._ledger = DueLedger(state, Debounce.from_settings(context.settings))
        self._last = LastWebhooks(state)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark the ticket that a webhook names as due: `{"accepted": true, "ticket_id": 12, "generation": 3}`.

        Raises:
            Unauthorized, StoreUnavailable, HTTPException: the app answers with their problem documents.
        """
        began = time.perf_counter()
        named = request_id(scope["headers"])
        enter(named)
        try:
            with span("POST /webhooks/freshdesk/{tenant}", parent=named.traceparent, kind="server"):
                body = await self._accept(scope, receive)
        except (RedisError, OSError, StoreUnavailable) as error:
            _UNAVAILABLE.inc()
            raise StoreUnavailable from error
        except Unauthorized:
            _UNAUTHORIZED.inc()
            raise
        except _SenderGone:
            return
        finally:
            WEBHOOK_SECONDS.observe(time.perf_counter() - began)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _accept(self, scope: Scope, receive: Receive) -> bytes:
        """What to say to a webhook that is accepted."""
        tenant = _tenant(scope)
        # Before the body is read: who has no secret learns nothing about limits.
        async with store_answers():
            host = await self._auth.host_of(tenant, scope["headers"])
        body = await _read(receive)
        inline = len(body) <= INLINE_BYTES
        ticket_id = ticket_id_of(body) if inline else await asyncio.to_thread(ticket_id_of, body)
        if ticket_id is None:
            _UNUSABLE.inc()
            log.warning("webhook without a ticket id", host=host)
            return UNUSABLE
        async with store_answers():
            generation = await self._ledger.mark(host, ticket_id)
            await self._last.note(host)
        current_span().note(host=host, ticket=ticket_id, generation=generation)
        _ACCEPTED.inc()
        return b'{"accepted":true,"ticket_id":%d,"generation":%d}' % (ticket_id, generation)


def _tenant(scope: Scope) -> str:
    """The tenant as the path names it; below a mount the path is `/<tenant>/`."""
    before, _, tenant = scope["path"].rstrip("/").partition("/")
    if before or not tenant or "/" in tenant:
        raise NotFoundException
    if scope.get("method") != "POST":
        raise MethodNotAllowedException(headers={"Allow": "POST"})
    return tenant


class _SenderGone(Exception):
    """Nobody waits for an answer any more."""


async def _read(receive: Receive) -> bytes:
    """The request's body.

    Raises:
        HTTPException: 413 where it is too large, 408 where it does not come.
        _SenderGone: the connection ended before it did.
    """
    parts, size, more = list[bytes](), 0, True
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            while more and size <= MAX_BODY_BYTES:
                part, more = await _chunk(receive)
                parts.append(part)
                size += len(part)
    except TimeoutError as error:
        raise HTTPException("The body did not come", status_code=408) from error
    if size > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return b"".join(parts)


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise _SenderGone
    return message.get("body", b""), message.get("more_body", False)
