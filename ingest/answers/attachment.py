"""Where an attachment can be fetched at this moment: Freshdesk signs addresses that end within minutes.

So none is ever kept: the ticket is read again, and the address stands in the run's last event alone, for a minute.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from ingest.answers.ticket import read_ticket
from ingest.context import WorkerContext
from shared.asked import WantedFile
from shared.errors import AttachmentMissing
from shared.models import AttachmentLink
from shared.tenants import Tenant

VALID_FOR: Final = timedelta(minutes=5)
"""Of an address that does not say itself how long it is good for."""
SIGNED_AT = re.compile(r"\d{8}T\d{6}Z")


async def find_attachment(context: WorkerContext, tenant: Tenant, wanted: WantedFile) -> AttachmentLink:
    """The attachment's address, which whoever passes it on has to check.

    Raises:
        TicketMissing, TicketDeleted, TicketSpam: the ticket is not there for the asker.
        AttachmentMissing: the ticket has no such attachment.
        FreshdeskUnavailable, FreshdeskLimited, FreshdeskRefused: the ticket could not be read.
    """
    ticket = await read_ticket(context, tenant, wanted.ticket_id, wanted.access)
    for entry in _attachments(ticket):
        if entry.get("id") == wanted.attachment_id and isinstance(entry.get("attachment_url"), str):
            url: str = entry["attachment_url"]
            return AttachmentLink(
                url=url,
                name=str(entry.get("name") or ""),
                content_type=str(entry.get("content_type") or ""),
                size=int(entry.get("size") or 0),
                expires_at=expiry_of(url, datetime.now(UTC)),
            )
    raise AttachmentMissing


def expiry_of(url: str, now: datetime) -> datetime:
    """When a pre-signed address ends: as it says itself (AWS Signature 2 and 4), else five minutes from now."""
    try:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if "Expires" in query:
            return datetime.fromtimestamp(int(query["Expires"]), UTC)
        if SIGNED_AT.fullmatch(query.get("X-Amz-Date", "")):
            signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return signed + timedelta(seconds=int(query["X-Amz-Expires"]))
    except (ValueError, KeyError, OverflowError, OSError):  # what it says is no time
        pass
    return now + VALID_FOR


def _attachments(ticket: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of the description, and those of each conversation, private notes included: agents ask."""
    for holder in [ticket, *(ticket.get("conversations") or [])]:
        for entry in holder.get("attachments") or []:
            if isinstance(entry, dict):
                yield entry
