"""Sentences of Korean and English, as people type them."""

import pytest

from ingest.text.clean import detect_language, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It fails. It says no! Why?", ["It fails.", "It says no!", "Why?"]),
        ("Version 102.6.1 of Mr. Kim, e.g. at example.com. Then it ends.",
         ["Version 102.6.1 of Mr. Kim, e.g. at example.com.", "Then it ends."]),
        ("See https://example.com/a.b?c=1. It helps.", ["See https://example.com/a.b?c=1.", "It helps."]),
        ("J. Smith called at 5 p.m. today. He waits.", ["J. Smith called at 5 p.m. today.", "He waits."]),
        ("I got some (a lot!) of them. Bad.", ["I got some (a lot!) of them.", "Bad."]),
        ("Open Config. editor now. Then wait.", ["Open Config. editor now.", "Then wait."]),
        ("it broke. it broke again.", ["it broke.", "it broke again."]),
        ('It says "Disk full." I freed space.', ['It says "Disk full."', "I freed space."]),
        ("- one\n* two\n3. three\n4) four\n\n① five", ["one", "two", "three", "four", "five"]),
        ("1.5 GB is left. OK.", ["1.5 GB is left.", "OK."]),
        ("So... it ends", ["So... it ends"]),
    ],
)  # fmt: skip
def test_english_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("결제가 안 됩니다. 오류가 나옵니다.", ["결제가 안 됩니다.", "오류가 나옵니다."]),
        ("결제가 안 돼요.오류가 나와요.", ["결제가 안 돼요.", "오류가 나와요."]),
        ("소비자원에 신고하기 직전입니다 오늘안에 답 주세요", ["소비자원에 신고하기 직전입니다", "오늘안에 답 주세요"]),
        ("잘 받았어요~ 감사합니다", ["잘 받았어요~", "감사합니다"]),
        ("급해요ㅠㅠ 빨리 해주세요", ["급해요ㅠㅠ", "빨리 해주세요"]),
        ('"적용할 수 없는 쿠폰입니다 (C-207)"라고 나옵니다.', ['"적용할 수 없는 쿠폰입니다 (C-207)"라고 나옵니다.']),
        ("오류가 발생했습니다 라고 뜹니다.", ["오류가 발생했습니다 라고 뜹니다."]),
        ("분실 사고를 접수했습니다. (사고번호 HB-77120)", ["분실 사고를 접수했습니다. (사고번호 HB-77120)"]),
        ("버전은 2.4.1 입니다. 3.5 버전도 같아요.", ["버전은 2.4.1 입니다.", "3.5 버전도 같아요."]),
        ("1) 왜 12,000원이 아닌지\n2) 언제 입금되는지", ["왜 12,000원이 아닌지", "언제 입금되는지"]),
    ],
)
def test_korean_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My printer is offline.", "en"),
        ("프린터가 오프라인입니다.", "ko"),
        ("SSO 연동이 401 error로 로그인 불가", "ko"),
        ("Okta SAML NotBefore condition not met, sso_assertion_invalid 오류입니다 도와주세요", "ko"),
        ('On Korean Windows it says "설치" and then the installer of the program closes itself.', "en"),
        ("", "en"),
        ("12345 !!", "en"),
    ],
)
def test_the_language_is_told_by_the_share_of_hangul(text: str, language: str) -> None:
    assert detect_language(text) == language
