"""Whether a sentence is really said by its source: its words, its numbers, and where languages differ its meaning.

A citation is a promise to an agent, and models cite generously. A sentence is supported where a source has most of its
words and all of its numbers; where the source is in another language, where their vectors are as near as translations
are. A sentence that no source supports is left out, whoever wrote it.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.text.sentences import BULLET, detect_language, sentences
from ingest.writers.protocol import Passage
from ingest.writers.salience import terms

Near = Callable[[str, str], Awaitable[bool]]
"""Whether a sentence means what a passage says, for two languages."""

WORDS: Final = {"en": 0.5, "ko": 0.45}
"""Share of a sentence's terms that its source must have. Measured on sentences of agents' replies in the demo's tickets
(379 English, 111 Korean; a word in seven left out, put into another sentence): their own ticket has .5 of the terms for
99 in 100 in English and .41 for 95 in Korean; of other tickets 99 in 100 have less than .38 and .48."""
CITATION = re.compile(r"\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
CITATIONS_BEHIND = re.compile(r"([.!?…。]+)((?:\s*\[\d{1,2}(?:\s*,\s*\d{1,2})*\])+)")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
FRAME = frozenset(
    re.findall(
        r"\S+",
        """ticket tickets article articles customer customers agent reported reports says said according source asked
        answer answered solved resolved found""",
    )
)
"""Words in which an answer speaks of its sources, and which these themselves need not have."""
LOOKED_AT: Final = 3
"""Passages whose meaning is compared; each costs an embedding of the sentence at most once."""


@dataclass(frozen=True)
class Checked:
    """A line of an answer as it may be shown ("" where nothing of it may), whom it cites, and how much was left out."""

    text: str
    cited: frozenset[int] = frozenset()
    dropped: int = 0


@dataclass(frozen=True)
class _Known:
    passage: Passage
    terms: frozenset[str]
    numbers: frozenset[str]
    language: str


@dataclass
class Support:
    """Checks the lines of one answer against its passages. `near` is asked only where words can't decide.

    Making one is CPU-bound: some milliseconds.
    """

    passages: Sequence[Passage]
    near: Near
    _known: list[_Known] = field(init=False)

    def __post_init__(self) -> None:
        self._known = [
            _Known(
                passage,
                terms(f"{passage.title}\n{passage.about}\n{passage.text}"),
                frozenset(NUMBER.findall(f"{passage.title}\n{passage.about}\n{passage.text}")),
                detect_language(passage.text or passage.title),
            )
            for passage in self.passages
        ]

    async def line(self, line: str) -> Checked:
        """The line's supported sentences, each with the numbers of those that support it."""
        mark = BULLET.match(line)
        kept: list[str] = []
        cited: set[int] = set()
        dropped = 0
        for sentence in sentences(CITATIONS_BEHIND.sub(lambda match: f" {match[2].strip()}{match[1]}", line)):
            named = [int(number) for group in CITATION.findall(sentence) for number in group.split(",")]
            bare = " ".join(CITATION.sub(" ", sentence).split())
            bare = re.sub(r"\s+([.!?,…。])", r"\1", bare)
            if not any(map(str.isalnum, bare)):
                continue
            supporting = await self._supporting(bare, named)
            if supporting:
                kept.append(_with_citations(bare, supporting))
                cited.update(supporting)
            else:
                dropped += 1
        text = (mark[0] if mark and kept else "") + " ".join(kept)
        return Checked(text, frozenset(cited), dropped)

    async def _supporting(self, sentence: str, named: Sequence[int]) -> list[int]:
        """The sources that support a sentence: of those it names, else the best one of all."""
        language = detect_language(sentence)
        own = frozenset(term for term in terms(sentence) if term not in FRAME)
        numbers = frozenset(NUMBER.findall(sentence))
        by_words = {
            known.passage.number: share
            for known in self._known
            if (share := self._share(own, numbers, known)) >= WORDS[language]
        }
        if found := [number for number in dict.fromkeys(named) if number in by_words]:
            return found
        if by_words:
            return [max(by_words, key=lambda number: (by_words[number], -number))]
        for known in self._foreign(language, numbers, named):
            if await self.near(sentence, known.passage.text or known.passage.title):
                return [known.passage.number]
        return []

    def _share(self, own: frozenset[str], numbers: frozenset[str], known: _Known) -> float:
        # Whatever figure stands in it, the source must have it: an invented amount costs most.
        if not own or not self._has(numbers, known):
            return 0.0
        return len(own & known.terms) / len(own)

    def _has(self, numbers: frozenset[str], known: _Known) -> bool:
        return numbers <= known.numbers | {str(known.passage.number)}

    def _foreign(self, language: str, numbers: frozenset[str], named: Sequence[int]) -> list[_Known]:
        """Sources in the other language that may say it, those that are named first."""
        others = [known for known in self._known if known.language != language and self._has(numbers, known)]
        return sorted(others, key=lambda known: known.passage.number not in named)[:LOOKED_AT]


def _with_citations(sentence: str, numbers: Sequence[int]) -> str:
    """The sentence with its citations before its last mark: `Restart it [1][2].`"""
    body = sentence.rstrip(".!?…。")
    return f"{body.rstrip()} {''.join(f'[{number}]' for number in numbers)}{sentence[len(body) :] or '.'}"
