"""What an agent's question asks for, read from its words: no model is needed to tell a search from a how-to."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from ingest.text.sentences import detect_language
from ingest.writers.salience import terms
from shared.asked import Question, Scope

Intent = Literal["search", "summarize", "how_to"]

SUMMARIZE = re.compile(
    r"(?i)\b(?:summar\w+|overview|recap|sum up|tl;?dr|what happened|state of)\b|요약|정리해|간추려|개요|무슨 일"
)
HOW_TO = re.compile(
    r"(?i)\bhow (?:do|does|did|to|can|could|should|would|is|are)\b|\b(?:steps?|guide|instructions?|fix|solve|resolve)\b"
    r"|\bwhat (?:should|can|do|to)\b|\bwhy\b|어떻게|방법|하려면|절차|해결|왜\b|이유|원인"
)
SEARCH = re.compile(
    r"(?i)\b(?:find|search|list|show|which|look for|are there|is there|any)\b|찾아|검색|보여|목록|있었|있나|있어|어떤"
)
TICKET = re.compile(
    r"(?i)(?:\bticket\s*(?:no\.?|number|id)?\s*#?\s*|#|티켓\s*(?:번호)?\s*#?\s*)(\d{1,15})\b|(?<!\d)(\d{1,15})\s*번\s*티켓"
)
THIS = re.compile(
    r"(?i)\b(?:this|the (?:current|open)) (?:ticket|case|customer|conversation|issue|problem)\b"
    r"|(?:이|현재|지금) (?:티켓|문의|고객|건|대화|문제)"
)
"""The ticket that the agent has open."""
IMAGES = re.compile(
    r"(?i)\b(?:images?|pictures?|photos?|screen ?(?:shots?|grabs?))\b|이미지|사진|스크린샷|캡처|화면\s?캡"
)
FILES = re.compile(
    r"(?i)\b(?:attach\w*|files?|documents?|pdfs?|spreadsheets?|excel|logs?)\b|첨부|파일|엑셀|로그\s?파일"
)
MOST_TICKETS: Final = 3
"""Tickets that one question may name."""
ASKING = terms(
    """find show list search look tickets ticket about mention mentions which articles article image images picture
    photo screenshot attachment attachments attached file files document summarize summary overview recap happened how
    what why steps guide customer customers similar cases case any
    티켓 찾아줘 찾아 검색 보여줘 목록 어떻게 하나요 방법 알려줘 관련 경우 요약해줘 정리해줘 사진 이미지 첨부 첨부파일
    파일 문서 고객 있나요 있었나요 어떤 무엇인가요 해결 하려면 절차 해주세요 주세요 되나요 인가요 합니다"""
)
"""Terms in which a question asks, and which what answers it need not have."""


@dataclass(frozen=True)
class Wanted:
    """A question as the search understands it; `about` are the terms of its matter, `named` the tickets it names."""

    question: Question
    intent: Intent
    language: str
    scopes: frozenset[Scope]
    about: frozenset[str]
    named: tuple[int, ...]

    @property
    def explicit(self) -> bool:
        """Whether the asker said where to look."""
        return bool(self.question.types)


def wanted(question: Question) -> Wanted:
    """What a question asks for. A summary is meant where one is asked for, a how-to before a search."""
    text = question.text
    scopes: frozenset[Scope] = frozenset(question.types)
    if not scopes:
        found: set[Scope] = {"tickets", "solutions"}
        if IMAGES.search(text):
            found.add("images")
        if FILES.search(text):
            found.add("attachments")
        scopes = frozenset(found)
    named = [int(one or other) for one, other in TICKET.findall(text)]
    if question.ticket_id and THIS.search(text):
        named.insert(0, question.ticket_id)
    return Wanted(
        question=question,
        intent=_intent(text),
        language=question.language or detect_language(text),
        scopes=scopes,
        about=terms(text) - ASKING,
        named=tuple(dict.fromkeys(named))[:MOST_TICKETS],
    )


def _intent(text: str) -> Intent:
    if SUMMARIZE.search(text):
        return "summarize"
    if HOW_TO.search(text):
        return "how_to"
    asks = text.rstrip().endswith(("?", "？"))
    return "how_to" if asks and not SEARCH.search(text) else "search"
