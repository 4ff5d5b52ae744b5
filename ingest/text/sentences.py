"""Sentences of Korean and English support mail, where people leave out full stops, spaces and capitals."""

import re
from typing import Literal

HANGUL = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣ]")
LATIN = re.compile(r"[A-Za-z]")
HANGUL_SHARE = 0.15
"""Share of Hangul among the letters from which on a text is Korean: much of it may be product names and logs."""

BULLET = re.compile(r"^\s*(?:[-*•·▪◦‣※▶☞→]|\(?\d{1,2}[.)](?!\d)|[①-⑳])\s+|^\s*[①-⑳•▪※▶☞]")
ABBREVIATIONS = re.compile(
    r"(?i)(?:^|[^\w.])(?:e\.?g|i\.?e|etc|vs|cf|al|mrs?|ms|dr|prof|st|no|nr|vol|fig|approx|inc|ltd|co|corp|jr|sr|dept|est"
    r"|ext|tel|ver|p\.s|[ap]\.m|u\.s|u\.k)$"
)
INITIAL = re.compile(r"(?:^|\W)[A-Z]$")
# Where a sentence may end: after closing punctuation before a space, unless a remark in parentheses follows; after a
# Korean ending with its full stop where the space was forgotten; after a polite ending without a full stop, or with
# an emoticon in its place, unless a quoting particle follows.
REMARK = r"\s\([^()]{1,40}\)(?:[.\s]|$)"
QUOTES_ON = r"라고|라는|라며|라서|만\b|마는|하고"
END = re.compile(
    rf"""(?P<mark>[.!?…。！？]+["'”’)\]]*)(?=\s)(?!{REMARK})"""
    r"|(?<=[다요죠까음함임])[.!?]+(?=[가-힣])"
    r"|(?<=[다요죠까네])[~^;ㅠㅜㅎㅋ]+(?=\s)"
    rf"|(?<=습니다|ㅂ니다|입니다|합니다|됩니다|십니다|니까요)(?=[ ](?!{QUOTES_ON}|[(\"'ㅠㅜㅎㅋ^;~]))"
    rf"|(?<=세요|어요|아요|해요|네요|데요|군요|까요|나요|가요)(?=[ ](?!{QUOTES_ON}|[(\"'ㅠㅜㅎㅋ^;~]))"
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
        if match["mark"] and (_abbreviates(line, start, match.start()) or _goes_on(line, start, match)):
            continue
        if match.start() == end and min(end - start, len(line) - end) < SHORTEST:
            continue
        pieces.append(line[start:end].strip())
        start = end
    pieces.append(line[start:].strip())
    return [piece for piece in pieces if piece]


def _abbreviates(line: str, start: int, stop: int) -> bool:
    """Whether the full stop at `stop` belongs to an abbreviation, an initial or a number at the sentence's start."""
    if line[stop] != ".":
        return False
    before = line[max(start, stop - 12) : stop]
    if ABBREVIATIONS.search(before) or INITIAL.search(before):
        return True
    return stop - start <= len(before) and before.strip().isdigit()


def _goes_on(line: str, start: int, match: re.Match[str]) -> bool:
    """Whether the sentence continues in small letters: "some (a lot!) of them", "the Config. editor".

    Who begins sentences with small letters anyway gets each of them alone.
    """
    if not line[match.end() : match.end() + 3].lstrip()[:1].islower():
        return False
    return match["mark"].endswith(")") or (
        not match["mark"].strip(".…") and line[start : start + 3].lstrip()[:1].isupper()
    )
