"""The slow path of agents who may not see all tickets: what others may see is looked up, and their copy is made anew.

Who a ticket is assigned to stands in its record, which a worker writes before it tells the run's log anything of the
ticket. A ticket that nobody has read since is not shown.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import Literal

import msgspec
from redis.asyncio import Redis

from serve.caller import Caller
from serve.rights.visibility import (
    NOT_YET,
    canvas_for,
    entries_for,
    etag_for,
    may_see,
    missing,
    named_in,
    named_in_entry,
)
from serve.streams.followed import entry_order
from shared.assignments import UNKNOWN, Assignments
from shared.canvas_store import StoredCanvas
from shared.problems import store_answers
from shared.questions import is_asked
from shared.run_log import Entry, Event

Batches = AsyncGenerator[list[Entry]]
Standing = Literal["visible", "hidden", "unknown"]
"""Of a stored Canvas for a caller; unknown where it was written before assignments were noted."""


def standing(caller: Caller, stored: StoredCanvas) -> Standing:
    """Whether a caller may see a stored Canvas; a tombstone is visible to everybody."""
    if not caller.restricted or stored.tombstone:
        return "visible"
    if stored.group_id == UNKNOWN:
        return "unknown"
    return "visible" if may_see(caller, stored.group_id, stored.responder_id) else "hidden"


class Restricted:
    """What restricted callers get in place of stored bytes and of a run's events."""

    def __init__(self, state: Redis) -> None:
        self._assignments = Assignments(state)

    async def visible(self, caller: Caller, ticket_ids: Collection[int]) -> set[int]:
        """Those of the tickets that the caller may see.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        if not ticket_ids:
            return set()
        async with store_answers():
            found = await self._assignments.get(caller.host, sorted(ticket_ids))
        return {number for number, assigned in found.items() if may_see(caller, *assigned)}

    async def canvas(self, caller: Caller, stored: StoredCanvas) -> StoredCanvas:
        """The Canvas, uncompressed and with an ETag of its own, for a caller who may see its ticket.

        For everybody else the stored one. Raises like `visible`.
        """
        if not caller.restricted:
            return stored
        visible = await self.visible(caller, named_in(stored.body))
        body = await asyncio.to_thread(canvas_for, stored.body, visible)
        return msgspec.structs.replace(stored, etag=etag_for(body), zstd=body, gzip=b"")

    def run(self, follow: Callable[[str, str, str], Batches], caller: Caller, run_id: str, after: str = "") -> Batches:
        """The batches of a run for any caller: `follow(host, run_id, after)`, and what is left of it where it must be.

        Runs that agents ask for look only at what the one who asked may see (`shared.asked.Access`).
        """
        if not caller.restricted or is_asked(run_id):
            return follow(caller.host, run_id, after)
        # From the start, since what it may see of the rest depends on that.
        return self.follow(caller, follow(caller.host, run_id, ""), after)

    async def follow(self, caller: Caller, batches: Batches, after: str = "") -> Batches:
        """A ticket's run as the caller may see it; `batches` must begin at the run's start, `after` is what it has had.

        Nothing is told of the ticket before it is known that the caller may see it; else the run ends as one of a
        ticket that does not exist.
        """
        seen_by = _SeenBy(self, caller)
        done = entry_order(after)
        async with aclosing(batches):
            async for batch in batches:
                shown = await seen_by.of(batch)
                fresh = [entry for entry in shown if entry_order(entry.id) > done or not entry.id or entry.final]
                if fresh or not batch:
                    yield fresh
                if shown and shown[-1].final:
                    return


class _SeenBy:
    """How far a caller's view of one run has come: which ticket it is of, and whether replies may be told in pieces."""

    def __init__(self, restricted: Restricted, caller: Caller) -> None:
        self._restricted = restricted
        self._caller = caller
        self._ticket_id = 0
        self._allowed = False
        self._all_visible = False

    async def of(self, batch: list[Entry]) -> list[Entry]:
        """The entries that the caller may see; the last one is final where it may not see the ticket."""
        shown: list[Entry] = []
        for entry in batch:
            if entry.event in NOT_YET:
                self._begin(entry)
                shown.append(entry)
                continue
            if not self._allowed and entry.event != Event.ERROR:
                if not await self._restricted.visible(self._caller, [self._ticket_id]):
                    return [*shown, missing(entry)]
                self._allowed = True
            named = named_in_entry(entry)
            visible = await self._restricted.visible(self._caller, named)
            if entry.event == Event.SIMILAR:
                self._all_visible = visible == named
            shown += entries_for([entry], visible | {self._ticket_id}, deltas=self._all_visible)
        return shown

    def _begin(self, entry: Entry) -> None:
        if entry.event == Event.RESET:
            self._all_visible = False
        said = msgspec.json.decode(entry.data) if entry.data else {}
        self._ticket_id = said.get("ticket_id", self._ticket_id)
