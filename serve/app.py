"""The ASGI app of serve, over an open context."""

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Reference, SecurityScheme
from litestar.types import ASGIApp

from serve.context import ServeContext
from serve.health import health
from serve.init import init, init_without_id
from serve.observed import Observed
from serve.runs import run_events
from serve.settings import ServeSettings
from shared.gauges import Gauges, metrics
from shared.problems import canvas_error_handlers

MAX_BODY_BYTES = 256 * 1024
PREFLIGHT_S = 600
EXPOSED = ["ETag", "Cache-Status", "Canvas-Run", "Location", "Retry-After"]


def create_serve(context: ServeContext, serve: ServeSettings) -> ASGIApp:
    """Everything that serve answers, observed: request ids, metrics, spans, log lines."""
    return Observed(create_routes(context, serve), serve.log_hits)


def create_routes(context: ServeContext, serve: ServeSettings) -> Litestar:
    """Routes, problem documents and CORS (exact origins, never cookies)."""
    return Litestar(
        [init, init_without_id, run_events, health, metrics],
        state=State({"context": context, "gauges": Gauges(context.redis.state, context.settings)}),
        exception_handlers=canvas_error_handlers(),
        cors_config=CORSConfig(
            allow_origins=list(serve.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=[
                "X-Freshdesk-Domain",
                "X-Freshdesk-API-Key",
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
    return OpenAPIConfig(
        title="Prompt Canvas",
        version="0.1.0",
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        components=Components(security_schemes=schemes),
        security=[{name: [] for name in schemes}],
    )
