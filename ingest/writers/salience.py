"""Which sentences of a thread carry it: the candidates, and what each of them weighs.

A sentence weighs more the more it speaks of what the whole thread speaks of (the cosine to the thread's centroid, words
weighted by how few sentences have them, as in TF-IDF), and the more cues it has for the part it is to play.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ingest.text.sentences import sentences
from ingest.thread import Author, Message, Thread
from ingest.writers import cues

FIRST, LAST = 6, 18
"""Messages from the beginning and from the end of a thread that are read; what lies between seldom matters later."""
LONGEST_MESSAGE, MOST_SENTENCES = 3000, 30
"""Characters and sentences of one message that are read; behind that there are logs."""
LONGEST_SENTENCE = 600
"""Characters of what has no full stop."""

NUMBERED = re.compile(r"^\(?\d{1,2}[.)]\s+")
URL = re.compile(r"https?://\S+")
WORD = re.compile(r"[A-Za-z0-9][\w.+-]*[A-Za-z0-9]|[가-힣]+")
STOP = frozenset(
    re.findall(
        r"\S+",
        """the and for that this with you your are was were have has had not but can will would could should from they
        them there what when which who how why all any some get got just out about into than then also only been being
        very more most does did doing don one two its it's i'm i've isn't don't can't in on at to of is it as an be by
        or if so no my me we us do go up am he she his her our their these those here now like want need please thanks
        thank hello""",
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A sentence that may be selected; `message` and `place` count from 0 within the thread and its message.

    `bare` is the text without addresses of web pages, which look like questions and codes.
    """

    text: str
    bare: str
    author: Author
    message: int
    place: int
    terms: frozenset[str]
    weight: float = 0.0


def terms(text: str) -> frozenset[str]:
    """What a text speaks of: Latin words, and pairs of Hangul syllables, which need no knowledge of particles."""
    found: set[str] = set()
    for word in WORD.findall(text.lower()):
        if word[0] >= "가":
            found.update(word[i : i + 2] for i in range(len(word) - 1))
        elif word not in STOP:
            found.add(word)
    return frozenset(found)


def alike(a: frozenset[str], b: frozenset[str]) -> float:
    """How much of the smaller of two sets of terms the other one has, 0 to 1."""
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def candidates(thread: Thread) -> list[Candidate]:
    """The thread's sentences that say something, in order, weighted by their nearness to the thread's centroid.

    Greetings, thanks and words to a machine are left out, and so is what somebody repeats of an earlier message.
    """
    found: list[Candidate] = []
    seen = ""
    newest = max((place for place, message in enumerate(thread.messages) if message.author != "note"), default=0)
    for number, message in _read(thread.messages):
        own: list[str] = []
        for place, sentence in enumerate(sentences(message.text[:LONGEST_MESSAGE])[:MOST_SENTENCES]):
            text = NUMBERED.sub("", cues.own_words(sentence[:LONGEST_SENTENCE]))
            key = re.sub(r"\W+", "", text.lower())
            bare = text if message.author == "agent" else URL.sub("", text)  # an agent's link is an answer
            # "Refund me." says little, and all that matters where it is the last word.
            if key and key not in seen and not cues.says_nothing(bare, brief=number == newest):
                own.append(key)
                found.append(Candidate(text, URL.sub("", text), message.author, number, place, terms(text)))
        seen = "\n".join([seen[-2 * LONGEST_MESSAGE :], *own])
    return _weighted(found, terms(thread.subject))


def _read(messages: list[Message]) -> Iterable[tuple[int, Message]]:
    numbered = list(enumerate(messages))
    return numbered if len(numbered) <= FIRST + LAST else numbered[:FIRST] + numbered[-LAST:]


def _weighted(found: list[Candidate], subject: frozenset[str]) -> list[Candidate]:
    """The candidates with their weight: cosine to the centroid, plus the share of the subject's terms, 0 to 2.5."""
    count = Counter(term for candidate in found for term in candidate.terms)
    rarity = {term: math.log(1 + len(found) / number) for term, number in count.items()}
    centroid = {term: number * rarity[term] for term, number in count.items()}
    length = math.sqrt(sum(value * value for value in centroid.values())) or 1.0
    weighted: list[Candidate] = []
    for candidate in found:
        own = math.sqrt(sum(rarity[term] ** 2 for term in candidate.terms)) or 1.0
        cosine = sum(rarity[term] * centroid[term] for term in candidate.terms) / (own * length)
        about = len(candidate.terms & subject) / max(3, len(subject))
        weighted.append(replace(candidate, weight=cosine + 1.5 * about))
    return weighted


def best(pool: Iterable[Candidate], score: Callable[[Candidate], float], number: int = 1) -> list[Candidate]:
    """The `number` candidates that score highest and do not repeat each other, in the thread's order."""
    chosen: list[Candidate] = []
    for candidate in sorted(pool, key=score, reverse=True):
        if len(chosen) == number:
            break
        if all(alike(candidate.terms, other.terms) < REPEATS for other in chosen):
            chosen.append(candidate)
    return sorted(chosen, key=lambda candidate: (candidate.message, candidate.place))


REPEATS = 0.6
"""Share of common terms from which on one sentence repeats another."""


def shape(text: str) -> float:
    """What a sentence loses for its length: fragments say too little, endless ones are not shown whole. 0 to -1.5."""
    wide = len(text) + len(re.findall(r"[가-힣]", text))  # a Hangul syllable says about as much as two letters
    if wide < SHORT:
        return -0.4 * (SHORT - wide) / SHORT
    if len(text) > LONGEST_WHOLE:
        return -1.5
    return -0.6 * min(1.0, (wide - LONG) / LONG) if wide > LONG else 0.0


SHORT, LONG = 40, 240
LONGEST_WHOLE = 240
"""Characters of a sentence that is shown whole; of a longer one, where there is no other, its first clauses are."""
CLAUSE = re.compile(
    r"[,;:](?=\s)|\s[–—-](?=\s)|\s(?=(?:and|but|because|so|which|when|while|after|although)\b)|(?<=[고데만며서니])\s"
)


def clauses(text: str, room: int = LONGEST_WHOLE) -> str:
    """A sentence whole where it has at most `room` characters, else as many of its first clauses as fit."""
    text = " ".join(text.split())
    if len(text) <= room:
        return text
    ends = [match.start() for match in CLAUSE.finditer(text[:room]) if match.start() >= room // 4]
    end = ends[-1] if ends else max(text.rfind(" ", 0, room), 0) or room
    return text[:end].rstrip(" ,;:–—-(") + "."


def problem_score(candidate: Candidate) -> float:
    """How well a customer's sentence tells the problem; what is said first counts most."""
    text = candidate.bare
    return (
        candidate.weight
        + 0.6 * bool(cues.TROUBLE.search(text))
        + 0.25 * bool(cues.SPECIFIC.search(text))
        - 0.3 * bool(cues.TRIED.search(text))
        - 0.3 * bool(cues.CONDITION.search(text) or cues.HEDGE.search(text))
        - 0.8 * bool(cues.HELP.search(text) or cues.ATTACHED.search(text))
        + (0.5 / (1 + 0.3 * candidate.place) if candidate.message == 0 else 0.0)
        + shape(text)
    )


def tried_score(candidate: Candidate) -> float:
    """How well a sentence tells what was tried or advised; zero or less without a cue for it."""
    text = candidate.bare
    pattern = cues.TRIED if candidate.author == "customer" else cues.STEP
    matches = len(pattern.findall(text)) + (candidate.author != "customer" and cues.DONE.search(text) is not None)
    if not matches:
        return 0.0
    pointer = 0.8 * bool(cues.POINTER.search(text))
    return 0.4 * min(matches, 3) + candidate.weight + 0.2 * bool(cues.TROUBLE.search(text)) + shape(text) - pointer


def asked_score(candidate: Candidate) -> float:
    """How well a sentence tells what its author waits for; the last words count most."""
    text = candidate.bare
    return (
        0.7 * candidate.weight
        + 0.7 * bool(cues.QUESTION.search(text))
        + 0.6 * bool(cues.REQUEST.search(text) or cues.ASKED_BACK.search(text))
        + 0.4 * bool(cues.TROUBLE.search(text))
        - 0.3 * bool(cues.HELP.search(text))
        + 0.02 * candidate.place
        + shape(text)
    )


def outcome_score(candidate: Candidate) -> float:
    """How well an agent's sentence tells what was done or advised; the newest messages and first words count most."""
    text = candidate.bare
    return (
        candidate.weight
        + 0.8 * bool(cues.DONE.search(text))
        + 0.6 * bool(cues.STEP.search(text))
        + 0.3 * bool(cues.PROMISE.search(text))
        - 0.8 * bool(cues.QUESTION.search(text))
        - 0.5 * bool(cues.CONDITION.search(text))
        - 1.0 * bool(cues.POINTER.search(text))
        + 0.12 * candidate.message
        + 0.4 / (1 + 0.5 * candidate.place)
        + shape(text)
    )


def closing_score(candidate: Candidate) -> float:
    """How well a customer's last sentence tells whether it is over."""
    return asked_score(candidate) + 0.8 * bool(cues.CONFIRMED.search(candidate.bare))


def note_score(candidate: Candidate) -> float:
    """How well a sentence of a private note tells what an agent must know: findings, decisions, warnings."""
    text = candidate.bare
    return candidate.weight + 0.5 * bool(cues.WARNING.search(text)) + 0.3 * bool(cues.DONE.search(text)) + shape(text)
