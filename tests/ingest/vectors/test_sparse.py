"""How a text becomes weighted words."""

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from ingest.vectors.sparse import MAX_TERMS, sparse_vector, term_ids, terms, words


def shared_weight(one: str, other: str) -> float:
    a = sparse_vector(one)
    b = sparse_vector(other)
    weights = dict(zip(b.indices, b.values, strict=True))
    return sum(value * weights.get(index, 0.0) for index, value in zip(a.indices, a.values, strict=True))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Printer PRINTER", ["printer", "printer"]),
        ("Error 0x80070005!", ["error", "0x80070005"]),
        ("ERR_CONN-42", ["err_conn-42", "err", "conn", "42"]),
        ("version 115.3.1", ["version", "115.3.1", "115"]),
        ("café Straße", ["café", "straße"]),
        ("환불 신청", ["환불", "신청"]),
        ("결제창", ["결제", "제창"]),
        ("결제창에서는", ["결제", "제창"]),
        ("금액이 금액을 금액은", ["금액", "금액", "금액"]),
        ("아이 오이", ["아이", "오이"]),
        ("앱", ["앱"]),
        ("iPhone에서 안됨", ["iphone", "안됨"]),
        ("東京都", ["東京", "京都"]),
    ],
)
def test_words_codes_and_pairs_of_hangul(text: str, found: list[str]) -> None:
    assert list(terms(text)) == found


def test_words_are_told_as_a_person_reads_them_each_once_and_lead_to_the_same_ids() -> None:
    text = "Refund: 환불을 신청했는데 환불이 안 돼요, error E-42! Thanks"
    assert words(text, 9) == ["refund", "환불", "신청했는데", "안", "돼요", "error", "e-42"]
    assert words(text, 2) == ["refund", "환불"]
    assert {index for word in words(text, 9) for index in term_ids(word)} == set(sparse_vector(text).indices)


def test_addresses_stop_words_and_single_letters_are_left_out() -> None:
    assert list(terms("Hello, it is me: bob.smith+help@mail.example.com a b")) == []
    assert list(terms("안녕하세요 감사합니다")) == []


def test_decomposed_and_composed_hangul_are_the_same_words() -> None:
    text = "환불 신청이 안 됩니다"
    assert sparse_vector(unicodedata.normalize("NFD", text)) == sparse_vector(text)


def test_ids_are_unique_ascending_32_bit_numbers() -> None:
    vector = sparse_vector("printer error 환불 신청 printer 0x80070005 " * 3)
    assert vector.indices == sorted(set(vector.indices))
    assert all(0 <= index < 2**32 for index in vector.indices)
    assert len(vector.values) == len(vector.indices)
    assert all(value > 0 for value in vector.values)


def test_a_text_without_words_has_an_empty_vector() -> None:
    for text in ("", " \n", "?!… 🙂", "\0"):
        assert sparse_vector(text).indices == []


def test_saying_a_word_ten_times_counts_more_than_once_but_not_ten_times() -> None:
    once, often = sparse_vector("printer cable"), sparse_vector("printer " * 10 + "cable")
    weight = dict(zip(often.indices, often.values, strict=True))
    [more, less] = sorted(weight.values(), reverse=True)
    assert 1 < more / less < 10
    assert len(set(once.values)) == 1


def test_a_long_text_keeps_its_most_frequent_and_first_words() -> None:
    text = "subject line " + " ".join(f"word{number}" for number in range(1000)) + " subject"
    vector = sparse_vector(text)
    assert len(vector.indices) == MAX_TERMS
    assert set(sparse_vector("subject line word0").indices) <= set(vector.indices)


def test_a_paraphrase_shares_more_than_another_question() -> None:
    question = "환불 금액이 아직 입금되지 않았어요"
    assert shared_weight(question, "환불한 금액은 언제 입금되나요") > shared_weight(
        question, "로그인 인증번호가 안 와요"
    )


def test_every_process_gives_a_word_the_same_id() -> None:
    code = "from ingest.vectors.sparse import sparse_vector; print(sparse_vector('printer 환불').indices)"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], env=environment, capture_output=True, check=True
    ).stdout
    assert output.decode().strip() == str(sparse_vector("printer 환불").indices)
