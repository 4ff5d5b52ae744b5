"""An answer without a model: the sentences of the sources that speak of the question, in their own words, cited.

A search lists what was found; a summary tells each source's first sentences; a how-to quotes the sentences that have
most of the question's words, steps before others, in the order of their source.
"""

import re
from dataclasses import dataclass
from typing import Final

from ingest.text.sentences import sentences
from ingest.writers import cues
from ingest.writers.protocol import Asked, Passage
from ingest.writers.salience import terms

MOST_LISTED: Final = 5
MOST_QUOTED: Final = 5
MOST_SUMMARIZED: Final = 4
LONGEST_SENTENCE: Final = 300
"""Characters of what has no full stop."""
ADVICE = re.compile(
    r"\A(?:please )?(?:hold|clear|wait|call|send|write|restart|reset|register|give|ask|keep|put)\b", re.IGNORECASE
)
"""Verbs that tell what to do where a sentence begins with them, beside those of `cues.STEP`."""
END = re.compile(r"[.!?…。]+\Z")


@dataclass(frozen=True)
class _Quote:
    text: str
    passage: Passage
    place: int
    score: float
    near: bool


def quoted(asked: Asked) -> list[str]:
    """The lines of an answer, each with its citation; none where no source has a sentence."""
    if not asked.passages:
        return []
    if asked.intent == "search":
        return [_listed(passage) for passage in asked.passages[:MOST_LISTED]]
    if asked.intent == "summarize":
        return _summarized(asked)
    quotes = _quotes(asked)
    if any(quote.near for quote in quotes):  # else all sources are in another language
        quotes = [quote for quote in quotes if quote.near]
    quotes.sort(key=lambda quote: quote.score, reverse=True)
    chosen: list[_Quote] = []
    for quote in quotes:
        if len(chosen) == MOST_QUOTED or (chosen and quote.score < chosen[0].score / 2):
            break
        own = terms(quote.text)
        if all(len(own & terms(other.text)) < 0.7 * max(1, len(own)) for other in chosen):
            chosen.append(quote)
    order = {quote.passage.number: rank for rank, quote in reversed(list(enumerate(chosen)))}
    chosen.sort(key=lambda quote: (order[quote.passage.number], quote.place))
    return [_cited(quote.text, quote.passage.number) for quote in chosen]


def _listed(passage: Passage) -> str:
    """A source in one line: its title, and the first sentence that says more."""
    first = next((sentence for sentence in _said(passage) if terms(sentence) - terms(passage.title)), "")
    title = passage.title.rstrip(" .!?…")
    return _cited(f"{title}: {first}" if first else title, passage.number)


def _summarized(asked: Asked) -> list[str]:
    """The first sentences of the best source; of the next ones, as many as are left."""
    lines: list[str] = []
    for passage in asked.passages:
        for sentence in _said(passage):
            if len(lines) == MOST_SUMMARIZED:
                return lines
            lines.append(_cited(sentence, passage.number))
    return lines


def _quotes(asked: Asked) -> list[_Quote]:
    wanted = terms(asked.question)
    found: list[_Quote] = []
    for rank, passage in enumerate(asked.passages):
        about = terms(passage.title)
        for place, sentence in enumerate(_said(passage)):
            own = terms(sentence)
            overlap = (len(own & wanted) + 0.5 * len(about & wanted)) / max(3, len(wanted))
            step = bool(cues.STEP.search(sentence) or cues.DONE.search(sentence) or ADVICE.search(sentence))
            # What only tells the problem has the question's words, and does not answer it.
            problem = not step and bool(cues.TROUBLE.search(sentence))
            asks = bool(cues.QUESTION.search(sentence))
            score = 2 * overlap + 1.2 * step - 0.5 * problem - 0.8 * asks - 0.15 * rank
            found.append(_Quote(sentence, passage, place, score, overlap > 0))
    return found


def _said(passage: Passage) -> list[str]:
    own = (cues.own_words(sentence) for sentence in sentences(passage.text))
    return [sentence for sentence in own if 0 < len(sentence) <= LONGEST_SENTENCE and not cues.says_nothing(sentence)]


def _cited(sentence: str, number: int) -> str:
    end = END.search(sentence)
    body = sentence[: end.start()] if end else sentence
    return f"{body.rstrip()} [{number}]{end[0] if end else '.'}"
