"""The tickets that a backfill is to read: those of the wanted stretch of time whose Canvas is not current.

Archived tickets are on no list. Where they are wanted every id up to the highest that nobody has shown is tried.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from ingest.backfill.no_tickets import NoTickets
from ingest.backfill.patience import wait_unless
from ingest.backfill.record import BackfillRecord
from ingest.backfill.walk import begin, walk
from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.listing import ListedTicket
from shared.backfill import BackfillOptions
from shared.errors import FreshdeskLimited, FreshdeskUnavailable
from shared.tenants import Tenant

LONGEST_WAIT_S = 60.0
IDS_AT_ONCE = 500
MOST_UNLISTED = 100_000
"""Ids that are tried because no list has shown them; beyond that they are only counted."""

log = structlog.get_logger()


class Listing:
    """Walks the lists, page by page; `ended` is set once all that is wanted waits for being read."""

    def __init__(
        self,
        context: WorkerContext,
        tenant: Tenant,
        record: BackfillRecord,
        options: BackfillOptions,
        freshdesk: FreshdeskClient,
        stopping: Callable[[], bool],
    ) -> None:
        self._context, self._tenant, self._record, self._options = context, tenant, record, options
        self._freshdesk, self._stopping = freshdesk, stopping
        self.ended = asyncio.Event()

    async def run(self) -> None:
        """List until the end or a stop; while Freshdesk is away it waits.

        Raises:
            CanvasError: Freshdesk refuses.
            BackfillLost: another worker does it.
        """
        if "tickets" in self._options.data_types:
            if self._options.ids:
                await self._wanted_ids()
            else:
                await self._patiently()
        if not self._stopping():
            self.ended.set()

    async def _wanted_ids(self) -> None:
        if not await self._record.is_noted("unreached"):
            await self._add_ids(sorted(set(self._options.ids)))
            await self._record.note(unreached=0)

    async def _patiently(self) -> None:
        failed = 0
        while not self._stopping():
            try:
                await self._walk()
                break
            except (FreshdeskUnavailable, FreshdeskLimited) as error:
                failed += 1
                asked_s = error.retry_after.total_seconds() if isinstance(error, FreshdeskLimited) else 0.0
                wait_s = min(LONGEST_WAIT_S, max(2.0**failed / 4, asked_s))
                log.warning("backfill waits for Freshdesk", host=self._tenant.host, code=error.code, seconds=wait_s)
                await wait_unless(self._stopping, wait_s)

    async def _walk(self) -> None:
        record, options = self._record, self._options
        cursor = await record.cursor() or await begin(self._freshdesk, options.since, options.until)
        async for step in walk(self._freshdesk, cursor):
            wanted = [row for row in step.tickets if not options.statuses or row.status in options.statuses]
            highest = max((row.id for row in step.tickets), default=0)
            await record.add_listed(await self._outdated(wanted), step.cursor, len(wanted), highest)
            if step.beyond:
                log.warning("a second has more tickets than are listed", host=self._tenant.host)
                await record.note(beyond=1)
            if self._stopping():
                return
        by_ids = options.archived or await record.is_noted("beyond")
        if by_ids and not await record.is_noted("unreached"):
            await self._unlisted()

    async def _outdated(self, rows: Sequence[ListedTicket]) -> list[ListedTicket]:
        """The tickets whose stored Canvas is not of their newest revision and of today's recipe."""
        if self._options.reindex or self._options.refresh_summaries:
            return list(rows)
        recipe = self._context.recipe_of(self._tenant).canvas
        stored = await self._context.ledger.committed(self._tenant.host, [row.id for row in rows])
        return [row for row in rows if stored.get(row.id) != (row.revision_ms, recipe)]

    async def _unlisted(self) -> None:
        """Try the ids that no list has shown, the highest first: tickets of a second with more than are listed, and
        archived ones.

        Whether a list has shown the highest of them nobody can know, so the ticket that was made last is asked for.
        """
        tried = unreached = 0
        only_archived = not await self._record.is_noted("beyond")
        none = NoTickets(self._context.redis.state, self._tenant.host, archived=only_archived)
        highest = max(await self._record.highest(), await self._freshdesk.highest_id())
        for last in range(highest, 0, -IDS_AT_ONCE):
            unknown = await self._record.unknown(max(1, last - IDS_AT_ONCE + 1), last)
            found = (await none.without(unknown))[::-1]
            room = max(0, MOST_UNLISTED - tried)
            await self._add_ids(found[:room])
            tried, unreached = tried + len(found[:room]), unreached + len(found[room:])
            if self._stopping():
                return
        await self._record.note(unreached=unreached)

    async def _add_ids(self, ids: Sequence[int]) -> None:
        for first in range(0, len(ids), IDS_AT_ONCE):
            await self._record.add_ids(ids[first : first + IDS_AT_ONCE])
