"""The ASGI app of serve, over an open context."""

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig

from serve.context import ServeContext
from serve.health import health, metrics
from serve.init import init, init_without_id
from serve.runs import run_events
from serve.settings import ServeSettings
from shared.problems import canvas_error_handlers

MAX_BODY_BYTES = 256 * 1024
PREFLIGHT_S = 600
EXPOSED = ["ETag", "Cache-Status", "Canvas-Run", "Location", "Retry-After"]


def create_serve(context: ServeContext, serve: ServeSettings) -> Litestar:
    """Routes, problem documents and CORS (exact origins, never cookies)."""
    return Litestar(
        [init, init_without_id, run_events, health, metrics],
        state=State({"context": context}),
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
        openapi_config=OpenAPIConfig(title="Prompt Canvas", version="0.1.0", path="/schema"),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
