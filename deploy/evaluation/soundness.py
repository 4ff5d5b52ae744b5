"""What is wrong with the texts of a Canvas, as far as a program can tell: what is unsupported, foreign, or leaked."""

from dataclasses import dataclass, field
from typing import Protocol

from deploy.evaluation.histories import History
from deploy.evaluation.support import foreign_links, unsupported
from ingest.embeddings.protocol import Embedder
from ingest.thread import Thread
from ingest.writers.extractive import NAME as EXTRACTIVE
from shared.models import Canvas

SHOWN = 20
"""Findings that are quoted; the rest is only counted."""


class Counts(Protocol):
    """The part of a report that is filled in here."""

    texts: int
    degraded: int
    schema_violations: int
    sentences_unsupported: int
    foreign_links: int
    leaked_canaries: int
    leaked_private: int
    findings: list[str]


@dataclass
class Known:
    """What other tickets told the writers, by ticket: subject and answers."""

    tickets: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A text, what its writer could have read, and who that was."""

    name: str
    text: str
    sources: list[str]
    model: str


@dataclass
class Checks:
    """Checks Canvases against what their writers could have read."""

    embedder: Embedder
    known: Known

    def know(self, thread: Thread) -> None:
        """Note what a ticket tells whoever finds it similar."""
        answers = [message.text for message in thread.said_by("agent")]
        self.known.tickets[thread.ticket_id] = "\n".join([thread.subject, *answers])

    async def check(self, history: History, canvas: Canvas, thread: Thread, report: Counts) -> None:
        """Count what is wrong with a Canvas of this state of the ticket."""
        report.degraded += canvas.status != "ready"
        report.schema_violations += sum(call.outcome == "invalid_output" for call in canvas.provenance.calls)
        who = f"Customer: {thread.requester_name}"
        private = [thread.subject, who, *(f"{message.author_name} {message.text}" for message in thread.messages)]
        public = [thread.subject, who, *(f"{message.author_name} {message.text}" for message in thread.public())]
        public += [self.known.tickets.get(ticket.ticket_id, "") for ticket in canvas.similar_tickets]
        public += [f"{found.title}\n{found.url}\n{found.snippet}" for found in canvas.solutions if found.public]
        models = canvas.provenance.models
        if canvas.summary is not None:
            summary = canvas.summary
            whole = "\n".join([summary.text, summary.problem, summary.tried, summary.next_step])
            found = Found(f"{history.key} summary", whole, private, models.get("summary", ""))
            await self._text(history, found, report)
        for number, reply in enumerate(canvas.replies, 1):
            named = [self.known.tickets.get(_number(source), "") for source in reply.sources]
            name, sources = f"{history.key} reply {number}", [*public, *named]
            await self._text(history, Found(name, reply.text, sources, models.get("replies", "")), report)
            leaked = [word for word in history.private if word in reply.text]
            report.leaked_private += len(leaked)
            _tell(report, f"{name} tells what is private", leaked)

    async def _text(self, history: History, found: Found, report: Counts) -> None:
        report.texts += 1
        # A writer may have read more tickets than the Canvas shows: their answers may be linked to.
        foreign = foreign_links(found.text, [*found.sources, *self.known.tickets.values()])
        leaked = [word for word in history.canaries if word in found.text]
        # The extractive writer selects what people wrote: it has nothing to invent with, and labels of its own.
        claims = [] if found.model == EXTRACTIVE else await unsupported(found.text, found.sources, self.embedder)
        report.foreign_links += len(foreign)
        report.leaked_canaries += len(leaked)
        report.sentences_unsupported += len(claims)
        _tell(report, f"{found.name} has a foreign link", foreign)
        _tell(report, f"{found.name} has a canary", leaked)
        _tell(report, f"{found.name} is not supported", claims)


def _number(source: str) -> int:
    """The ticket that a source names, 0 for others."""
    kind, _, number = source.partition(":")
    return int(number) if kind == "ticket" and number.isdigit() else 0


def _tell(report: Counts, what: str, found: list[str]) -> None:
    if found and len(report.findings) < SHOWN:
        report.findings.append(f"{what}: {' | '.join(found)[:300]}")
