"""One reply that an agent asks for: fetch ▸ similar ▸ write ▸ vet, told to the run's log while it happens.

The ticket is read afresh, so it needs no Canvas. What a model wrote is vetted like recommended replies are; where it
can't be mended, what needs no model stands in: the agent's own draft, a similar ticket's reply, or that we look at it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.answers.ticket import read_ticket
from ingest.content import Kept, brief_of
from ingest.context import WorkerContext
from ingest.recipe import voice_of
from ingest.router.generation import Order, totals
from ingest.stages import clean, embed, similar
from ingest.stages.writing import Draft, write
from ingest.stopwatch import Stopwatch
from ingest.thread import Thread
from ingest.writers.composing import composed, fit, holding
from ingest.writers.extractive import NAME as EXTRACTIVE
from ingest.writers.protocol import Brief, Wish
from ingest.writers.versions import version_of
from shared.asked import WantedReply
from shared.errors import StageFailed
from shared.models import GeneratedReply, Provenance, Reply
from shared.questions import QuestionClaim
from shared.run_log import Event
from shared.tenants import Tenant

PART = "reply"
UNSUPPORTED = "unsupported"
"""The kind of failure of a reply that names no source, or that the tenant's rules forbid."""


@dataclass
class ReplyRun:
    """A wanted reply while it is being written."""

    context: WorkerContext
    tenant: Tenant
    claim: QuestionClaim
    wanted: WantedReply
    watch: Stopwatch = field(default_factory=Stopwatch)
    failures: list[str] = field(default_factory=list)

    async def emit(self, event: Event, data: Any) -> None:
        """Append one event to the run's log."""
        await self.context.run_log.append(self.claim, [(event, data)])

    async def reply(self) -> GeneratedReply:
        """Write the reply, and tell the log `reply.delta` and `reply`.

        Raises:
            TicketMissing, TicketDeleted, TicketSpam: there is no such ticket for the asker.
            FreshdeskUnavailable, FreshdeskLimited, FreshdeskRefused: it could not be read.
            StageFailed: not even the last resort could write.
            LeaseLost: another worker has taken over, or nobody waits any more.
        """
        await self.emit(Event.RESET if self.claim.resumed else Event.STARTED, {"attempt": self.claim.attempt})
        thread = await self._read()
        wish = await self._wish(thread)
        with self.watch.stage("write"):
            draft = await write(
                self.context.router, self._order(), Event.REPLY_DELTA, lambda writer: writer.compose(wish), self.emit
            )
        await self.emit(Event.STAGE, self.watch.reports[-1])
        kept, model = await self._vetted(wish, draft)
        if kept.text != draft.value.text:
            # Its words were shown while they were written, and they do not stay as they are.
            await self.emit(Event.RESET, {"part": PART})
            await self.emit(Event.REPLY_DELTA, {"text": kept.text})
        reply = self._generated(kept, model, draft, wish.language)
        await self.emit(Event.REPLY, reply)
        return reply

    async def _read(self) -> Thread:
        with self.watch.stage("fetch"):
            ticket = await read_ticket(self.context, self.tenant, self.wanted.ticket_id, self.wanted.access)
        await self.emit(Event.STAGE, self.watch.reports[-1])
        return await asyncio.to_thread(clean.clean_for, self.tenant, ticket)

    async def _wish(self, thread: Thread) -> Wish:
        """The reply that is wanted, with what it may rest on; only tickets that the asker may see are read for it."""
        chosen = self.tenant.settings
        voice = voice_of(chosen)
        if self.wanted.tone:
            voice = msgspec.structs.replace(voice, tone=self.wanted.tone)
        brief: Brief = await asyncio.to_thread(brief_of, thread, Kept(), voice)
        found = await self._ground(thread)
        neighbours = found.neighbours()[: similar.SHOWN_TICKETS]
        return Wish(
            thread=brief,
            neighbours=tuple(neighbour for neighbour in neighbours if neighbour.reply.strip()),
            articles=tuple(article for article in found.sources() if article.public),
            language=self._language(thread),
            instructions=self.wanted.instructions,
            draft=self.wanted.draft,
        )

    def _language(self, thread: Thread) -> str:
        wanted = self.wanted.language
        return thread.language if wanted == "customer" else wanted or self.tenant.settings.language or thread.language

    async def _ground(self, thread: Thread) -> similar.Found:
        context, host = self.context, self.tenant.host
        since = similar.reach(self.tenant.settings.similar_days, thread.revision)
        try:
            with self.watch.stage(similar.NAME):
                embedded = await embed.embed(thread, context.embedder)
                found = await similar.find_similar(
                    host,
                    thread.ticket_id,
                    embedded,
                    context.vectors,
                    context.embedder.floor,
                    since,
                    self.wanted.access,
                )
        except StageFailed as error:
            # The agent's own wishes, or a question to the customer, need no ground.
            self.failures.append(error.kind)
            await self.emit(Event.STAGE, self.watch.fail(similar.NAME, error.kind))
            return similar.Found([], [])
        await self.emit(Event.STAGE, self.watch.reports[-1])
        return found

    def _order(self) -> Order:
        chosen = self.tenant.settings
        return Order(
            host=self.tenant.host,
            priority="interactive",
            models=chosen.models,
            daily_tokens=chosen.daily_token_budget,
        )

    async def _vetted(self, wish: Wish, draft: Draft[Reply]) -> tuple[Reply, str]:
        """What may be sent, and who wrote it."""
        self.failures += draft.failures
        kept = await asyncio.to_thread(fit, draft.value, wish)
        if kept is not None:
            return kept, draft.model
        self.failures.append(UNSUPPORTED)
        for make in (lambda: composed(wish), lambda: holding(wish.thread, wish.language)):
            reply = await asyncio.to_thread(make)
            kept = await asyncio.to_thread(fit, reply, wish)
            if kept is not None:
                return kept, EXTRACTIVE
        return Reply(text="", tone="formal", sources=[]), EXTRACTIVE

    def _generated(self, kept: Reply, model: str, draft: Draft[Reply], language: str) -> GeneratedReply:
        tokens, cost = totals(draft.calls)
        return GeneratedReply(
            text=kept.text,
            tone=kept.tone,
            language=language,
            sources=kept.sources,
            degraded=bool(self.failures) or model == EXTRACTIVE,
            provenance=Provenance(
                models={PART: model, "embedding": self.context.embedder.name},
                tokens=tokens,
                cost=cost,
                stages=self.watch.reports,
                calls=draft.calls,
                prompts={PART: version_of(PART, model)},
            ),
        )
