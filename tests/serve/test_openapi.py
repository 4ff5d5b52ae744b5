"""The OpenAPI document says what there is, its examples are true, and a client that is generated from it works.

`python -m tests.serve.test_openapi` writes it to `deploy/openapi.json`, which reviewers read and clients are made of.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from jsonschema.validators import Draft202012Validator
from litestar.handlers import HTTPRouteHandler

from serve.app import HANDLERS, openapi_document
from serve.openapi.described import OPERATIONS, operations
from tests.parts import Serving
from tests.world import ACME, AGENT_KEY, World

WRITTEN = Path(__file__).parents[2] / "deploy/openapi.json"
DOCUMENT = openapi_document()
EACH = list(operations(DOCUMENT))


def as_text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def test_the_file_for_reviewers_is_what_the_code_says() -> None:
    assert WRITTEN.read_text("utf-8") == as_text(DOCUMENT), "write it with `python -m tests.serve.test_openapi`"


async def test_the_server_answers_with_the_very_document(served: Serving) -> None:
    assert (await served.nobody.get("/schema")).json() == DOCUMENT


def test_the_document_is_valid_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(json.loads(as_text(DOCUMENT)))


def test_every_operation_has_a_name_a_summary_a_description_and_a_tag() -> None:
    described = {(method, path) for method, path, _ in EACH}
    assert described == set(OPERATIONS), "say it in serve/openapi/described.py"
    handlers = [cast("HTTPRouteHandler", handler) for handler in HANDLERS]
    hidden = [handler for handler in handlers if handler.resolve_include_in_schema() is False]
    assert {handler.fn.__name__ for handler in hidden} == {"init_without_id", "metrics"}
    paths = {path for handler in handlers for path in handler.paths}
    assert len(paths) == len(DOCUMENT["paths"]) + len(hidden)
    names = [operation["operationId"] for _, _, operation in EACH]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for method, path, operation in EACH:
        assert operation["operationId"].isidentifier()
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert set(operation["tags"]) <= tags


def test_what_may_go_wrong_is_a_problem_document_with_an_example_of_each_code() -> None:
    for method, path, operation in EACH:
        for status, response in operation["responses"].items():
            assert response["description"], (method, path, status)
            assert "X-Request-ID" in response["headers"]
            if int(status) < 400 or path == "/health":
                continue
            assert set(response["content"]) == {"application/problem+json"}, (method, path, status)
            for example in response["content"]["application/problem+json"]["examples"].values():
                assert example["value"]["status"] == int(status), (method, path, status)


def test_who_needs_a_credential_is_said() -> None:
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"domain", "key", "token"}
    for _, path, operation in EACH:
        if path == "/health":
            assert operation["security"] == []
        else:
            assert {"401", "429", "503"} <= set(operation["responses"]), path
            assert operation.get("security", [{"domain": [], "key": []}]) == [{"domain": [], "key": []}]


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Each example: where it stands, its schema, and its value."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for value in schema.get("examples", []):
            yield name, schema, value
    for method, path, operation in EACH:
        where = f"{method} {path}"
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (where, parameter["name"])
            for value in parameter["schema"].get("examples", []):
                yield f"{where} {parameter['name']}", parameter["schema"], value
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        for content in [*contents, operation.get("requestBody", {}).get("content", {})]:
            for media_type, media in content.items():
                assert media["examples"], f"{where} {media_type} has no example"
                for name, example in media["examples"].items():
                    yield f"{where} {media_type} {name}", media.get("schema", True), example["value"]


def test_every_example_is_what_its_schema_says() -> None:
    found = list(examples())
    assert len(found) > 60
    for where, schema, value in found:
        whole = {"allOf": [schema], "components": DOCUMENT["components"]}
        errors = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
        assert errors == [], where


def test_a_stream_is_described_as_one() -> None:
    streams = {path for _, path, operation in EACH if "text/event-stream" in str(operation["responses"])}
    assert streams == {
        "/init/{ticket_id}",
        "/runs/{run_id}",
        "/query/stream",
        "/generate_reply/stream",
        "/ingest/{backfill_id}",
    }


async def generated(folder: Path) -> ModuleType:
    """A client package, generated from the document."""
    source = folder / "openapi.json"
    await asyncio.to_thread(source.write_text, as_text(DOCUMENT), "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "openapi_python_client", "generate", "--path", str(source), "--meta", "none",
        "--output-path", str(folder / "canvas_client"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert b"WARNING parsing" not in said, said.decode()
    return importlib.import_module("canvas_client")


async def test_a_generated_client_opens_a_ticket_gets_a_token_and_asks(
    whole_world: World, known_in_time: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openapi_python_client")
    monkeypatch.syspath_prepend(tmp_path)
    client = await generated(tmp_path)
    acme = whole_world.acme
    number = await acme.create_ticket("The scanner blinks", "It blinks red since Monday.")
    await acme.hit(number)
    get_canvas, create_session, ask = (
        importlib.import_module(f"canvas_client.api.{tag}.{name}")
        for tag, name in (("canvas", "get_canvas"), ("session", "create_session"), ("answers", "query"))
    )
    models = importlib.import_module("canvas_client.models")
    url = whole_world.running.url
    headers = {"X-Freshdesk-Domain": ACME, "X-Freshdesk-API-Key": AGENT_KEY + ACME, "Accept": "application/json"}
    with_key = client.Client(base_url=url, headers=headers, timeout=20)
    session = await create_session.asyncio(client=with_key)
    assert session.host == ACME
    browser = client.AuthenticatedClient(
        base_url=url, token=session.token, headers={"Accept": "application/json"}, timeout=20
    )
    async with aclosing(with_key.get_async_httpx_client()), aclosing(browser.get_async_httpx_client()):
        for each in (with_key, browser):
            canvas = await get_canvas.asyncio(str(number), client=each)
            assert isinstance(canvas, models.Canvas)
            assert canvas.ticket_id == number
        nobodys = await get_canvas.asyncio("987654", client=browser)
        assert isinstance(nobodys, models.Problem)
        assert nobodys.type_ == "urn:prompt-canvas:ticket-missing"
        answer = await ask.asyncio(client=browser, body=models.Query(question="Why does the scanner blink?"))
        assert isinstance(answer, models.Answer)


if __name__ == "__main__":
    WRITTEN.write_text(as_text(DOCUMENT), "utf-8")
