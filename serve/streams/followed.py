"""A run that somebody follows: one copy of its entries for all its followers, and who sleeps until there are more.

A follower is a place in the run's list of entries. Entries are let go where they take too much memory; a follower that
stands before those that are kept reads the log itself until it has caught up.
"""

import asyncio
import re
import time
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared import keys
from shared.errors import CanvasError
from shared.run_log import Entry

ENTRY_ID = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")
"""Two numbers of 64 bits; Python refuses to read one of more than 4,300 digits at all."""
BATCH_BYTES = 32 * 1024
"""What a follower takes at once: with the server's own buffer (64 KB) the most that one slow client costs."""
ENTRY_BYTES = 400
"""What an entry takes beside its data: the object, its id, its place in the list."""
START = (0, 0)


def entry_order(entry_id: str) -> tuple[int, int]:
    """The order of stream ids `<ms>-<sequence>`; anything else sorts first, so that a bad id resumes from the start."""
    match = ENTRY_ID.fullmatch(entry_id)
    return (int(match[1]), int(match[2])) if match else START


def _order(entry: Entry) -> tuple[int, int]:
    return entry_order(entry.id)


@dataclass(eq=False)
class Followed:
    """A run's entries so far and its followers.

    `dropped` counts the first entries, which were let go, up to the id `dropped_id`; `read_id` is the id after which
    the reader goes on. `note` is what is told besides the log (an entry without an id), `failure` why nothing will
    come any more, `heard` when the last entry came (monotonic seconds), `loaded` whether all was read that was there.
    """

    host: str
    run_id: str
    entries: list[Entry] = field(default_factory=list)
    dropped: int = 0
    dropped_id: str = "0-0"
    read_id: str = "0-0"
    size: int = 0
    note: Entry | None = None
    failure: CanvasError | None = None
    heard: float = field(default_factory=time.monotonic)
    loaded: bool = False
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)
    followers: int = 0
    sleepers: set["asyncio.Future[bool]"] = field(default_factory=set)

    @property
    def key(self) -> str:
        """The stream's key."""
        return keys.run(self.host, self.run_id)

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more: the final entry is there, or the log can't be read."""
        return self.failure is not None or bool(self.entries and self.entries[-1].final)

    @property
    def waits(self) -> bool:
        """Whether the reader has to wait for more."""
        return self.loaded and not self.ended

    def add(self, new: Iterable[Entry]) -> int:
        """Append what is newer than the last entry; returns how many bytes that takes."""
        newest = entry_order(self.read_id)
        fresh = [entry for entry in new if entry_order(entry.id) > newest]
        if not fresh:
            return 0
        self.entries += fresh
        self.read_id, self.note, self.heard = fresh[-1].id, None, time.monotonic()
        taken = sum(ENTRY_BYTES + len(entry.data) for entry in fresh)
        self.size += taken
        return taken

    def let_go(self) -> int:
        """Keep the last entry alone; returns how many bytes that frees."""
        before = self.size
        if len(self.entries) > 1:
            self.dropped += len(self.entries) - 1
            self.dropped_id = self.entries[-2].id
            self.entries = self.entries[-1:]
            self.size = ENTRY_BYTES + len(self.entries[0].data)
        return before - self.size

    def place_after(self, entry_id: str) -> int | None:
        """The place of the first entry after an id, or None where that entry was let go.

        Who has seen the final entry is given its place, to be told it again.
        """
        seen = entry_order(entry_id)
        if seen < entry_order(self.dropped_id):
            return None
        place = self.dropped + bisect_right(self.entries, seen, key=_order)
        last = self.dropped + len(self.entries) - 1
        return min(place, last) if self.entries and self.entries[-1].final else place

    def batch(self, place: int) -> list[Entry]:
        """The entries from a place on that are kept, as many as are taken at once."""
        first = place - self.dropped
        found, size = 0, 0
        while first + found < len(self.entries) and size < BATCH_BYTES:
            size += len(self.entries[first + found].data)
            found += 1
        return self.entries[first : first + found]

    async def changed(self, within_s: float) -> bool:
        """Sleep until something has changed; False where nothing did in this time."""
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(within_s, wake, sleeper, False)
        self.sleepers.add(sleeper)
        try:
            return await sleeper
        finally:
            timer.cancel()
            self.sleepers.discard(sleeper)

    def wake_all(self) -> None:
        """Wake every follower at once."""
        for sleeper in list(self.sleepers):
            wake(sleeper, True)


def wake(sleeper: "asyncio.Future[bool]", changed: bool) -> None:
    """End a follower's sleep, unless it has ended."""
    if not sleeper.done():
        sleeper.set_result(changed)
