"""A trace follows a ticket from its webhook to the agent's screen, over a collector that speaks OTLP.

OpenTelemetry is an extra (the extra `otel`); where it is not installed, these tests are skipped but for the last.
"""

import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from deploy.demo.helpdesk.faults import Fault
from shared.due import DueLedger
from shared.tracing import configured, span, tracing, tracing_on
from tests.waiting import wait_until
from tests.world import ACME, AGENT_KEY, World, parse_events, world

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ROOT = Path(__file__).parents[2]


class Collector:
    """An OTLP collector's HTTP side: what it was sent, as the protocol's own messages."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    @contextmanager
    def listening(self) -> Iterator[str]:
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def spans(self) -> list[Any]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        parsed = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            each
            for request in parsed
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for each in scope.spans
        ]

    def named(self, name: str) -> list[Any]:
        return [each for each in self.spans if each.name == name]


@pytest.fixture
async def traced_world(
    settings: Any, nobody_else: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[World, Collector]]:
    """A whole Prompt Canvas whose spans go to a collector, as the standard variables say."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    collector = Collector()
    with collector.listening() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        with tracing("up"):
            async with world(settings) as made:
                yield made, collector


async def arrived(collector: Collector, name: str, count: int = 1) -> bool:
    return len(collector.named(name)) >= count


async def test_one_trace_goes_from_the_webhook_over_the_stages_to_init(traced_world: tuple[World, Collector]) -> None:
    made, collector = traced_world
    acme = made.acme
    number = await acme.create_ticket("Printer Kingfisher", "It jams, says kingfisher.customer@example.com.")
    await acme.hit(number)
    again = await acme.canvas.get(f"/init/{number}", headers={"traceparent": CALLER})
    assert again.headers["x-request-id"] == CALLER[3:35]
    acme.helpdesk.faults.add(Fault("webhook_drop", count=1))
    unseen = await acme.create_ticket("Late", "Nobody has seen the Kingfisher.")
    streamed = await acme.init(unseen, accept="text/event-stream")
    assert parse_events(streamed.text)[-1][0] == "done"
    asked = await acme.canvas.post("/query", json={"question": "What jams?"})
    assert asked.status_code == 200
    await wait_until(partial(arrived, collector, "run", 2))
    await wait_until(partial(arrived, collector, "answer", 1))
    await wait_until(partial(arrived, collector, "POST /query", 1))
    await wait_until(partial(arrived, collector, "GET /init/{ticket_id}", 3))

    webhook = collector.named("POST /webhooks/freshdesk/{tenant}")[0]
    runs = {_value(each, "canvas.ticket"): each for each in collector.named("run")}
    assert runs[number].trace_id == webhook.trace_id
    assert runs[number].parent_span_id == webhook.span_id
    below = {each.name for each in collector.spans if each.parent_span_id == runs[number].span_id}
    assert {"stage fetch", "stage clean", "stage summarize", "store"} <= below
    hits = [each for each in collector.named("GET /init/{ticket_id}") if _value(each, "canvas.cache") == "hit"]
    assert runs[number].span_id in {link.span_id for link in hits[0].links}, "a hit: this run has made the Canvas"
    called = next(each for each in collector.named("GET /init/{ticket_id}") if each.trace_id.hex() == CALLER[3:35])
    assert called.parent_span_id.hex() == CALLER[36:52]
    stream = next(each for each in collector.named("GET /init/{ticket_id}") if each.trace_id == runs[unseen].trace_id)
    assert runs[unseen].parent_span_id == stream.span_id, "a miss: the request made the run"
    assert runs[unseen].span_id in {link.span_id for link in stream.links}
    question = collector.named("POST /query")[0]
    assert collector.named("answer")[0].parent_span_id == question.span_id
    body = b"".join(collector.bodies).lower()
    for hidden in (b"kingfisher", AGENT_KEY.encode(), b"jams"):
        assert hidden not in body


async def test_a_burst_of_webhooks_is_one_run_that_links_to_all_of_them(redis: Redis) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    ledger = DueLedger(redis)
    with tracing("test", InMemorySpanExporter()):
        first = ""
        for _ in range(12):
            with span("webhook") as webhook:
                await ledger.mark(ACME, 1)
                await ledger.mark(ACME, 1)  # sent twice, after a lost answer
            first = first or webhook.traceparent
        claim = await ledger.claim(ACME, 1)
        assert claim is not None
        assert claim.asked_by[0] == first
        assert len(claim.asked_by) == len(set(claim.asked_by)) == 8, "the first few: a record stays small"
        await ledger.release(claim)
        again = await ledger.claim(ACME, 1)
        assert again is not None
        assert again.asked_by == claim.asked_by, "whoever takes it over is in the same trace"


def test_a_model_that_fails_is_named_by_its_kind_and_never_by_its_words() -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    with tracing("test", exporter), pytest.raises(RuntimeError), span("stage", stage="summarize"):
        raise RuntimeError("the customer said Kingfisher")
    found = exporter.get_finished_spans()
    assert [each.name for each in found] == ["stage"]
    assert dict(found[0].attributes or {}) == {"canvas.stage": "summarize", "error.type": "RuntimeError"}
    assert not found[0].events
    assert "Kingfisher" not in found[0].to_json()
    assert found[0].resource.attributes["service.name"] == "prompt-canvas-test"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_the_standard_variables_decide(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: bool
) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert configured() is wanted


def test_without_them_nothing_is_imported_and_a_span_does_nothing() -> None:
    script = (
        "import sys; from shared.tracing import *\n"
        "with tracing('x'), span('a', host='b') as s:\n"
        "    s.note(c=1); s.link(''); s.fail('d')\n"
        "    assert not traceparent() and not s.recording and not tracing_on()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert not tracing_on()


def _value(found: Any, name: str) -> Any:
    for attribute in found.attributes:
        if attribute.key == name:
            value = attribute.value
            return value.int_value if value.HasField("int_value") else value.string_value
    return None
