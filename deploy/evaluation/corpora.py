"""The files that retrieval is measured on: labelled texts (CSV), threads of a support forum (JSON lines), pairs (JSON).

Each may be gzipped. Threads have the form of the Thunderbird dump: `id, created, locale, title, content_html, author,
related` (ids of older questions that a helper linked), `articles` (names of articles that helpers cited), `replies
[{created, author, content_html}]`.
"""

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from shared.errors import BadInput

Part = Literal["tune", "report"]
LONGEST_FIELD = 1_000_000
"""Characters; the csv module's own limit of 131,072 is shorter than some mails."""


@dataclass(frozen=True)
class Labelled:
    """A text and what it belongs to: texts of one label are each other's neighbours."""

    number: int
    text: str
    label: str


@dataclass(frozen=True)
class Reply:
    """What somebody wrote under a question."""

    created: datetime
    by_author: bool
    html: str


@dataclass(frozen=True)
class Question:
    """A question of a forum, with the labels that it is measured by."""

    number: int
    created: datetime
    title: str
    html: str
    related: frozenset[int]
    articles: frozenset[str]
    replies: list[Reply]


def part_of(name: str) -> Part:
    """Which half a query belongs to: what is tuned on the one must be reported on the other."""
    return "report" if hashlib.blake2b(name.encode(), digest_size=1).digest()[0] % 2 else "tune"


def read_labelled(file: Path, text: str, label: str, first: int = 1) -> list[Labelled]:
    """Rows of a CSV file (tabs where its name says .tsv) with a header; numbered from `first`.

    Raises:
        BadInput: it can't be read or lacks a column.
    """
    delimiter, name = ("\t", "tab") if ".tsv" in file.suffixes else (",", "comma")
    table = csv.DictReader(io.StringIO(_text(file), newline=""), delimiter=delimiter)
    csv.field_size_limit(LONGEST_FIELD)
    try:
        columns, rows = table.fieldnames or [], list(table)
    except csv.Error as error:
        raise BadInput(f"{file}, after line {table.line_num}, is no CSV: {error}") from error
    missing = {text, label} - set(columns)
    if missing:
        has = f"its first line has {', '.join(columns)}" if columns else "it is empty"
        raise BadInput(f"{file} has no column {', '.join(sorted(missing))}: {has} (the delimiter is the {name})")
    found = [
        Labelled(number, row[text].strip(), row[label].strip())
        for number, row in enumerate(rows, first)
        if (row[text] or "").strip() and row[label] is not None
    ]
    if not found:
        raise BadInput(f"{file} has no row with both {text} and {label}")
    return found


def held_out(rows: Sequence[Labelled], share: float) -> tuple[list[Labelled], list[Labelled]]:
    """(queries, documents): a share of the rows, chosen by their number's digest, and the others."""
    queries = [row for row in rows if _lot(row.number) < share]
    taken = {row.number for row in queries}
    return queries, [row for row in rows if row.number not in taken]


def read_questions(file: Path, locale: str | None) -> list[Question]:
    """Threads, oldest first; of one locale (`en-US`) where told.

    Raises:
        BadInput: it can't be read, or a line has another form.
    """
    found = []
    for number, line in enumerate(_text(file).split("\n"), 1):
        try:
            if line.strip() and (locale is None or json.loads(line).get("locale") == locale):
                found.append(_question(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{file}, line {number}, is no thread: {type(error).__name__}") from error
    return sorted(found, key=lambda question: (question.created, question.number))


def read_pairs(file: Path) -> list[tuple[str, str, float]]:
    """Two sentences and how similar people found them; the form of KLUE STS.

    Raises:
        BadInput: it can't be read or has another form.
    """
    try:
        entries = json.loads(_text(file))
        return [(entry["sentence1"], entry["sentence2"], float(_score(entry["labels"]))) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file} holds no pairs: {type(error).__name__}") from error


def is_threads(file: Path) -> bool:
    """Whether a file's name says that it holds JSON lines."""
    return ".jsonl" in file.suffixes


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
        return (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not in UTF-8: save it so") from error
    except gzip.BadGzipFile as error:
        raise BadInput(f"{file} ends with .gz and is no gzip file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{file} can't be read: {type(error).__name__}") from error


def _question(raw: dict[str, Any]) -> Question:
    replies = [
        Reply(_moment(reply["created"]), reply["author"] == raw["author"], reply["content_html"])
        for reply in raw["replies"]
    ]
    return Question(
        number=int(raw["id"]),
        created=_moment(raw["created"]),
        title=raw["title"],
        html=raw["content_html"],
        related=frozenset(map(int, raw.get("related") or [])),
        articles=frozenset(raw.get("articles") or []),
        replies=sorted(replies, key=lambda reply: reply.created),
    )


def _score(labels: dict[str, Any]) -> Any:
    return labels["real-label"] if "real-label" in labels else labels["label"]


def _lot(number: int) -> float:
    return int.from_bytes(hashlib.blake2b(f"held out {number}".encode(), digest_size=4).digest()) / 2**32


def _moment(stamp: str) -> datetime:
    """A time with a zone, as ISO 8601 or as the dump writes it."""
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S %z")
