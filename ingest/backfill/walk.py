"""Walk a tenant's ticket list, newest stretch of time first, past every limit that Freshdesk has on paging.

The list can be ordered by `updated_at` and begun at a time, but not ended at one, and its pages end with the 300th. So
time is walked backwards in windows, each read by ascending time and left when the next one's beginning comes up. Within
a window the next page is asked for by time and not by number: a ticket that changes meanwhile moves to the list's end
and would shift the others past us. What changes while we walk is read at the end, from the walk's beginning on.

Where one second has more tickets than a page, pages must be numbered; they are read from the last to the first, so that
tickets which leave the second shift others only to pages that are still to be read.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import msgspec

from ingest.freshdesk.client import MAX_LIST_PAGE
from ingest.freshdesk.listing import ListedTicket, TicketPage

OLDEST = datetime(2005, 1, 1, tzinfo=UTC)
"""Before any ticket of Freshdesk's."""
LIST_LAG = timedelta(minutes=1)
"""A change may turn up late in the list: the walk's end overlaps with its beginning by so much."""
FIRST_WINDOW = timedelta(days=1)
FEW_PAGES = 4
"""A window of fewer is followed by one that is four times as long; each costs up to one page that is read in vain."""
SECOND = timedelta(seconds=1)
INCLUDE = "requester"
"""Two credits a hundred tickets here, one a ticket where each is read."""


class TicketLists(Protocol):
    """Where pages come from."""

    async def ticket_page(self, since: datetime, page: int = 1, only: str = "", include: str = "") -> TicketPage:
        """One page by ascending `updated_at`, from `since` (inclusive) on."""
        ...


class WalkCursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a walk has come: `start` to `end` is the window that is read, and `at` how far.

    `end` is None in the last window, which reads what has changed since `began`; `page` counts what was read.
    """

    began: datetime
    oldest: datetime
    start: datetime
    end: datetime | None
    at: datetime
    until: datetime | None = None
    pages: int = 0
    page: int = 0
    done: bool = False


class Step(NamedTuple):
    """Tickets that were read, where to go on once they are kept, and whether their second has more than are listed."""

    tickets: list[ListedTicket]
    cursor: WalkCursor
    beyond: bool = False


async def begin(lists: TicketLists, since: datetime | None, until: datetime | None) -> WalkCursor:
    """A walk over the tickets that changed at `since` or later and before `until`, at its beginning; one call."""
    first = await lists.ticket_page(since or OLDEST, include=INCLUDE)
    began = (first.at or datetime.now(UTC)).replace(microsecond=0) - LIST_LAG
    end = began if until is None else min(began, until)
    oldest = min((ticket.updated_at for ticket in first.tickets), default=end)
    start = max(oldest, end - FIRST_WINDOW)
    cursor = WalkCursor(began=began, oldest=oldest, start=start, end=end, at=start, until=until)
    if not first.tickets:
        return msgspec.structs.replace(cursor, done=True)
    return _next_window(cursor) if start >= end else cursor


async def walk(lists: TicketLists, cursor: WalkCursor) -> AsyncIterator[Step]:
    """The steps from a cursor on; a ticket may come more than once, and none that stays on the list is left out."""
    while not cursor.done:
        async for step in _window(lists, cursor):
            cursor = step.cursor
            yield step


async def _window(lists: TicketLists, cursor: WalkCursor) -> AsyncIterator[Step]:
    known: set[int] = set()
    """Of the last page, those of the second with which the next one begins."""
    while True:
        since = cursor.at
        answer = await lists.ticket_page(since, include=INCLUDE)
        last = max((ticket.updated_at for ticket in answer.tickets), default=since)
        fresh = [ticket for ticket in _wanted(answer, cursor) if ticket.id not in known]
        if not answer.more or (cursor.end is not None and last >= cursor.end):
            yield Step(fresh, _next_window(_read(cursor, cursor.at)))
            return
        if last > since:
            cursor = _read(cursor, last)
            known = {ticket.id for ticket in answer.tickets if ticket.updated_at == last}
            yield Step(fresh, cursor)
            continue
        async for step in _second(lists, cursor):
            cursor = step.cursor
            yield step
        cursor, known = _read(cursor, since + SECOND), set()
        yield Step([], cursor)


async def _second(lists: TicketLists, cursor: WalkCursor) -> AsyncIterator[Step]:
    """All tickets of a second that fills more than one page."""
    since, seen = cursor.at, set[int]()
    last, beyond = await _last_page(lists, since)
    for number in range(last, 0, -1):
        answer = await lists.ticket_page(since, number, include=INCLUDE)
        found = [ticket for ticket in answer.tickets if ticket.updated_at == since and ticket.id not in seen]
        seen.update(ticket.id for ticket in found)
        cursor = _read(cursor, since)
        yield Step(found, cursor, beyond)


async def _last_page(lists: TicketLists, since: datetime) -> tuple[int, bool]:
    """The last page of the list from `since` on that begins with this very second, and whether there are more."""

    async def within(number: int) -> TicketPage | None:
        answer = await lists.ticket_page(since, number, include=INCLUDE)
        return answer if answer.tickets and answer.tickets[0].updated_at == since else None

    low, high = 1, 2
    while high < MAX_LIST_PAGE and await within(high):
        low, high = high, min(2 * high, MAX_LIST_PAGE)
    if high == MAX_LIST_PAGE and (answer := await within(high)):
        return high, answer.more and answer.tickets[-1].updated_at == since
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await within(middle) else (low, middle)
    return low, False


def _wanted(answer: TicketPage, cursor: WalkCursor) -> list[ListedTicket]:
    end = cursor.end or cursor.until
    return [ticket for ticket in answer.tickets if end is None or ticket.updated_at < end]


def _read(cursor: WalkCursor, at: datetime) -> WalkCursor:
    return msgspec.structs.replace(cursor, at=at, pages=cursor.pages + 1, page=cursor.page + 1)


def _next_window(cursor: WalkCursor) -> WalkCursor:
    if cursor.end is None:
        return msgspec.structs.replace(cursor, done=True)
    if cursor.start <= cursor.oldest:
        if cursor.until is not None and cursor.until <= cursor.began:
            # What changes now leaves the wanted stretch of time.
            return msgspec.structs.replace(cursor, done=True)
        return msgspec.structs.replace(cursor, start=cursor.began, end=None, at=cursor.began, pages=0)
    span = (cursor.end - cursor.start) * (4 if cursor.pages < FEW_PAGES else 1)
    end = cursor.start
    start = max(cursor.oldest, end - span)
    return msgspec.structs.replace(cursor, start=start, end=end, at=start, pages=0)
