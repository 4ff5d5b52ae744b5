"""The extractive writer's summary tells the last word, in whatever language, and begins and ends like a sentence."""

import pytest

from tests.ingest.writers.test_extractive import korean, summary, thread

ASKED = "주문한 물건이 아직 오지 않았습니다. 언제 받을 수 있나요? 확인 부탁드립니다."
NEWEST = ["Please cancel the order instead.", "The parcel arrived damaged.", "송장 번호가 바뀌었네요.", "Refund me."]


@pytest.mark.parametrize("newest", NEWEST)
async def test_the_customers_newest_words_are_told_while_nobody_has_answered(newest: str) -> None:
    found = await summary(thread([("customer", ASKED), ("customer", newest)], "배송 문의", "ko"), "ko")
    assert newest in found.text
    assert newest in found.next_step
    assert "언제 받을 수 있나요?" in found.next_step, "what was asked before is still to be answered"


@pytest.mark.parametrize("newest", NEWEST)
async def test_the_customers_newest_words_are_told_after_an_answer(newest: str) -> None:
    assert newest in (await summary(korean(("customer", newest)), "ko")).text


async def test_a_sentence_stands_first_without_the_word_that_leads_on_to_it() -> None:
    said = "Hello. But since the update the printer prints blank pages."
    found = await summary(thread([("customer", said)], "Printer", "en"), "en")
    assert found.problem == "Since the update the printer prints blank pages."


async def test_where_nothing_says_what_is_next_no_colon_is_left_hanging() -> None:
    found = await summary(thread([("customer", ASKED), ("agent", "네.")], "배송 문의", "ko"), "ko")
    assert not found.next_step.rstrip().endswith(":")
