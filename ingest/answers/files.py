"""Images and attachments among the tickets that were found: by name, by type, and by the message they came with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.answers.intent import Wanted
from ingest.vectors.protocol import File, TicketHit
from ingest.writers.salience import terms

TYPES: Final = {
    "pdf": re.compile(r"(?i)\bpdf"),
    "sheet": re.compile(r"(?i)\b(?:excel|spreadsheet|xlsx?|csv)\b|엑셀|스프레드시트"),
    "document": re.compile(r"(?i)\b(?:word document|docx?|hwp)\b|워드|한글\s?파일"),
    "log": re.compile(r"(?i)\blogs?\b|로그"),
    "archive": re.compile(r"(?i)\b(?:zip|archive)\b|압축"),
}
"""How a question names a type, by what `kind_of` calls it."""
ENDINGS: Final = {
    "pdf": ("pdf",),
    "sheet": ("xls", "xlsx", "csv", "ods"),
    "document": ("doc", "docx", "hwp", "odt", "rtf"),
    "log": ("log", "txt"),
    "archive": ("zip", "gz", "7z", "rar", "tar"),
}
FITTING: Final = 0.3
"""Share of a question's terms that a file's name, type, message and ticket have."""
PART = re.compile(r"[\W_]+|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")


@dataclass(frozen=True)
class FileHit:
    """A file that was found, with its ticket; `rank` compares with what `search` gives tickets and articles."""

    file: File
    ticket: TicketHit
    rank: float


def files_of(tickets: Sequence[TicketHit], wanted: Wanted) -> list[FileHit]:
    """The files of these tickets that have to do with the question, best first.

    Where the asker wants images alone, or asks for nothing but a kind of file, each file of that kind fits.
    """
    kinds = frozenset(kind for kind, named in TYPES.items() if named.search(wanted.question.text))
    hits: list[FileHit] = []
    for place, ticket in enumerate(tickets):
        for file in ticket.files:
            if ("images" if file.image else "attachments") not in wanted.scopes:
                continue
            if kinds and not file.image and kind_of(file) not in kinds:
                continue
            rank = _rank(file, ticket, wanted)
            if rank >= FITTING:
                hits.append(FileHit(file, ticket, rank - 0.01 * place))
    return sorted(hits, key=lambda hit: hit.rank, reverse=True)


def kind_of(file: File) -> str:
    """A file's kind by the ending of its name, "" where it is none of ours."""
    ending = file.name.rpartition(".")[2].lower()
    return next((kind for kind, endings in ENDINGS.items() if ending in endings), "")


def _rank(file: File, ticket: TicketHit, wanted: Wanted) -> float:
    if not wanted.about:
        return 1.0
    own = terms(" ".join(PART.split(file.name))) | terms(file.name)
    near = terms(file.about)
    far = terms(f"{ticket.subject}\n{ticket.resolution}")
    matched = (
        len(wanted.about & own) * 1.5 + len(wanted.about & (near - own)) + 0.7 * len(wanted.about & (far - near - own))
    )
    return matched / len(wanted.about)
