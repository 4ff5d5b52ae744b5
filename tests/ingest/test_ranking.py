"""Which similar tickets and articles an agent sees, in which order, and what each of them says of itself."""

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ingest import ranking
from ingest.embeddings.local import LocalEmbedder
from ingest.jobs.articles import split
from ingest.stages.embed import Embedded, cited
from ingest.stages.similar import Found, find_articles, find_tickets
from ingest.vectors.edge import EdgeVectorStore
from ingest.vectors.protocol import CANDIDATES, ArticleHit, TicketHit
from ingest.vectors.sparse import sparse_vector, words
from tests.ingest.vectors.texts import article as stored_article
from tests.ingest.vectors.texts import dense
from tests.ingest.vectors.texts import ticket as stored_ticket

DAY_MS = 86_400_000
NOW = 1_790_000_000_000
FLOOR = 0.8
DEMO = Path(__file__).parents[2] / "deploy" / "demo" / "data"
HOST = "acme.freshdesk.com"


def hit(number: int, text: str = "printer", **changes: Any) -> TicketHit:
    fields: dict[str, Any] = {
        "ticket_id": number,
        "revision_ms": NOW,
        "subject": text,
        "status": "Closed",
        "resolved": True,
        "language": "en",
        "created_ms": NOW - 400 * DAY_MS,
        "resolution": "",
        "reply": "",
        "url": "",
        "score": 0.9,
        "relevance": 0.5,
        "dense": dense(text),
        "terms": sparse_vector(text).indices,
    }
    return TicketHit(**fields | changes)


def article(number: int, relevance: float, *, score: float = 0.9, public: bool = True) -> ArticleHit:
    return ArticleHit(
        article_id=number, revision_ms=NOW, title="", snippet="", url="", public=public, language="en", score=score,
        relevance=relevance,
    )  # fmt: skip


def ids(hits: list[TicketHit]) -> list[int]:
    return [each.ticket_id for each in hits]


def shown(hits: list[TicketHit], text: str = "printer", language: str = "en") -> list[TicketHit]:
    return ranking.worth_showing(hits, FLOOR, words(text, 64), language, 15)


def test_recent_and_answered_tickets_stand_above_equals() -> None:
    hits = [hit(1), hit(2, created_ms=NOW - DAY_MS), hit(3, reply="Install it again."), hit(4, relevance=0.45)]
    assert ids(ranking.ranked(hits, NOW)) == [2, 3, 1, 4]


def test_neither_age_nor_an_answer_lifts_what_is_about_something_else() -> None:
    hits = [hit(1, relevance=0.9), hit(2, relevance=0.4, created_ms=NOW, reply="Install it again.")]
    assert ids(ranking.ranked(hits, NOW)) == [1, 2]


def test_a_ticket_that_is_no_nearer_than_the_crowd_is_not_shown() -> None:
    crowd = [hit(number, "mouse", score=0.88) for number in range(10, 10 + CANDIDATES)]
    assert ids(shown([hit(1, score=0.90), hit(2, score=0.89), *crowd])) == [1]


def test_a_ticket_that_is_surely_alike_is_shown_however_big_the_crowd_is() -> None:
    crowd = [hit(number, "mouse", score=0.935) for number in range(10, 10 + CANDIDATES)]
    assert len(shown([hit(1, score=0.94), *crowd])) == 15


def test_without_a_crowd_the_models_floor_decides() -> None:
    assert ids(shown([hit(1, score=0.81), hit(2, score=0.79)])) == [1]


def test_a_rare_code_that_both_name_is_reason_enough() -> None:
    crowd = [hit(number, "mouse", score=0.88) for number in range(10, 10 + CANDIDATES)]
    [found] = shown([hit(1, "error 0x80070005", score=0.85), *crowd], "what is 0x80070005")
    assert (found.ticket_id, found.why.terms) == (1, ["0x80070005"])


def test_an_entry_says_what_both_have_in_common_codes_and_rare_words_first() -> None:
    text = "The printer prints blank pages, error e-421"
    hits = [hit(1, f"Printer says {text}"), hit(2, "printer cable"), hit(3, "printer pages")]
    [first, second, third] = [found.why for found in shown(hits, text)]
    assert first.terms == ["e-421", "blank", "error", "prints"]
    assert second.terms == ["printer"]
    assert third.terms == ["pages", "printer"]


def test_an_entry_in_korean_names_whole_words() -> None:
    [found] = shown([hit(1, "환불은 언제 되나요", language="ko")], "환불을 받고 싶어요", "ko")
    assert found.why.terms == ["환불"]
    assert not found.why.other_language


def test_everyday_words_verb_forms_and_short_numbers_are_no_reason() -> None:
    english, korean = (
        "I still cannot see 10 invoices since yesterday",
        "어제부터 청구서 000이 나왔습니다 하나도 안 보이는데",
    )
    [found] = shown([hit(1, english)], english)
    assert found.why.terms == ["invoices"]
    [found] = shown([hit(1, korean, language="ko")], korean, "ko")
    assert found.why.terms == ["청구서"]


def test_an_entry_says_that_it_is_in_another_language_and_answered() -> None:
    [found] = shown([hit(1, language="ko", reply="다시 설치해 주세요")])
    assert (found.why.other_language, found.why.answered) == (True, True)


def test_near_duplicates_are_one_entry_that_counts_them_in_the_place_of_the_best() -> None:
    text = "The printer prints blank pages"
    hits = [hit(1, text), hit(2, "Invoice of March"), hit(3, text), hit(4, text)]
    assert [(each.ticket_id, each.count) for each in ranking.folded(hits, 5)] == [(1, 3), (2, 1)]
    assert [entry.count for entry in Found(hits, []).similar_tickets()] == [3, 1]
    assert [neighbour.ticket_id for neighbour in Found(hits, []).neighbours()] == [1, 2]


def test_what_means_nearly_the_same_in_other_words_stays_an_entry_of_its_own() -> None:
    one = hit(1, "I can receive but not send")
    other = hit(2, "messages arrive, sending fails", dense=one.dense)
    assert ids(ranking.folded([one, other], 5)) == [1, 2]


def test_short_texts_with_the_same_words_may_say_the_opposite() -> None:
    one = hit(1, "I can send emails but not receive")
    other = hit(2, "I can receive emails but not send", dense=one.dense)
    assert set(one.terms) == set(other.terms)
    assert ids(ranking.folded([one, other], 5)) == [1, 2]
    help_with = [hit(n, "Help", dense=one.dense, terms=one.terms, matter=str(n)) for n in (1, 2)]
    assert ids(ranking.folded(help_with, 5)) == [1, 2], "the subject says nothing"
    assert ids(ranking.folded([replace(each, matter="same text") for each in help_with], 5)) == [1]


def test_different_codes_are_different_problems_however_alike_the_rest_is() -> None:
    text = "After the update of last night each report that I print ends with the same message on the screen"
    one = hit(1, f"{text}: error E-4711")
    assert ids(ranking.folded([one, hit(2, f"{text}: error E-4712", dense=one.dense)], 5)) == [1, 2]
    assert ids(ranking.folded([one, hit(2, f"{text}! Error E-4711", dense=one.dense)], 5)) == [1]


def test_a_duplicate_that_says_how_it_was_solved_is_not_hidden_behind_one_that_does_not() -> None:
    text = "The printer prints blank pages"
    solved = hit(3, text, reply="Clean the head.", resolution="Clean the head.")
    hits = [hit(1, text), hit(2, text, reply="We look into it."), solved, hit(4, text), hit(5, "Invoice of March")]
    [first, second] = ranking.folded(hits, 5)
    assert (first.ticket_id, first.count, second.ticket_id) == (3, 4, 5)


def test_articles_that_answers_cite_are_found_under_whatever_host() -> None:
    replies = [
        "https://acme.freshdesk.com/support/solutions/articles/42-reset https://help.acme.com/support/solutions/articles/7",
        "Again: https://acme.freshdesk.com/support/solutions/articles/42",
    ]
    assert cited(replies) == [42, 7]


def test_what_agents_cited_in_similar_tickets_stands_above_what_only_reads_alike() -> None:
    citing = [hit(1, articles=[7]), hit(2, articles=[7, 8]), hit(3, articles=[9])]
    found = ranking.elected([article(5, 0.9), article(7, 0.5), article(8, 0.5)], citing, FLOOR, 3)
    assert [(each.article_id, each.cited) for each in found] == [(7, 2), (8, 1), (5, 0)]


def test_without_votes_the_text_decides_and_unlike_articles_are_left_out() -> None:
    found = ranking.elected([article(5, 0.4), article(6, 0.9), article(7, 0.1, score=0.7)], [], FLOOR, 3)
    assert [each.article_id for each in found] == [6, 5]


def test_an_agents_only_article_stays_one_however_often_it_is_cited() -> None:
    [found] = ranking.elected([article(7, 0.5, public=False)], [hit(1, articles=[7])] * 9, FLOOR, 3)
    assert not found.public


def test_a_long_article_is_cut_between_paragraphs_else_between_words() -> None:
    paragraphs = [("word " * 60).strip() for _ in range(5)]
    pieces = split("\n\n".join(paragraphs), 610)
    assert pieces == ["\n\n".join(paragraphs[:2]), "\n\n".join(paragraphs[2:4]), paragraphs[4]]
    assert [len(piece) for piece in split("x" * 1500, 600)] == [600, 600, 300]
    assert all(len(piece) <= 600 and not piece.startswith("ord") for piece in split("word " * 400, 600))
    assert split("", 600) == [""]


async def test_an_article_that_was_voted_for_is_found_though_its_text_is_not(tmp_path: Path) -> None:
    store = await EdgeVectorStore.open(tmp_path, "look-alike", 256)
    text = "The printer prints blank pages"
    answered = [stored_ticket(number, f"{text} {number}") for number in (1, 2)]
    await store.put_tickets(HOST, [replace(each, articles=[99, 404]) for each in answered])
    crowd = [stored_article(number, f"{text} {'again ' * number}") for number in range(1, 61)]
    await store.put_articles(HOST, [*crowd, stored_article(99, "환불은 언제 되나요")])
    about = Embedded(dense(text), sparse_vector(text), words(text, 64), "en")
    found = await find_articles(HOST, 0, about, store, 0.2)
    assert (found[0].article_id, found[0].cited) == (99, 2)
    assert 404 not in [each.article_id for each in found], "it is not the tenant's, or is gone"
    await store.close()


async def test_a_korean_ticket_finds_english_ones_among_korean_ones_and_the_other_way_round(tmp_path: Path) -> None:
    embedder = LocalEmbedder()
    store = await EdgeVectorStore.open(tmp_path, "local", embedder.size, embedder.floor)
    subjects: dict[int, str] = {}
    for language in ("en", "ko"):
        lines = (DEMO / f"tickets.{language}.jsonl").read_text("utf-8").splitlines()[:100]
        for line in lines:
            number, entry = len(subjects) + 1, json.loads(line)
            subjects[number] = entry["subject"]
            [vector] = await embedder.embed([entry["subject"]])
            point = stored_ticket(number, entry["subject"])
            await store.put_tickets(HOST, [replace(point, dense=vector, language=language)])

    async def found(text: str, language: str) -> list[TicketHit]:
        [vector] = await embedder.embed([text])
        about = Embedded(vector, sparse_vector(text), words(text, 64), language)
        return await find_tickets(HOST, 0, about, store, embedder.floor)

    english = [hit for hit in await found("SMTP 오류로 메일을 보낼 수 없습니다", "ko") if hit.why.other_language]
    assert any("SMTP" in subjects[hit.ticket_id] or "send" in subjects[hit.ticket_id].lower() for hit in english[:3])
    korean = [hit for hit in await found("SSO login fails with 401 for some users", "en") if hit.why.other_language]
    assert any("SSO" in subjects[hit.ticket_id] for hit in korean[:3])
    await store.close()
    await embedder.close()
