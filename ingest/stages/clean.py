"""Stage 2: turn what Freshdesk returned into a `Thread` of plain text: no HTML, no quoted history, no signatures.

The description is not among the conversations (except in web chats, where it repeats the first message); the order
of conversations is undocumented, so they are sorted here.
"""

import re
from datetime import datetime
from typing import Any

from ingest.text.clean import clean_message, detect_language
from ingest.text.redact import redacted
from ingest.text.visible import without_invisible
from ingest.thread import Attachment, Author, Message, Thread
from shared.tenants import Tenant

NAME = "clean"

RESOLVED_STATUSES = frozenset({4, 5})
DEFAULT_STATUSES = {2: "Open", 3: "Pending", 4: "Resolved", 5: "Closed"}
WEB_CHAT_SOURCE = 15
CLOSED = 5
NAME_CHARACTERS = 120
"""Of a file's name: its beginning tells what it is, and its ending is its media type."""
MERGE_NOTE = re.compile(r"\bmerged into (?:the )?ticket\D{0,8}\d+|티켓\D{0,4}\d+\D{0,6}병합", re.IGNORECASE)
"""What Freshdesk writes under a ticket that it closes by a merge. An agent may write something else there, and other
languages are unconfirmed: the reconciler then finds that the ticket is listed no longer."""


def clean_for(tenant: Tenant, ticket: dict[str, Any]) -> Thread:
    """The thread of a tenant's ticket, without the personal data that nothing of ours may hold. CPU-bound."""
    return redacted(clean(ticket, tenant.statuses), tenant.settings.redact)


def clean(ticket: dict[str, Any], statuses: dict[int, str]) -> Thread:
    """The thread of a ticket; `statuses` are the account's own status names. CPU-bound: about 1 ms a message."""
    requester = str((ticket.get("requester") or {}).get("name") or "")
    first = _message(ticket, "customer", requester, ticket.get("description") or "")
    replies = sorted(ticket.get("conversations") or [], key=lambda c: (c["created_at"], c["id"]))
    messages = [first, *(_conversation(reply, requester) for reply in replies)]
    if len(messages) > 1 and replies[0].get("source") == WEB_CHAT_SOURCE and messages[1].text == first.text:
        del messages[1]
    subject = clean_message(str(ticket.get("subject") or ""))
    status = int(ticket.get("status") or 2)
    words = "\n".join([subject, *(m.text for m in messages if m.author == "customer")])
    return Thread(
        ticket_id=int(ticket["id"]),
        subject=subject,
        status=statuses.get(status) or DEFAULT_STATUSES.get(status, str(status)),
        resolved=status in RESOLVED_STATUSES,
        language=detect_language(words),
        requester_name=requester,
        created_at=datetime.fromisoformat(ticket["created_at"]),
        revision=datetime.fromisoformat(ticket["updated_at"]),
        messages=messages,
        unlisted=bool(ticket.get("archived")) or (status == CLOSED and _is_merge_note(messages[-1])),
        group_id=int(ticket.get("group_id") or 0),
        responder_id=int(ticket.get("responder_id") or 0),
    )


def _is_merge_note(message: Message) -> bool:
    return message.author != "customer" and MERGE_NOTE.search(message.text) is not None


def _conversation(conversation: dict[str, Any], requester: str) -> Message:
    author: Author = "customer" if conversation.get("incoming") else "agent"
    if conversation.get("private"):
        author = "note"
    name = requester if author == "customer" else _sender(conversation)
    return _message(conversation, author, name, conversation.get("body") or "")


def _message(source: dict[str, Any], author: Author, name: str, html: str) -> Message:
    created_at = datetime.fromisoformat(source["created_at"])
    files = [_attachment(entry) for entry in source.get("attachments") or [] if entry.get("id")]
    text = clean_message(html)
    return Message(author=author, author_name=name, text=text, created_at=created_at, attachments=files)


def _attachment(entry: dict[str, Any]) -> Attachment:
    """What is kept of a file: not its address, which is signed and ends within minutes."""
    return Attachment(
        attachment_id=int(entry["id"]),
        name=" ".join(without_invisible(str(entry.get("name") or "")).split())[:NAME_CHARACTERS],
        media_type=str(entry.get("content_type") or "").partition(";")[0].strip().lower()[:NAME_CHARACTERS],
        size=int(entry.get("size") or 0),
    )


def _sender(conversation: dict[str, Any]) -> str:
    """The display name in `"Name <address>"`, else "": user ids can be resolved by admins only."""
    sender = str(conversation.get("from_email") or "")
    return sender.partition("<")[0].strip().strip('"') if "<" in sender else ""
