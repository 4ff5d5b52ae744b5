"""The stand-in of Freshworks' platform, over HTTP: request templates, its limits, and what reaches a browser."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, Response, route
from litestar.params import FromPath

from deploy.demo.app_platform import (
    AppPackage,
    AppPlatform,
    PlatformLimits,
    Rejection,
    Settings,
    create_hosting,
    frontend_folder,
)
from deploy.demo.app_platform.expressions import ExpressionError, substitute
from deploy.demo.helpdesk import serving
from tests.waiting import wait_until

SECRET = "the-key"
NAMES = {"iparam.key": "k", "iparam.domain": "acme.freshdesk.com", "context.id": "7"}


@pytest.fixture(scope="module")
async def backend() -> AsyncIterator[str]:
    """Host and port of a backend that says what it was asked, in the way that the path names."""

    @route("/{kind:str}", http_method=["GET", "POST"], status_code=200)
    async def answer(request: Request[Any, Any, Any], kind: FromPath[str]) -> Response[Any]:
        if kind == "large":
            return Response("x" * 2000, media_type="text/plain")
        if kind == "stream":
            return Response(b"data: 1\n\n", media_type="text/event-stream")
        if kind.isdigit():
            return Response({"type": "urn:prompt-canvas:x"}, status_code=int(kind), headers={"Retry-After": "3"})
        said = {"headers": dict(request.headers), "query": dict(request.query_params)}
        return Response(said | {"body": (await request.body()).decode()}, headers={"ETag": '"1"', "X-Inner": "no"})

    async with serving(Litestar([answer], openapi_config=None)) as url:
        yield url.removeprefix("http://")


def platform_of(
    backend: str, http: httpx.AsyncClient, limits: PlatformLimits | None = None, **schema: Any
) -> AppPlatform:
    """A platform with one template, `t`."""
    base = {"method": "POST", "host": "<%= iparam.backend %>", "path": "/<%= context.kind %>"}
    template = {"schema": base | schema.pop("schema", {}), **schema}
    settings = Settings({"backend": backend, "plain": "p"}, {"api_key": SECRET})
    return AppPlatform(AppPackage({"t": template}, {}, Path()), settings, http, limits)


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("/a/<%= context.id %>/b", "/a/7/b"),
        ("Basic <%= encode(iparam.key + ':X') %>", "Basic " + base64.b64encode(b"k:X").decode()),
        ("<%= iparam.domain.split('.')[0] %>", "acme"),
        ('<%=iparam.key+"\'"%><%= context.id %>', "k'7"),
        ("nothing to fill in", "nothing to fill in"),
    ],
)
def test_expressions_are_filled_in(text: str, value: str) -> None:
    assert substitute(text, NAMES) == value


@pytest.mark.parametrize(
    "expression",
    [
        "iparam.other", "context", "process.env", "require('fs')", "iparam.key.constructor", "encode(iparam.key",
        "iparam.key; 1", "1 + 1", "iparam['key']", "`${iparam.key}`", "", "iparam.key iparam.key", "eval('1')",
    ],
)  # fmt: skip
def test_no_other_javascript_is_read(expression: str) -> None:
    with pytest.raises(ExpressionError):
        substitute(f"<%= {expression} %>", NAMES)


async def test_a_template_is_sent_with_its_settings_and_comes_back_as_text(
    backend: str, http: httpx.AsyncClient
) -> None:
    headers = {"X-Key": "<%= iparam.api_key %>", "X-Plain": "<%= iparam.plain %>"}
    query = {"q": "<%= context.words %>"}
    platform = platform_of(backend, http, schema={"headers": headers, "query": query})
    answer = await platform.invoke("t", {"kind": "echo", "words": "a&b=c d"}, '{"x": 1}')
    said = json.loads(answer.response)
    assert (answer.status, answer.headers) == (200, {"content-type": "application/json", "etag": '"1"'})
    assert (said["headers"]["x-key"], said["headers"]["x-plain"]) == (SECRET, "p")
    assert (said["query"], said["body"]) == ({"q": "a&b=c d"}, '{"x": 1}')


@pytest.mark.parametrize("part", ["path", "host", "query"])
async def test_a_secure_setting_reaches_headers_alone(backend: str, http: httpx.AsyncClient, part: str) -> None:
    value: Any = "/<%= iparam.api_key %>"
    platform = platform_of(backend, http, schema={part: {"q": value} if part == "query" else value})
    with pytest.raises(Rejection) as refused:
        await platform.invoke("t", {"kind": "echo"})
    assert refused.value.status == 400
    assert SECRET not in json.dumps(refused.value.document())


async def test_a_context_stays_one_part_of_the_path_and_names_no_host(backend: str, http: httpx.AsyncClient) -> None:
    with pytest.raises(Rejection) as refused:
        await platform_of(backend, http).invoke("t", {"kind": "../echo?x=1"})
    assert refused.value.status == 404
    platform = platform_of(backend, http, schema={"host": "<%= context.host %>"})
    context = {"kind": "echo", "host": backend}
    with pytest.raises(Rejection):
        await platform.invoke("t", context)
    assert (await platform.invoke("t", context, installing=True)).status == 200


async def test_what_the_manifest_does_not_list_is_not_found(http: httpx.AsyncClient) -> None:
    app = AppPackage.read(frontend_folder())
    with pytest.raises(Rejection) as refused:
        await AppPlatform(app, Settings({}, {}), http).invoke("nothing", {})
    assert refused.value.document()["response"] == "Requested function/Request template not found"


@pytest.mark.parametrize(("kind", "source"), [("401", "APP"), ("429", "APP"), ("503", "APP"), ("stream", "PLATFORM")])
async def test_a_refusal_is_a_rejection_with_the_backends_own_words(
    backend: str, http: httpx.AsyncClient, kind: str, source: str
) -> None:
    with pytest.raises(Rejection) as refused:
        await platform_of(backend, http).invoke("t", {"kind": kind})
    document = refused.value.document()
    assert document["errorSource"] == source
    if source == "APP":
        assert (document["status"], document["headers"]["retry-after"]) == (int(kind), "3")
        assert json.loads(document["response"]) == {"type": "urn:prompt-canvas:x"}


async def test_a_backend_that_is_not_there_is_tried_as_often_as_the_template_says(http: httpx.AsyncClient) -> None:
    tried: list[str] = []

    async def refuse(request: httpx.Request) -> httpx.Response:
        tried.append(str(request.url))
        raise httpx.ConnectError("refused")

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as nobody:
        platform = platform_of("canvas.example.com", nobody, options={"maxAttempts": 3})
        with pytest.raises(Rejection) as refused:
            await platform.invoke("t", {"kind": "echo"})
    assert refused.value.status == 502
    assert tried == ["https://canvas.example.com/echo"] * 3


async def test_the_platforms_limits_hold(backend: str, http: httpx.AsyncClient) -> None:
    limits = PlatformLimits(per_minute=3, request_bytes=100, response_bytes=1000)
    platform = platform_of(backend, http, limits)
    statuses = []
    for kind, body in (("large", ""), ("echo", "x" * 100), ("echo", ""), ("echo", ""), ("echo", "")):
        try:
            statuses.append((await platform.invoke("t", {"kind": kind}, body)).status)
        except Rejection as refused:
            statuses.append(refused.status)
            last = refused
    assert statuses == [413, 413, 200, 200, 429]
    assert 0 < int(last.headers["retry-after"]) <= 61


async def test_an_answer_that_takes_too_long_is_given_up(http: httpx.AsyncClient) -> None:
    connected: list[bool] = []

    async def never(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            connected.append(True)
            while (await receive())["type"] != "http.disconnect":
                pass

    async with serving(never) as url:
        platform = platform_of(url.removeprefix("http://"), http, PlatformLimits(timeout_s=0.2))
        with pytest.raises(Rejection) as refused:
            await platform.invoke("t", {"kind": "echo"})
        assert refused.value.status == 504
        await wait_until(lambda: bool(connected))


async def test_the_apps_files_are_hosted_and_its_templates_are_not(http: httpx.AsyncClient) -> None:
    hosting = create_hosting(AppPackage.read(frontend_folder()), ["http://desk.example"], ["http://canvas.example"])
    async with serving(hosting) as url:
        page = await http.get(f"{url}/app-assets/app/index.html")
        assert '<script src="/app-assets/fdk_client.js">' in page.text
        policy = page.headers["content-security-policy"].split("; ")
        assert {"script-src 'self'", "style-src 'self'", "connect-src 'self' http://canvas.example"} < set(policy)
        assert "frame-ancestors 'self' http://desk.example" in policy
        again = await http.get(page.request.url, headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
        for name in ("config/requests.json", "manifest.json", "app/../manifest.json", "app/%2e%2e/manifest.json"):
            assert (await http.get(f"{url}/app-assets/{name}")).status_code == 404
        assert (await http.get(f"{url}/app-assets/fdk_client.js")).status_code == 200


def test_a_package_knows_its_pages(tmp_path: Path) -> None:
    app = AppPackage.read(frontend_folder())
    assert app.locations["ticket_sidebar"] == "index.html"
    assert {"session", "init", "query"} <= set(app.templates)
    with pytest.raises(OSError, match="manifest"):
        AppPackage.read(tmp_path)
