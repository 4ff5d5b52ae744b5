"""Whether a ticket on one of Freshdesk's lists is news: a change, an end or a return that no webhook told us of.

A ticket that can't be brought up to date must not be marked for ever. So a mark is noted with the revision that it was
made for, and the same revision is marked a few times at most (Freshdesk's replicas may show a run an older one).
"""

from collections.abc import Sequence
from datetime import timedelta

from ingest.context import WorkerContext
from ingest.freshdesk.listing import ListedTicket
from shared.reconcile_state import Standing, TicketList, note_mark, standings

MARKS = 3
"""Marks of one revision by the reconciler."""
CLOCK_SKEW = timedelta(seconds=30)
"""Between Freshdesk's clock and that of Redis; a ticket is given up 48 s after its change at the earliest."""
ENDS: frozenset[TicketList] = frozenset({"deleted", "spam"})


def is_news(which: TicketList, ticket: ListedTicket, standing: Standing, registered_ms: int) -> bool:
    """Whether the row asks for a run.

    A list of ends tells of a ticket that we know and that is not buried. The others tell of a ticket that is newer than
    its record, or is listed (again) although we took it for gone; history before the registration is the backfill's.
    """
    if standing.due or _tried(ticket, standing):
        return False
    if which in ENDS:
        return standing.known and not standing.gone
    if standing.unlisted is not None:
        return True
    if standing.revision is None:
        # In the audit it may be a ticket of long ago, whose record has ended its lifetime.
        return which == "updated" and ticket.revision_ms >= registered_ms
    return ticket.revision_ms > standing.revision or (standing.gone and ticket.revision_ms == standing.revision)


def next_mark(which: TicketList, ticket: ListedTicket, standing: Standing) -> str | None:
    """The note of one more mark of this revision, or None if it had enough."""
    reason = f"{which if which in ENDS else 'listed'}:{ticket.revision_ms}"
    before, _, count = standing.marked.rpartition(":")
    number = int(count) + 1 if before == reason else 1
    return f"{reason}:{number}" if number <= MARKS else None


def _tried(ticket: ListedTicket, standing: Standing) -> bool:
    """Whether the ticket was given up after this change: then only another one gives it a new life."""
    if standing.given_up_ms is None:
        return False
    return ticket.revision_ms + int(CLOCK_SKEW.total_seconds() * 1000) <= standing.given_up_ms


async def mark_news(
    context: WorkerContext, host: str, which: TicketList, tickets: Sequence[ListedTicket], registered_ms: int
) -> int:
    """Mark what is news on the live lane, and say how many those were."""
    state, found = context.redis.state, 0
    known = await standings(state, host, [ticket.id for ticket in tickets])
    for ticket in tickets:
        standing = known[ticket.id]
        if not is_news(which, ticket, standing, registered_ms):
            continue
        note = next_mark(which, ticket, standing)
        if note is None:
            continue
        # In this order: a process that is killed in between has marked once too often, and never too seldom.
        await context.ledger.mark(host, ticket.id)
        await note_mark(state, host, ticket.id, note)
        found += 1
    return found
