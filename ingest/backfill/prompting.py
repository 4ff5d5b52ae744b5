"""What models would read and write for a ticket: its real prompts are built and counted, and no model is asked.

What a reply's prompt takes from similar tickets is only known once all of them are indexed, so replies and articles of
the sample stand in for them. That errs on the dear side where a helpdesk has tickets that resemble no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from ingest.recipe import voice_of
from ingest.stages.embed import DENSE_CHARACTERS, described, subject_matter
from ingest.stages.fold import parts_of
from ingest.thread import Thread
from ingest.writers.blocks import cost
from ingest.writers.digest import digest
from ingest.writers.prompts import ARTICLES, NEIGHBOURS, THREAD_CHARACTERS, Task, reply_task, summary_task
from ingest.writers.protocol import Article, Brief, Earlier, Neighbour
from ingest.writers.replies import recommend
from ingest.writers.tokens import about_tokens
from shared.models import Reply, Summary
from shared.tenant_settings import TenantSettings

T = TypeVar("T")

FOUND = 0.92
"""Of what a reply's prompt has room for so much is found on average: on the demo, from 300 tickets and 40 articles."""
REPLY_FIELDS = ("text", "kind", "sources")
"""What a model writes of each reply; the rest is ours."""


@dataclass(frozen=True)
class Prompts:
    """One kind of text of one ticket: how many calls, the tokens that they read, and how many of these are their
    common beginning, which a provider may cache.
    """

    calls: int = 0
    input: int = 0
    prefix: int = 0


@dataclass(frozen=True)
class TicketPrompts:
    """All that models read for a ticket; `embedding` are the tokens of what is embedded."""

    summary: Prompts
    reply: Prompts
    embedding: int


@dataclass(frozen=True)
class Ground:
    """What replies may be drawn from: answers on other tickets, and articles that customers may read."""

    neighbours: Sequence[Neighbour]
    articles: Sequence[Article]


def prompts_of(thread: Thread, chosen: TenantSettings, ground: Ground, place: int, part_tokens: float) -> TicketPrompts:
    """The prompts of a ticket; `place` chooses its ground, `part_tokens` is what a summary of a part takes. CPU-bound:
    some 5 ms.
    """
    language = chosen.language or thread.language
    brief = _brief(thread, chosen)
    embedding = about_tokens(subject_matter(thread, DENSE_CHARACTERS))
    return TicketPrompts(_summary(brief, language, part_tokens), _reply(brief, language, ground, place), embedding)


def summary_tokens(thread: Thread, chosen: TenantSettings) -> int:
    """What one summary of a whole thread reads."""
    return about_tokens(_whole(summary_task(_brief(thread, chosen), chosen.language or thread.language)))


def neighbour_of(host: str, thread: Thread) -> Neighbour:
    """A ticket as the prompts of others show it."""
    found = described(host, thread)
    return Neighbour(
        ticket_id=found.ticket_id,
        subject=found.subject,
        language=found.language,
        resolved=found.resolved,
        score=1.0,
        resolution=found.resolution,
        reply=found.reply,
    )


def drafted(thread: Thread, chosen: TenantSettings, ground: Ground, place: int) -> dict[str, int]:
    """Tokens of a summary and of replies as the writer without a model makes them of this ticket, by task.

    A model's have the same fields and say about as much. A task is not there where nothing would be written. CPU-bound:
    some 20 ms.
    """
    language = chosen.language or thread.language
    found = {"summary": about_tokens(_json(digest(thread, language)[1]))}
    neighbours, articles = _offered(thread, ground, place)
    if replies := recommend(thread, neighbours, articles, language):
        asked_for = [{name: getattr(reply, name) for name in REPLY_FIELDS} for reply in replies]
        found["reply"] = about_tokens(_json({"replies": asked_for}))
    return found


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _brief(thread: Thread, chosen: TenantSettings) -> Brief:
    fields = {name: getattr(thread, name) for name in thread.__struct_fields__}
    return Brief(**fields, voice=voice_of(chosen))


def _summary(brief: Brief, language: str, part_tokens: float) -> Prompts:
    tasks: list[Task[Summary]] = []
    extra = 0.0
    if sum(map(cost, brief.messages)) > THREAD_CHARACTERS:
        parts = parts_of(brief.messages)
        tasks += [summary_task(msgspec.structs.replace(brief, messages=part), language) for part in parts]
        extra = len(parts) * part_tokens
        brief = msgspec.structs.replace(brief, earlier=Earlier(covers=sum(map(len, parts)), summaries=()))
    tasks.append(summary_task(brief, language))
    return _counted(tasks, round(extra))


def _reply(brief: Brief, language: str, ground: Ground, place: int) -> Prompts:
    if brief.waiting() is None:
        return Prompts()
    neighbours, articles = _offered(brief, ground, place)
    if not neighbours and not articles:
        return Prompts()
    task: Task[list[Reply]] = reply_task(brief, neighbours, articles, language)
    whole = _counted([task])
    return Prompts(whole.calls, round(whole.input * FOUND), whole.prefix)


def _offered(thread: Thread, ground: Ground, place: int) -> tuple[list[Neighbour], list[Article]]:
    others = [neighbour for neighbour in ground.neighbours if neighbour.ticket_id != thread.ticket_id]
    return _some(others, place * NEIGHBOURS, NEIGHBOURS), _some(ground.articles, place * ARTICLES, ARTICLES)


def _counted(tasks: Sequence[Task[Summary]] | Sequence[Task[list[Reply]]], extra: int = 0) -> Prompts:
    tokens = [about_tokens(_whole(task)) for task in tasks]
    prefixes = [about_tokens(task.system + task.stable) for task in tasks]
    return Prompts(len(tasks), sum(tokens) + extra, sum(prefixes))


def _whole(task: Task[Summary] | Task[list[Reply]]) -> str:
    return f"{task.system}\n{task.stable}{task.user}"


def _some(found: Sequence[T], start: int, count: int) -> list[T]:
    """So many in a row from a place on, beginning again at the end; each once."""
    return [found[(start + step) % len(found)] for step in range(min(count, len(found)))]
