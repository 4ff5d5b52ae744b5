"""One tenant's backfill, by the worker that has its lease: list, index and compute beside each other, until the end.

Everything that must survive this process is in Redis (`ingest.backfill.record`): another worker goes on where this one
was killed. It reads nothing twice but the few tickets that were being read, and no text is paid for again.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace

import structlog
from redis.exceptions import RedisError

from ingest.backfill.batches import Batches
from ingest.backfill.computing import GIVEN, GIVEN_FOR_MONEY, Computing, Stop
from ingest.backfill.indexing import Indexing
from ingest.backfill.listing import Listing
from ingest.backfill.pace import Pace
from ingest.backfill.patience import wait_unless
from ingest.backfill.record import BackfillLost, BackfillRecord
from ingest.context import WorkerContext
from ingest.freshdesk.budget import Tally
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.limits import Priority
from ingest.jobs.articles import index_articles
from ingest.jobs.canned import index_canned
from ingest.writers.batch import MOST_CALLS
from shared.backfill import BackfillCounts, BackfillOptions, BackfillProgress, BackfillState
from shared.errors import CanvasError, FreshdeskLimited, FreshdeskUnavailable
from shared.logs import failure
from shared.tasks import beside, stop, together
from shared.tenants import Tenant

LOOK_EVERY_S = 0.25
TOKENS_A_CALL = 1_500
"""On average, of a summary or replies; the demo's take 1,450."""
FIRST_CALLS = 50
"""In batches where dollars are limited and no text was written yet, so that nobody knows what one costs."""
ARTICLES_AGAIN_S = 30.0
ENDINGS: dict[Stop | None, BackfillState] = {
    None: "done",
    Stop.PAUSE: "paused",
    Stop.CANCEL: "cancelled",
    Stop.BUDGET: "over_budget",
}

Index = Callable[[WorkerContext, Tenant, FreshdeskClient], Coroutine[None, None, int]]

log = structlog.get_logger()


@dataclass
class Backfill:
    """What goes on of one backfill; `stop` is why it shall end early."""

    context: WorkerContext
    tenant: Tenant
    record: BackfillRecord
    options: BackfillOptions
    tally: Tally = field(default_factory=Tally)
    stop: Stop | None = None

    async def run(self) -> BackfillState:
        """Go on where the last worker stopped; returns the state in which it ends, which the record says then, too.

        Raises:
            BackfillLost: another worker has it.
            RedisError, OSError: Redis is away: to be gone on with when it is back.
        """
        try:
            async with beside(self._steered()):
                return await self._end(ENDINGS[await self._passes()])
        except (BackfillLost, RedisError, OSError):
            raise
        except CanvasError as error:
            # Nothing is lost: what was indexed stays, and whoever asks again goes on with what is missing.
            log.warning("backfill failed", host=self.tenant.host, code=error.code)
            return await self._end("failed", error.code)
        except Exception as error:  # noqa: BLE001
            # The edge of the process: a bug in one tenant's backfill must not end the worker, and has to be seen.
            log.error("backfill failed", host=self.tenant.host, **failure(error))  # noqa: TRY400
            return await self._end("failed", "internal")

    async def _passes(self) -> Stop | None:
        await self._note()
        if self.stop is Stop.CANCEL:
            await self._batches(lambda: False).cancel()
            return await self._second_pass(lambda: True, lambda _: None).run()
        freshdesk = self.context.freshdesk(self.tenant, Priority.BACKFILL, patient=True, tally=self.tally)
        await self.record.enter("listing")
        listing = Listing(self.context, self.tenant, self.record, self.options, freshdesk, self._is_stopping)
        indexing = Indexing(
            self.context, self.tenant, self.record, self.options, freshdesk, self._is_stopping, listing.ended
        )
        articles = asyncio.create_task(self._articles(freshdesk))
        computing = asyncio.create_task(self._compute(indexing, articles))
        batches = asyncio.create_task(self._batched(computing))
        others = [asyncio.create_task(job) for job in (self._told(listing, indexing), indexing.run())]
        await together(articles, computing, batches, *others)
        return computing.result() or self.stop or batches.result()

    async def _told(self, listing: Listing, indexing: Indexing) -> None:
        """List, and say where the backfill has come to."""
        await listing.run()
        if listing.ended.is_set():
            await self.record.enter("indexing")
            while not indexing.ended.is_set() and not self.stop:
                await asyncio.sleep(LOOK_EVERY_S)
            if indexing.ended.is_set():
                await self.record.enter("computing")

    async def _articles(self, freshdesk: FreshdeskClient) -> None:
        """Index articles and canned responses, before any ticket looks for them; once a backfill."""
        kinds: dict[str, Index] = {"articles": index_articles, "canned": index_canned}
        for noted, index in kinds.items():
            await self._index_once(noted, index, freshdesk)

    async def _index_once(self, noted: str, index: Index, freshdesk: FreshdeskClient) -> None:
        while "solutions" in self.options.data_types and not await self.record.is_noted(noted):
            indexing = asyncio.create_task(index(self.context, self.tenant, freshdesk))
            try:
                while not indexing.done() and not self.stop:
                    await asyncio.wait([indexing], timeout=LOOK_EVERY_S)
            finally:
                await stop(indexing)  # what it has indexed stays
            if self.stop:
                return
            try:
                await self.record.note(add={noted: indexing.result()})
            except (FreshdeskUnavailable, FreshdeskLimited) as error:
                log.warning("articles wait for Freshdesk", kind=noted, host=self.tenant.host, code=error.code)
                await wait_unless(self._is_stopping, max(ARTICLES_AGAIN_S, error.retry_after.total_seconds()))

    async def _compute(self, indexing: Indexing, articles: "asyncio.Task[None]") -> Stop | None:
        await asyncio.wait([articles])
        found = await self._second_pass(indexing.ended.is_set, indexing.hold).run()
        self.stop = self.stop or found  # a budget's end stops reading, too
        return found

    async def _batched(self, computing: "asyncio.Task[Stop | None]") -> Stop | None:
        """Texts by the providers' batches; returns a budget's end where it leaves some of them waiting."""
        batches = self._batches(lambda: not computing.done())
        done = await batches.run()
        if self.stop is Stop.CANCEL:
            await batches.cancel()
        return None if done or self.stop else Stop.BUDGET

    def _batches(self, more: Callable[[], bool]) -> Batches:
        return Batches(
            self.context,
            self.tenant,
            self.record,
            more,
            stopping=self._is_stopping,
            leaving=lambda: self.stop in {Stop.PAUSE, Stop.CANCEL},
            room=self._room,
        )

    async def _room(self, on_their_way: int) -> int:
        """How many calls a budget allows beside those whose answers are not back."""
        counts = await BackfillProgress(self.context.redis.state, self.tenant.host).read()
        return room_of(self.options, counts, on_their_way)

    def _second_pass(self, indexed_all: Callable[[], bool], hold: Callable[[bool], None]) -> Computing:
        options = self.options
        counts_money = options.budget_usd is not None or options.budget_tokens is not None
        return Computing(
            self.context,
            self.record,
            GIVEN_FOR_MONEY if counts_money else GIVEN,
            indexed_all,
            lambda: self.stop,
            hold,
            self._over_budget,
        )

    def _is_stopping(self) -> bool:
        return self.stop is not None

    async def _over_budget(self) -> bool:
        options = self.options
        if options.budget_usd is None and options.budget_tokens is None:
            return False
        return is_spent(options, await BackfillProgress(self.context.redis.state, self.tenant.host).read())

    async def _steered(self) -> None:
        """Do as the record asks, and tell it of our calls and our pace."""
        progress, pace = BackfillProgress(self.context.redis.state, self.tenant.host), Pace()
        while True:
            per_s, left_s, calls = pace.feed(time.monotonic(), await progress.read())
            await self._note(per_s=str(per_s), left_s=left_s, calls_minute=calls)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _note(self, **values: str | int) -> str:
        spent, self.tally.calls, self.tally.credits = replace(self.tally), 0, 0
        asked = await self.record.note(add={"calls": spent.calls, "credits": spent.credits}, **values)
        if asked and self.stop is None:
            self.stop = Stop(asked)
        return asked

    async def _end(self, state: BackfillState, error: str = "") -> BackfillState:
        asked = await self._note()
        if state == "paused" and asked != "pause":
            # Asked to go on, or to be cancelled, before it had stopped: whoever has it next does so.
            state = "queued"
        asked = asked if state == "queued" else ""
        ended = 0 if state == "queued" else int(time.time() * 1000)
        await self.record.note(state=state, error=error, asked=asked, left_s=-1, calls_minute=0, ended_ms=ended)
        if state in {"done", "cancelled"}:
            await self.record.forget_lists()
        return state


def is_spent(options: BackfillOptions, counts: BackfillCounts) -> bool:
    """Whether a backfill has used up what it may cost."""
    dollars = options.budget_usd is not None and counts.cost >= options.budget_usd
    return dollars or (options.budget_tokens is not None and counts.tokens >= options.budget_tokens)


def room_of(options: BackfillOptions, counts: BackfillCounts, on_their_way: int) -> int:
    """How many calls of a batch a budget allows yet, by what a call takes in general; they are paid for later."""
    room = MOST_CALLS
    if options.budget_tokens is not None:
        room = min(room, int((options.budget_tokens - counts.tokens) / TOKENS_A_CALL) - on_their_way)
    if options.budget_usd is not None and counts.computed and counts.cost:
        # Dollars a token as they were until now.
        dollars = TOKENS_A_CALL * counts.cost / max(1, counts.tokens)
        room = min(room, int((options.budget_usd - counts.cost) / dollars) - on_their_way)
    elif options.budget_usd is not None:
        room = min(room, FIRST_CALLS - on_their_way)
    return room
