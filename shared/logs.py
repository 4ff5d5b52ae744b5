"""Log set-up of every process: structlog, one line an event, no ticket text and no secrets.

Loggers take ids, counts and codes as keywords. As a second line of defence a processor masks any value whose name
says that it is a secret or a person's words.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

from shared.settings import Settings
from shared.tracing import trace_id

SECRET_NAMES = frozenset(
    {"api_key", "authorization", "secret", "token", "password", "key", "body", "text", "subject", "email", "content"}
)


def mask_secrets(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of fields that must never be logged."""
    for name in event:
        if name in SECRET_NAMES:
            event[name] = "[masked]"
    return event


def add_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace that the task is in, where there is one."""
    if found := trace_id():
        event["trace"] = found
    return event


def failure(error: BaseException) -> dict[str, str]:
    """What may be logged of an unexpected error: its type and where it was raised.

    Never its message or local variables, which may quote a ticket.
    """
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "where": " > ".join(places)}


def set_up_logging(settings: Settings) -> None:
    """Configure structlog once per process; libraries' own loggers stay at warning and above.

    The SDKs' debug loggers print whole requests, so they are never let through.
    """
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_trace,
            mask_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
