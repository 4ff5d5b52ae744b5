"""One reconcile pass over a tenant's ticket lists.

Each list is read by ascending `updated_at` from its watermark on, which is stored after every page and not before all
its rows were compared and marked: a pass that fails or is killed goes on where it stopped. The next page is asked for
by time and not by number, since a ticket that changes meanwhile moves to the end and would shift the others past us.

Freshdesk announces neither that a ticket was merged (its link note may say anything) nor that it was archived: both
just vanish from the list. So what we have of the time that a page covers, and the page does not list, has left. The
audit reads the whole list this way, one page a pass, round and round.
"""

from datetime import UTC, datetime, timedelta
from functools import cached_property

import structlog

from ingest.context import WorkerContext
from ingest.freshdesk.client import MAX_LIST_PAGE, FreshdeskClient
from ingest.freshdesk.limits import Priority
from ingest.freshdesk.listing import TicketPage
from ingest.leaving import leave_lists
from ingest.reconciler.compare import mark_news
from shared.canvas_store import to_ms
from shared.metrics import RECONCILE_FOUND, RECONCILE_LEFT
from shared.reconcile_state import PassLease, ReconcileState, TicketList, note_unlisted, standings
from shared.tenants import Tenant

OVERLAP = timedelta(minutes=10)
"""A change may turn up late in the list (its replicas lag); what is older than this is settled."""
LIST_LAG = timedelta(minutes=1)
"""A ticket is not missed from the list before its last change is as old as this."""
FIRST_REACH = timedelta(days=1)
"""How far the first pass looks back, at most to the registration; history is the backfill's."""
SECOND = timedelta(seconds=1)
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any ticket of Freshdesk's."""
LISTS: tuple[TicketList, ...] = ("updated", "deleted", "spam")
KEPT_AT_MOST = 300
"""Of the time that a page of 100 covers; the embedded engine takes 8 ms for as many, in which nothing else runs."""
LEAVE_AT_MOST = 100
"""Tickets a page that leave at once: if Freshdesk ever lists too few by mistake, the damage is small and heals."""

log = structlog.get_logger()


class Pass:
    """One pass of one tenant; `found` changes were missed by webhooks, `left` tickets had gone unsaid."""

    def __init__(self, context: WorkerContext, tenant: Tenant, lease: PassLease, state: ReconcileState) -> None:
        self._context = context
        self._tenant = tenant
        self._lease = lease
        self._state = state
        self._registered = tenant.created_at - OVERLAP
        self.found = 0
        self.left = 0

    @cached_property
    def _freshdesk(self) -> FreshdeskClient:
        return self._context.freshdesk(self._tenant, Priority.BACKFILL, patient=True)

    async def run(self) -> None:
        """Read all lists, and one page of the audit.

        Raises:
            CanvasError: Freshdesk or the vector store failed; what was stored before holds.
            PassLost: another process has taken over.
        """
        for which in LISTS:
            await self._read(which)
        await self._audit()

    async def _read(self, which: TicketList) -> None:
        since, page = await self._begin(which), 1
        while True:
            answer = await self._page(which, since, page)
            last = max((ticket.updated_at for ticket in answer.tickets), default=since)
            if answer.tickets:
                await self._lease.write(("max", which, to_ms(min(last, (answer.at or last) - OVERLAP))))
            if not answer.more or (page == MAX_LIST_PAGE and last < since):
                return
            if last > since:
                since, page = last, 1
            elif page < MAX_LIST_PAGE:
                page += 1  # more than a page of this one second, or a list that does not heed `updated_since`
            else:
                since, page = since + SECOND, 1

    async def _begin(self, which: TicketList) -> datetime:
        known = int(getattr(self._state, which))
        if known:
            return from_ms(known)
        first = max(self._registered, datetime.now(UTC) - FIRST_REACH - OVERLAP)
        # Kept from the first pass on: while nothing changes, the beginning must not wander.
        await self._lease.write(("max", which, to_ms(first)))
        return first

    async def _audit(self) -> None:
        since = from_ms(self._state.audit) if self._state.audit else OLDEST
        answer = await self._page("audit", since, 1)
        last = max((ticket.updated_at for ticket in answer.tickets), default=since)
        position = to_ms(last if last > since else since + SECOND) if answer.more else 0
        await self._lease.write(("set", "audit", position))

    async def _page(self, which: TicketList, since: datetime, page: int) -> TicketPage:
        only = which if which in {"deleted", "spam"} else ""
        answer = await self._freshdesk.ticket_page(since, page, only)
        host, registered_ms = self._tenant.host, to_ms(self._registered)
        found = await mark_news(self._context, host, which, answer.tickets, registered_ms)
        RECONCILE_FOUND.labels(list=which).inc(found)
        self.found += found
        if answer.tickets and not only and page == 1:
            await self._let_unlisted_leave(since, answer)
        return answer

    async def _let_unlisted_leave(self, since: datetime, answer: TicketPage) -> None:
        """Whoever we have between `since` and the end of the page, and is not on it, has left the list."""
        last = max(ticket.updated_at for ticket in answer.tickets)
        until = (answer.at or last) - LIST_LAG
        if answer.more:
            until = min(until, last)
        host, listed = self._tenant.host, {ticket.id for ticket in answer.tickets}
        kept = await self._context.vectors.tickets_between(host, to_ms(since), to_ms(until), KEPT_AT_MOST)
        absent = [ticket_id for ticket_id in kept if ticket_id not in listed]
        if not absent:
            return
        known = await standings(self._context.redis.state, host, absent)
        # What changes now is told of by its run, and what changed since the vectors were made is listed elsewhere.
        left = [i for i in absent if not known[i].due and (known[i].revision or 0) <= kept[i]][:LEAVE_AT_MOST]
        for ticket_id in left:
            await leave_lists(self._context, host, ticket_id)
            await note_unlisted(self._context.redis.state, host, ticket_id, kept[ticket_id])
            self.left += 1
        if left:
            RECONCILE_LEFT.inc(len(left))
            log.info("tickets are listed no longer", host=host, tickets=len(left))


def from_ms(moment: int) -> datetime:
    """The moment of milliseconds since the epoch."""
    return datetime.fromtimestamp(moment / 1000, UTC)
