"""The Canvas and its parts: what `/init` returns and what a run leaves behind.

Plain msgspec structs: encoded once, when a run commits, and stored as bytes. Nothing on the way to the agent's
browser parses or builds them again. `docs` of the fields are in the README's glossary; the shape is fixed by it.
"""

from datetime import datetime
from typing import Literal

import msgspec

CanvasStatus = Literal["ready", "partial", "degraded"]
Sentiment = Literal["positive", "neutral", "negative", "urgent"]
Tone = Literal["friendly", "formal", "brief"]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent needs to know before reading the thread; every text in the Canvas's language."""

    text: str
    problem: str = ""
    tried: str = ""
    next_step: str = ""
    sentiment: Sentiment = "neutral"


class SimilarTicket(msgspec.Struct, frozen=True, kw_only=True):
    """An older ticket of the same tenant; `score` is the cosine similarity of the two, 0 to 1."""

    ticket_id: int
    subject: str
    status: str
    score: float
    resolution: str
    url: str


class Solution(msgspec.Struct, frozen=True, kw_only=True):
    """A solution article; `public` is False where customers may not see it."""

    article_id: int
    title: str
    url: str
    snippet: str
    public: bool


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A recommended reply; `sources` name where its words come from (`ticket:12`, `article:7`)."""

    text: str
    tone: Tone
    sources: list[str]


class StageReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one stage went; `ms` is its wall time, `error` the stable code of what stopped it."""

    name: str
    ms: float
    error: str = ""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Canvas came from: model by task, tokens by kind, cost in US dollars (None: unknown), stages."""

    models: dict[str, str]
    tokens: dict[str, int]
    cost: float | None
    stages: list[StageReport]


class Canvas(msgspec.Struct, frozen=True, kw_only=True):
    """The document that `/init` returns for one ticket."""

    ticket_id: int
    revision: datetime
    status: CanvasStatus
    language: str
    generated_at: datetime
    summary: Summary | None
    similar_tickets: list[SimilarTicket]
    solutions: list[Solution]
    replies: list[Reply]
    provenance: Provenance
