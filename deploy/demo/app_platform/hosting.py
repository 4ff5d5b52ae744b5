"""The app's files for its frames, as Freshworks' CDN serves them: at an origin of their own.

`{{{appclient}}}` in a page becomes the address of FDK's client; here that is the stand-in, `fdk_client.js`.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from deploy.demo.app_platform.package import MEDIA_TYPES, AppPackage

ROOT = "/app-assets"
CLIENT = "fdk_client.js"
APP_CLIENT = b"{{{appclient}}}"
CLIENT_FILE = Path(__file__).parents[1] / "desk" / CLIENT
Call = Request[Any, Any, State]


def create_hosting(app: AppPackage, ancestors: Iterable[str], backends: Iterable[str]) -> Litestar:
    """The files of `app` below `/app-assets`; pages of `ancestors` may frame them, and they may call `backends`."""
    return Litestar(
        [asset],
        state=State({"app": app, "headers": _headers(ancestors, backends)}),
        openapi_config=None,
        logging_config=None,
    )


@get(ROOT + "/{name:path}")
async def asset(request: Call, name: FromPath[str]) -> Response[bytes]:
    """A file of the app, or the client."""
    app: AppPackage = request.app.state.app
    name = name.lstrip("/")
    path = CLIENT_FILE if name == CLIENT else app.file(name)
    if path is None:
        raise NotFoundException
    body = path.read_bytes()
    if path.suffix == ".html":
        body = body.replace(APP_CLIENT, f"{ROOT}/{CLIENT}".encode())
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {**request.app.state.headers, "Cache-Control": "no-cache", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type=MEDIA_TYPES[path.suffix], headers=headers)


def _headers(ancestors: Iterable[str], backends: Iterable[str]) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": " ".join(["'self'", *backends]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(["'self'", *ancestors]),
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
