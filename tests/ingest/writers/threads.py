"""Tickets for the writers' tests: one in each language, with a private note that no customer may ever see."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from ingest.thread import Author, Message, Thread
from ingest.writers.protocol import Article, Delta, Neighbour, Written
from shared.models import Reply, Summary

T = TypeVar("T")
START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
NOTE = "Do not tell: warehouse QX-7719 lost the parcel"


def message(author: Author, text: str, minutes: int = 0, name: str = "") -> Message:
    return Message(author=author, author_name=name, text=text, created_at=START + timedelta(minutes=minutes))


def thread(language: str = "en", *extra: Message) -> Thread:
    said = SAID[language]
    return Thread(
        ticket_id=71,
        subject=said[0],
        status="Open",
        resolved=False,
        language=language,
        requester_name="김민지" if language == "ko" else "Ada Byron",
        created_at=START,
        revision=START + timedelta(hours=1),
        messages=[
            message("customer", said[1], 0, "Ada Byron"),
            message("agent", said[2], 10, "Sam"),
            message("note", NOTE, 15, "Sam"),
            message("customer", said[3], 20, "Ada Byron"),
            *extra,
        ],
    )


SAID = {
    "en": (
        "Printer shows offline",
        "My printer shows offline since the update of Tuesday morning. I already restarted it twice.",
        "Please install driver 4.2 from https://help.example.com/drivers and tell us what happens.",
        "I installed the driver but the printer is still offline and I can't print invoices.",
    ),
    "ko": (
        "프린터가 오프라인으로 표시됩니다",
        "화요일 오전 업데이트 이후 프린터가 계속 오프라인으로 표시됩니다. 이미 두 번 다시 시작했습니다.",
        "https://help.example.com/drivers 에서 드라이버 4.2를 설치하신 뒤 결과를 알려 주십시오.",
        "드라이버를 설치했지만 프린터가 여전히 오프라인이라 송장을 인쇄할 수 없습니다.",
    ),
}
SUMMARIES = {
    "en": Summary(
        text="Ada's printer has been offline since Tuesday's update.\nDriver 4.2 did not help; she waits. 🖨",
        problem="Printer shows offline after the update.",
        tried="Two restarts; driver 4.2.",
        next_step="The agent checks the print queue.",
        sentiment="urgent",
    ),
    "ko": Summary(
        text='화요일 업데이트 이후 프린터가 "오프라인"으로 표시됩니다.\n드라이버 4.2로는 해결되지 않았습니다. 🖨',
        problem="업데이트 후 프린터가 오프라인으로 표시됨.",
        tried="다시 시작 두 번, 드라이버 4.2 설치.",
        next_step="상담원이 인쇄 대기열을 확인합니다.",
        sentiment="negative",
    ),
}
REPLIES = {
    "en": [
        Reply(
            text="Hello Ada,\n\n1. Open the queue.\n2. Clear it.", tone="friendly", sources=["ticket:12", "article:7"]
        ),
        Reply(text="Please clear the print queue.", tone="brief", sources=[]),
    ],
    "ko": [
        Reply(
            text="안녕하세요.\n\n1. 인쇄 대기열을 엽니다.\n2. 대기열을 비웁니다.", tone="formal", sources=["ticket:12"]
        ),
        Reply(text="인쇄 대기열을 비워 주십시오.", tone="brief", sources=["article:7"]),
    ],
}


def neighbour(
    ticket_id: int = 12, reply: str = "Clear the print queue, see https://kb.example.com/queue."
) -> Neighbour:
    return Neighbour(
        ticket_id=ticket_id,
        subject="Printer offline after update",
        language="en",
        resolved=True,
        score=0.91,
        resolution="A resolution for agents",
        reply=reply,
    )


def article(
    article_id: int = 7, *, public: bool = True, snippet: str = "Clearing the queue brings it back."
) -> Article:
    return Article(
        article_id=article_id,
        title="When a printer is offline",
        language="en",
        snippet=snippet,
        url=f"https://acme.freshdesk.com/support/solutions/articles/{article_id}",
        public=public,
    )


def document(value: Summary | list[Reply]) -> str:
    """The answer of a model that means `value`."""
    return msgspec.json.encode({"replies": value} if isinstance(value, list) else value).decode()


async def read(chunks: AsyncGenerator[Delta | Written[T]]) -> tuple[list[str], list[Written[T]]]:
    """All deltas and all results of one call."""
    deltas: list[str] = []
    written: list[Written[T]] = []
    async for chunk in chunks:
        if isinstance(chunk, Delta):
            deltas.append(chunk.text)
        else:
            written.append(chunk)
    return deltas, written
