"""Ticket ids as requests name them."""

from typing import Annotated

from msgspec import Meta

from shared.errors import MalformedTicketId

MAX_ID_DIGITS = 15
TicketId = Annotated[int, Meta(ge=1, lt=10**MAX_ID_DIGITS, description="Freshdesk's number of the ticket")]
"""In a body."""


def parse_ticket_id(text: str) -> int:
    """A ticket id as Freshdesk displays it.

    Raises:
        MalformedTicketId: not a positive decimal number of at most 15 digits.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS and text[0] != "0"):
        raise MalformedTicketId
    return int(text)
