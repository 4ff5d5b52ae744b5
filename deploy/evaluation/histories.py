"""Ticket histories for `canvas eval --tickets`: JSON lines, each a ticket with all that happened to it, in two forms.

The seed's form (deploy/demo/data): `key, subject, description_html, requester {name}, status`, `conversations [{kind:
reply | note | customer, author, after_hours, body_html}]`, and beside it, all optional: `changes [{after_hours, status,
subject, …}]` (fields of the ticket that change without a word), `canaries` (words that must be in no text), `private`
(words that must be in no reply), `background` (true: not replayed, only there to be found). The form of the Thunderbird
dump: `id, title, content_html, author, created, replies [{author, created, content_html}]`. A line `{"article": {title,
description_html, public}}` is a solution article.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.errors import BadInput

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When all histories begin; only the time between their events matters."""
OPEN = 2
Event = tuple[datetime, dict[str, Any] | None, dict[str, Any]]
"""When, a conversation, and fields of the ticket that change."""


@dataclass(frozen=True)
class History:
    """One ticket, and what happened to it, in order."""

    key: str
    ticket: dict[str, Any]
    events: list[Event]
    canaries: list[str] = field(default_factory=list)
    private: list[str] = field(default_factory=list)
    background: bool = False

    def states(self) -> Iterator[dict[str, Any]]:
        """The ticket as Freshdesk would return it, when it was made and after each event."""
        ticket = {**self.ticket, "conversations": []}
        yield ticket
        for moment, conversation, change in self.events:
            added = [] if conversation is None else [conversation]
            ticket = {**ticket, **change, "updated_at": moment.isoformat()}
            ticket["conversations"] = [*ticket["conversations"], *added]
            yield ticket


@dataclass(frozen=True)
class Histories:
    """What a file holds: tickets, and articles as Freshdesk returns them."""

    tickets: list[History]
    articles: list[dict[str, Any]]


def read_histories(file: Path) -> Histories:
    """Read a file of JSON lines, plain or gzip.

    Raises:
        BadInput: it can't be read, or a line has neither form; the line is named.
    """
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
        found = parse_histories([json.loads(line) for line in text.split("\n") if line.strip()])
    except (OSError, EOFError, ValueError) as error:
        raise BadInput(f"{file} can't be read as JSON lines: {error}") from error
    if not found.tickets:
        raise BadInput(f"{file} holds no ticket history")
    return found


def parse_histories(lines: list[dict[str, Any]]) -> Histories:
    """The tickets and articles of some lines; ids count from 1.

    Raises:
        BadInput: a line has neither form.
    """
    tickets: list[History] = []
    articles: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            if "article" in line:
                articles.append(_article(len(articles) + 1, line["article"]))
            else:
                tickets.append(_of_dump(number, line) if "content_html" in line else _of_seed(number, line))
        except (KeyError, TypeError, ValueError) as error:
            lacks = f"it lacks `{error.args[0]}`" if isinstance(error, KeyError) else type(error).__name__
            raise BadInput(f"Line {number} is no ticket history: {lacks}") from error
    return Histories(tickets, articles)


def _of_seed(number: int, line: dict[str, Any]) -> History:
    events: list[Event] = [
        (*_conversation(place, START + timedelta(hours=entry["after_hours"]), entry["kind"], entry), {})
        for place, entry in enumerate(line.get("conversations", []), 1)
    ]
    changes: list[Event] = [
        (START + timedelta(hours=entry["after_hours"]), None, {k: v for k, v in entry.items() if k != "after_hours"})
        for entry in line.get("changes", [])
    ]
    return History(
        key=str(line["key"]),
        ticket=_ticket(number, line["subject"], line["description_html"], line["requester"]["name"], START),
        events=sorted([*events, *changes], key=lambda event: event[0]),
        canaries=list(line.get("canaries", [])),
        private=list(line.get("private", [])),
        background=bool(line.get("background")),
    )


def _of_dump(number: int, line: dict[str, Any]) -> History:
    start = _moment(line["created"])
    replies = sorted(line["replies"], key=lambda reply: str(reply["created"]))
    events: list[Event] = [
        (
            *_conversation(
                place,
                _moment(reply["created"]),
                "customer" if reply["author"] == line["author"] else "reply",
                {"body_html": reply["content_html"]},
            ),
            {},
        )
        for place, reply in enumerate(replies, 1)
    ]
    return History(str(line["id"]), _ticket(number, line["title"], line["content_html"], "", start), events)


def _ticket(number: int, subject: str, html: str, name: str, created: datetime) -> dict[str, Any]:
    return {
        "id": number, "subject": subject, "description": html, "status": OPEN, "requester": {"name": name},
        "created_at": created.isoformat(), "updated_at": created.isoformat(),
    }  # fmt: skip


def _conversation(
    place: int, moment: datetime, kind: str, entry: dict[str, Any]
) -> tuple[datetime, dict[str, Any] | None]:
    if kind not in ("customer", "reply", "note"):
        raise ValueError(f"unknown kind of conversation {kind!r}")
    author = str(entry.get("author") or "")
    return moment, {
        "id": place, "body": entry["body_html"], "incoming": kind == "customer", "private": kind == "note",
        "from_email": f"{author} <{author}@example.com>" if author else "", "created_at": moment.isoformat(),
    }  # fmt: skip


def _article(number: int, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number, "title": given["title"], "description": given["description_html"],
        "updated_at": START.isoformat(), "public": bool(given.get("public", True)),
    }  # fmt: skip


def _moment(stamp: str) -> datetime:
    """A time with a zone, as ISO 8601 or as the dump writes it."""
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S %z")
