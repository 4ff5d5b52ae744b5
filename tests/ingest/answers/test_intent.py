"""What a question asks for is read from its words, in Korean and English."""

import pytest

from ingest.answers.intent import wanted
from shared.asked import Question


@pytest.mark.parametrize(
    ("text", "intent", "language"),
    [
        ("Find tickets about refunds", "search", "en"),
        ("Which customers had error 0x80070005?", "search", "en"),
        ("How do I reset a password?", "how_to", "en"),
        ("Why does the printer go offline?", "how_to", "en"),
        ("Summarize ticket 12", "summarize", "en"),
        ("Does the coupon work on weekends?", "how_to", "en"),
        ("환불 관련 티켓 찾아줘", "search", "ko"),
        ("비밀번호는 어떻게 재설정하나요?", "how_to", "ko"),
        ("로그인 오류 해결 방법", "how_to", "ko"),
        ("12번 티켓 요약해줘", "summarize", "ko"),
    ],
)
def test_the_intent_is_in_the_words(text: str, intent: str, language: str) -> None:
    found = wanted(Question(text=text))
    assert (found.intent, found.language) == (intent, language)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Summarize ticket 12 and #34", (12, 34)),
        ("티켓 #56 요약", (56,)),
        ("78번 티켓은 어떻게 되었나요?", (78,)),
        ("error 500 on login", ()),
    ],
)
def test_tickets_are_named_by_their_numbers(text: str, named: tuple[int, ...]) -> None:
    assert wanted(Question(text=text)).named == named


def test_files_are_looked_for_where_they_are_meant_or_asked_for() -> None:
    assert wanted(Question(text="printer offline")).scopes == {"tickets", "solutions"}
    assert wanted(Question(text="a screenshot of the login error")).scopes == {"tickets", "solutions", "images"}
    assert wanted(Question(text="첨부파일이 있는 티켓")).scopes == {"tickets", "solutions", "attachments"}
    assert wanted(Question(text="a screenshot", types=["solutions"])).scopes == {"solutions"}


def test_the_language_asked_for_decides() -> None:
    assert wanted(Question(text="How do I reset it?", language="ko")).language == "ko"
