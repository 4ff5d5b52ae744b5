"""One line a request, and one id that its log lines, its answer and its problem document share."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from deploy.demo.helpdesk.faults import Fault
from deploy.http_server import bind, running
from serve.app import create_serve
from serve.edge.observed import Sampler
from serve.settings import ServeSettings
from shared.logs import add_trace
from shared.request_ids import RequestId, request_id
from tests.parts import JSON, Serving, credentials, store
from tests.waiting import wait_until
from tests.world import ACME, AGENT_KEY, OTHER, World

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OURS = re.compile(r"[0-9a-f]{8}-[0-9a-f]+")


@pytest.fixture
def lines(nobody_else: None) -> Iterator[list[Any]]:
    """What is logged, with what the context knows."""
    with capture_logs(processors=(structlog.contextvars.merge_contextvars, add_trace)) as captured:
        yield captured


def requests(lines: list[Any]) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"X-Request-ID": "abc-123.x_Y"}, "abc-123.x_Y"),
        ({"traceparent": TRACEPARENT}, TRACEPARENT[3:35]),
        ({"X-Request-ID": "abc", "traceparent": TRACEPARENT}, "abc"),
    ],
)
async def test_the_id_that_a_client_gives_is_in_the_answer_the_problem_and_the_log(
    served: Serving, lines: list[Any], headers: dict[str, str], wanted: str
) -> None:
    for path in ("/init/x", "/nope"):
        answer = await served.acme.get(path, headers=headers)
        assert answer.headers["x-request-id"] == wanted
        assert answer.json()["instance"] == f"urn:prompt-canvas:request:{wanted}"
    assert [line["request"] for line in requests(lines)] == [wanted, wanted]


@pytest.mark.parametrize("named", ["", "a b", "x" * 65, "<script>", "té", "a\tb", "a;b", "../etc", "00-0-0-01"])
async def test_an_id_that_is_not_well_formed_is_replaced(served: Serving, named: str) -> None:
    for header in ("X-Request-ID", "traceparent"):
        answer = await served.acme.get("/init/x", headers={header.encode(): named.encode()})
        if header == "X-Request-ID" and named == "00-0-0-01":
            continue  # as an id of a request, that is one
        assert OURS.fullmatch(answer.headers["x-request-id"])
        assert "instance" not in answer.json(), "not yours and not there stay the same bytes"


@pytest.mark.parametrize(
    "trace", [f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{'a' * 32}-{'0' * 16}-01", TRACEPARENT.upper(), "a" * 55]
)
def test_a_trace_that_names_nothing_is_no_trace(trace: str) -> None:
    found = request_id([(b"traceparent", trace.encode())])
    assert not found.given
    assert found.traceparent == ""


def test_every_request_gets_an_id_of_its_own() -> None:
    made = [request_id([]) for _ in range(100)]
    assert len({each.text for each in made}) == 100
    assert request_id([(b"x-request-id", b"mine")]) == RequestId("mine", True)


async def test_a_request_is_one_line_without_anything_that_it_carried(served: Serving, lines: list[Any]) -> None:
    await served.acme.get("/init/71999x?subject=SiskinQuery&api_key=SiskinKey", headers={"Cookie": "SiskinCookie"})
    await served.acme.get("/SiskinPath/71999")
    await served.nobody.get("/init/71999", headers=credentials(ACME, "SiskinWrong"))
    said = requests(lines)
    assert [(line["method"], line["route"], line["status"]) for line in said] == [
        ("GET", "/init/{ticket_id}", 400),
        ("GET", "unmatched", 404),
        ("GET", "/init/{ticket_id}", 401),
    ]
    assert all(line["ms"] >= 0 and line["log_level"] == "info" for line in said)
    for hidden in ("Siskin", "71999", AGENT_KEY):
        assert hidden not in repr(lines)


async def test_probes_are_told_of_at_debug_level_alone(served: Serving, lines: list[Any]) -> None:
    await served.nobody.get("/health")
    await served.nobody.get("/metrics")
    assert [(line["route"], line["log_level"]) for line in requests(lines)] == [
        ("/health", "debug"),
        ("/metrics", "debug"),
    ]


async def test_hits_are_silent_unless_a_share_of_them_is_asked_for(
    served: Serving, number: int, lines: list[Any]
) -> None:
    await store(served.context, ACME, number)
    for _ in range(4):
        assert (await served.acme.get(f"/init/{number}")).headers["cache-status"].endswith("hit")
    assert requests(lines) == []
    app = create_serve(served.context, ServeSettings(log_hits=0.5))
    headers = {**JSON, **credentials(ACME)}
    async with running(app, bind("127.0.0.1", 0)) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        for _ in range(4):
            await client.get(f"/init/{number}")
    assert [line["cache"] for line in requests(lines)] == ["hit", "hit"]


def test_a_share_is_spread_evenly() -> None:
    for share, wanted in ((0.0, 0), (0.25, 25), (1.0, 100)):
        sampler = Sampler(share)
        assert sum(sampler.next() for _ in range(100)) == wanted


async def test_two_requests_at_once_do_not_share_what_is_known_of_them(served: Serving, lines: list[Any]) -> None:
    ids = [f"request-{turn}" for turn in range(20)]
    await asyncio.gather(
        *(
            client.get("/init/x", headers={"X-Request-ID": name})
            for client, name in zip([served.acme, served.other] * 10, ids, strict=True)
        )
    )
    assert sorted(line["request"] for line in requests(lines)) == sorted(ids)
    assert OTHER not in repr([line for line in lines if line.get("host") == ACME])


async def test_a_line_names_the_tenant_the_ticket_and_the_run_and_so_do_the_workers(
    small_world: World, lines: list[Any]
) -> None:
    acme = small_world.acme
    acme.helpdesk.faults.add(Fault("webhook_drop", count=1))
    number = await acme.create_ticket("Late", "Nobody has seen it.")
    answer = await acme.init(number, accept="text/event-stream", **{"X-Request-ID": "mine"})
    assert answer.status_code == 200
    run = answer.headers["canvas-run"].removeprefix("/runs/")

    def settled() -> list[Any]:
        return [line for line in lines if line["event"] == "run settled" and line["run"] == run]

    await wait_until(lambda: bool(settled()) and bool(requests(lines)))
    line = requests(lines)[0]
    assert (line["request"], line["host"], line["ticket"], line["run"]) == ("mine", ACME, number, run)
    [worker] = settled()
    assert (worker["host"], worker["ticket"]) == (ACME, number)
    assert "request" not in worker
