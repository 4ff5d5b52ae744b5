"""What a batch has brought back: judged like a direct answer, and kept for the ticket's next run."""

import asyncio
from typing import Any

import msgspec

from ingest import finished
from ingest.context import WorkerContext
from ingest.deferred import DeferredTexts, DeferredTicket, Place
from ingest.prepared import take_prepared
from ingest.recipe import voice_of
from ingest.router.budget import TokenBudget
from ingest.router.deferral import DeferredCall
from ingest.router.generation import count_call
from ingest.stages.recommend import Recommended
from ingest.stages.writing import Draft
from ingest.writers.batch import BatchAnswer
from ingest.writers.links import Links
from ingest.writers.prices import batch_share, cost_of
from ingest.writers.structured import Form, Unfolding, replies_form, summary_form
from ingest.writers.vetting import vetted
from shared import lifetimes
from shared.backfill import note_spent
from shared.errors import StageFailed
from shared.models import ModelCall
from shared.tenants import Tenant


class Answers:
    """Takes the answers of one tenant's batches."""

    def __init__(self, context: WorkerContext, tenant: Tenant, texts: DeferredTexts) -> None:
        self._context, self._tenant, self._texts = context, tenant, texts
        self._budget = TokenBudget(context.redis.state)

    async def take(self, place: Place, answer: BatchAnswer) -> bool:
        """Keep one answer, if it is good and its ticket still waits for it; whether all of the ticket's are back."""
        ticket = await self._texts.sent(place.ticket_id)
        if ticket is None or ticket.generation != place.generation:
            return False
        call = next((call for call in ticket.calls if call.task == place.task), None)
        if call is not None:
            await self._judge(ticket, call, answer)
            left = [other for other in ticket.calls if other.task != place.task]
            await self._texts.answered(msgspec.structs.replace(ticket, calls=left))
            return not left
        return not ticket.calls

    async def _judge(self, ticket: DeferredTicket, call: DeferredCall, answer: BatchAnswer) -> None:
        outcome, kept = answer.failure, False
        if not outcome:
            try:
                kept = await self._keep(ticket, call, answer)
                outcome = "ok" if kept else "void"
            except StageFailed as error:
                outcome = error.kind
        noted = _noted(call, answer, outcome)
        count_call(self._tenant.host, noted, None, None)
        tokens = noted.input_tokens + noted.output_tokens
        if tokens and (taken := await self._budget.reserve(self._tenant.host, None)) is not None:
            await self._budget.settle(taken, tokens)
        if not kept:
            # A good one is counted with its Canvas.
            await note_spent(self._context.redis.state, self._tenant.host, tokens, noted.cost or 0.0)

    async def _keep(self, ticket: DeferredTicket, call: DeferredCall, answer: BatchAnswer) -> bool:
        """Keep a text for the ticket's next run; False where that is another ticket by now.

        Raises:
            StageFailed: it has another form than was asked for.
        """
        state, host = self._context.redis.state, self._tenant.host
        calls = [_noted(call, answer, "ok")]
        if call.task == "summary":
            summary = await asyncio.to_thread(_read, summary_form(Links(call.links)), answer.text)
            draft = Draft(task="summary", value=summary, model=call.model, calls=calls, failures=[])
            of = ticket.contents
            await finished.keep_summary(state, host, ticket.ticket_id, of, draft, lifetimes.BATCH_LIFETIME)
            return True
        prepared = await take_prepared(state, host, ticket.ticket_id, ticket.generation)
        if prepared is None:
            return False
        replies = await asyncio.to_thread(_read, replies_form(Links(call.links), call.offered), answer.text)
        voice = voice_of(self._tenant.settings)
        good = await asyncio.to_thread(vetted, replies, prepared.thread, call.offered, ticket.language, voice)
        made = Draft(task="replies", value=good.replies, model=call.model, calls=calls, failures=[])
        recommended = Recommended(draft=made, why_none=good.why_none)
        of = ticket.contents
        await finished.keep_replies(state, host, ticket.ticket_id, of, recommended, lifetimes.BATCH_LIFETIME)
        return True


def _read(form: Form[Any], text: str) -> Any:
    answer = Unfolding(form)
    answer.feed(text)
    return answer.finish()[0]


def _noted(call: DeferredCall, answer: BatchAnswer, outcome: str) -> ModelCall:
    cost = cost_of(call.model, answer.usage)
    return ModelCall(
        task=call.task,
        model=call.model,
        outcome=outcome,
        ms=0.0,
        cost=None if cost is None else cost * batch_share(),
        input_tokens=answer.usage.input_tokens,
        cached_tokens=answer.usage.cached_tokens,
        cache_write_tokens=answer.usage.cache_write_tokens,
        output_tokens=answer.usage.output_tokens,
        batch=True,
    )
