"""Signatures go, sentences stay."""

import pytest

from ingest.text.signatures import strip_signature

BODY = "The export fails with error 17.\nPlease help."
KOREAN = "엑셀 내보내기가 안 됩니다.\n확인 부탁드립니다."


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAda Byron\nAnalyst, Engines Ltd",
        "--\nAda",
        "—\nAda Byron",
        "Best regards,\nAda Byron\nHead of Engines\nTel: +44 20 7946 0018\nhttps://engines.example.com",
        "Thanks,\nAda",
        "Thank you!\nAda Byron",
        "Kind regards\n\nAda Byron | Analyst",
        "Sincerely yours,\nAda",
        "Sent from my iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Sent from Outlook for iOS (https://aka.ms/o0ukef)",
        "Get Outlook for Android (https://aka.ms/AAb9ysg)",
        "Thanks\nAda\n\nSent from my iPad",
        "Regards,\nAda\n\nThis e-mail and any attachments are confidential and may be privileged.\nDo not copy.",
    ],
)
def test_english_signatures_are_taken_off(signature: str) -> None:
    assert strip_signature(f"{BODY}\n\n{signature}") == BODY


@pytest.mark.parametrize(
    "signature",
    [
        "감사합니다.\n김지수 드림\n하루마켓 고객지원팀",
        "--\n감사합니다.\n김지수 드림\n하루마켓 고객지원팀",
        "감사합니다.\n최도윤 드림\n바로페이 고객보호팀\n상담시간 평일 09:00~18:00",
        "감사합니다\n홍길동\n연락처\nTel. 02-123-4567",
        "윤미경 드림",
        "감사합니다. 윤미경 올림",
        "나의 iPhone에서 보냄",
        "내 Galaxy에서 보냄",
        "Galaxy에서 보냈습니다.",
        "네이버 메일 앱에서 보냄",
        "수고하세요~\n김철수",
        "본 메일은 지정된 수신인만을 위한 것이며 기밀 정보를 포함할 수 있습니다.",
    ],
)
def test_korean_signatures_are_taken_off(signature: str) -> None:
    assert strip_signature(f"{KOREAN}\n\n{signature}") == KOREAN


@pytest.mark.parametrize(
    "text",
    [
        "It works now.\nThank you!",
        "잘 됩니다.\n감사합니다!",
        "Thanks,\nWindows 11\nThunderbird 115.2",
        "감사합니다.\n주문번호 HM20260520-104882",
        "Thanks,\nbut it still does not work.\nWhat else can I try?",
        "Steps:\n- open the app\n- click export\n- it fails",
        "Part one\n--\n" + "\n".join(f"Part two, line {n}" for n in range(30)),
        "I was told my mail was sent from my iPhone but I have none.",
        "선착순 고객에게 쿠폰을 드림",
        "감사합니다.\n그런데 아직도 로그인이 안 됩니다.",
        "Sent from my iPhone",
        "-- \nAda",
    ],
)
def test_what_might_be_content_or_is_all_there_is_stays(text: str) -> None:
    assert strip_signature(text) == text
