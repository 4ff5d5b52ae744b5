"""Sentences of Korean and English support mail, where people leave out full stops, spaces and capitals."""

import re
from typing import Literal

HANGUL = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣ]")
LATIN = re.compile(r"[A-Za-z]")
HANGUL_SHARE = 0.15
"""Share of Hangul among the letters from which on a text is Korean: much of it may be product names and logs."""

BULLET = re.compile(r"\s*(?:[-*•·▪◦‣※▶☞→]|\(?\d{1,2}[.)](?!\d)|[①-⑳])\s+|\s*[①-⑳•▪※▶☞]")
ABBREVIATIONS = frozenset(
    ["e.g", "i.e", "eg", "ie", "etc", "vs", "cf", "al", "mr", "mrs", "ms", "dr", "prof", "st", "no", "nr", "vol", "fig"]
    + ["approx", "inc", "ltd", "co", "corp", "jr", "sr", "dept", "est", "ext", "tel", "ver", "p.s", "a.m", "p.m", "u.s"]
)
LAST_WORD = re.compile(r"[\w.]+$")
# Where a sentence may end: after closing punctuation before a space; after a Korean ending with its full stop where
# the space was forgotten; after a polite ending without a full stop, unless a quoting particle follows.
END = re.compile(
    r"""(?P<mark>[.!?…。！？]+["'”’)\]]*)(?=\s)"""
    r"|(?<=[다요죠까음함임])[.!?]+(?=[가-힣])"
    r"|(?<=습니다|ㅂ니다|입니다|합니다|됩니다|십니다|니까요)(?=[ ](?!라고|라는|라며|만\b|마는|하고|라서))"
    r"|(?<=세요|어요|아요|해요|네요|데요|군요|까요|나요|가요|죠ㅠ|ㅠㅠ|ㅜㅜ|ㅎㅎ|ㅋㅋ)(?=[ ](?!라고|라는|라며|만\b|마는|하고|라서|[ㅠㅜㅎㅋ^;~]))"
)
SHORTEST = 6
"""Characters that a piece needs to be split off where no full stop stands."""


def detect_language(text: str) -> Literal["ko", "en"]:
    """The language of a text by its letters: "ko" if at least HANGUL_SHARE of them are Hangul, else "en"."""
    sample = text[:20_000]
    hangul, latin = len(HANGUL.findall(sample)), len(LATIN.findall(sample))
    return "ko" if hangul and hangul >= HANGUL_SHARE * (hangul + latin) else "en"


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, without their bullets; line breaks always separate.

    Numbers ("1.5"), addresses, abbreviations and initials do not end a sentence.
    """
    found: list[str] = []
    for line in text.split("\n"):
        found.extend(_split(BULLET.sub("", line, count=1).strip()))
    return found


def _split(line: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for match in END.finditer(line):
        end = match.end()
        if match["mark"] and match["mark"].startswith(".") and _abbreviates(line[start : match.start()]):
            continue
        if match.start() == end and min(end - start, len(line) - end) < SHORTEST:
            continue
        pieces.append(line[start:end].strip())
        start = end
    pieces.append(line[start:].strip())
    return [piece for piece in pieces if piece]


def _abbreviates(before: str) -> bool:
    """Whether a full stop after this belongs to an abbreviation, an initial or a list's number."""
    word = LAST_WORD.search(before[-20:])
    if word is None:
        return False
    name = word[0].lower()
    initial = len(name) == 1 and name.isascii() and name.isalpha() and word[0].isupper()
    return name in ABBREVIATIONS or initial or (name.isdigit() and word[0] == before.strip())
