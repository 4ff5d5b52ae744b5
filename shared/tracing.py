"""Traces with OpenTelemetry, where it is installed (the extra `otel`) and the `OTEL_*` variables say where to.

A trace follows a ticket: webhook ─▶ mark ─▶ run ─▶ stages and model calls ─▶ Canvas ─▶ `/init`. Between processes it
travels as a W3C `traceparent` in the ticket's record. Without the variables nothing is imported, and a span is one
shared object that does nothing.

Attributes hold ids, codes and counts, never a ticket's words; of an exception its type alone, since messages quote. The
provider is our own, not the process's global one: the SDKs of models would send it their spans, with contents.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from importlib.metadata import version
from typing import Any, Literal

import structlog

from shared.errors import CanvasError

Kind = Literal["internal", "server", "consumer", "client"]
Attribute = str | int | float | bool

EXTRA = ".[otel]"
"""As `pip install` wants it in the project's folder: nothing is published."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

log = structlog.get_logger()


class Span:
    """A span that does nothing; `with` makes it the current one of the task."""

    def __enter__(self) -> "Span":
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, *__: object) -> None:
        return None

    @property
    def recording(self) -> bool:
        """Whether anybody will see it."""
        return False

    @property
    def traceparent(self) -> str:
        """The W3C header that names this span as a parent, "" where there is none."""
        return ""

    def rename(self, name: str) -> None:
        """Give it a better name, once it is known."""

    def note(self, **attributes: Attribute) -> None:
        """Add attributes `canvas.<name>`."""

    def link(self, traceparent: str) -> None:
        """Point at a span of another trace."""

    def fail(self, code: str) -> None:
        """It went wrong; `code` is a stable one, or an exception's type."""

    def end(self) -> None:
        """End a span that was not entered."""


_NOTHING = Span()
_current: ContextVar[Span] = ContextVar("span", default=_NOTHING)


class _Tracer:
    """What is set up once a process, like logging: the provider, if any."""

    def __init__(self) -> None:
        self.otel: Any = None


_tracer = _Tracer()


def tracing_on() -> bool:
    """Whether spans go anywhere."""
    return _tracer.otel is not None


def span(
    name: str, *, parent: str = "", links: Sequence[str] = (), kind: Kind = "internal", **attributes: Attribute
) -> Span:
    """A new span: a child of `parent` (a `traceparent`), else of the task's current span. Enter it, or `end` it."""
    if _tracer.otel is None:
        return _NOTHING
    return _OtelSpan(name, parent, links, kind, attributes)


def current_span() -> Span:
    """The span that the task is in."""
    return _current.get()


def traceparent() -> str:
    """The task's current span as a W3C header, "" where nothing is traced."""
    return _current.get().traceparent


def trace_id() -> str:
    """The id of the task's trace, for its log lines; "" where nothing is traced."""
    return _current.get().traceparent[3:35]


def configured() -> bool:
    """Whether the environment asks for traces, by OpenTelemetry's own variables."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "").lower()
    return exporter != "none" and (exporter == "otlp" or any(os.environ.get(name) for name in _ENDPOINTS))


@contextmanager
def tracing(process: str, exporter: Any = None) -> Iterator[None]:
    """Send spans while the block runs, where the environment asks for it; the rest is sent at its end.

    `process` ends the default of the service's name, such as `serve`; `exporter` goes before the environment's.
    """
    if exporter is None and not configured():
        yield
        return
    try:
        provider = _provider(process, exporter)
    except ImportError as error:
        log.warning("no traces", reason=f"{error.name} is not installed", remedy=f"pip install '{EXTRA}'")
        yield
        return
    _tracer.otel = provider.get_tracer("prompt-canvas", version("prompt-canvas"))
    try:
        yield
    finally:
        _tracer.otel = None
        provider.shutdown()


def _provider(process: str, exporter: Any) -> Any:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    said: dict[str, Any] = {"service.version": version("prompt-canvas")}
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not os.environ.get("OTEL_SERVICE_NAME") and "service.name=" not in attributes:
        said["service.name"] = f"prompt-canvas-{process}"
    provider = TracerProvider(resource=Resource.create(said), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class _OtelSpan(Span):
    """A span of OpenTelemetry."""

    def __init__(
        self, name: str, parent: str, links: Sequence[str], kind: Kind, attributes: dict[str, Attribute]
    ) -> None:
        from opentelemetry.trace import SpanKind

        self._span = _tracer.otel.start_span(
            name,
            context=_context(parent or traceparent()),
            kind=SpanKind[kind.upper()],
            attributes={f"canvas.{key}": value for key, value in attributes.items()},
            record_exception=False,
            set_status_on_exception=False,
        )
        self._entered: Token[Span] | None = None
        for link in links:
            self.link(link)

    def __enter__(self) -> Span:
        self._entered = _current.set(self)
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, *__: object) -> None:
        if self._entered is not None:
            _current.reset(self._entered)
        if error is not None:
            self.fail(error.code if isinstance(error, CanvasError) else type(error).__name__)
        self.end()

    @property
    def recording(self) -> bool:
        return bool(self._span.is_recording())

    @property
    def traceparent(self) -> str:
        found = self._span.get_span_context()
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **attributes: Attribute) -> None:
        self._span.set_attributes({f"canvas.{key}": value for key, value in attributes.items()})

    def link(self, traceparent: str) -> None:
        found = _span_context(traceparent)
        if found is not None:
            self._span.add_link(found)

    def fail(self, code: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR, code))

    def end(self) -> None:
        self._span.end()


def _span_context(traceparent: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    parts = traceparent.split("-")
    if len(parts) != 4:
        return None
    try:
        found = SpanContext(int(parts[1], 16), int(parts[2], 16), True, TraceFlags(int(parts[3], 16)))
    except ValueError:
        return None
    return found if found.is_valid else None


def _context(parent: str) -> Any:
    """An OpenTelemetry context that holds the parent alone; the process's own one is left as it is."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    found = _span_context(parent)
    return Context() if found is None else set_span_in_context(NonRecordingSpan(found), Context())
