"""The demo's agent desk under `/desk`: one page, its files, and a small JSON API in front of the helpdesk look-alike.

Files are looked up in a table that is made at the start, so a path can't lead anywhere else. The page may run nothing
but its own scripts and talk to nobody but this origin.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Litestar, Request, Response, get, post, put
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Redirect

from deploy.demo.app_platform import AppPlatform, Rejection, frontend_folder
from deploy.demo.desk_client import EVERYTHING, DeskClient, DeskError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
DESK_FILES = Path(__file__).parent / "desk"
MAX_BODY_BYTES = 256 * 1024
"""More than the platform takes of an app, so that the app hears that from the platform."""

Text = Annotated[str, msgspec.Meta(max_length=20_000)]
Call = Request[Any, Any, State]


class NewTicket(msgspec.Struct, forbid_unknown_fields=True):
    """A prepared ticket by its id, a typed one, or (nothing given) the next prepared one in `language`."""

    sample: str = ""
    language: Annotated[str, msgspec.Meta(pattern="^(ko|en)$")] = "en"
    subject: Annotated[str, msgspec.Meta(max_length=200)] = ""
    text: Text = ""


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A reply's words; "" stands for a prepared one where that is possible."""

    text: Text = ""


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """What the page may change about a ticket."""

    status: Annotated[int, msgspec.Meta(ge=2, le=7)]


class Invocation(msgspec.Struct, forbid_unknown_fields=True):
    """A call of `invokeTemplate`; `installing` marks the page that installs the app."""

    context: dict[str, str | int | float | bool] = {}
    body: str | None = None
    installing: bool = False


def create_desk(client: DeskClient, domain: str, platform: AppPlatform, frames: Sequence[str] = ()) -> Litestar:
    """The desk as an ASGI app whose paths all begin with `/desk`, or with `/a` as those of Freshdesk's own desk.

    The app's frame lies at one of the origins `frames`: the one with the desk's own host name; without such a one,
    at the desk's origin. No credential of the helpdesk leaves this side.
    """
    state = {"client": client, "domain": domain, "platform": platform, "frames": list(frames), "files": served_files()}
    actions = [new_ticket, customer_reply, agent_reply, burst, change]
    return Litestar(
        [page, agents_page, file, config, tickets, ticket, article, invoke, *actions],
        state=State(state),
        guards=[same_site],
        response_headers=HEADERS,
        exception_handlers={DeskError: _desk_error, HTTPException: _http_error},
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )


def served_files() -> dict[str, Path]:
    """Every file that may be served, by its path below `/desk/`."""
    roots = {"static": DESK_FILES, "app": frontend_folder() / "app"}
    return {
        f"{prefix}/{path.relative_to(root).as_posix()}": path
        for prefix, root in roots.items()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in MEDIA_TYPES and path.suffix != ".html"
    }


def same_site(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Guard: other web sites can't press the desk's buttons; browsers say where a request comes from.

    Raises:
        HTTPException: 403.
    """
    if connection.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"} and not _opens_page(connection):
        raise HTTPException(status_code=403, detail="Requests from other sites are refused")


def _opens_page(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Following a link to the page is no request that does anything."""
    path: str = connection.scope["path"]
    return path.rstrip("/") == "/desk" or path.startswith("/a/")


def _client(request: Call) -> DeskClient:
    client: DeskClient = request.app.state.client
    return client


@get(["/desk", "/desk/"])
async def page(request: Call) -> Response[bytes]:
    """The page."""
    response = _file(request, DESK_FILES / "index.html")
    sources = " ".join(["'self'", *request.app.state.frames])
    policy = f"{CONTENT_SECURITY_POLICY}; connect-src {sources}; frame-src {sources}"
    response.set_header("Content-Security-Policy", policy)
    return response


@get("/desk/{folder:str}/{name:path}")
async def file(request: Call, folder: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file of the desk (`static`) or of the Freshdesk app (`app`)."""
    found = request.app.state.files.get(f"{folder}/{name.lstrip('/')}")
    if found is None:
        raise NotFoundException
    return _file(request, found)


@get("/a/{kind:str}/{rest:path}")
async def agents_page(kind: FromPath[str], rest: FromPath[str]) -> Redirect:
    """An address of Freshdesk's agent desk, such as `/a/tickets/7`: the same thing here."""
    return Redirect(f"/desk#/{quote(kind)}{quote(rest)}", status_code=302)


@get("/desk/api/config")
async def config(request: Call) -> dict[str, Any]:
    """What the page has to know: the prepared tickets, the agent, and the app as it is installed."""
    state = request.app.state
    samples = _client(request).samples["tickets"]
    listed = [{name: sample[name] for name in ("id", "language", "product", "subject")} for sample in samples]
    platform: AppPlatform = state.platform
    app = {"frames": state.frames, "locations": platform.app.locations, "iparams": dict(platform.settings.plain)}
    return {"domain": state.domain, "samples": listed, "agent": await _client(request).me(), "app": app}


@post("/desk/api/app/templates/{name:str}", status_code=200)
async def invoke(request: Call, name: FromPath[str], data: JSONBody[Invocation]) -> dict[str, Any]:
    """A request of the app by template: `{"resolved": …}` or `{"rejected": …}`, as FDK's client has it."""
    platform: AppPlatform = request.app.state.platform
    try:
        answer = await platform.invoke(name, data.context, data.body, installing=data.installing)
    except Rejection as rejection:
        return {"rejected": rejection.document()}
    return {"resolved": msgspec.structs.asdict(answer)}


@get("/desk/api/tickets")
async def tickets(request: Call, since: FromQuery[str] = EVERYTHING) -> dict[str, Any]:
    """Rows of all tickets, or of those changed at or after `since`, newest change first."""
    try:
        datetime.fromisoformat(since)
    except ValueError as error:
        raise HTTPException(status_code=400, detail="`since` is not a time") from error
    return {"tickets": await _client(request).tickets(since)}


@get("/desk/api/tickets/{ticket_id:int}")
async def ticket(request: Call, ticket_id: FromPath[int]) -> dict[str, Any]:
    """A ticket with its messages."""
    return await _client(request).ticket(ticket_id)


@post("/desk/api/tickets")
async def new_ticket(request: Call, data: JSONBody[NewTicket]) -> dict[str, Any]:
    """A customer writes in."""
    return {"id": await _client(request).create(data.sample, data.language, data.subject.strip(), data.text.strip())}


@post("/desk/api/tickets/{ticket_id:int}/customer-replies")
async def customer_reply(request: Call, ticket_id: FromPath[int], data: JSONBody[Message]) -> dict[str, Any]:
    """The ticket's requester writes again."""
    return {"text": await _client(request).customer_reply(ticket_id, data.text.strip())}


@post("/desk/api/tickets/{ticket_id:int}/replies", status_code=204)
async def agent_reply(request: Call, ticket_id: FromPath[int], data: JSONBody[Message]) -> None:
    """The agent answers."""
    if not data.text.strip():
        raise HTTPException(status_code=400, detail="A reply needs words")
    await _client(request).agent_reply(ticket_id, data.text)


@post("/desk/api/tickets/{ticket_id:int}/burst")
async def burst(request: Call, ticket_id: FromPath[int]) -> dict[str, Any]:
    """Many changes of one ticket within a second."""
    return {"updates": await _client(request).burst(ticket_id)}


@put("/desk/api/tickets/{ticket_id:int}", status_code=204)
async def change(request: Call, ticket_id: FromPath[int], data: JSONBody[Change]) -> None:
    """Change the ticket's status."""
    await _client(request).set_status(ticket_id, data.status)


@get("/desk/api/articles/{article_id:int}")
async def article(request: Call, article_id: FromPath[int]) -> dict[str, Any]:
    """A solution article as plain text."""
    return await _client(request).article(article_id)


def _file(request: Call, path: Path) -> Response[bytes]:
    body = path.read_bytes()
    headers = {"Cache-Control": "no-cache", "ETag": f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type=MEDIA_TYPES[path.suffix], headers=headers)


def _desk_error(_: Call, error: DeskError) -> Response[dict[str, Any]]:
    return Response({"detail": error.detail}, status_code=error.status)


def _http_error(_: Call, error: HTTPException) -> Response[dict[str, Any]]:
    return Response({"detail": error.detail}, status_code=error.status_code)
