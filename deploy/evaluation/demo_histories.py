"""Long histories out of the demo's tickets, the same ones each time: what updates of a ticket cost is measured on them.

The demo's longest ticket has 16 conversations; a ticket that is updated 30 times is one whose customer comes back.
So tickets about one thing are put into one: the descriptions of the later ones become messages of the same customer,
with the answers and notes that followed. Between them stand the changes that a help desk makes without a word (taken
over, moved, waiting, solved, opened again). Texts, their origin and licence are those of deploy/demo/data.
"""

import json
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[1] / "demo" / "data"
HISTORIES = {"en": 12, "ko": 12}
UPDATES, WORDLESS = 30, 8
"""Updates of each history, and how many of them are changes without a word."""
BACKGROUND = 60
"""Tickets by language that are only there to be found."""
STATUSES = (3, 2, 3, 6, 2, 3, 4, 5)


def demo_lines(
    *, wordless: int = WORDLESS, histories: int | None = None, background: int = BACKGROUND
) -> list[dict[str, Any]]:
    """24 histories of 30 updates, up to 120 other tickets and the demo's articles, as a file's lines.

    `histories` and `background` take fewer of each language.
    """
    lines: list[dict[str, Any]] = [{"article": article} for article in _articles()]
    for language, number in HISTORIES.items():
        tickets = [json.loads(line) for line in (DEMO / f"tickets.{language}.jsonl").read_text("utf-8").splitlines()]
        pool = _by_topic(tickets)
        made: list[dict[str, Any]] = []
        while len(made) < number:
            made.append(_joined(pool, f"history-{language}-{len(made) + 1:02d}", wordless))
        used = set().union(*(line["made_of"] for line in made))
        others = [ticket | {"background": True} for ticket in tickets if ticket["key"] not in used][:background]
        lines += others + (made if histories is None else made[:histories])
    return lines


def _by_topic(tickets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tickets that were answered, those of one topic side by side."""
    answered = [ticket for ticket in tickets if ticket["conversations"]]
    return sorted(answered, key=lambda ticket: (_topic(ticket), ticket["key"]))


def _topic(ticket: dict[str, Any]) -> str:
    """The demo's own group, else the first tag."""
    tags = ticket["tags"]
    return next((tag for tag in tags if tag.startswith("g:")), tags[0] if tags else "")


def _joined(pool: list[dict[str, Any]], key: str, wordless: int) -> dict[str, Any]:
    """One history out of the next tickets of the pool, which is left without them (and begins anew where it ends)."""
    wanted = UPDATES - wordless
    first = pool.pop(0)
    pool.append(first)
    said, made_of, hours = list(first["conversations"]), [first["key"]], first["conversations"][-1]["after_hours"]
    while len(said) < wanted:
        follow = pool.pop(0)
        pool.append(follow)
        made_of.append(follow["key"])
        start = hours + 30.0
        said.append({"kind": "customer", "author": None, "after_hours": start, "body_html": follow["description_html"]})
        said += [entry | {"after_hours": start + entry["after_hours"]} for entry in follow["conversations"]]
        hours = said[-1]["after_hours"]
    said = said[:wanted]
    return {
        "key": key, "language": first["language"], "subject": first["subject"], "requester": first["requester"],
        "description_html": first["description_html"], "conversations": said, "changes": _changes(said, wordless),
        "made_of": made_of,
    }  # fmt: skip


def _changes(said: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """Changes without a word, spread evenly among the messages, half an hour after one of them."""
    places = [round((place + 0.5) * len(said) / max(1, number)) for place in range(number)]
    return [
        {"after_hours": said[min(place, len(said) - 1)]["after_hours"] + 0.5, "status": STATUSES[turn % len(STATUSES)]}
        for turn, place in enumerate(places)
    ]


def _articles() -> list[dict[str, Any]]:
    """The demo's published articles."""
    found: list[dict[str, Any]] = []
    categories = json.loads((DEMO / "articles.json").read_text("utf-8"))["categories"]
    folders = [folder for category in categories for folder in category["folders"]]
    while folders:
        folder = folders.pop(0)
        folders += folder.get("folders", [])
        found += [
            {
                "title": article["title"],
                "description_html": article["description_html"],
                "public": folder["visibility"] == 1,
            }
            for article in folder["articles"]
            if article["status"] == 2
        ]
    return found
