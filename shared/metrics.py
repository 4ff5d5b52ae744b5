"""Prometheus metrics of both sides, and their exposition."""

from litestar.response import Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

WEBHOOKS = Counter("canvas_webhooks_total", "Webhooks by what was done with them", ["outcome"])
WEBHOOK_SECONDS = Histogram(
    "canvas_webhook_seconds",
    "Time to answer a webhook, whatever the answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 3),
)
INIT = Counter("canvas_init_total", "Answers of /init", ["outcome"])
STAGE_SECONDS = Histogram(
    "canvas_stage_seconds",
    "Wall time of a run's stages",
    ["stage"],
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
RUNS = Counter("canvas_runs_total", "Runs by how they were settled", ["result"])


def exposition(gauges: bytes = b"") -> Response[bytes]:
    """The current values of this process in Prometheus' text format, and `gauges`, which are in it already."""
    return Response(generate_latest() + gauges, media_type=CONTENT_TYPE_LATEST)
