"""Structured answers: the schema a model must follow, its text while it is being written, and the validated result.

Providers' structured output guarantees the schema only where they have it, and a compatible server may have none, so
the finished answer is always validated. What was shown of it before is a prefix of what is returned, or it fails.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import jiter
import msgspec

from ingest.text.visible import without_invisible
from ingest.writers.failures import failed
from ingest.writers.links import Links, settled
from shared.models import Reply, Summary

T = TypeVar("T")
Path = tuple[str | int, ...]

MAX_REPLIES = 3
"""More than an agent reads; the prompts ask for as many."""
LONGEST = 60_000
"""Characters of an answer: several times what its tokens allow. A server that does not count them may never end."""

ECHO = re.compile(r"[0-9a-f]{16} (?:begin|end) |Boundary: [0-9a-f]{16}")
"""A boundary line of a prompt (`ingest.writers.blocks`): a model that copies one has written down what it was given."""


def closed_object(**properties: Any) -> dict[str, Any]:
    """The schema of an object: closed, and with all properties required: both providers want it so."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# The text comes first, since models write the fields in the schema's order and the text is what streams.
SUMMARY_SCHEMA = closed_object(
    text={"type": "string"},
    problem={"type": "string"},
    tried={"type": "string"},
    next_step={"type": "string"},
    sentiment={"type": "string", "enum": ["positive", "neutral", "negative", "urgent"]},
)
REPLIES_SCHEMA = closed_object(
    replies={
        "type": "array",
        "items": closed_object(
            text={"type": "string"},
            kind={"type": "string", "enum": ["answer", "ask", "escalate"]},
            tone={"type": "string", "enum": ["friendly", "formal", "brief"]},
            sources={"type": "array", "items": {"type": "string"}},
        ),
    }
)


class Replies(msgspec.Struct, frozen=True):
    """The document that a model writes when it recommends replies."""

    replies: list[Reply]


@dataclass(frozen=True, kw_only=True)
class Form(Generic[T]):
    """What an answer must look like. `path` leads to the text that streams; `read` raises msgspec's errors.

    `may_be_empty` says that an answer without text may be meant: there was nothing to write from.
    """

    name: str
    schema: dict[str, Any]
    path: Path
    links: Links
    read: Callable[[bytes], T]
    text: Callable[[T], str]
    may_be_empty: bool = False
    offered: frozenset[str] = frozenset()
    """The sources that it may name."""


def summary_form(links: Links) -> Form[Summary]:
    """A summary that has only these links."""

    def read(document: bytes) -> Summary:
        summary = msgspec.json.decode(document, type=Summary)
        texts = {name: cleaned(getattr(summary, name), links) for name in ("text", "problem", "tried", "next_step")}
        return msgspec.structs.replace(summary, **texts)

    return Form(
        name="summary", schema=SUMMARY_SCHEMA, path=("text",), links=links, read=read, text=lambda summary: summary.text
    )


def replies_form(links: Links, offered: Collection[str]) -> Form[list[Reply]]:
    """Replies that have only these links and name only the `offered` sources."""

    def read(document: bytes) -> list[Reply]:
        written = msgspec.json.decode(document, type=Replies).replies
        replies = [
            Reply(
                text=cleaned(reply.text, links),
                tone=reply.tone,
                sources=_known(reply.sources, offered),
                kind=reply.kind,
            )
            for reply in written
        ]
        kept = [reply for reply in replies if reply.text][:MAX_REPLIES]
        if written and not kept:
            raise msgspec.ValidationError("no reply has a text")
        return kept

    return Form(
        name="replies",
        schema=REPLIES_SCHEMA,
        path=("replies", 0, "text"),
        links=links,
        read=read,
        text=lambda replies: replies[0].text if replies else "",
        may_be_empty=True,
        offered=frozenset(offered),
    )


class Unfolding(Generic[T]):
    """One answer while it is being written. `feed` its pieces, then `finish`."""

    def __init__(self, form: Form[T]) -> None:
        self._form = form
        self._answer = ""
        self._done = 0  # characters of the text that were cleaned and shown
        self._shown = ""

    def feed(self, piece: str) -> str:
        """What can be shown of the text now, "" if nothing new: whole words, since half a link can't be judged.

        Raises:
            StageFailed: `invalid_output`, where the answer does not end, or repeats the prompt's boundary lines.
        """
        self._answer += piece
        if len(self._answer) > LONGEST:
            raise failed("invalid_output")
        text = _visible(_at(_partial(self._answer), self._form.path))
        end = settled(text)
        if end <= self._done:
            return ""
        if ECHO.search(text):
            raise failed("invalid_output")
        new = self._form.links.clean(text[self._done : end])
        self._done = end
        self._shown += new
        return new

    def finish(self) -> tuple[T, str]:
        """The validated result, and the rest of the text that was not shown yet.

        Raises:
            StageFailed: `invalid_output`, where the answer has another form or no text, or repeats boundary lines.
        """
        document = self._answer[self._answer.find("{") : self._answer.rfind("}") + 1]
        try:
            value: T | None = self._form.read(_encoded(document))
        except (msgspec.MsgspecError, RecursionError):  # the latter: brackets in brackets, a thousand times
            value = None  # raised below, without msgspec's error: it quotes the answer
        text = "" if value is None else self._form.text(value)
        missing = not text and not self._form.may_be_empty
        if value is None or missing or ECHO.search(document) or not text.startswith(self._shown):
            raise failed("invalid_output")
        return value, text[len(self._shown) :]


def _partial(answer: str) -> Any:
    """The JSON document as far as it goes; what a server without schemas writes before it is skipped."""
    start = answer.find("{")
    if start < 0:
        return None
    try:
        return jiter.from_json(_encoded(answer[start:]), partial_mode="trailing-strings")
    except ValueError:
        return None  # broken JSON; `finish` will say so


def _at(document: Any, path: Path) -> str:
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return document if isinstance(document, str) else ""


def _encoded(text: str) -> bytes:
    """UTF-8; half of a surrogate pair, which some servers' chunks carry, becomes a question mark."""
    return text.encode("utf-8", "replace")


def _visible(text: str) -> str:
    """Without characters that have no shape (they hide links) and without white space at the start."""
    return without_invisible(text).lstrip()


def cleaned(text: str, links: Links) -> str:
    """The text without foreign links and without characters that have no shape."""
    return links.clean(_visible(text))


def _known(sources: list[str], offered: Collection[str]) -> list[str]:
    """The sources that were offered, each once; models like to write the brackets too."""
    named = (source.strip(" []") for source in sources)
    return [source for source in dict.fromkeys(named) if source in offered]
