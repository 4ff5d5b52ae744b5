"""What a model reads: a versioned system prompt, then the operator's own rules, then the ticket as blocks of data.

What stays the same from call to call comes first, so that a provider can cache it; the ticket comes last. Prompts of
replies are built from what customers may know: no private note, nothing that was drawn from one, and no agents-only
article ever gets into one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Generic, TypeVar

from ingest.thread import Message, Thread
from ingest.writers.blocks import MESSAGE_CHARACTERS, SNIPPET_CHARACTERS, Blocks, cost
from ingest.writers.links import Links
from ingest.writers.protocol import Article, Brief, Neighbour, Voice
from ingest.writers.structured import Form, replies_form, summary_form
from ingest.writers.vetting import OWN
from shared.models import Reply, Summary

T = TypeVar("T")

VERSIONS: Mapping[str, str] = MappingProxyType(
    {"summary": "v2", "update": "v1", "reply": "v3", "answer": "v1", "compose": "v1"}
)
"""Of the files in `ingest/prompts`; a changed prompt is a new file, so that results can be compared."""

LANGUAGES = {"ko": "Korean", "en": "English"}

THREAD_CHARACTERS = 40_000  # at most 30,000 tokens of Korean: a quarter of the smallest context we know, and cents
FIRST_MESSAGES = 3  # the problem and the first answer; after them the latest state matters, not the middle
REPLY_FIRST, REPLY_LAST = 900, 1_200  # characters of the first and of the last messages, with a recap between them
LAST_MESSAGES = 2  # of these at most, unless the customer's last one lies further back
NEIGHBOURS, ARTICLES = 3, 2  # of those that the Canvas shows: each further one costs as much as a whole conversation
NEIGHBOURS_AGAIN, ARTICLES_AGAIN = 2, 1  # where an earlier draft has drawn on the others
SNIPPET_AGAIN = 600  # characters of the article then

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
    """Summarize a thread for agents, private notes included; `language` is "ko" or "en".

    Of a brief with an earlier summary only that and the messages since are read.
    """
    earlier = thread.earlier if isinstance(thread, Brief) else None
    blocks = Blocks()
    blocks.ticket(thread)
    if earlier is not None:
        blocks.earlier(earlier)
    covered = earlier.covers if earlier else 0
    _add_folded(blocks, thread.messages[covered:], covered + 1)
    return Task(
        system=system_prompt("update" if earlier else "summary", language),
        user=blocks.request(f"Task: summarize this ticket in {_language(language)}."),
        max_tokens=SUMMARY_TOKENS,
        form=summary_form(Links(blocks.done)),
    )


def reply_task(
    thread: Thread, neighbours: Sequence[Neighbour], articles: Sequence[Article], language: str
) -> Task[list[Reply]]:
    """Recommend replies out of what the customer, other customers and the public may know."""
    blocks = Blocks()
    blocks.ticket(thread)
    recap = thread.recap if isinstance(thread, Brief) else None
    if recap is None:
        _add_folded(blocks, thread.public())
    else:
        _add_ends(blocks, thread.public(), recap)
    offered = [OWN]
    most = (NEIGHBOURS, ARTICLES) if recap is None else (NEIGHBOURS_AGAIN, ARTICLES_AGAIN)
    for neighbour in [neighbour for neighbour in neighbours if neighbour.reply.strip()][: most[0]]:
        blocks.neighbour(neighbour)
        offered.append(f"ticket:{neighbour.ticket_id}")
    for article in chosen_articles(articles, most[1]):
        blocks.article(article, SNIPPET_CHARACTERS if recap is None else SNIPPET_AGAIN)
        offered.append(article.source)
    voice = thread.voice if isinstance(thread, Brief) else Voice()
    return Task(
        system=system_prompt("reply", language) + house_rules(voice, language),
        user=blocks.request(f"Task: write replies to the customer in {_language(language)}."),
        max_tokens=REPLY_TOKENS,
        form=replies_form(links_of(blocks, voice), frozenset(offered)),
    )


def chosen_articles(articles: Sequence[Article], most: int) -> list[Article]:
    """Those that a reply's prompt shows: at most so many articles for customers, and one canned response.

    Where an earlier draft has drawn on the others (`ARTICLES_AGAIN`) the canned one only stands in for an article.
    """
    public = [article for article in articles if article.public]
    shown = [article for article in public if article.kind == "article"][:most]
    beside = 1 if most > ARTICLES_AGAIN or not shown else 0
    return shown + [article for article in public if article.kind == "canned"][:beside]


@cache
def system_prompt(task: str, language: str) -> str:
    """The text of a prompt file; the English one where `language` is neither "ko" nor "en"."""
    language = language if language in LANGUAGES else "en"
    return (files("ingest") / "prompts" / f"{task}.{language}.{VERSIONS[task]}.md").read_text(encoding="utf-8")


def links_of(blocks: Blocks, voice: Voice) -> Links:
    """The links that a reply may have: those of its blocks, and what the operator writes in the style guide."""
    return Links([*blocks.done, voice.style_guide])


HOUSE = {
    "en": ("How this company writes", "Tone", "Never use these words or phrases", "Style guide"),
    "ko": ("이 회사의 글쓰기", "어조", "절대 쓰지 않는 표현", "문체 안내"),
}


def house_rules(voice: Voice, language: str) -> str:
    """What the operator of a tenant has set, as the end of a system prompt; "" where nothing is set."""
    if voice == Voice():
        return ""
    title, tone, forbidden, guide = HOUSE["ko" if language == "ko" else "en"]
    lines = [f"\n# {title}\n"]
    if voice.tone:
        lines.append(f"- {tone}: `{voice.tone}`")
    if voice.forbidden_phrases:
        lines.append(f"- {forbidden}: " + ", ".join(f'"{phrase}"' for phrase in voice.forbidden_phrases))
    if voice.style_guide.strip():
        lines.append(f"- {guide}:\n\n{voice.style_guide.strip()}")
    return "\n".join(lines) + "\n"


def folded(messages: Sequence[Message], room: int = THREAD_CHARACTERS) -> tuple[list[Message], list[Message]]:
    """The messages that are kept: from the start, and from the end; all are at the start where they fit."""
    costs = [cost(message) for message in messages]
    if sum(costs) <= room:
        return list(messages), []
    room -= sum(costs[:FIRST_MESSAGES])
    first_kept = len(messages)
    while first_kept > FIRST_MESSAGES and costs[first_kept - 1] <= room:
        first_kept -= 1
        room -= costs[first_kept]
    return list(messages[:FIRST_MESSAGES]), list(messages[first_kept:])


def ends(public: Sequence[Message]) -> tuple[int, int]:
    """For a reply to a long thread: how many messages are read from its start, and from which one on its end is.

    The start is the problem; the end reaches back at least to the customer's last message.
    """
    said = [number for number, message in enumerate(public) if message.author == "customer"]
    last = said[-1] if said else len(public)
    start, room = len(public), REPLY_LAST
    while start > 1 and (start > last or (cost(public[start - 1]) <= room and len(public) - start < LAST_MESSAGES)):
        start -= 1
        room -= cost(public[start])
    return min(1, len(public)), start


def _add_ends(blocks: Blocks, public: Sequence[Message], recap: str) -> None:
    first, last = ends(public)
    blocks.messages(public[:first], longest=REPLY_FIRST if last > first else MESSAGE_CHARACTERS)
    if last > first:
        blocks.add(f"what was said in messages {first + 1} to {last}", recap)
    blocks.messages(public[last:], last + 1)


def _add_folded(blocks: Blocks, messages: Sequence[Message], number: int = 1) -> None:
    """All messages, the middle of very long threads left out."""
    first, last = folded(messages)
    blocks.messages(first, number)
    if left_out := len(messages) - len(first) - len(last):
        blocks.say(f"{left_out} messages left out")
    blocks.messages(last, number + len(messages) - len(last))


def _language(language: str) -> str:
    return LANGUAGES.get(language, LANGUAGES["en"])
