"""One question: search ▸ write ▸ check, told to the run's log while it happens.

Nobody sees a sentence that was not checked: a model's words are held back until their line is complete, and what no
source supports is left out. Where the sources have nothing to do with the question no model is asked, and the answer
says so. Where a model fails, or none of its sentences holds, the sources speak for themselves.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ingest.answers.intent import Wanted, wanted
from ingest.answers.search import Evidence, gather, passages
from ingest.context import WorkerContext
from ingest.router.generation import Order, totals
from ingest.router.router import Reset, Routed
from ingest.stopwatch import Stopwatch
from ingest.writers.extractive import NAME as EXTRACTIVE
from ingest.writers.protocol import Asked, Delta
from ingest.writers.quoting import quoted
from ingest.writers.support import Support
from ingest.writers.versions import version_of
from shared.asked import Question
from shared.errors import StageFailed
from shared.models import Answer, ModelCall, Provenance
from shared.questions import QuestionClaim
from shared.run_log import Event
from shared.tenants import Tenant

PART: Final = "answer"
SAME_MEANING: Final = 0.27
"""How far between a model's floor and 1 the cosine of a sentence and its translation lies at least: .854 for the local
model. Measured with it on 10 sentences and their sources in the other language: 8 lie above; no other source does."""
COMPARED_CHARACTERS: Final = 600
NOT_FOUND: Final = {
    "ko": "이 질문에 답할 수 있는 티켓이나 문서를 찾지 못했습니다.",
    "en": "I found no ticket and no article that answers this.",
}


@dataclass
class _Written:
    """The checked lines of an answer so far, and who wrote them."""

    lines: list[str] = field(default_factory=list)
    cited: set[int] = field(default_factory=set)
    dropped: int = 0
    model: str = ""
    calls: list[ModelCall] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def clear(self) -> None:
        self.lines, self.cited, self.dropped = [], set(), 0


@dataclass
class AnswerRun:
    """A question while it is being answered."""

    context: WorkerContext
    tenant: Tenant
    claim: QuestionClaim
    question: Question
    watch: Stopwatch = field(default_factory=Stopwatch)

    async def emit(self, event: Event, data: Any) -> None:
        """Append one event to the run's log."""
        await self.context.run_log.append(self.claim, [(event, data)])

    async def answer(self) -> Answer:
        """Answer the question, and tell the log `sources`, `answer.delta` and `answer`.

        Raises:
            StageFailed: the embedding model or the vector store failed.
            LeaseLost: another worker has taken the question over.
            RedisError, OSError: Redis failed.
        """
        await self.emit(Event.RESET if self.claim.resumed else Event.STARTED, {"attempt": self.claim.attempt})
        asked_for = wanted(self.question)
        with self.watch.stage("search"):
            evidence = await gather(self.context, self.tenant.host, asked_for)
        await self.emit(Event.STAGE, self.watch.reports[-1])
        await self.emit(Event.SOURCES, [found.source for found in evidence])
        written = _Written()
        if evidence:
            with self.watch.stage("write"):
                await self._write(asked_for, evidence, written)
            await self.emit(Event.STAGE, self.watch.reports[-1])
        answer = self._answer(asked_for, evidence, written)
        if not answer.found:
            await self.emit(Event.ANSWER_DELTA, {"text": answer.text})
        await self.emit(Event.ANSWER, answer)
        return answer

    async def _write(self, asked_for: Wanted, evidence: Sequence[Evidence], written: _Written) -> None:
        asked = Asked(
            question=asked_for.question.text,
            intent=asked_for.intent,
            language=asked_for.language,
            passages=passages(evidence),
        )
        support = await asyncio.to_thread(Support, asked.passages, self._means)
        await self._by_router(asked, support, written)
        empty_by_choice = not written.lines and not written.dropped
        if written.lines or (empty_by_choice and written.model != EXTRACTIVE):
            return
        # All that was written was unsupported: the sources' own sentences are not.
        dropped = written.dropped
        for line in await asyncio.to_thread(quoted, asked):
            await self._show(line, support, written)
        written.dropped += dropped
        if written.model != EXTRACTIVE:
            written.model, written.failures = EXTRACTIVE, [*written.failures, "unsupported"]

    async def _by_router(self, asked: Asked, support: Support, written: _Written) -> None:
        pending = ""
        order = Order(
            host=self.tenant.host,
            priority="interactive",
            models=self.tenant.settings.models,
            daily_tokens=self.tenant.settings.daily_token_budget,
        )
        async with aclosing(self.context.router.write("answer", order, lambda writer: writer.answer(asked))) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, Delta):
                    *complete, pending = (pending + chunk.text).split("\n")
                    for line in complete:
                        await self._show(line, support, written)
                elif isinstance(chunk, Reset):
                    pending = ""
                    written.clear()
                    await self.emit(Event.RESET, {"part": PART})
                elif isinstance(chunk, Routed):
                    await self._show(pending, support, written)
                    written.model, written.calls, written.failures = chunk.model, chunk.calls, chunk.failures

    async def _show(self, line: str, support: Support, written: _Written) -> None:
        """Check a complete line, and show what holds of it."""
        if not line.strip():
            return
        checked = await support.line(line)
        written.dropped += checked.dropped
        if checked.text:
            await self.emit(Event.ANSWER_DELTA, {"text": ("\n" if written.lines else "") + checked.text})
            written.lines.append(checked.text)
            written.cited |= checked.cited

    async def _means(self, sentence: str, passage: str) -> bool:
        """Whether a sentence says what a passage in the other language says."""
        embedder = self.context.embedder
        try:
            mine, theirs = await embedder.embed([sentence, passage[:COMPARED_CHARACTERS]])
        except StageFailed:
            return False  # it can't be shown to be supported
        return float(np.dot(mine, theirs)) >= embedder.floor + SAME_MEANING * (1 - embedder.floor)

    def _answer(self, asked_for: Wanted, evidence: Sequence[Evidence], written: _Written) -> Answer:
        found = bool(written.lines)
        tokens, cost = totals(written.calls)
        models = {PART: written.model} if written.model else {}
        return Answer(
            text="\n".join(written.lines) if found else NOT_FOUND[asked_for.language],
            found=found,
            intent=asked_for.intent,
            language=asked_for.language,
            sources=[entry.source for entry in evidence if entry.source.number in written.cited],
            degraded=bool(written.failures),
            dropped=written.dropped,
            provenance=Provenance(
                models=models | {"embedding": self.context.embedder.name},
                tokens=tokens,
                cost=cost,
                stages=self.watch.reports,
                calls=written.calls,
                prompts={task: version_of(task, model) for task, model in models.items()},
            ),
        )
