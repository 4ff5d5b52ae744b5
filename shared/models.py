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
    """How one stage went; `ms` is its wall time, `error` the stable code of what stopped it.

    `reused` says that what it would have made was there already, of the very same content.
    """

    name: str
    ms: float
    error: str = ""
    reused: bool = False


class ModelCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of a model; `outcome` is `ok`, the kind of its failure, or `abandoned` where another was quicker.

    Tokens are the provider's own count, as far as it told; `cost` is in US dollars, None where the price is unknown.
    """

    task: str
    model: str
    outcome: str
    ms: float
    cost: float | None
    first_token_ms: float | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Canvas came from: model by task, tokens by kind, cost in US dollars (None: unknown), stages, calls."""

    models: dict[str, str]
    tokens: dict[str, int]
    cost: float | None
    stages: list[StageReport]
    calls: list[ModelCall] = msgspec.field(default_factory=list)


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
