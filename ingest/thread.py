"""A ticket's conversation as the stages see it: plain text, in order, every message labelled with who may read it."""

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

Author = Literal["customer", "agent", "note"]
"""`note` is an agent's private note: agents may read it, and it must never reach a customer."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message, by Freshdesk's id; `media_type` as Freshdesk names it (`image/png`), `size` in bytes."""

    attachment_id: int
    name: str
    media_type: str
    size: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, cleaned: no HTML, no quoted history, no signature. `text` may be empty."""

    author: Author
    author_name: str
    text: str
    created_at: datetime
    attachments: list[Attachment] = msgspec.field(default_factory=list)

    @property
    def mark(self) -> str:
        """Tells this message from all others of its thread, in every run: a digest of its moment and its text."""
        said = f"{int(self.created_at.timestamp() * 1000)}\0{self.author}\0{self.text}"
        return hashlib.blake2b(said.encode(errors="replace"), digest_size=8).hexdigest()


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket with all its messages, oldest first; the first one is the ticket's description.

    `revision` is Freshdesk's `updated_at`; `language` is "ko" or "en", as the customer writes; `status` is the
    account's own label and `resolved` says whether it counts as solved (resolved or closed). `unlisted` says that it
    was merged or archived: agents may open it, but it is recommended to nobody. `group_id` and `responder_id` say which
    agents may see it, 0 where it has none.
    """

    ticket_id: int
    subject: str
    status: str
    resolved: bool
    language: str
    requester_name: str
    created_at: datetime
    revision: datetime
    messages: list[Message]
    unlisted: bool = False
    group_id: int = 0
    responder_id: int = 0

    def public(self) -> list[Message]:
        """The messages that the customer has seen or written."""
        return [message for message in self.messages if message.author != "note"]

    def said_by(self, author: Author) -> list[Message]:
        """The messages of one kind of author, oldest first."""
        return [message for message in self.messages if message.author == author]

    def waiting(self) -> Message | None:
        """The customer's last message where nobody has answered it yet; an agent's note is no answer."""
        public = self.public()
        return public[-1] if public and public[-1].author == "customer" else None
