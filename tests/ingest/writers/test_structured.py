"""A structured answer while it is being written: what is shown never changes again."""

import json
from typing import Any, TypeVar

import pytest

from ingest.writers.links import Links
from ingest.writers.structured import LONGEST, Form, Unfolding, replies_form, summary_form
from shared.errors import StageFailed
from shared.models import Reply

T = TypeVar("T")
LINKS = Links(["https://help.example.com/a"])
TEXT = '첫 줄 "인용"\n\ttab \\ 역슬래시 😀👍 see https://help.example.com/a, not https://evil.example/b! Ende.'
CLEAN = TEXT.replace(" https://evil.example/b", "")
SUMMARY: dict[str, Any] = {"text": TEXT, "problem": "p", "tried": "", "next_step": "", "sentiment": "neutral"}
REPLY: dict[str, Any] = {"text": TEXT, "tone": "brief", "sources": ["ticket:1"]}


CUTS = pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
ESCAPES = pytest.mark.parametrize("ascii_only", [True, False])  # with \u escapes of surrogate pairs, or as UTF-8


def unfolded(form: Form[T], answer: str, size: int) -> T:
    """The result of an answer that comes in pieces of this size; what was shown on the way is checked."""
    unfolding = Unfolding(form)
    shown = ""
    for start in range(0, len(answer), size):
        shown += unfolding.feed(answer[start : start + size])
        assert CLEAN.startswith(shown)
    value, rest = unfolding.finish()
    assert shown + rest == CLEAN
    return value


@CUTS
@ESCAPES
def test_however_a_summary_is_cut_its_pieces_make_up_the_text(size: int, ascii_only: bool) -> None:
    assert unfolded(summary_form(LINKS), json.dumps(SUMMARY, ensure_ascii=ascii_only), size).text == CLEAN


@CUTS
@ESCAPES
def test_however_replies_are_cut_their_pieces_make_up_the_first_ones_text(size: int, ascii_only: bool) -> None:
    answer = json.dumps({"replies": [REPLY, {**REPLY, "text": "another"}]}, ensure_ascii=ascii_only)
    replies = unfolded(replies_form(LINKS, {"ticket:1"}), answer, size)
    assert replies == [Reply(text=CLEAN, tone="brief", sources=["ticket:1"]), Reply(**{**REPLY, "text": "another"})]


def test_half_a_surrogate_pair_in_a_chunk_does_no_harm() -> None:
    unfolding = Unfolding(summary_form(LINKS))
    shown = "".join(unfolding.feed(piece) for piece in ('{"text":"one \ud83d', "\ude00 two", '"}'))
    value, rest = unfolding.finish()
    assert shown + rest == value.text == "one ?? two"


def test_words_are_held_back_until_they_are_whole() -> None:
    unfolding = Unfolding(summary_form(LINKS))
    pieces = ('{"te', 'xt":"On', "e tw", "o https://ev", 'il.example/x three"', "}")
    assert [unfolding.feed(piece) for piece in pieces] == ["", "", "One", " two", "", ""]
    assert unfolding.finish()[1] == " three"


def test_a_text_that_changes_after_it_was_shown_is_invalid() -> None:
    unfolding = Unfolding(summary_form(LINKS))
    assert unfolding.feed('{"text":"one two three') == "one two"
    unfolding.feed('", "text":"other words"}')
    with pytest.raises(StageFailed) as raised:
        unfolding.finish()
    assert raised.value.kind == "invalid_output"


def test_an_answer_of_brackets_in_brackets_is_invalid_and_no_bug_of_ours() -> None:
    answer = Unfolding(summary_form(Links([])))
    answer.feed(f'{{"text": "deep", "more": {"[" * 5000}{"]" * 5000}}}')
    with pytest.raises(StageFailed) as raised:
        answer.finish()
    assert raised.value.kind == "invalid_output"


def test_an_answer_that_never_ends_is_left_although_its_server_counts_no_tokens() -> None:
    answer = Unfolding(summary_form(Links([])))
    answer.feed(f'{{"text": "{"without an end " * (LONGEST // 20)}')
    with pytest.raises(StageFailed) as raised:
        answer.feed("without an end " * (LONGEST // 20))
    assert raised.value.kind == "invalid_output"


@pytest.mark.parametrize("line", ["0123456789abcdef begin message 3 [agent]", "Boundary: 0123456789abcdef"])
def test_an_answer_that_repeats_a_boundary_of_its_prompt_is_invalid(line: str) -> None:
    answer = Unfolding(summary_form(Links(frozenset())))
    document = json.dumps(SUMMARY | {"tried": f"They wrote:\n{line} and more."})
    answer.feed(document)
    with pytest.raises(StageFailed) as failure:
        answer.finish()
    assert failure.value.kind == "invalid_output"
    with pytest.raises(StageFailed):
        Unfolding(summary_form(Links(frozenset()))).feed(json.dumps(SUMMARY | {"text": f"{line} and more words."}))
