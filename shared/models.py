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
ReplyKind = Literal["answer", "ask", "escalate"]
NoReplies = Literal["", "answered", "no_ground", "withheld"]
"""Why nothing is recommended: an agent has had the last word; no similar ticket and no article says how to answer; what
was written broke the tenant's own rules and could not be mended."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent needs to know before reading the thread; every text in the Canvas's language."""

    text: str
    problem: str = ""
    tried: str = ""
    next_step: str = ""
    sentiment: Sentiment = "neutral"


class Likeness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a ticket is similar: `terms` are words and codes that both have, the rarest first (none: by meaning alone).

    `other_language` says that it is written in another language, `answered` that an agent has replied to it.
    """

    terms: list[str] = []
    other_language: bool = False
    answered: bool = False


class SimilarTicket(msgspec.Struct, frozen=True, kw_only=True):
    """An older ticket of the same tenant; `score` is the cosine similarity of the two, 0 to 1.

    `resolution` is the agent's message that most likely solved it; `count` is how many tickets the entry stands for,
    itself and its near-duplicates.
    """

    ticket_id: int
    subject: str
    status: str
    score: float
    resolution: str
    url: str
    why: Likeness = msgspec.field(default_factory=Likeness)
    count: int = 1


class Solution(msgspec.Struct, frozen=True, kw_only=True):
    """A solution article; `public` is False where customers may not see it.

    `cited` is how many similar tickets were answered with a link to it.
    """

    article_id: int
    title: str
    url: str
    snippet: str
    public: bool
    cited: int = 0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A recommended reply; `sources` name where its words come from (`ticket:12`, `article:7`, `canned:9`).

    `answers` is the mark of the customer's message that it answers (`ingest.thread.Message.mark`).
    """

    text: str
    tone: Tone
    sources: list[str]
    kind: ReplyKind = "answer"
    answers: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Many tickets about the same thing within hours: how many (this one included), and the others' ids, newest first.

    Times are when the first and the last of them were created.
    """

    count: int
    first_seen: datetime
    last_seen: datetime
    tickets: list[int]


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
    With `batch` it was made by the provider's batch interface, at its lower price; its time is not known then.
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
    batch: bool = False


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Canvas came from: model by task, tokens by kind, cost in US dollars (None: unknown), stages, calls.

    `prompts` are the versions of what a text was written by, by task.
    """

    models: dict[str, str]
    tokens: dict[str, int]
    cost: float | None
    stages: list[StageReport]
    calls: list[ModelCall] = msgspec.field(default_factory=list)
    prompts: dict[str, str] = msgspec.field(default_factory=dict)


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """What a Canvas has read: the first `covers` messages of the ticket, up to the one of `covers_until`.

    When it was made is `generated_at`; how many changes are known that are not in it is dynamic, and so in the answer's
    `Canvas-Newer` and in the first event of its run. A Canvas of an earlier version says nothing: 0 and null.
    """

    covers: int = 0
    covers_until: datetime | None = None


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
    no_replies: NoReplies = ""
    incident: Incident | None = None
    freshness: Freshness = msgspec.field(default_factory=Freshness)


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an answer rests on, by the number under which it is cited.

    `kind` says which of the ids is set: an image or attachment has its ticket's too. `public` is False where customers
    may not see it.
    """

    number: int
    kind: Literal["ticket", "article", "image", "attachment"]
    title: str
    url: str
    snippet: str
    public: bool
    created_at: datetime | None = None
    ticket_id: int = 0
    article_id: int = 0
    attachment_id: int = 0


class GeneratedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that an agent asked for; `sources` name what it rests on (`ticket:12`, `article:7`, `canned:9`).

    `agent` among them is the agent's own instructions or draft. `degraded` says that no model could write it.
    """

    text: str
    tone: Tone
    language: str
    sources: list[str]
    degraded: bool
    provenance: Provenance


class AttachmentLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where an attachment can be fetched, for some minutes."""

    url: str
    name: str
    content_type: str
    size: int
    expires_at: datetime


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an agent's question, for agents only; citations stand in the text as `[1]`.

    `found` is False where nothing that the tenant has answers it. `dropped` counts sentences that no source supported.
    """

    text: str
    found: bool
    intent: Literal["search", "summarize", "how_to"]
    language: str
    sources: list[Source]
    degraded: bool
    dropped: int
    provenance: Provenance
