"""The first pass: each ticket is read and indexed, a few at a time, so that others find it before they are computed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from ingest.backfill.no_tickets import NoTickets
from ingest.backfill.patience import wait_unless
from ingest.backfill.prepare import prepare_ticket
from ingest.backfill.record import BY_ID, BackfillRecord
from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from shared.backfill import BackfillOptions
from shared.errors import (
    TOMBSTONES,
    CanvasError,
    FreshdeskLimited,
    FreshdeskRefused,
    FreshdeskUnavailable,
    StageFailed,
    StoreUnavailable,
)
from shared.tenants import Tenant

CONCURRENCY = 8
"""Enough to hide Freshdesk's latency; the embedding model uses the cores."""
LOOK_EVERY_S = 0.1
TRIES = 3
"""After so many failures a ticket is left to its own run, if others could be read meanwhile."""
LONGEST_WAIT_S = 30.0
AWAY = (FreshdeskUnavailable, FreshdeskLimited, StageFailed, StoreUnavailable)
"""No fault of the ticket, as far as one can tell."""

log = structlog.get_logger()


@dataclass
class _Trouble:
    """A ticket's failures, and how many others had been read when it failed first."""

    tries: int
    read_before: int


@dataclass
class Indexing:
    """Reads what is pending; `ended` is set once nothing more will come."""

    context: WorkerContext
    tenant: Tenant
    record: BackfillRecord
    options: BackfillOptions
    freshdesk: FreshdeskClient
    stopping: Callable[[], bool]
    listed: asyncio.Event
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)
    _troubles: dict[int, _Trouble] = field(default_factory=dict)
    _read: int = 0
    _failed_in_a_row: int = 0
    _held: bool = False

    def hold(self, wait: bool) -> None:
        """Wait with further tickets, or no longer: those that were read pile up."""
        self._held = wait

    async def run(self) -> None:
        """Read until nothing is left or a stop, which lets those be finished that are read now.

        Raises:
            CanvasError: Freshdesk refuses.
            BackfillLost: another worker does it.
        """
        async with asyncio.TaskGroup() as group:
            while not self.stopping():
                all_listed = self.listed.is_set()
                begun = 0 if self._held else await self._fill(group)
                if all_listed and not begun and not self._busy and not self._held:
                    self.ended.set()
                    return
                await self._until_one_ends()

    async def _fill(self, group: asyncio.TaskGroup) -> int:
        free = CONCURRENCY - len(self._busy)
        if free <= 0:
            return 0
        rows = await self.record.first_pending(CONCURRENCY + len(self._busy))
        fresh = [row for row in rows if row[0] not in self._busy][:free]
        for ticket_id, place, requester in fresh:
            self._busy[ticket_id] = group.create_task(self._one(ticket_id, place, requester))
        return len(fresh)

    async def _until_one_ends(self) -> None:
        if self._busy:
            await asyncio.wait(self._busy.values(), return_when=asyncio.FIRST_COMPLETED, timeout=LOOK_EVERY_S)
            self._busy = {ticket_id: task for ticket_id, task in self._busy.items() if not task.done()}
        else:
            await asyncio.sleep(LOOK_EVERY_S)

    async def _one(self, ticket_id: int, place: float, requester: str | None) -> None:
        options, record = self.options, self.record
        prepared = False
        only_archived = place == BY_ID and await self._only_archived()
        try:
            prepared = await prepare_ticket(
                self.context,
                self.tenant,
                ticket_id,
                self.freshdesk,
                requester,
                refresh=options.refresh_summaries,
                batch=options.batch,
                archived=only_archived,
            )
            self._read, self._failed_in_a_row = self._read + 1, 0
        except FreshdeskRefused:
            raise
        except tuple(TOMBSTONES.values()):
            # Its run buries it. Of an id that no list has shown there may never have been a ticket.
            if place == BY_ID and not await self.context.ledger.generation(self.tenant.host, ticket_id):
                if not options.ids:
                    none = NoTickets(self.context.redis.state, self.tenant.host, archived=only_archived)
                    await none.add(ticket_id)
                await record.add_settled({ticket_id: "missing"}, record.pending)
        except AWAY as error:
            if not self._is_its_own(ticket_id):
                await self._wait(error)
                return
        except CanvasError as error:
            log.warning("not prepared", host=self.tenant.host, ticket=ticket_id, code=error.code)
        self._troubles.pop(ticket_id, None)
        await record.add_indexed(ticket_id, place, prepared=prepared)

    async def _only_archived(self) -> bool:
        """Whether an id that no list has shown can only be an archived ticket's: then one call tells."""
        return self.options.archived and not await self.record.is_noted("beyond")

    def _is_its_own(self, ticket_id: int) -> bool:
        """Whether the failure lies in the ticket: it failed again and again, while others could be read."""
        trouble = self._troubles.setdefault(ticket_id, _Trouble(0, self._read))
        trouble.tries += 1
        return trouble.tries >= TRIES and self._read > trouble.read_before

    async def _wait(self, error: CanvasError) -> None:
        """Freshdesk, the model or the vector store is away: this ticket stays pending, and all wait a little."""
        self._failed_in_a_row += 1
        wait_s = min(LONGEST_WAIT_S, 2.0 ** min(5, self._failed_in_a_row // CONCURRENCY) / 4)
        if isinstance(error, FreshdeskLimited):
            wait_s = min(LONGEST_WAIT_S, max(wait_s, error.retry_after.total_seconds()))
        log.info("backfill waits", host=self.tenant.host, code=error.code, seconds=wait_s)
        await wait_unless(self.stopping, wait_s)
