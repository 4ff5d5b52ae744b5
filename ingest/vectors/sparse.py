"""A text as weighted words, for the half of the search that finds error codes, product names and exact phrases.

Words of Latin and other alphabets are taken whole; runs of Hangul, Han and kana as pairs of characters, after a Korean
particle at the end is taken off. nDCG@10 of this half alone on Korean questions (Welfare-QA, ParaKQC; 600 each): pairs
.450 and .761, with single characters .458 and .804, pairs without particles .491 and .767, morphemes (Kiwi) .492 and
.809, morphemes and pairs .491 and .823. Morphemes would cost 7 to 11 ms a text, where this costs 0.2, and a wheel of
100 MB. The weight is BM25's share of the document; how rare a word is, the engine counts (its IDF modifier).
"""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Final

from ingest.vectors.protocol import SparseVector

K1: Final = 1.2
B: Final = 0.75
AVERAGE_TERMS: Final = 30
"""Half of the English support questions have 32 different terms, of the Korean ones 26. 30 gave nDCG@10 .132 in English
(267 labelled questions of Thunderbird's forum), 70 .121; in Korean it matters little."""
MAX_TERMS: Final = 128
"""1 KB a ticket. 98 % of the questions have fewer; keeping all of the longest ones' terms gains nothing."""
PAIRED: Final = "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
WORD = re.compile(rf"[{PAIRED}]+|[^\W_{PAIRED}]+(?:[._-][^\W_{PAIRED}]+)*")
PAIRED_RUN = re.compile(rf"[{PAIRED}]")
PART = re.compile(r"[._-]")
PARTICLE = re.compile(
    "(?:으로부터|에게서|에서는|에서도|으로는|으로도|이라는|이라고|에서|에게|으로|까지|부터|처럼|보다|하고|이나|이랑|라고|에는"
    "|에도|와의|과의|[은는이가을를의에와과도만로나랑요])$"
)
"""Taken off where at least two characters are left, so that 환불이, 환불을 and 환불은 have the same last pair."""
STOP_ENGLISH: Final = """
    about after all also am an and any are as at be been but by can com could did do does don for from get had has have
    he hello help hi how href http https if in into is it its just like me my net no not now of on or org our out please
    re regards she should so some thank thanks that the their them then there these they this to up us very was we were
    what when where which who why will with would www you your
"""
STOP_KOREAN: Final = """
    그리 리고 그런 런데 하지 지만 그래 래서 안녕 녕하 하세 세요 감사 사합 합니 니다 습니 입니 니까 있습 었습 했습
    부탁 탁드 드립 립니 에서 으로 까지 부터 에게 해서 하고 하는 되는 되어 해주 주세 이런 저런 제가 저는 것은 것이
"""
STOP: Final = frozenset(f"{STOP_ENGLISH} {STOP_KOREAN}".split())
"""Words so common in support that they tell nothing; leaving them out keeps a ticket's vector small."""


def sparse_vector(text: str) -> SparseVector:
    """Weights of the terms of `text`, at most `MAX_TERMS`: ids are CRC-32 of the term, the same in every process.

    The weight of a term is tf·(k1+1) / (tf + k1·(1 - b + b·length/average)), Robertson and Zaragoza's BM25 without
    the IDF. The same for a stored text and for one that is searched with. Empty for a text without words.
    """
    counts = Counter(zlib.crc32(term.encode()) for term in terms(text))
    norm = K1 * (1 - B + B * counts.total() / AVERAGE_TERMS)
    kept = sorted(counts.most_common(MAX_TERMS))  # of equal counts those that come first: the subject leads the text
    return SparseVector(
        indices=[term for term, _ in kept],
        values=[round(count * (K1 + 1) / (count + norm), 4) for _, count in kept],
    )


def terms(text: str) -> Iterator[str]:
    """The words of `text` in order, without e-mail addresses, stop words and single letters."""
    plain = EMAIL.sub(" ", unicodedata.normalize("NFC", text)).lower()
    for match in WORD.finditer(plain):
        word = match.group()
        yield from _terms_of(word)


def words(text: str, limit: int) -> list[str]:
    """The first `limit` different words of `text` as a person reads them (환불, not its pairs), without stop words."""
    plain = EMAIL.sub(" ", unicodedata.normalize("NFC", text)).lower()
    found = (_stem(match.group()) for match in WORD.finditer(plain))
    return list(islice(dict.fromkeys(word for word in found if any(_terms_of(word))), limit))


def term_ids(word: str) -> frozenset[int]:
    """The ids that `sparse_vector` gives to the terms of one of `words`."""
    return frozenset(zlib.crc32(term.encode()) for term in _terms_of(word))


def _terms_of(word: str) -> Iterator[str]:
    parts = _pairs(_stem(word)) if PAIRED_RUN.match(word) else _parts(word)
    return (part for part in parts if part not in STOP)


def _stem(word: str) -> str:
    stem = PARTICLE.sub("", word)
    return stem if len(stem) > 1 else word


def _pairs(run: str) -> Iterator[str]:
    """Each two neighbouring characters; a lone character is itself."""
    if len(run) == 1:
        yield run
    for first, second in pairwise(run):
        yield first + second


def _parts(word: str) -> Iterator[str]:
    """The parts of `err_conn-42`, and the whole where a digit makes it a code or a version."""
    parts = PART.split(word)
    if len(parts) > 1 and any(character.isdigit() for character in word):
        yield word
    yield from (part for part in parts if len(part) > 1)
