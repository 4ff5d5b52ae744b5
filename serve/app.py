"""The ASGI app of serve, over an open context."""

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Reference, SecurityScheme

from serve.access import add_rate_limit
from serve.attachments import attachment
from serve.backfills import ingest, ingest_progress
from serve.context import ServeContext
from serve.feedback import feedback
from serve.front import Front
from serve.health import health
from serve.init import init, init_without_id
from serve.observed import Observed
from serve.query import query, query_stream
from serve.reply import generate_reply, generate_reply_stream
from serve.runs import run_events
from serve.session import session
from serve.settings import ServeSettings
from shared.gauges import Gauges, metrics
from shared.problems import canvas_error_handlers

MAX_BODY_BYTES = 256 * 1024
PREFLIGHT_S = 600
EXPOSED = ["ETag", "Age", "Cache-Status", "Canvas-Run", "Location", "Retry-After", "RateLimit", "RateLimit-Policy"]


def create_serve(context: ServeContext, serve: ServeSettings) -> Front:
    """Everything that serve answers: hits by the front, the rest observed (request ids, metrics, spans, log lines)."""
    app = Observed(create_routes(context, serve), serve.log_hits)
    return Front(app, context, serve.cors_origins, EXPOSED, serve.log_hits)


def create_routes(context: ServeContext, serve: ServeSettings) -> Litestar:
    """Routes, problem documents and CORS (exact origins, never cookies)."""
    return Litestar(
        [
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
            session,
            health,
            metrics,
        ],
        state=State({"context": context, "gauges": Gauges(context.redis.state, context.settings)}),
        exception_handlers=canvas_error_handlers(),
        before_send=[add_rate_limit],
        cors_config=CORSConfig(
            allow_origins=list(serve.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=[
                "X-Freshdesk-Domain",
                "X-Freshdesk-API-Key",
                "Authorization",
                "Content-Type",
                "If-None-Match",
                "Last-Event-ID",
            ],
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_S,
        ),
        openapi_config=_described(),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )


def _described() -> OpenAPIConfig:
    """OpenAPI at `/schema`, as JSON alone: the usual pages load scripts from elsewhere into the origin of the API."""
    schemes: dict[str, SecurityScheme | Reference] = {
        "domain": SecurityScheme(type="apiKey", name="X-Freshdesk-Domain", security_scheme_in="header"),
        "key": SecurityScheme(type="apiKey", name="X-Freshdesk-API-Key", security_scheme_in="header"),
    }
    schemes["token"] = SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
    return OpenAPIConfig(
        title="Prompt Canvas",
        version="0.1.0",
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        components=Components(security_schemes=schemes),
        security=[{"domain": [], "key": []}, {"token": []}],
    )
