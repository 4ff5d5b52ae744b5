"""What a change of one ticket means for the Canvases of others: their similar lists are patched, no writer is called.

Nothing gets lost between two runs that go on at once, since each does these in this order: put itself where others find
it, commit (which also notes whom its Canvas lists), then look at the others. Of two of them, the one that commits last
sees the other. A patch is a compare-and-set on the very bytes that were read, so it overwrites no commit and brings no
tombstone back; and it holds only while the ticket that it tells of is still what it was (its fence).
"""

from collections.abc import Callable, Sequence

from ingest.context import WorkerContext
from shared.canvas_store import Fence, Snapshot
from shared.models import SimilarTicket

Change = Callable[[int, list[SimilarTicket]], list[SimilarTicket]]
"""A ticket and the list that its Canvas shows to the list that it should show."""

AT_ONCE = 16
"""Canvases that are read by one command: some 100 KB."""
TRIES = 4
"""A Canvas that changes each time between reading and writing is left to the runs that change it."""


class Superseded(Exception):
    """The ticket that the changes tell of was committed anew: its newer run tells the others."""


async def forget(context: WorkerContext, host: str, ticket_id: int) -> int:
    """Take a ticket that is gone (deleted, spam, merged) out of every Canvas that lists it; returns how many did.

    To be called after its tombstone was written and it was dropped from the vector store: who searches later does not
    find it, and who found it before is in the index that this reads. Stops where the ticket comes back meanwhile.

    Raises:
        RedisError, OSError: the cache failed; call it again.
    """

    def without(_: int, shown: list[SimilarTicket]) -> list[SimilarTicket]:
        return [ticket for ticket in shown if ticket.ticket_id != ticket_id]

    fence = await context.canvases.fence(host, ticket_id)
    try:
        return await _change(context, host, await context.canvases.shown_in(host, ticket_id), without, fence)
    except Superseded:
        return 0


async def _change(context: WorkerContext, host: str, ticket_ids: Sequence[int], change: Change, fence: Fence) -> int:
    """Change the Canvases of some tickets; returns how many were changed."""
    written = 0
    for start in range(0, len(ticket_ids), AT_ONCE):
        found = await context.canvases.read(host, ticket_ids[start : start + AT_ONCE])
        for ticket_id, snapshot in found.items():
            written += await _patch(context, host, ticket_id, snapshot, change, fence)
    return written


async def _patch(
    context: WorkerContext, host: str, ticket_id: int, snapshot: Snapshot | None, change: Change, fence: Fence
) -> bool:
    for _ in range(TRIES):
        if snapshot is None or snapshot.stored.tombstone:
            return False
        shown = snapshot.similar()
        wanted = change(ticket_id, shown)
        if wanted == shown:
            return False
        outcome = await context.canvases.patch(host, ticket_id, snapshot, wanted, fence)
        if outcome == "superseded":
            raise Superseded
        if outcome == "written":
            return True
        snapshot = (await context.canvases.read(host, [ticket_id])).get(ticket_id)
    return False
