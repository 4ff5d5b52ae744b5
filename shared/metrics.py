"""Prometheus metrics of both sides, and their exposition."""

from litestar.response import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

# When each series began, as one more series each: twice as much to scrape, and nothing reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]

WEBHOOKS = Counter("canvas_webhooks_total", "Webhooks by what was done with them", ["outcome"])
WEBHOOK_SECONDS = Histogram(
    "canvas_webhook_seconds",
    "Time to answer a webhook, whatever the answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 3),
)
INIT = Counter("canvas_init_total", "Answers of /init", ["outcome"])
REQUEST_SECONDS = Histogram(
    "canvas_request_seconds",
    "Time until an answer was sent whole; of a stream, until its headers were",
    ["route", "method", "status"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
FIRST_EVENT_SECONDS = Histogram(
    "canvas_first_event_seconds",
    "Time from a request to the first event of its stream",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
STREAMS_OPEN = Gauge("canvas_streams_open", "Streams of events that are open", ["route"])
STREAM_SECONDS = Histogram(
    "canvas_stream_seconds",
    "How long streams of events were open",
    ["route"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
STAGE_SECONDS = Histogram(
    "canvas_stage_seconds",
    "Wall time of a run's stages",
    ["stage"],
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
RECONCILE_PASSES = Counter("canvas_reconcile_passes_total", "Reconcile passes: done, or a failure's code", ["result"])
RECONCILE_FOUND = Counter("canvas_reconcile_found_total", "Changes that webhooks had missed, by list", ["list"])
RECONCILE_LEFT = Counter("canvas_reconcile_left_total", "Tickets that were merged or archived and left the lists")
RECONCILE_SUCCESS = Gauge(
    "canvas_reconcile_last_success_timestamp_seconds", "When this process last finished a reconcile pass of any tenant"
)
RUNS = Counter("canvas_runs_total", "Runs by how they were settled", ["result"])
MODEL_CALLS = Counter("canvas_model_calls_total", "Calls of models by how they ended", ["model", "task", "outcome"])
MODEL_SECONDS = Histogram(
    "canvas_model_seconds",
    "Wall time of calls that ended well",
    ["model", "task"],
    buckets=(0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60),
)
MODEL_FIRST_TOKEN_SECONDS = Histogram(
    "canvas_model_first_token_seconds",
    "Time until the first token of a call, however it ended",
    ["model", "task"],
    buckets=(0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 12, 20),
)
MODEL_TOKENS = Counter("canvas_model_tokens_total", "Tokens by kind, failed calls included", ["model", "task", "kind"])
MODEL_DOLLARS = Counter("canvas_model_dollars_total", "US dollars by our price list", ["model", "task"])
MODEL_OPENED = Counter("canvas_model_breaker_opened_total", "Models taken out of use, by why", ["model", "kind"])

BY_TENANT = CollectorRegistry()
"""What carries a tenant's name, which is nobody's business who may not see names."""
TENANT_TOKENS = Counter(
    "canvas_tenant_tokens_total", "Tokens by tenant", ["tenant", "model", "task", "kind"], registry=BY_TENANT
)
TENANT_DOLLARS = Counter(
    "canvas_tenant_dollars_total", "US dollars by tenant", ["tenant", "model", "task"], registry=BY_TENANT
)
ANSWERS = Counter("canvas_answers_total", "Attempts at agents' questions by how they ended", ["outcome"])
FEEDBACK = Counter("canvas_feedback_total", "What agents did with suggestions", ["kind", "action", "model", "prompt"])
TENANT_FEEDBACK = Counter(
    "canvas_tenant_feedback_total",
    "What agents did with suggestions, by tenant",
    ["tenant", "kind", "action", "model", "prompt"],
    registry=BY_TENANT,
)
TENANT_ACCEPTANCE = Gauge(
    "canvas_tenant_acceptance_ratio",
    "Share of this month's shown suggestions that were copied, inserted or edited, as this process last saw it",
    ["tenant", "kind", "model", "prompt"],
    registry=BY_TENANT,
)
DRAFTS = Counter(
    "canvas_drafts_total", "Recommended replies by what agents did with them", ["model", "prompt", "verdict"]
)
DRAFT_DISTANCE = Histogram(
    "canvas_draft_distance",
    "How far what an agent sent is from the nearest recommended reply, 0 to 1",
    ["model", "prompt"],
    buckets=(0.02, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1),
)
TENANT_DRAFTS = Counter(
    "canvas_tenant_drafts_total",
    "Recommended replies by tenant and by what agents did with them",
    ["tenant", "model", "prompt", "verdict"],
    registry=BY_TENANT,
)
FRESHDESK_CALLS = Counter("canvas_freshdesk_calls_total", "Calls to Freshdesk by how they ended", ["outcome"])
FRESHDESK_WAIT_SECONDS = Histogram(
    "canvas_freshdesk_wait_seconds",
    "How long a call to Freshdesk waited for the account's rate limit",
    ["priority"],
    buckets=(0.01, 0.05, 0.2, 1, 2, 5, 15, 60, 300),
)
TENANT_CALLS_LEFT = Gauge(
    "canvas_tenant_freshdesk_calls_left",
    "Calls of the account's rate limit that were left at the last answer",
    ["tenant"],
    registry=BY_TENANT,
)


def exposition(gauges: bytes = b"", *, by_tenant: bool = False) -> Response[bytes]:
    """The current values of this process in Prometheus' text format, and `gauges`, which are in it already."""
    named = generate_latest(BY_TENANT) if by_tenant else b""
    return Response(generate_latest() + named + gauges, media_type=CONTENT_TYPE_LATEST)
