"""What a model reads: a versioned system prompt, and the ticket as blocks of data between random boundaries.

Strangers' words stand only inside blocks, so nobody can write a label, end a block, or speak as somebody else. Prompts
of replies are built from what customers may know: no private note and no agents-only article ever gets into one.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Generic, TypeVar

from ingest.thread import Message, Thread
from ingest.writers.links import Links
from ingest.writers.protocol import Article, Neighbour
from ingest.writers.structured import Form, replies_form, summary_form
from shared.models import Reply, Summary

T = TypeVar("T")

VERSION = "v1"
"""Of the files in `ingest/prompts`; a changed prompt is a new file, so that results can be compared."""

LABELS = {"customer": "[customer]", "agent": "[agent]", "note": "[internal note]"}
LANGUAGES = {"ko": "Korean", "en": "English"}

# All caps are in characters: about 4 of them are a token in English, 1 to 2 in Korean.
LINE_CHARACTERS = 300  # a subject, a name or a title; Freshdesk's own subjects end at 255
MESSAGE_CHARACTERS = 4_000  # two pages; what is longer is a log file, whose start and end tell the most
THREAD_CHARACTERS = 40_000  # at most 30,000 tokens of Korean: a quarter of the smallest context we know, and cents
FIRST_MESSAGES = 3  # the problem and the first answer; after them the latest state matters, not the middle
NEIGHBOURS = 5  # as many as the Canvas shows
ARTICLES = 3  # as many as the Canvas shows
REPLY_CHARACTERS = 1_500  # agents' replies on similar tickets; longer ones repeat the article they quote
SNIPPET_CHARACTERS = 1_500  # an article's best passage
OVERHEAD = 120  # a block's two boundary lines and its sender

SUMMARY_TOKENS = 2_000  # five fields of a few sentences take 300 to 900; the rest is for models that think first
REPLY_TOKENS = 4_000  # three replies of up to 1,000 in Korean, and the same


@dataclass(frozen=True, kw_only=True)
class Task(Generic[T]):
    """One call: what the model reads, how much it may write, and the form of its answer.

    `stable` stands before `user` and is what later calls will repeat word for word; it may be cached, as `system` may.
    """

    system: str
    user: str
    max_tokens: int
    form: Form[T]
    stable: str = ""


def summary_task(thread: Thread, language: str) -> Task[Summary]:
    """Summarize a thread for agents, private notes included; `language` is "ko" or "en"."""
    boundary = secrets.token_hex(8)
    blocks = [_ticket(boundary, thread), *_messages(boundary, thread.messages)]
    return Task(
        system=system_prompt("summary", language),
        user=_request(boundary, blocks, f"Task: summarize this ticket in {_language(language)}."),
        max_tokens=SUMMARY_TOKENS,
        form=summary_form(Links(blocks)),
    )


def reply_task(
    thread: Thread, neighbours: Sequence[Neighbour], articles: Sequence[Article], language: str
) -> Task[list[Reply]]:
    """Recommend replies out of what the customer, other customers and the public may know."""
    boundary = secrets.token_hex(8)
    answered = [neighbour for neighbour in neighbours if neighbour.reply.strip()][:NEIGHBOURS]
    quotable = [article for article in articles if article.public][:ARTICLES]
    sources = {f"ticket:{neighbour.ticket_id}": _neighbour(neighbour) for neighbour in answered}
    sources |= {f"article:{article.article_id}": _article(article) for article in quotable}
    blocks = [
        _ticket(boundary, thread),
        *_messages(boundary, thread.public()),
        *(_block(boundary, name, text) for name, text in sources.items()),
    ]
    return Task(
        system=system_prompt("reply", language),
        user=_request(boundary, blocks, f"Task: write replies to the customer in {_language(language)}."),
        max_tokens=REPLY_TOKENS,
        form=replies_form(Links(blocks), frozenset(sources)),
    )


@cache
def system_prompt(task: str, language: str) -> str:
    """The text of a prompt file; the English one where `language` is neither "ko" nor "en"."""
    language = language if language in LANGUAGES else "en"
    return (files("ingest") / "prompts" / f"{task}.{language}.{VERSION}.md").read_text(encoding="utf-8")


def shortened(text: str, limit: int) -> str:
    """At most about `limit` characters: three quarters from the start, one from the end, and what is missing."""
    if len(text) <= limit:
        return text
    start, end = limit - limit // 4, limit // 4
    return f"{text[:start].rstrip()}\n[… {len(text) - limit} characters left out …]\n{text[-end:].lstrip()}"


def folded(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """The messages that are kept: from the start, and from the end; all are at the start where they fit."""
    costs = [min(len(message.text), MESSAGE_CHARACTERS) + OVERHEAD for message in messages]
    if sum(costs) <= THREAD_CHARACTERS:
        return list(messages), []
    room = THREAD_CHARACTERS - sum(costs[:FIRST_MESSAGES])
    first_kept = len(messages)
    while first_kept > FIRST_MESSAGES and costs[first_kept - 1] <= room:
        first_kept -= 1
        room -= costs[first_kept]
    return list(messages[:FIRST_MESSAGES]), list(messages[first_kept:])


def _request(boundary: str, blocks: Iterable[str], task: str) -> str:
    return "\n\n".join([f"Boundary: {boundary}", *blocks, task])


def _block(boundary: str, name: str, text: str) -> str:
    return f"{boundary} begin {name}\n{text}\n{boundary} end {name}"


def _ticket(boundary: str, thread: Thread) -> str:
    """Subject and customer. Not the status: it changes without a word being said, and nothing is written anew then."""
    lines = [f"Subject: {_line(thread.subject)}", f"Customer: {_line(thread.requester_name)}"]
    return _block(boundary, "ticket", "\n".join(lines))


def _messages(boundary: str, messages: Sequence[Message]) -> list[str]:
    """A block a message, the middle of very long threads left out; messages without text are skipped."""
    said = [message for message in messages if message.text.strip()]
    first, last = folded(said)
    blocks = [_message(boundary, number, message) for number, message in enumerate(first, 1)]
    if left_out := len(said) - len(first) - len(last):
        blocks.append(f"{boundary} {left_out} messages left out")
    start = len(said) - len(last) + 1
    return blocks + [_message(boundary, number, message) for number, message in enumerate(last, start)]


def _message(boundary: str, number: int, message: Message) -> str:
    sender = f"From: {_line(message.author_name)}, " if message.author_name.strip() else ""
    text = f"{sender}{message.created_at:%Y-%m-%d %H:%M}\n{shortened(message.text, MESSAGE_CHARACTERS)}"
    return _block(boundary, f"message {number} {LABELS[message.author]}", text)


def _neighbour(neighbour: Neighbour) -> str:
    """What an agent sent. `resolution` is left out: it is for agents' eyes, and mostly the same words."""
    return f"Subject: {_line(neighbour.subject)}\nAnswer: {shortened(neighbour.reply, REPLY_CHARACTERS)}"


def _article(article: Article) -> str:
    snippet = shortened(article.snippet, SNIPPET_CHARACTERS)
    return f"Title: {_line(article.title)}\nURL: {_line(article.url)}\n{snippet}"


def _line(text: str) -> str:
    """One line of at most LINE_CHARACTERS."""
    return " ".join(text.split())[:LINE_CHARACTERS]


def _language(language: str) -> str:
    return LANGUAGES.get(language, LANGUAGES["en"])
