"""The seam where text comes from: an LLM, or the extractive writer that needs none.

A writer yields `Delta`s while it writes and exactly one `Written` at its end. One contract test runs over all of them.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from ingest.thread import Thread
from shared.models import Reply, Summary, Tone

T = TypeVar("T")


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant wants customers to be spoken to, as its operator has set it: instructions, not data."""

    tone: Tone | None = None
    style_guide: str = ""
    forbidden_phrases: tuple[str, ...] = ()


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """Summaries that stand for the first `covers` messages of a thread, in order; one, or those of its parts."""

    covers: int
    summaries: tuple[Summary, ...]


class Brief(Thread, frozen=True, kw_only=True):
    """A thread as it is given to writers, with what spares a model the reading of all of it.

    All messages are there, for the writer that reads for nothing. A model reads `earlier` in place of the messages
    that it covers. For a reply, where `recap` is not None, a model reads the first and the last public messages and
    between them the recap, which was drawn from public messages alone.
    """

    earlier: Earlier | None = None
    recap: str | None = None
    voice: Voice = Voice()


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """A similar ticket as the writers see it; `reply` is what an agent sent the customer, "" if nobody did yet."""

    ticket_id: int
    subject: str
    language: str
    resolved: bool
    score: float
    resolution: str
    reply: str


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """A solution article as the writers see it; only `public` ones may be quoted to a customer.

    Of `kind` "canned" it is a canned response: a whole prepared answer, without a `url`.
    """

    article_id: int
    title: str
    language: str
    snippet: str
    url: str
    public: bool
    kind: Literal["article", "canned"] = "article"

    @property
    def source(self) -> str:
        """How a reply names it: `article:7`, `canned:9`."""
        return f"{self.kind}:{self.article_id}"


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered source of an answer as the writers see it; `about` says in one line what it is, and since when."""

    number: int
    title: str
    about: str
    text: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question of an agent, with the passages out of which it is to be answered, the best first."""

    question: str
    intent: Literal["search", "summarize", "how_to"]
    language: str
    passages: tuple[Passage, ...]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that an agent asks for: to which thread, out of what, and how; the tone is the thread's voice's.

    `instructions` and `draft` are the agent's own words, "" where there are none.
    """

    thread: Brief
    neighbours: tuple[Neighbour, ...]
    articles: tuple[Article, ...]
    language: str
    instructions: str = ""
    draft: str = ""


class Delta(msgspec.Struct, frozen=True):
    """The next piece of the text that is being written."""

    text: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one call, as the provider counts them; zero for the extractive writer.

    `cached_tokens` were read from the provider's prompt cache and `cache_write_tokens` written to it; both are part of
    `input_tokens`.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0


class Written(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """The finished work of a writer, and which model did it (`extractive` or `provider/model`)."""

    value: T
    model: str
    usage: Usage = Usage()


class Writer(Protocol):
    """Writes summaries, recommends and composes replies, and answers questions."""

    @property
    def name(self) -> str:
        """`extractive`, or `provider/model`."""
        ...

    def summarize(self, thread: Thread, language: str) -> AsyncGenerator[Delta | Written[Summary]]:
        """Summarize a thread in `language` ("ko" or "en"); the deltas make up `Summary.text`.

        Raises:
            StageFailed: the provider failed; nothing that was yielded may be kept.
        """
        ...

    def recommend(
        self, thread: Thread, neighbours: Sequence[Neighbour], articles: Sequence[Article], language: str
    ) -> AsyncGenerator[Delta | Written[list[Reply]]]:
        """Recommend replies to the customer's last message; the deltas make up the first reply's text.

        Raises:
            StageFailed: the provider failed; nothing that was yielded may be kept.
        """
        ...

    def compose(self, wish: Wish) -> AsyncGenerator[Delta | Written[Reply]]:
        """Write the reply that an agent asks for; "" where nothing that was given says what to write.

        Raises:
            StageFailed: the provider failed; nothing that was yielded may be kept.
        """
        ...

    def answer(self, asked: Asked) -> AsyncGenerator[Delta | Written[str]]:
        """Answer a question out of its passages, each sentence on a line, with citations (`[2]`); "" if they do not.

        Raises:
            StageFailed: the provider failed; nothing that was yielded may be kept.
        """
        ...
