"""One page of the ticket list, as far as it is read: who is on it, and what time it is at Freshdesk."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

import msgspec

from shared.errors import FreshdeskUnavailable


class ListedPerson(msgspec.Struct, frozen=True):
    """A requester, where the list was asked to include it."""

    name: str | None = None


class ListedTicket(msgspec.Struct, frozen=True):
    """A row of the list."""

    id: Annotated[int, msgspec.Meta(gt=0)]
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)]
    status: int | None = None
    requester: ListedPerson | None = None

    @property
    def revision_ms(self) -> int:
        """`updated_at` in milliseconds since the epoch."""
        return int(self.updated_at.timestamp() * 1000)


class TicketPage(msgspec.Struct, frozen=True):
    """Rows, whether another page follows, and Freshdesk's own time of the answer (None: it did not say)."""

    tickets: list[ListedTicket]
    more: bool
    at: datetime | None


def ticket_page(rows: Any, headers: Mapping[str, str], size: int) -> TicketPage:
    """The page of at most `size` rows that an answer holds; a full one may have a next one even if nothing says so.

    Raises:
        FreshdeskUnavailable: these are no tickets.
    """
    try:
        tickets = msgspec.convert(rows, list[ListedTicket])
    except msgspec.ValidationError as error:
        raise FreshdeskUnavailable("Freshdesk's ticket list holds something else than tickets") from error
    more = 'rel="next"' in headers.get("link", "") or len(tickets) >= size
    return TicketPage(tickets, more, _date(headers.get("date", "")))


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
