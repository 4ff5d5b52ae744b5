"""A backfill's texts by the providers' batch interfaces: hand over what runs put aside, and bring back what came of it.

A batch is written down before it is handed over. After a kill its provider is asked for it by our name (OpenAI) or by
its size and time (Anthropic, which takes no name), for some time, and it is handed over again only where nobody knows
it. What comes back is judged by
`ingest.backfill.batch_answers`; then the ticket is due again, and its run finds the texts as if it had just asked for
them. What failed or expired that run asks for directly; a ticket that has changed meanwhile had its own run.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from ingest.backfill.batch_answers import Answers
from ingest.backfill.record import BackfillRecord
from ingest.context import WorkerContext
from ingest.deferred import Batch, DeferredTexts, DeferredTicket, Place
from ingest.prepared import put_prepared, take_prepared
from ingest.writers.batch import MOST_BYTES, MOST_CALLS, BatchAnswer, BatchCall, BatchProvider
from shared.errors import StageFailed
from shared.tenants import Tenant

LOOK_EVERY_S = 0.25
FIRST_LOOK_S, LONGEST_LOOK_S = 0.5, 60.0
"""Between two looks at a batch; each is a call that costs nothing."""
MOST_OPEN = 20
"""Batches at once: some 10,000 tickets, of which Redis holds half a kilobyte each."""
MOST_DUE = 256
"""Tickets at once whose texts have come back; far more than a few workers run."""
LISTED_WITHIN_S = 30.0
"""A batch whose id was lost may show on its provider's list a moment late: it is handed over again only when it was
looked for in vain for so long. Nothing by comparison with the hours that a batch takes."""
PATIENCE = timedelta(hours=26)
"""Providers promise an end within 24."""
REFUSED = frozenset({"auth", "spend_limit", "bad_request", "context_too_long"})
"""Kinds of failures after which it is of no use to hand the same over again."""
CALLS_A_TICKET = 2
"""At the most; what those that have come back cost is counted with their Canvases, a moment later."""
GIVEN_UP = BatchAnswer("", failure="expired")

log = structlog.get_logger()


@dataclass
class Batches:
    """The batches of one tenant. `more` says that runs may still put calls aside, and `room` how many calls a budget
    allows beside those that are on their way. With `stopping` no more are handed over, with `leaving` it ends at once:
    somebody goes on with what is on its way later.
    """

    context: WorkerContext
    tenant: Tenant
    record: BackfillRecord
    more: Callable[[], bool]
    stopping: Callable[[], bool]
    leaving: Callable[[], bool]
    room: Callable[[int], Awaitable[int]]
    _fresh: set[str] = field(default_factory=set)
    """Batches that this process has begun and not tried to hand over yet: nobody can know them."""
    _ids: dict[str, str] = field(default_factory=dict)
    """By intent, ids of batches whose tickets wait for another batch that could not be handed over yet."""
    _back: set[int] = field(default_factory=set)
    """Tickets of which every call has come back."""
    _sought: dict[str, float] = field(default_factory=dict)
    """By intent, since when (monotonic s) a batch is looked for in vain."""
    _again_at: float = 0.0

    def __post_init__(self) -> None:
        host = self.tenant.host
        self._texts = DeferredTexts(self.context.redis.state, host)
        self._answers = Answers(self.context, self.tenant, self._texts)

    async def run(self) -> bool:
        """Until nothing is on its way, and nothing waits that may be handed over; whether nothing waits at all.

        Raises:
            BackfillLost: another worker does it.
        """
        async for ticket in self._texts.all_sent():
            if not ticket.calls:
                self._back.add(ticket.ticket_id)
        while not self.leaving():
            more = self.more()
            waiting, sent, _ = await self._texts.counts()
            batches = await self._texts.batches()
            await self.record.note(deferred=waiting + sent)
            on_their_way = sum(len(batch.calls) for batch in batches) + CALLS_A_TICKET * len(self._back)
            room = 0 if self.stopping() else await self.room(on_their_way)
            if room > 0 and len(batches) < MOST_OPEN and (waiting >= MOST_CALLS or (waiting and not more)):
                await self._begin(min(room, MOST_CALLS))
            await self._hand_over()
            for batch in await self._texts.batches():
                await self._look(batch)
            await self._make_due()
            if not more and not sent and not batches and (not waiting or room <= 0):
                return not waiting
            await asyncio.sleep(LOOK_EVERY_S)
        return False

    async def cancel(self) -> None:
        """Have the providers stop, and forget everything; the tickets keep what they have."""
        for batch in await self._texts.batches():
            provider = self._provider(batch.model)
            if batch.batch_id and provider is not None:
                try:
                    await provider.cancel(batch.batch_id)
                except StageFailed as error:
                    log.warning("batch not cancelled", host=self.tenant.host, batch=batch.batch_id, kind=error.kind)
        await self._texts.drop()

    async def _begin(self, most: int) -> None:
        """Write down which calls the next batches shall have, one of each model."""
        if any(not batch.batch_id for batch in await self._texts.batches()):
            return
        places: dict[str, list[Place]] = {}
        count = size = 0
        for ticket in await self._texts.waiting(most):
            count, size = count + len(ticket.calls), size + sum(len(call.body) for call in ticket.calls)
            if places and (count > most or size > MOST_BYTES):
                break
            for call in ticket.calls:
                places.setdefault(call.model, []).append(Place(ticket.ticket_id, call.task, ticket.generation))
        for model, calls in places.items():
            batch = Batch(intent=f"canvas{secrets.token_hex(8)}", model=model, begun=datetime.now(UTC), calls=calls)
            self._fresh.add(batch.intent)
            await self._texts.intend(batch)

    async def _hand_over(self) -> None:
        """Bring the batches that were begun to their providers, those of one beginning together."""
        known = await self._texts.batches()
        begun = [batch for batch in known if not batch.batch_id]
        if not begun or time.time() < self._again_at:
            return
        ids = {place.ticket_id for batch in begun for place in batch.calls}
        tickets = await self._texts.of(sorted(ids))
        done: list[Batch] = []
        for batch in begun:
            try:
                batch_id = await self._submitted(batch, tickets, [other.batch_id for other in known])
            except StageFailed as error:
                log.warning("batch not handed over", host=self.tenant.host, model=batch.model, kind=error.kind)
                if error.kind == "rate_limited":
                    self._fresh.add(batch.intent)  # a plain no: it is not on its way
                if error.kind not in REFUSED:
                    self._again_at = time.time() + max(FIRST_LOOK_S, error.retry_after.total_seconds())
                    return
                batch_id = ""
            done.append(msgspec.structs.replace(batch, batch_id=batch_id, look_at=time.time() + FIRST_LOOK_S))
        self._ids.clear()
        await self._texts.hand_over([batch for batch in done if batch.batch_id], list(tickets.values()))
        for batch in done:
            log.info("batch handed over", host=self.tenant.host, batch=batch.batch_id, calls=len(batch.calls))
            if not batch.batch_id:
                await self._give_up(batch)

    async def _submitted(self, batch: Batch, tickets: dict[int, DeferredTicket], known: Sequence[str]) -> str:
        """The provider's id of a batch that was handed over, now or before a kill; "" where nobody takes it."""
        provider = self._provider(batch.model)
        if provider is None:
            return ""
        if batch.intent in self._ids:
            return self._ids[batch.intent]
        if batch.intent in self._fresh:
            self._fresh.discard(batch.intent)
        elif found := await provider.find(batch.intent, len(batch.calls), _a_little_before(batch.begun), known):
            return found
        else:
            self._wait_for_lists(batch.intent)
        self._sought.pop(batch.intent, None)
        calls: list[BatchCall] = []
        for number, place in enumerate(batch.calls):
            ticket = tickets.get(place.ticket_id)
            bodies = [call.body for call in ticket.calls if call.task == place.task] if ticket else []
            calls += [BatchCall(batch.call_id(number), body) for body in bodies]
        self._ids[batch.intent] = await provider.submit(batch.intent, calls) if calls else ""
        return self._ids[batch.intent]

    def _wait_for_lists(self, intent: str) -> None:
        """Raises:
        StageFailed: the batch may have come to its provider, and not on its list yet.
        """
        left_s = self._sought.setdefault(intent, time.monotonic()) + LISTED_WITHIN_S - time.monotonic()
        if left_s > 0:
            raise StageFailed("A batch may be on its way", kind="unlisted", retry_after=timedelta(seconds=left_s))

    async def _look(self, batch: Batch) -> None:
        """See whether a batch has ended, ever more rarely."""
        if not batch.batch_id or time.time() < batch.look_at:
            return
        provider = self._provider(batch.model)
        try:
            if provider is None or datetime.now(UTC) - batch.begun > PATIENCE:
                await self._give_up(batch)
            elif await provider.ended(batch.batch_id):
                await self._collect(batch, provider)
            else:
                await self._look_later(batch)
        except StageFailed as error:
            log.warning("batch not read", host=self.tenant.host, batch=batch.batch_id, kind=error.kind)
            # One that its provider does not know will not come back.
            await (self._give_up(batch) if error.kind == "bad_request" else self._look_later(batch))

    async def _look_later(self, batch: Batch) -> None:
        wait_s = min(LONGEST_LOOK_S, FIRST_LOOK_S * 2 ** min(batch.looks, 10))
        await self._texts.intend(msgspec.structs.replace(batch, look_at=time.time() + wait_s, looks=batch.looks + 1))

    async def _collect(self, batch: Batch, provider: BatchProvider) -> None:
        left = set(batch.calls)
        async for answer in provider.answers(batch.batch_id):
            place = batch.place(answer.call_id)
            if place is not None and place in left:
                left.discard(place)
                await self._came_back(place, answer)
        await self._give_up(batch, left)

    async def _give_up(self, batch: Batch, left: set[Place] | None = None) -> None:
        """What has no answer is asked for directly."""
        for place in batch.calls if left is None else left:
            await self._came_back(place, GIVEN_UP)
        await self._texts.close(batch)

    async def _came_back(self, place: Place, answer: BatchAnswer) -> None:
        if await self._answers.take(place, answer):
            self._back.add(place.ticket_id)

    async def _make_due(self) -> None:
        """Let tickets run again whose texts have all come back, and forget those that have run."""
        ledger, host = self.context.ledger, self.tenant.host
        some = sorted(self._back)[:MOST_DUE]
        states = await ledger.states_of(host, some) if some else {}
        for ticket_id in some:
            ticket = await self._texts.sent(ticket_id)
            if ticket is not None and await ledger.generation(host, ticket_id) == ticket.generation:
                await self._run_again(ticket)
            elif ticket is None or states[ticket_id] in {"current", "dead"}:
                await self._texts.forget(ticket_id)
                self._back.discard(ticket_id)

    async def _run_again(self, ticket: DeferredTicket) -> None:
        """What was read for the first run serves the next one, while no other change was marked."""
        state, host = self.context.redis.state, self.tenant.host
        prepared = await take_prepared(state, host, ticket.ticket_id, ticket.generation)
        if prepared is not None:
            again = msgspec.structs.replace(prepared, generation=ticket.generation + 1, batch=False)
            await put_prepared(state, host, again)
        await self.context.ledger.mark(host, ticket.ticket_id, "backfill")

    def _provider(self, model: str) -> BatchProvider | None:
        found = self.context.router.models.named(model)
        return found.batch_provider() if found is not None else None


def _a_little_before(moment: datetime) -> datetime:
    """Clocks differ."""
    return moment - timedelta(minutes=5)
