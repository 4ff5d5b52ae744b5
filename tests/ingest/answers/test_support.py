"""A citation is a promise: what its source does not say is not shown."""

import pytest

from ingest.writers.protocol import Asked, Passage
from ingest.writers.quoting import quoted
from ingest.writers.support import Checked, Support

SPOOLER = Passage(
    number=1,
    title="Printer offline after update",
    about="Ticket 12, Resolved, 2026-01-05",
    text="The customer's printer was offline after the update. Clear the print queue and restart the spooler service. "
    "Driver 4.2 did not help.",
)
REFUND = Passage(
    number=2,
    title="환불 처리 기간",
    about="Help article 7",
    text="환불은 접수 후 영업일 기준 3일에서 5일이 걸립니다. 환불 계좌는 마이페이지에서 등록해 주세요.",
)


async def never(_: str, __: str) -> bool:
    return False


async def always(_: str, __: str) -> bool:
    return True


def support(*passages: Passage, near=never) -> Support:  # type: ignore[no-untyped-def]
    return Support(passages or (SPOOLER, REFUND), near)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Clear the print queue and restart the spooler [1].", "Clear the print queue and restart the spooler [1]."),
        ("Clear the print queue and restart the spooler. [1]", "Clear the print queue and restart the spooler [1]."),
        ("1. Clear the print queue [1].", "1. Clear the print queue [1]."),
        ("Clear the print queue [2].", "Clear the print queue [1]."),
        ("Clear the print queue.", "Clear the print queue [1]."),
        ("Clear the print queue [1][9].", "Clear the print queue [1]."),
        ("Driver 4.2 did not help [1].", "Driver 4.2 did not help [1]."),
        ("Driver 4.3 did not help [1].", ""),
        ("Buy a new laser printer from our web shop [1].", ""),
        ("We give the customer a full refund of 50 dollars [1].", ""),
        ("Clear the print queue [1]. The moon is made of cheese [1].", "Clear the print queue [1]."),
        ("환불은 영업일 기준 3일에서 5일이 걸립니다 [2].", "환불은 영업일 기준 3일에서 5일이 걸립니다 [2]."),
        ("환불은 영업일 기준 10일이 걸립니다 [2].", ""),
        ("쿠폰을 한 장 더 보내 드립니다 [2].", ""),
        ("[1]", ""),
        ("", ""),
    ],
)
async def test_only_what_a_source_says_is_shown_with_the_right_number(line: str, shown: str) -> None:
    assert (await support().line(line)).text == shown


async def test_what_is_left_out_is_counted_and_what_is_cited_is_known() -> None:
    checked = await support().line("Clear the print queue. The moon is made of cheese [1]. So is the sun [2].")
    assert checked == Checked("Clear the print queue [1].", frozenset({1}), 2)


async def test_a_sentence_in_another_language_is_supported_by_its_meaning_and_its_numbers() -> None:
    translated = "The refund takes 3 to 5 business days [2]."
    assert (await support().line(translated)).text == ""
    assert (await support(near=always).line(translated)).text == translated
    assert (await support(near=always).line("The refund takes 30 business days [2].")).text == ""
    assert (await support(SPOOLER, near=always).line("You get a new car [1].")).text == "", "its words decide"


@pytest.mark.parametrize(
    ("intent", "question", "expected"),
    [
        ("how_to", "How do I get the printer online again?", "restart the spooler service [1]."),
        ("how_to", "환불 계좌는 어디서 등록하나요?", "마이페이지에서 등록해 주세요 [2]."),
        ("search", "printer offline", "Printer offline after update: "),
        ("summarize", "Summarize ticket 12", "offline after the update [1]."),
    ],
)
async def test_the_sources_own_sentences_are_always_supported(intent: str, question: str, expected: str) -> None:
    korean = "환불" in question
    passages = (REFUND, SPOOLER) if korean else (SPOOLER, REFUND)
    lines = quoted(Asked(question=question, intent=intent, language="ko" if korean else "en", passages=passages))  # type: ignore[arg-type]
    assert expected in "\n".join(lines)
    checker = support()
    for line in lines:
        assert (await checker.line(line)).dropped == 0, line


def test_without_a_source_nothing_is_quoted() -> None:
    assert quoted(Asked(question="?", intent="search", language="en", passages=())) == []
