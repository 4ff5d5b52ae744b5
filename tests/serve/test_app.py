"""The surface of serve as a pedantic client sees it: methods, problem documents, CORS, OpenAPI, health."""

import re
from typing import Any

import httpx
import pytest
from jsonschema.validators import Draft202012Validator

from serve.settings import ServeSettings
from shared.queues import Queue
from shared.workers import WorkerReport, report
from tests.parts import Desks, Serving, store
from tests.world import ACME

ORIGIN = ServeSettings().cors_origins[0]
OURS = ["x-freshdesk-domain", "x-freshdesk-api-key", "if-none-match", "last-event-id", "content-type"]


def assert_problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert re.fullmatch(r"urn:prompt-canvas:[a-z0-9-]+", document["type"])
    assert document["title"]
    assert document["status"] == answer.status_code
    return document


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/init/1"),
        ("DELETE", "/init/1"),
        ("PATCH", "/init/1"),
        ("TRACE", "/init/1"),
        ("POST", "/runs/AAAAAAAAAAAAAAAAAAAAAA"),
        ("DELETE", "/runs/AAAAAAAAAAAAAAAAAAAAAA"),
        ("POST", "/health"),
        ("POST", "/metrics"),
    ],
)
async def test_a_method_that_a_path_lacks_is_refused_with_those_it_has(served: Serving, method: str, path: str) -> None:
    answer = await served.acme.request(method, path)
    assert answer.status_code == 405
    assert_problem(answer)
    assert "GET" in answer.headers["allow"]


async def test_head_is_refused_without_a_body(served: Serving) -> None:
    answer = await served.acme.head("/init/1")
    assert (answer.status_code, answer.content) == (405, b"")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/init/1/2", "/runs", "/webhooks/freshdesk/x", "/favicon.ico", "/%00", "/🦆"]
)
async def test_an_unknown_path_is_a_problem_document(served: Serving, path: str) -> None:
    answer = await served.acme.get(path)
    assert answer.status_code == 404
    assert_problem(answer)


async def test_a_body_that_nobody_reads_does_no_harm(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    for content in (b"", b"{", b"\xff" * 1000, b"x" * 1_000_000):
        headers = {"Content-Type": "application/json"}
        answer = await served.acme.post(f"/init/{number}", content=content, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize("origin", ServeSettings().cors_origins)
async def test_a_page_of_a_known_origin_may_ask_with_everything_the_sidebar_sends(served: Serving, origin: str) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": ", ".join(OURS),
    }
    answer = await served.nobody.options("/init/1", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    allowed = answer.headers["access-control-allow-methods"].split(",")
    assert {"GET", "POST", "PUT"} == {name.strip() for name in allowed}
    assert set(OURS) <= {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert int(answer.headers["access-control-max-age"]) <= 600
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://d3h0owdjgzys62.cloudfront.net.evil.example",
        "https://d3h0owdjgzys62xcloudfront.net",
        "http://d3h0owdjgzys62.cloudfront.net",
        "https://d3h0owdjgzys62.cloudfront.net:444",
        "https://d3h0owdjgzys62.cloudfront.net/",
        "https://D3H0OWDJGZYS62.cloudfront.net",
        "http://localhost:10001.evil.example",
        "http://localhost:1000",
        "https://x.cloudfront.net",
        "*",
        "",
    ],
)
async def test_a_page_of_another_origin_may_not(served: Serving, number: int, origin: str) -> None:
    await store(served.context, ACME, number)
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    for answer in (
        await served.nobody.options("/init/1", headers=preflight),
        await served.acme.get(f"/init/{number}", headers={"Origin": origin}),
        await served.acme.get(f"/init/{number}", headers={"Origin": origin, "Cookie": "a=b"}),
    ):
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_known_origin_can_read_answers_and_errors(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    for client, path in ((served.acme, f"/init/{number}"), (served.nobody, "/init/1"), (served.acme, "/nope")):
        answer = await client.get(path, headers={"Origin": ORIGIN, "Cookie": "session=1"})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()
        exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert {"ETag", "Cache-Status", "Canvas-Run", "Location", "Retry-After"} <= exposed


async def test_the_schema_is_openapi_and_says_what_the_routes_answer(served: Serving) -> None:
    answer = await served.nobody.get("/schema")
    assert answer.status_code == 200
    document = answer.json()
    assert (await served.nobody.get("/schema/openapi.json")).json() == document
    assert document["openapi"].startswith("3.1")
    assert {"/init/{ticket_id}", "/runs/{run_id}", "/health"} <= set(document["paths"])
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    for reference in set(re.findall(r'"\$ref":\s*"([^"]+)"', answer.text)):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    for path, operation in ((path, each) for path, found in document["paths"].items() for each in found.values()):
        declared = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path))
        for status, said in operation["responses"].items():
            assert said["description"]
            if int(status) >= 400 and path != "/health":  # which says what is down
                assert set(said["content"]) == {"application/problem+json"}, (path, status)
    assert {"200", "202", "304", "400", "401", "404", "410", "503"} <= set(
        document["paths"]["/init/{ticket_id}"]["get"]["responses"]
    )
    assert document["security"] == [{"domain": [], "key": []}, {"token": []}]
    assert {name for way in document["security"] for name in way} == set(document["components"]["securitySchemes"])


async def test_a_canvas_is_what_the_schema_says(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    document = (await served.nobody.get("/schema")).json()
    schema = {"$ref": "#/components/schemas/Canvas", "components": document["components"]}
    canvas = (await served.acme.get(f"/init/{number}")).json()
    Draft202012Validator(schema).validate(canvas)


async def test_health_without_workers_says_what_is_missing_and_how_to_start_it(served: Serving) -> None:
    answer = await served.nobody.get("/health")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["parts"]["redis"]["ready"] is True
    for queue in Queue:
        part = body["parts"][f"worker.{queue.name.lower()}"]
        assert part["ready"] is False
        assert f"canvas worker --queue {queue.name.lower()}" in part["reason"]


async def test_health_is_ok_with_a_worker_for_every_queue(accounts: Desks, served: Serving) -> None:
    queues = [queue.value for queue in Queue]
    now = (await served.context.redis.state.time())[0]
    await report(served.context.redis.state, WorkerReport(name="w", queues=queues, parts={"vectors": "edge"}, at=now))
    try:
        body = (await served.nobody.get("/health")).json()
        assert body["status"] == "ok"
        assert body["parts"]["vectors"]["uses"] == "edge"
    finally:
        await served.context.redis.state.delete("pc:worker:w", "pc:workers")


async def test_metrics_count_answers_and_name_nobody(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    await served.acme.get(f"/init/{number}")
    answer = await served.nobody.get("/metrics")
    assert answer.status_code == 200
    assert re.search(r'canvas_init_total\{outcome="hit"\} [1-9]', answer.text)
    assert ACME not in answer.text
    assert str(number) not in "".join(re.findall(r"\{.*\}", answer.text))
