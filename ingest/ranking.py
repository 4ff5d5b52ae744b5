"""From candidates to the similar tickets and articles that an agent sees: order, cut, near-duplicates, and reasons.

The vector store says how near a ticket is by meaning and words (`relevance`). Here recent and answered ones move up,
those that are no nearer than the crowd are left out, copies become one entry, and each entry says why it is there. What
each step brings is in deploy/evaluation/RETRIEVAL.md; `canvas eval --retrieval` measures it with this very code.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

import numpy as np
from msgspec.structs import replace

from ingest.vectors.protocol import CANDIDATES, ArticleHit, TicketHit
from ingest.vectors.sparse import term_ids, words
from shared.models import Likeness

RECENT: Final = 0.2
HALF_LIFE_MS: Final = timedelta(days=30) / timedelta(milliseconds=1)
ANSWERED: Final = 0.15
"""Added to the relevance. On the tuning half of 267 labelled questions nDCG@10 is .171 without both, .215 with recency,
.237 with both; half-lives of 14 and 60 days give .229 and .226 instead of .233."""

FOREIGN: Final = 0.25
"""Of a ticket in another language: added to its relevance, as its cosine is lower for the language alone, and the
height above the model's floor, in parts of the range, that it needs to be shown. Among 200 tickets of the demo the mean
cosine is .865 within a language and .800 across (.33 of the range); Korean questions have .83 to .84 to the nearest
English ticket about something else, .86 to .89 to one about the same."""

GAP: Final = 0.075
"""In parts of the cosine's range above the model's floor: how much nearer than the 50th nearest a ticket must be.
A cosine says little by itself: labelled pairs of English questions have .88 to .91, the five nearest of any question
.91 to .93. On Korean questions of which half had no partner, the gap told right from wrong with an AUC of .82
(Welfare-QA) and .90 (ParaKQC), the cosine with .75 and .92. With this gap 26 % and 13 % of what is shown to those
without a partner goes, and 1.6 % and 0.1 % of the right ones; on the English questions 35 % of all, and 14 of 60
labelled ones."""
SURE: Final = 0.65
"""From this height on a ticket stays, however big the crowd is (a cosine of .93 of the local model)."""

COPY: Final = 0.97
COPY_WORDS: Final = 0.5
"""Cosine, and share of common words, from which on two tickets are near-duplicates. By the cosine alone "can receive
but not send" and "cannot receive" are one (.98)."""
COPY_SHORT: Final = 16
"""Terms up to which the subject must be the same, too: "can send, not receive" and "can receive, not send" have the
same words. 103 pairs of 10,757 English questions are near-duplicates without this and the rule on codes, 68 with them;
of 14 of those that were one before 3 are such opposites."""
TERMS_TOLD: Final = 4
FEW: Final = 3
"""Candidates that may share a code for it to be a reason: a version that all are about tells nothing."""

PLAIN_ENGLISH: Final = """
    again already always another anyone anything back being both cannot case come day days done each either else even
    ever every everything few find first following give going good got having here however issue keep know last like
    list long look lot made make many may might more most much must need needed needs never new next nothing old one
    ones only other own problem question rather really right same say says see seem seems seen since something still
    sure take tell than thing things think thought time times today too tried tries try trying two use used user using
    ve via want wanted way week well went while within without won work working works yes yesterday
"""
PLAIN_KOREAN: Final = """
    가끔 갑자기 건가 계속 그냥 그대로 나서 내일 다른 다시 됩니 모두 뭔가 바로 보니 아직 어떻게 어제 역시 연락해 오늘
    요즘 이거 이렇게 이미 이번 자꾸 전혀 정도 지금 지난 하나 하는 해도 해야 혹시
"""
PLAIN: Final = frozenset(f"{PLAIN_ENGLISH} {PLAIN_KOREAN}".split())
PLAIN_ENDING: Final = re.compile(
    "(?:니다|는데|은데|인데|던데|하면|되면|나요|까요|가요|어요|아요|여요|해요|돼요|네요|대요|데요|에요|예요|세요|주세|라고|다고|지만"
    "|어서|아서|해서|하고|되고|는지|은지|습니|됐는|했는|안와|에도)$"
)
"""Words of everyday, and forms of Korean verbs: rare among candidates by chance, and no reason for anybody."""

VOTERS: Final = 20
VOTE_RANGE: Final = 0.1
TEXT: Final = 0.1
TEXT_RANGE: Final = 0.3
"""Of the 20 nearest tickets whose answers cite articles one that is `d` less relevant than the first has exp(-d / 0.1)
votes. On the tuning half of 814 questions hit@1 is .333 so, .329 with 1 / (5 + place), .317 with 1 / (10 + place), .137
by popularity; a share of the votes counts ten times what the best text does."""


def ranked(hits: Sequence[TicketHit], now_ms: int, language: str = "") -> list[TicketHit]:
    """Candidates by what counts for an agent, best first; their age is taken from `now_ms` (ms since 1970).

    `language` is the ticket's own, "" where it does not matter.
    """

    def value(hit: TicketHit) -> tuple[float, float, int]:
        age = max(0, now_ms - hit.created_ms) / HALF_LIFE_MS
        lifted = RECENT * 0.5**age + ANSWERED * bool(hit.reply) + FOREIGN * _is_foreign(hit, language)
        return hit.relevance + lifted, hit.score, hit.ticket_id

    return sorted(hits, key=value, reverse=True)


def worth_showing(
    hits: Sequence[TicketHit], floor: float, words: Sequence[str], language: str, limit: int
) -> list[TicketHit]:
    """Of the first `limit` those that stand out from the crowd, and who shares a rare code; each with its reasons.

    What is left out is not made up for by what ranks lower: fewer rather than wrong ones.

    `hits` are all candidates in their order, `floor` the embedding model's, `words` and `language` the ticket's own.
    """
    told = Reasons(hits, words, language)
    scores = sorted((hit.score for hit in hits if not _is_foreign(hit, language)), reverse=True)
    # With fewer candidates there is no crowd to compare with.
    crowd = scores[CANDIDATES - 1] if len(scores) >= CANDIDATES else 0.0
    enough = min(max(floor, crowd + GAP * (1 - floor)), floor + SURE * (1 - floor))
    kept = []
    for place, hit in enumerate(hits):
        lift = FOREIGN * (1 - floor) if _is_foreign(hit, language) else 0.0
        if hit.score < floor + lift:
            continue
        if (place < limit and hit.score + lift >= enough) or told.shares_code(hit):
            kept.append(replace(hit, why=told.why(hit)))
        if len(kept) == limit:
            break
    return kept


def _is_foreign(hit: TicketHit, language: str) -> bool:
    return bool(language) and hit.language != language


class Reasons:
    """What a ticket has in common with its candidates."""

    def __init__(self, hits: Sequence[TicketHit], words: Sequence[str], language: str) -> None:
        self._words = [(word, ids) for word in words if _tells(word) and (ids := term_ids(word))]
        self._codes = [ids for word, ids in self._words if _is_code(word)]
        self._language = language
        asked = frozenset[int]().union(*(ids for _, ids in self._words))
        self._shared = {hit.ticket_id: asked.intersection(hit.terms) for hit in hits}
        self._common = Counter(chain.from_iterable(self._shared.values()))

    def shares_code(self, hit: TicketHit) -> bool:
        """Whether both name a code that few candidates have."""
        terms = self._shared[hit.ticket_id]
        return any(ids <= terms and self._rarity(ids) <= FEW for ids in self._codes)

    def why(self, hit: TicketHit) -> Likeness:
        """The rarest words that both have, codes first; and whether the languages differ and it was answered."""
        terms = self._shared[hit.ticket_id]
        shared = [
            (not _is_code(word), self._rarity(ids), word) for word, ids in self._words if len(word) > 1 and ids <= terms
        ]
        return Likeness(
            terms=[word for _, _, word in sorted(shared)[:TERMS_TOLD]],
            other_language=_is_foreign(hit, self._language),
            answered=bool(hit.reply),
        )

    def _rarity(self, ids: frozenset[int]) -> int:
        return min(self._common[term] for term in ids)


def _tells(word: str) -> bool:
    """Whether a word in common is a reason: neither a plain one nor a short number."""
    return word not in PLAIN and not PLAIN_ENDING.search(word) and not (word.isdigit() and len(word) < 4)


def _is_code(word: str) -> bool:
    """`0x80070005`, `e-42`, `115.3.1`; a bare number of up to three digits is a quantity."""
    return any(character.isdigit() for character in word) and len(word) > 3


def folded(hits: Sequence[TicketHit], limit: int) -> list[TicketHit]:
    """The first `limit` entries, near-duplicates as one in the place of the first of them, with their count.

    The entry is the first one that says how it was solved, else the first that was answered: a customer who writes in
    again about the same would hide what helped the last time.
    """
    entries: list[TicketHit] = []
    for hit in hits:
        for place, entry in enumerate(entries):
            if _near_duplicates(entry, hit):
                shown = max(entry, hit, key=_says_how)  # the first of equals
                entries[place] = replace(shown, count=entry.count + 1)
                break
        else:
            entries.append(hit)
    return entries[:limit]


def _says_how(hit: TicketHit) -> tuple[bool, bool]:
    return bool(hit.resolution), bool(hit.reply)


def _near_duplicates(one: TicketHit, other: TicketHit) -> bool:
    if not one.dense or len(one.dense) != len(other.dense):
        return False
    a, b = set(one.terms), set(other.terms)
    alike = len(a & b) >= COPY_WORDS * len(a | b)
    if not alike or float(np.dot(one.dense, other.dense)) < COPY:
        return False
    if one.matter and one.matter == other.matter:
        return True
    asked, told = words(one.subject, COPY_SHORT), words(other.subject, COPY_SHORT)
    if any(_is_code(word) for word in {*asked} ^ {*told}):
        return False
    return min(len(a), len(b)) > COPY_SHORT or (asked == told and _is_whole(asked, a) and _is_whole(told, b))


def _is_whole(subject: Sequence[str], terms: Collection[int]) -> bool:
    """Whether a subject says most of what its ticket says; "Help" does not."""
    said = frozenset[int]().union(*map(term_ids, subject))
    return 2 * len(said.intersection(terms)) >= len(terms)


def votes(citing: Sequence[TicketHit]) -> dict[int, float]:
    """Share of the votes by article id, of the nearest tickets whose answers cite articles."""
    weights: defaultdict[int, float] = defaultdict(float)
    total = 1.0  # a doubt as big as one vote: one ticket alone does not make an article certain
    best = max((hit.relevance for hit in citing), default=0.0)
    for hit in citing[:VOTERS]:
        vote = math.exp((hit.relevance - best) / VOTE_RANGE)
        for article_id in set(hit.articles):
            weights[article_id] += vote
            total += vote
    return {article_id: weight / total for article_id, weight in weights.items()}


def elected(articles: Sequence[ArticleHit], citing: Sequence[TicketHit], floor: float, limit: int) -> list[ArticleHit]:
    """At most `limit` articles by what agents cited in similar tickets and by their text together, best first.

    `articles` are those that text search found and those that were voted for; without a vote one needs `floor`.
    """
    shares = votes(citing)
    cited = Counter(article_id for hit in citing[:VOTERS] for article_id in set(hit.articles))
    best = max((article.relevance for article in articles), default=0.0)

    def value(article: ArticleHit) -> tuple[float, float, int]:
        behind = min(1.0, (best - article.relevance) / TEXT_RANGE)
        return shares.get(article.article_id, 0.0) + TEXT * (1 - behind), article.score, article.article_id

    kept = [article for article in articles if article.article_id in shares or article.score >= floor]
    return [
        replace(article, cited=cited[article.article_id]) for article in sorted(kept, key=value, reverse=True)[:limit]
    ]
