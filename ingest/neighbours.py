"""What a change of one ticket means for the Canvases of others: their similar lists are patched, no writer is called.

Nothing gets lost between two runs that go on at once, since each does these in this order: put its ticket where others
find it, commit (which also notes whom its Canvas lists), then look at the others. Of two, the one that commits last
sees the other. A patch is a compare-and-set on the very bytes that were read, so it overwrites no commit and brings no
tombstone back; and it holds only while the ticket that it tells of is still what it was (its fence).
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from ingest import incidents
from ingest.context import WorkerContext
from ingest.pipeline import RunResult
from ingest.stages.similar import SHOWN_TICKETS, Found, as_shown, find_tickets
from ingest.vectors.protocol import TicketHit, TicketPayload
from shared.canvas_store import Fence, Snapshot, head_of, to_ms
from shared.due import Claim
from shared.errors import StageFailed
from shared.logs import failure
from shared.models import Incident, SimilarTicket

log = structlog.get_logger()


class Shown(NamedTuple):
    """The parts of a Canvas that other tickets change."""

    similar: list[SimilarTicket]
    incident: Incident | None


Change = Callable[[int, Shown], Shown]
"""A ticket and what its Canvas shows to what it should show."""

AT_ONCE = 16
"""Canvases that are read by one command: some 100 KB."""
TRIES = 4
"""A Canvas that changes each time between reading and writing is left to the runs that change it."""


PATIENCE_S = 2.0
"""A ticket that thousands of Canvases list must not hold its worker; those that are left heal with their next run."""


class Superseded(Exception):
    """The ticket that the changes tell of was committed anew: its newer run tells the others."""


async def tell(context: WorkerContext, claim: Claim, result: RunResult) -> None:
    """Bring similar lists up to date after a run has stored its Canvas, and before it gives its ticket back.

    First its own, with what changed since the run searched; then what others show of this ticket (subject, status,
    resolution, score); then open tickets learn of a new neighbour, and all that are part of an incident of it. A
    backfill indexes all before it computes, so its runs have nobody to introduce. A failure is logged and harms nobody:
    the next run tells again.
    """
    host, ticket_id = claim.host, claim.ticket_id
    fence = Fence(ticket_id, head_of(to_ms(result.canvas.revision), claim.generation, result.canvas.status))
    try:
        tickets, incident = await _look_again(context, host, result, fence)
        meets = [] if claim.listed or _out_of_reach(result) else [hit.ticket_id for hit in tickets if not hit.resolved]
        shown_in = await context.canvases.shown_in(host, ticket_id)
        targets = [*meets, *(other for other in shown_in if other not in meets)]
        await _change(context, host, targets, _telling(result.ticket, tickets, set(meets)), fence, PATIENCE_S)
        if incident is not None and not claim.listed:
            await _change(context, host, incident.tickets, _alarming(ticket_id, incident), fence, PATIENCE_S)
    except Superseded:
        log.info("a newer run tells the neighbours", host=host, ticket=ticket_id, run=claim.run_id)
    except (StageFailed, RedisError, OSError) as error:
        log.warning("neighbours not told", host=host, ticket=ticket_id, **failure(error))


async def forget(context: WorkerContext, host: str, ticket_id: int) -> int:
    """Take a ticket that is gone (deleted, spam, merged) out of every Canvas that lists it; returns how many did.

    To be called after its tombstone was written and it was dropped from the vector store: who searches later does not
    find it, and who found it before is in the index that this reads. Stops where the ticket comes back meanwhile.

    Raises:
        RedisError, OSError: the cache failed; call it again.
    """

    def without(_: int, shown: Shown) -> Shown:
        left = [ticket for ticket in shown.similar if ticket.ticket_id != ticket_id]
        return Shown(left, incidents.without(shown.incident, ticket_id))

    fence = await context.canvases.fence(host, ticket_id)
    try:
        return await _change(context, host, await context.canvases.shown_in(host, ticket_id), without, fence)
    except Superseded:
        return 0


async def _look_again(
    context: WorkerContext, host: str, result: RunResult, fence: Fence
) -> tuple[list[TicketHit], Incident | None]:
    """Search again, now that the Canvas is committed, and show what came, changed or went since; returns what is found.

    Whoever was put in place after the run had searched looked for this Canvas too early to patch it.
    """
    if result.embedded is None or not result.searched:
        return [], None
    ticket_id, vectors, floor = fence.ticket_id, context.vectors, context.embedder.floor
    created_at = result.thread.created_at
    for _ in range(TRIES):
        # Read before the search: what is patched in meanwhile fails the comparison, and is found by the next search.
        snapshot = (await context.canvases.read(host, [ticket_id])).get(ticket_id)
        if snapshot is None or snapshot.head != fence.head:
            raise Superseded
        tickets = await find_tickets(host, ticket_id, result.embedded, vectors, floor, result.since_ms)
        found = await incidents.look(vectors, floor, host, ticket_id, created_at, result.embedded)
        shown = _shown(snapshot)
        wanted = Shown(
            Found(tickets, []).similar_tickets(), incidents.merged(shown.incident, found, ticket_id) or shown.incident
        )
        if wanted == shown:
            break
        if await context.canvases.patch(host, ticket_id, snapshot, *_patchable(wanted, fence)) == "written":
            break
    return tickets, found


def _shown(snapshot: Snapshot) -> Shown:
    return Shown(snapshot.similar(), snapshot.incident())


def _patchable(shown: Shown, fence: Fence) -> tuple[list[SimilarTicket], Fence, Incident | None]:
    return shown.similar, fence, shown.incident


def _out_of_reach(result: RunResult) -> bool:
    """Whether the ticket is older than what the tenant wants to be shown: found by nobody, introduced to nobody."""
    return result.since_ms is not None and result.ticket.created_ms < result.since_ms


def _telling(ticket: TicketPayload, found: list[TicketHit], meets: set[int]) -> Change:
    """What becomes of the list of another ticket: this one's entry as it is now, or a place for it where it earns one.

    The scores are cosines of the two dense vectors, as those in the list are, so they are the same from both sides.
    """

    scores = {hit.ticket_id: hit.score for hit in found}
    whys = {hit.ticket_id: hit.why for hit in found}  # what two have in common is the same from both sides, too

    def change(other: int, shown: Shown) -> Shown:
        listed = shown.similar
        for place, entry in enumerate(listed):
            if entry.ticket_id == ticket.ticket_id:
                score = scores.get(other, entry.score)
                told = as_shown(ticket, score, entry.why, entry.count)
                listed = [*listed[:place], told, *listed[place + 1 :]]
                return shown._replace(similar=listed)
        if other in meets:
            listed = with_newcomer(listed, as_shown(ticket, scores[other], whys[other]))
        return shown._replace(similar=listed)

    return change


def _alarming(ticket_id: int, incident: Incident) -> Change:
    """What another ticket of an incident shows of it, now that this one belongs to it too."""

    def change(other: int, shown: Shown) -> Shown:
        return shown._replace(incident=incidents.seen_by(other, shown.incident, incident, ticket_id))

    return change


def with_newcomer(shown: list[SimilarTicket], newcomer: SimilarTicket) -> list[SimilarTicket]:
    """The list with a newcomer behind all that score at least as much; the last one leaves where it gets too long.

    Answered tickets may stand above better scores (see `ranking.ranked`): a newcomer does not push them aside.
    """
    place = max((place for place, entry in enumerate(shown, 1) if entry.score >= newcomer.score), default=0)
    return [*shown[:place], newcomer, *shown[place:]][:SHOWN_TICKETS]


async def _change(
    context: WorkerContext,
    host: str,
    ticket_ids: Sequence[int],
    change: Change,
    fence: Fence,
    patience_s: float = math.inf,
) -> int:
    """Change the Canvases of some tickets; returns how many were changed."""
    written, until = 0, time.monotonic() + patience_s
    for start in range(0, len(ticket_ids), AT_ONCE):
        if time.monotonic() > until:
            log.warning("too many neighbours", host=host, ticket=fence.ticket_id, left=len(ticket_ids) - start)
            break
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
        shown = _shown(snapshot)
        wanted = change(ticket_id, shown)
        if wanted == shown:
            return False
        outcome = await context.canvases.patch(host, ticket_id, snapshot, *_patchable(wanted, fence))
        if outcome == "superseded":
            raise Superseded
        if outcome == "written":
            return True
        snapshot = (await context.canvases.read(host, [ticket_id])).get(ticket_id)
    return False
