"""The demo's agent desk under `/desk`: one page, its files, and a small JSON API in front of the helpdesk look-alike.

Files are looked up in a table that is made at the start, so a path can't lead anywhere else. The page may run nothing
but its own scripts and talk to nobody but this origin.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
from litestar import Litestar, Request, Response, get, post, put
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

import deploy
from deploy.demo.desk_client import EVERYTHING, DeskClient, DeskError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
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
MAX_BODY_BYTES = 64 * 1024

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


def create_desk(helpdesk_url: str, domain: str, api_key: str, admin_token: str, http: httpx.AsyncClient) -> Litestar:
    """The desk as an ASGI app whose paths all begin with `/desk`.

    `api_key` is a public demo credential: the page gets it. `admin_token` lets the desk act as the customer, and stays.
    """
    state = {
        "client": DeskClient(helpdesk_url, api_key, admin_token, http),
        "config": {"domain": domain, "api_key": api_key},
        "files": served_files(),
    }
    return Litestar(
        [page, file, config, tickets, ticket, new_ticket, customer_reply, agent_reply, burst, change, article],
        state=State(state),
        guards=[same_site],
        response_headers=HEADERS,
        exception_handlers={DeskError: _desk_error, HTTPException: _http_error},
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )


def frontend_folder() -> Path:
    """The Freshdesk app's files: in a wheel they lie inside the package, in a checkout beside it."""
    package = Path(deploy.__file__).parent
    packed = package / "_frontend"
    return (packed if packed.is_dir() else package.parent / "frontend") / "app"


def served_files() -> dict[str, Path]:
    """Every file that may be served, by its path below `/desk/`."""
    roots = {"static": DESK_FILES, "app": frontend_folder()}
    return {
        f"{prefix}/{path.relative_to(root).as_posix()}": path
        for prefix, root in roots.items()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in MEDIA_TYPES and path.name != "index.html"
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
    return connection.scope["path"].rstrip("/") == "/desk"


def _client(request: Call) -> DeskClient:
    client: DeskClient = request.app.state.client
    return client


@get(["/desk", "/desk/"])
async def page(request: Call) -> Response[bytes]:
    """The page."""
    return _file(request, DESK_FILES / "index.html")


@get("/desk/{folder:str}/{name:path}")
async def file(request: Call, folder: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file of the desk (`static`) or of the Freshdesk app (`app`)."""
    found = request.app.state.files.get(f"{folder}/{name.lstrip('/')}")
    if found is None:
        raise NotFoundException
    return _file(request, found)


@get("/desk/api/config")
async def config(request: Call) -> dict[str, Any]:
    """What the page has to know: its public demo credential, and the prepared tickets."""
    samples = _client(request).samples["tickets"]
    listed = [{name: sample[name] for name in ("id", "language", "product", "subject")} for sample in samples]
    return {**request.app.state.config, "samples": listed}


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
