"""Personal data is masked before anything is made of a thread, and what only looks like it stays."""

import time
from datetime import UTC, datetime
from typing import get_args

import pytest

from ingest.text.redact import MARKS, redact, redacted
from ingest.thread import Message, Thread
from shared.tenant_settings import DEFAULT_REDACTIONS, Redaction

ALL: frozenset[Redaction] = frozenset(get_args(Redaction))
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq98vVU0t\nqJ2jVmNHl0w5NXg=\n-----END RSA PRIVATE KEY-----"


def default(text: str) -> str:
    return redact(text, DEFAULT_REDACTIONS)


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111\u00a01111\u20131111\u00a01111",
        "４１１１ １１１１ １１１１ １１１１",
        "5555 5555 5555 4444",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "6011 0009 9013 9424",
        "3530111333300000",
        "6200000000000005",
        "38520000023237",
        "9410-1234-5678-9010",
    ],
)
def test_card_numbers_are_masked_however_they_are_written(number: str) -> None:
    assert default(f"My card {number}, expires 12/27") == "My card [card number], expires 12/27"
    assert redact(f"카드번호는 {number}입니다", DEFAULT_REDACTIONS, "ko") == "카드번호는 [카드번호]입니다"


def test_a_card_beside_other_numbers_is_found() -> None:
    assert default("2 4111 1111 1111 1111 12") == "2 [card number] 12"
    assert default("4111111111111111,5555555555554444") == "[card number],[card number]"
    assert default("4111 1111 1111 1111 5555 5555 5555 4444") == "[card number] [card number]"
    assert default("CVC: 123, cvv 4567") == "CVC: [card number], cvv [card number]"


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111111111111112 did not arrive",
        "order number 4111111111111111",
        "주문번호: 4111111111111111",
        "운송장번호 4222222222222",
        "Tracking 1Z999AA10123456784",
        "Ticket #123456789012345",
        "ticket 300, order 20240115123456789",
        "at 1705312345678 ms",
        "IMEI 356938035643809",
        "ISBN 978-3-16-148410-0",
        "UUID 123e4567-e89b-12d3-a456-426614174000",
        "Version 4.11.1111.1111.1111.1",
        "10.0.0.1 and 192.168.100.100",
        "from 2024-01-15 10:20:30 to 2024-01-16 11:22:33",
        "사업자등록번호 123-45-67890",
        "우리은행 1002-123-456789",
        "서비스 번호 1588-1234",
        "4111111111111111a",
        "x4111111111111111",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert default(text) == text


@pytest.mark.parametrize(
    "number",
    [
        "900101-1234567",  # no valid check digit: those given since October 2020 have none
        "900101–1234567",
        "900101 - 1234567",
        "000229-4123456",
        "850715-6123456",
    ],
)
def test_resident_numbers_are_masked_with_or_without_a_check_digit(number: str) -> None:
    for text in ("주민번호는 {}입니다.", "번호{}을 보냅니다", "RRN {}"):
        assert redact(text.format(number), DEFAULT_REDACTIONS, "ko") == text.format("[주민등록번호 등]")


def test_a_resident_number_in_one_run_needs_a_check_digit_or_a_word() -> None:
    assert default("9001011234568") == "[national id]"
    assert default("주민등록번호 9001011234567") == "주민등록번호 [national id]"
    assert default("9001011234567") == "9001011234567"
    assert default("주문번호 9001011234568") == "주문번호 9001011234568"


@pytest.mark.parametrize(
    "text",
    ["901301-1234567", "900132-1234567", "900101-9234567", "900101-12345678", "900101-123456"],
)
def test_what_is_no_date_of_birth_is_no_resident_number(text: str) -> None:
    assert default(text) == text


def test_other_national_ids() -> None:
    assert default("SSN 123-45-6789.") == "SSN [national id]."
    assert default("ssn: 123456789") == "ssn: [national id]"
    assert default("여권번호는 M12345678 입니다") == "여권번호는 [national id] 입니다"
    assert default("passport number M123A4567") == "passport number [national id]"
    assert default("면허 11-22-333333-44") == "면허 [national id]"
    for text in ("000-12-3456", "666-12-3456", "912-12-3456", "123-00-4567", "123-45-0000", "123456789", "M12345678"):
        assert default(text) == text


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWx",
        "sk-proj-AbCdEfGhIjKlMnOpQrStUvWx",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        "github_pat_11ABCDEFG0abcdefghijkl",
        "glpat-AbCdEfGhIjKlMnOpQrSt",
        "xoxb-123456789012-abcdefghijkl",
        "sk_" + "live_51AbCdEfGhIjKl",
        "AIza" + "Sy" + "A" * 33,
        "npm_" + "a" * 36,
        "123456789:AAE" + "x" * 32,
        JWT,
        PEM,
    ],
)
def test_keys_of_known_shapes_are_masked(secret: str) -> None:
    assert default(f"Here: {secret} works") == "Here: [secret] works"
    assert redact(f"키는 {secret}", DEFAULT_REDACTIONS, "ko") == "키는 [비밀정보]"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Password: hunter2", "Password: [secret]"),
        ("password=correcthorse", "password=[secret]"),
        ("Login: kim\nPassword: correcthorse\nThanks", "Login: kim\nPassword: [secret]\nThanks"),
        ("my password is Tr0ub4dor&3, please help", "my password is [secret], please help"),
        ("비밀번호: qwer1234입니다", "비밀번호: [secret]입니다"),
        ("비밀번호는 qwer1234 입니다", "비밀번호는 [secret] 입니다"),
        ("비번 : 0412", "비번 : [secret]"),
        ("ID/PW: kim / pass123!", "ID/PW: [secret]"),
        ("api_key: 'abc-123-def'", "api_key: '[secret]'"),
        ('{"client_secret": "s3cr3tvalue"}', '{"client_secret": "[secret]"}'),
        ("DB_PASSWORD=pa55word", "DB_PASSWORD=[secret]"),
        ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer [secret]"),
        ("https://x.example/cb?token=abc&id=7", "https://x.example/cb?token=[secret]&id=7"),
        ("postgres://app:s3cret@db.example/app", "postgres://app:[secret]@db.example/app"),
    ],
)
def test_what_is_announced_as_a_secret_is_masked(text: str, masked: str) -> None:
    assert default(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "Password: reset link does not work",
        "Password: incorrect",
        "the password is wrong",
        "password is case-sensitive",
        "my password is expired, what now?",
        "비밀번호 변경이 안 됩니다",
        "비밀번호: 변경 안됨",
        "비밀번호는 8자리 이상",
        "Reset password: https://help.example.com/reset",
        "Basic understanding of responsibilities",
        "the bearer of responsibilities",
        "task-force sk-short",
        "API key management page",
        "Token expired at 12:30",
    ],
)
def test_talk_about_secrets_stays(text: str) -> None:
    assert default(text) == text


def test_a_private_key_that_is_cut_off_takes_its_lines_with_it_and_no_more() -> None:
    begin, line = "-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    assert default(f"{begin}\n{line}\n{line}\nThat was it. {PEM}") == "[secret]\nThat was it. [secret]"
    assert default(f"a {begin} b {begin} c") == "a [secret] b [secret] c"


def test_what_agents_need_to_see_is_masked_only_where_it_was_asked_for() -> None:
    text = "kim@example.com, 010-1234-5678, +82 10 1234 5678, (415) 555-2671, GB29 NWBK 6016 1331 9268 19 PLEASE"
    assert default(text) == text
    phones = "[phone number], [phone number], [phone number]"
    assert redact(text, ALL) == f"[e-mail], {phones}, [IBAN] PLEASE"
    assert redact("메일은 kim@example.co.kr로", {"email"}, "ko") == "메일은 [이메일]로"
    assert redact("DE89 3704 0044 0532 0130 01", ALL) == "DE89 3704 0044 0532 0130 01"


def test_what_was_masked_stays_as_it_is() -> None:
    text = f"Password: hunter2\n4111111111111111 900101-1234567 {JWT} kim@example.com ID/PW: a / b1 010-1234-5678"
    for language in MARKS:
        once = redact(text, ALL, language)
        assert redact(once, ALL, language) == once


def test_no_part_of_a_thread_is_left_out_and_nothing_else_changes() -> None:
    now = datetime.now(UTC)
    card = "4111 1111 1111 1111"
    thread = Thread(
        ticket_id=7,
        subject=f"Card {card}",
        status="Open",
        resolved=False,
        language="en",
        requester_name=f"Kim {card}",
        created_at=now,
        revision=now,
        messages=[
            Message(author=author, author_name=f"{author} {card}", text=f"{author}: {card}", created_at=now)
            for author in ("customer", "agent", "note")
        ],
    )
    found = redacted(thread, DEFAULT_REDACTIONS)
    assert "4111" not in repr(found)
    assert repr(found).replace("[card number]", card) == repr(thread)
    assert redacted(thread, frozenset()) is thread


HOSTILE = {
    "digits": "4" * 20,
    "groups of one": "1 ",
    "groups of four": "4111 1111 1111 1112 ",
    "groups and a letter": "12 12a",
    "almost cards": "4111-",
    "numbers that end in a word": "4111 1111 1111 1111a ",
    "begun keys": "-----BEGIN PRIVATE KEY-----",
    "begun keys with lines": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n",
    "ended keys": "-----END PRIVATE KEY-----",
    "begun tokens": "-eyJ",
    "token parts": "eyJaaaaaaaaaaa.",
    "passwords": "password:",
    "password spaces": "password   ",
    "bearers": "bearer a",
    "at signs": "a@",
    "local parts": "a.",
    "domains": "a@b.",
    "letters": "A",
    "IBAN": "GB29 NWBK ",
    "phones": "+82 10 ",
    "zeros": "010",
    "resident": "900101-",
    "urls": "://a:",
    "queries": "?token=",
    "labels": "주문번호 ",
    "spaces": " ",
    "brackets": "(",
    "hangul": "비밀번호는 ",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_no_more_than_linear_time(name: str) -> None:
    # 8 times the text: a quadratic pattern would take 64 times as long. The least of five: the machine may be busy.
    seconds = [min(_took((HOSTILE[name] * size)[:size]) for _ in range(5)) for size in (5_000, 40_000)]
    assert seconds[1] < 20 * seconds[0] + 0.05, seconds


def test_a_megabyte_of_everything_hostile_takes_seconds_at_most() -> None:
    size = 1_000_000 // len(HOSTILE)
    took = _took("".join((piece * size)[:size] for piece in HOSTILE.values()))
    assert took < 5, took  # measured: 0.6 s


def _took(text: str) -> float:
    started = time.thread_time()
    redact(text, ALL)
    return time.thread_time() - started
