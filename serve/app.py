"""The ASGI app of serve, over an open context."""

from typing import Any

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import MutableScopeHeaders, State
from litestar.types import ControllerRouterHandler, Message

from serve.context import ServeContext
from serve.edge.front import Front
from serve.edge.observed import Observed
from serve.hits.answer import VARY
from serve.openapi.described import described, openapi_config
from serve.routes.access import add_rate_limit
from serve.routes.attachments import attachment
from serve.routes.backfills import ingest, ingest_progress, steer_ingest
from serve.routes.feedback import feedback
from serve.routes.health import health
from serve.routes.init import init, init_without_id
from serve.routes.query import query, query_stream
from serve.routes.reply import generate_reply, generate_reply_stream
from serve.routes.runs import run_events
from serve.routes.session import session
from serve.routes.settings import choose_settings, settings
from serve.settings import ServeSettings
from shared.gauges import Gauges, metrics
from shared.problems import canvas_error_handlers

MAX_BODY_BYTES = 256 * 1024
PREFLIGHT_S = 600
EXPOSED = ["ETag", "Age", "Cache-Status", "Canvas-Run", "Canvas-Newer", "Location", "Retry-After", "Server-Timing"]
EXPOSED += ["RateLimit", "RateLimit-Policy", "X-Request-Id"]


HANDLERS: tuple[ControllerRouterHandler, ...] = (
    init,
    init_without_id,
    run_events,
    query,
    query_stream,
    generate_reply,
    generate_reply_stream,
    feedback,
    attachment,
    ingest,
    ingest_progress,
    steer_ingest,
    settings,
    choose_settings,
    session,
    health,
    metrics,
)


def create_serve(context: ServeContext, serve: ServeSettings) -> Front:
    """Everything that serve answers: hits by the front, the rest observed (request ids, metrics, spans, log lines)."""
    app = Observed(create_routes(context, serve), serve.log_hits)
    return Front(app, context, serve.cors_origins, EXPOSED, serve.log_hits)


def create_routes(context: ServeContext, serve: ServeSettings) -> Litestar:
    """Routes, problem documents and CORS (exact origins, never cookies)."""
    return Litestar(
        list(HANDLERS),
        state=State({"context": context, "gauges": Gauges(context.redis.state, context.settings)}),
        exception_handlers=canvas_error_handlers(),
        before_send=[add_rate_limit, keep_vary],
        cors_config=CORSConfig(
            allow_origins=list(serve.cors_origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=[
                "X-Freshdesk-Domain",
                "X-Freshdesk-API-Key",
                "Authorization",
                "Content-Type",
                "If-None-Match",
                "Last-Event-ID",
                "X-Request-ID",
                "traceparent",
            ],
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_S,
        ),
        openapi_config=openapi_config(),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )


async def keep_vary(message: Message, scope: Any) -> None:  # noqa: ARG001 - as Litestar calls it
    """A hook before an answer is sent: for a browser Litestar puts `Origin` in place of what a Canvas varies with."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        if headers.get("vary") == "Origin" and "etag" in headers:
            headers["vary"] = VARY


def openapi_document() -> dict[str, Any]:
    """What `/schema` answers; nothing needs to be open for it."""
    app = Litestar(list(HANDLERS), openapi_config=openapi_config(), logging_config=None)
    return described(app.openapi_schema.to_schema())
