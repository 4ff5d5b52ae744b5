"""A ticket's conversation as the stages see it: plain text, in order, every message labelled with who may read it."""

from datetime import datetime
from typing import Literal

import msgspec

Author = Literal["customer", "agent", "note"]
"""`note` is an agent's private note: agents may read it, and it must never reach a customer."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, cleaned: no HTML, no quoted history, no signature. `text` may be empty."""

    author: Author
    author_name: str
    text: str
    created_at: datetime


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket with all its messages, oldest first; the first one is the ticket's description.

    `revision` is Freshdesk's `updated_at`; `language` is "ko" or "en", as the customer writes; `status` is the
    account's own label and `resolved` says whether it counts as solved (resolved or closed). `unlisted` says that it
    was merged or archived: agents may open it, but it is recommended to nobody.
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

    def public(self) -> list[Message]:
        """The messages that the customer has seen or written."""
        return [message for message in self.messages if message.author != "note"]

    def said_by(self, author: Author) -> list[Message]:
        """The messages of one kind of author, oldest first."""
        return [message for message in self.messages if message.author == author]
