"""`/attachments/{ticket_id}/{attachment_id}`: the file's address of this moment, after the rights check.

Freshdesk signs addresses for some minutes, so none is stored; a worker reads the ticket again. A browser is only ever
sent to hosts where Freshdesk keeps files, whatever the ticket says.
"""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter

from serve.context import ServeContext
from serve.limits.limits import Kind
from serve.routes.asking import ASKING_ERRORS, ask, asker, wait
from serve.routes.ids import parse_ticket_id
from shared.asked import WantedFile
from shared.errors import (
    AttachmentMissing,
    AttachmentUnsafe,
    MalformedTicketId,
    TicketDeleted,
    TicketMissing,
    TicketSpam,
)
from shared.models import AttachmentLink
from shared.problems import documented
from shared.run_log import Event

WITHIN_S = 20.0
MAX_ID_DIGITS = 18
KEPT_BY_FRESHDESK = (
    "attachment.freshdesk.com",
    "eucattachment.freshdesk.com",
    "indattachment.freshdesk.com",
    "aucattachment.freshdesk.com",
    "cdn.freshdesk.com",
    "euc-cdn.freshdesk.com",
    "ind-cdn.freshdesk.com",
    "aus-cdn.freshdesk.com",
)
"""Hosts of Freshdesk's own, and the names of its buckets: only these are files of Freshdesk in anybody's S3."""
S3 = ".amazonaws.com"
DOTS = re.compile(r"(?i)(?:^|/)(?:\.|%2e){1,2}(?:/|$)")
"""Segments that a browser takes away, with the bucket before them (WHATWG URL, "double-dot path segment")."""
NO_TRACE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@get(
    "/attachments/{ticket_id:str}/{attachment_id:str}",
    status_code=200,
    responses={
        200: ResponseSpec(
            AttachmentLink, generate_examples=False, description="Where the file is (`Accept: application/json`)"
        ),
        302: ResponseSpec(None, description="The file, for some minutes"),
    }
    | documented(
        MalformedTicketId,
        TicketMissing,
        AttachmentMissing,
        TicketDeleted,
        TicketSpam,
        AttachmentUnsafe,
        *ASKING_ERRORS,
    ),
)
async def attachment(
    request: Request[Any, Any, State],
    ticket_id: Annotated[str, PathParameter(description="Freshdesk's number of the ticket")],
    attachment_id: Annotated[str, PathParameter(description="Freshdesk's id of the attachment")],
) -> Response[Any]:
    """Redirect to an attachment of a ticket that the caller may see."""
    context, caller, access = await asker(request, Kind.READ)
    if not (attachment_id.isascii() and attachment_id.isdecimal() and len(attachment_id) <= MAX_ID_DIGITS):
        raise AttachmentMissing
    wanted = WantedFile(ticket_id=parse_ticket_id(ticket_id), attachment_id=int(attachment_id), access=access)
    run_id = await ask(context, caller.host, wanted)
    found = await wait(request, context, caller.host, run_id, Event.DONE, WITHIN_S)
    if isinstance(found, Response):
        return found
    link = msgspec.json.decode(found.data, type=AttachmentLink)
    check_address(link.url, own_origins(context, caller.host), context.attachment_hosts)
    if "application/json" in request.headers.get("accept", "").lower():
        return Response(link, headers=NO_TRACE)
    return Response(b"", status_code=302, headers={**NO_TRACE, "Location": link.url})


def own_origins(context: ServeContext, host: str) -> frozenset[str]:
    """The origin of a look-alike, where the operator has put one in place of the tenant's Freshdesk."""
    instead = context.settings.freshdesk_urls.get(host)
    if not instead:
        return frozenset()
    parts = urlsplit(instead)
    return frozenset({f"{parts.scheme}://{parts.netloc}".lower()})


def check_address(url: str, origins: frozenset[str] = frozenset(), hosts: frozenset[str] = frozenset()) -> None:
    """Let pass what is a file of Freshdesk's, over HTTPS; and what the operator has allowed: `origins` and `hosts`.

    Raises:
        AttachmentUnsafe: it is not, or it is not written as an address should be.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AttachmentUnsafe
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise AttachmentUnsafe from error
    if f"{parts.scheme}://{parts.netloc}".lower() in origins:
        return
    plain = parts.username is None and parts.password is None and port in {None, 443} and not DOTS.search(parts.path)
    if parts.scheme != "https" or not plain or not (host in hosts or _is_freshdesks(host, parts.path)):
        raise AttachmentUnsafe


def _is_freshdesks(host: str, path: str) -> bool:
    if host in KEPT_BY_FRESHDESK:
        return True
    if not host.endswith(S3):
        return False
    # A bucket is named by the path (`s3.amazonaws.com/cdn.freshdesk.com/…`) or by the host.
    bucket, rest = path.removeprefix("/").partition("/")[0], host.removesuffix(S3)
    in_path = bucket in KEPT_BY_FRESHDESK and _is_region(rest)
    by_host, _, region = rest.rpartition(".s3")
    return in_path or (by_host in KEPT_BY_FRESHDESK and _is_region(f"s3{region}"))


def _is_region(name: str) -> bool:
    """`s3`, `s3-eu-central-1`, `s3.eu-central-1`: S3 itself, and no bucket in it."""
    rest = name.removeprefix("s3")
    return name.startswith("s3") and (not rest or (rest[0] in ".-" and rest[1:].replace("-", "").isalnum()))
