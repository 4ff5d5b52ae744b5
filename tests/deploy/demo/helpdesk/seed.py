"""A tiny account: five tickets, five agents of different rights, a knowledge base in two languages.

Ids follow from the ages: 1 old and closed, 2 with 35 conversations, 3 Korean, 4 the restricted agent's, 5 new.
"""

import json
from pathlib import Path
from typing import Any

AGENTS = [
    {"key": "boss", "name": "Bo Boss", "email": "bo@helpdesk.example.com", "admin": True, "ticket_scope": 1},
    {"key": "olivia", "name": "Olivia Ott", "email": "olivia@helpdesk.example.com", "ticket_scope": 1},
    {"key": "jisoo", "name": "김지수", "email": "jisoo@helpdesk.example.com", "language": "ko", "ticket_scope": 1},
    {"key": "rex", "name": "Rex Rim", "email": "rex@helpdesk.example.com", "ticket_scope": 3},
    {"key": "gus", "name": "Gus Gray", "email": "gus@helpdesk.example.com", "ticket_scope": 2, "group_ids": [7]},
]


def ticket(key: str, age_hours: float, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "language": "en",
        "product": "Kettle",
        "subject": f"Subject of {key}",
        "description_html": f"<div>Hello,<br>the <b>{key}</b> leaks.</div>",
        "requester": {"name": "Ann Able", "email": "ann@example.com"},
        "agent": "olivia",
        "status": 2,
        "priority": 2,
        "type": "Question",
        "source": 1,
        "tags": ["leak"],
        "age_hours": age_hours,
        "conversations": [],
        **more,
    }


def said(kind: str, after_hours: float, text: str, author: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "author": author, "after_hours": after_hours, "body_html": f"<div>{text}</div>"}


OLD_THREAD = [
    said("reply", 2, "Please descale it.", "olivia"),
    said("note", 3, "Warranty until May.", "olivia"),
    said("customer", 5, "That helped, thanks!"),
]
LONG_THREAD = [said("customer", n + 1, f"Message {n}") for n in range(35)]

ENGLISH = [
    ticket("en-old", 2000, status=5, conversations=OLD_THREAD),
    ticket("en-long", 500, requester={"name": "Cy Core", "email": "cy@example.com", "company": "Acme"},
           conversations=LONG_THREAD),
    ticket("en-rex", 50, agent="rex", status=3, type="Incident"),
    ticket("en-new", 2, agent=None, priority=1, type=None),
]  # fmt: skip
KOREAN = [
    ticket("ko-1", 100, language="ko", product="주전자", agent="jisoo", subject="주전자에서 물이 새요",
           requester={"name": "박민수", "email": "minsu@example.co.kr"}),
]  # fmt: skip


def article(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": f"About {key}", "description_html": f"<p>Text of {key}</p>", **more}


ARTICLES = {
    "categories": [
        {"name": "Kettles", "language": "en", "folders": [
            {"name": "Care", "visibility": 1, "articles": [article("descale"), article("draft", status=1)],
             "folders": [{"name": "Deep care", "visibility": 2, "articles": [article("gasket")]}]},
            {"name": "Internal", "visibility": 3, "articles": [article("refunds")]},
        ]},
        {"name": "주전자", "language": "ko", "folders": [
            {"name": "관리", "visibility": 1, "articles": [article("ko-descale", title="물때 제거")]},
        ]},
    ]
}  # fmt: skip
CANNED = {
    "folders": [{"name": "Greetings", "responses": [{"title": "Hi", "content_html": "<p>Hi {{ticket.url}}</p>"}]}]
}


def write_seed(folder: Path) -> Path:
    defaults = {"language": "en", "job_title": "Agent", "admin": False}
    files: dict[str, str] = {
        "agents.json": json.dumps([defaults | agent for agent in AGENTS]),
        "tickets.en.jsonl": "\n".join(json.dumps(line) for line in ENGLISH),
        "tickets.ko.jsonl": "\n".join(json.dumps(line, ensure_ascii=False) for line in KOREAN),
        "articles.json": json.dumps(ARTICLES),
        "canned_responses.json": json.dumps(CANNED),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder
