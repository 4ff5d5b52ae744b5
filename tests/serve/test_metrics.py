"""`/metrics` as a Prometheus reads it: names, units, labels, and figures that mean what they say."""

import asyncio
import json
import re
import timeit
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from structlog.testing import capture_logs

from deploy.demo.helpdesk.faults import Fault
from deploy.up import worker_alone
from serve.edge.observed import METHODS, Hits
from shared.metrics import TENANT_TOKENS
from shared.queues import Queue
from shared.settings import Settings
from shared.tasks import stop
from tests.waiting import wait_until
from tests.world import ACME, World, all_settings, parse_events

pytestmark = pytest.mark.usefixtures("nobody_else")
FOLDER = Path(__file__).parents[2] / "deploy/dashboards"
DASHBOARDS = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
UNITS = ("_seconds", "_bytes", "_total", "_tokens", "_dollars", "_ratio")
COUNTS = {
    "canvas_due", "canvas_waiting", "canvas_running", "canvas_dead", "canvas_tenants", "canvas_workers",
    "canvas_queue_jobs", "canvas_redis_up", "canvas_freshdesk_calls_left", "canvas_tenant_freshdesk_calls_left",
    "canvas_streams_open", "canvas_draft_distance",
}  # fmt: skip
"""What has no unit: how many there are now, or a figure between 0 and 1."""


async def scrape(client: httpx.AsyncClient, **headers: str) -> dict[str, Metric]:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(found: dict[str, Metric], sample: str, **labels: str) -> float:
    return sum(
        each.value
        for family in found.values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    )


def ours(found: dict[str, Metric]) -> Iterable[Metric]:
    return (family for name, family in found.items() if name.startswith("canvas_"))


async def test_names_and_units_are_as_prometheus_wants_them(whole_world: World) -> None:
    await whole_world.acme.hit(await whole_world.acme.create_ticket("A printer", "It jams."))
    found = await scrape(whole_world.acme.canvas)
    assert len(list(ours(found))) > 20
    for family in ours(found):
        assert re.fullmatch(r"canvas(_[a-z]+)+", family.name), family.name
        assert family.documentation
        assert family.name.endswith(UNITS) or family.type == "counter" or family.name in COUNTS, family.name
        if family.type == "counter":
            assert all(each.name.endswith(("_total", "_created")) for each in family.samples)


async def test_requests_are_counted_by_route_method_and_class_of_status(whole_world: World) -> None:
    acme = whole_world.acme
    number = await acme.create_ticket("A printer", "It jams.")
    await acme.hit(number)
    before = await scrape(acme.canvas)
    for path in (f"/init/{number}", "/init/x", "/init/y", "/nope/1", "/nope/2"):
        await acme.canvas.get(path)
    await acme.canvas.request("PROPFIND", "/init/x")
    after = await scrape(acme.canvas)

    def counted(**labels: str) -> float:
        name = "canvas_request_seconds_count"
        return value(after, name, **labels) - value(before, name, **labels)

    assert counted(route="/init/{ticket_id}", method="GET", status="2xx") == 1
    assert counted(route="/init/{ticket_id}", method="GET", status="4xx") == 2
    assert counted(route="unmatched", method="GET", status="4xx") == 2
    assert counted(method="other") == 1
    assert value(after, "canvas_init_total", outcome="hit") - value(before, "canvas_init_total", outcome="hit") == 1


async def test_nothing_that_a_client_sends_makes_a_label(whole_world: World) -> None:
    client = whole_world.acme.canvas
    for turn in range(20):
        await client.get(f"/p{turn}/{turn}", headers={"X-Request-ID": f"r{turn}"})
        await client.get(f"/init/{80_000 + turn}x")
        await client.get(f"/runs/run{turn}")
    found = await scrape(client)
    routes = {each.labels["route"] for each in found["canvas_request_seconds"].samples}
    described = (await client.get("/schema")).json()["paths"]
    schema = {"/schema", "/schema/openapi.json", "/schema/{path}"}
    assert routes <= {*described, *schema, "unmatched", "/metrics", "/init"}
    methods = {each.labels["method"] for each in found["canvas_request_seconds"].samples}
    assert methods <= {*METHODS, "other"}


async def no_streams(made: World) -> bool:
    return value(await scrape(made.acme.canvas), "canvas_streams_open") == 0


async def test_streams_are_counted_while_they_are_open_and_timed_to_their_first_event(
    whole_world: World,
) -> None:
    acme = whole_world.acme
    await wait_until(partial(no_streams, whole_world))  # those of tests before have ended
    before = await scrape(acme.canvas)
    acme.helpdesk.faults.add(Fault("webhook_drop", count=1))
    ticket = await acme.create_ticket("Late", "Nobody has seen it.")
    async with acme.canvas.stream("GET", f"/init/{ticket}", headers={"Accept": "text/event-stream"}) as stream:
        route = "/init/{ticket_id}"
        text = ""
        async for part in stream.aiter_text():
            if not text:
                assert value(await scrape(acme.canvas), "canvas_streams_open", route=route) == 1
            text += part
    assert parse_events(text)[-1][0] == "done"

    await wait_until(partial(no_streams, whole_world))
    after = await scrape(acme.canvas)
    for name in ("canvas_first_event_seconds_count", "canvas_stream_seconds_count"):
        assert value(after, name, route=route) - value(before, name, route=route) == 1
    for stage in ("fetch", "clean", "summarize"):
        assert value(after, "canvas_stage_seconds_count", stage=stage) > 0


async def test_a_worker_alone_shows_what_it_has_counted_to_who_knows_the_token(settings: Settings) -> None:
    settings = settings.model_copy(update={"metrics_token": SecretStr("scrape-me")})
    made = all_settings(settings)
    made.deploy.metrics_port = 0
    TENANT_TOKENS.labels(tenant=ACME, model="m", task="summary", kind="input").inc(7)
    with capture_logs() as lines:
        worker = asyncio.create_task(worker_alone(made, [Queue.LIVE]))

        async def ready() -> bool:
            return any("metrics" in line for line in lines)

        await wait_until(ready)
    url: str = next(line["metrics"] for line in lines if "metrics" in line)
    try:
        async with httpx.AsyncClient(base_url=url.removesuffix("/metrics")) as client:
            assert "canvas_stage_seconds" in await scrape(client)
            assert "canvas_tenant_tokens" not in await scrape(client)
            named = await scrape(client, Authorization="Bearer scrape-me")
            assert value(named, "canvas_tenant_tokens_total", tenant=ACME, model="m") >= 7
            assert (await client.get("/init/1")).status_code == 404
    finally:
        await stop(worker)


def test_counting_a_hit_costs_less_than_two_microseconds() -> None:
    hits = Hits()
    best = min(timeit.repeat(lambda: hits.count("hit", "GET", 200, 0.0001), number=10_000, repeat=5)) / 10_000
    assert best < 10e-6, "0.9 µs on an idle core; the bound leaves room for a busy one"


def expressions(dashboard: Any) -> list[str]:
    """Every PromQL expression of a Grafana dashboard."""
    if isinstance(dashboard, dict):
        own = [dashboard["expr"]] if "expr" in dashboard else []
        return own + [found for each in dashboard.values() for found in expressions(each)]
    return [found for each in dashboard for found in expressions(each)] if isinstance(dashboard, list) else []


@pytest.mark.parametrize("name", DASHBOARDS)
async def test_a_dashboard_asks_for_figures_that_there_are(name: str, whole_world: World) -> None:
    answer = await whole_world.acme.canvas.get("/metrics")
    known = set(re.findall(r"^# TYPE (\w+)", answer.text, re.MULTILINE))
    known |= {f"{name}_{part}" for name in known for part in ("bucket", "count", "sum")}
    known |= {
        "canvas_tenant_tokens_total", "canvas_tenant_dollars_total", "canvas_tenant_drafts_total",
        "canvas_tenant_freshdesk_calls_left",
    }  # fmt: skip
    asked = expressions(DASHBOARDS[name])
    assert len(asked) >= 10
    for expression in asked:
        names = set(re.findall(r"\bcanvas_\w+", expression))
        assert names, expression
        assert names <= known, expression
