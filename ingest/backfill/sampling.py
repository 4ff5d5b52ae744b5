"""How many tickets a backfill would look at, and some of them at random: with few calls, however many there are.

The list's pages can be asked for by number, up to the 300th, so the last one that has tickets is found by halving; from
the 300th on counting begins again at its last ticket's time. The pages that are read for the sample lie evenly over the
whole list, each at a random place of its stretch.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from ingest.backfill.walk import INCLUDE, OLDEST, TicketLists
from ingest.freshdesk.client import MAX_LIST_PAGE, PAGE_SIZE
from ingest.freshdesk.listing import ListedTicket, TicketPage

MOST_PAGES = 12
"""Read for a sample beside those that counting reads: a call each."""


class Stretch(NamedTuple):
    """Pages 1 to `pages` of the list from `since` on; the last one has `last` tickets, all others are full."""

    since: datetime
    pages: int
    last: int

    @property
    def tickets(self) -> int:
        """How many tickets are on them."""
        return max(0, self.pages - 1) * PAGE_SIZE + self.last


@dataclass
class Sampler:
    """Reads a list's pages, each once; `until` is where the wanted stretch of time ends (None: it does not)."""

    lists: TicketLists
    until: datetime | None = None
    pages_read: int = 0
    _pages: dict[tuple[datetime, int], TicketPage] = field(default_factory=dict)

    async def stretches(self, since: datetime | None) -> list[Stretch]:
        """The whole list from `since` on.

        Raises:
            CanvasError: Freshdesk refuses, or is away.
        """
        found: list[Stretch] = []
        start = since or OLDEST
        while True:
            stretch = await self._stretch(start)
            found.append(stretch)
            if stretch.pages < MAX_LIST_PAGE or stretch.last < PAGE_SIZE:
                return found
            end = (await self._page(start, MAX_LIST_PAGE)).tickets[-1].updated_at
            if end <= start:
                return found  # a second with more tickets than are listed: nobody can count them
            start = end

    async def sample(self, stretches: Sequence[Stretch], seed: int = 0) -> list[ListedTicket]:
        """Rows of pages that lie evenly over the list; those of all pages where these are few."""
        places = [(stretch.since, page) for stretch in stretches for page in range(1, stretch.pages + 1)]
        chance = random.Random(seed)  # noqa: S311 - chooses a sample
        if len(places) > MOST_PAGES:
            width = len(places) / MOST_PAGES
            places = [places[int((number + chance.random()) * width)] for number in range(MOST_PAGES)]
        rows: dict[int, ListedTicket] = {}
        for since, page in places:
            rows |= {row.id: row for row in self._wanted(await self._page(since, page))}
        return list(rows.values())

    async def _stretch(self, since: datetime) -> Stretch:
        if not self._wanted(await self._page(since, 1)):
            return Stretch(since, 0, 0)
        low, high = 1, 2
        while high <= MAX_LIST_PAGE and self._wanted(await self._page(since, high)):
            low, high = high, MAX_LIST_PAGE if high < MAX_LIST_PAGE < 4 * high else 4 * high
        high = min(high, MAX_LIST_PAGE + 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._wanted(await self._page(since, middle)) else (low, middle)
        return Stretch(since, low, len(self._wanted(await self._page(since, low))))

    async def _page(self, since: datetime, number: int) -> TicketPage:
        known = self._pages.get((since, number))
        if known is None:
            before = self._pages.get((since, number - 1))
            if before is not None and not before.more:
                return TicketPage([], False, None)
            self.pages_read += 1
            known = self._pages[since, number] = await self.lists.ticket_page(since, number, include=INCLUDE)
        return known

    def _wanted(self, page: TicketPage) -> list[ListedTicket]:
        return [row for row in page.tickets if self.until is None or row.updated_at < self.until]
