"""A thread's summary out of its own sentences: what the problem is, what was tried, and where things stand."""

import re

from ingest.text.sentences import sentences
from ingest.thread import Author, Thread
from ingest.writers import cues
from ingest.writers.salience import (
    LONGEST_MESSAGE,
    REPEATS,
    Candidate,
    alike,
    asked_score,
    best,
    candidates,
    clauses,
    closing_score,
    note_score,
    outcome_score,
    problem_score,
    tried_score,
)
from shared.models import Sentiment, Summary

LONGEST = 320
"""Characters of each part of a summary; what does not fit whole is left out."""
MOST_SENTENCES = 5
"""Of the text that is shown, those that only say how things stand included."""

LABELS = {
    "ko": {
        "problem": "문제: ", "tried": "시도: ", "now": "현재: ", "customer": "고객: ", "agent": "상담원: ",
        "note": "내부 메모: ", "solved": "해결됨.", "unanswered": "아직 답변 전.", "ours": "고객이 답변을 기다림.",
        "theirs": "고객의 회신을 기다림.", "advised": "상담원이 안내함.", "thanked": "고객이 감사 인사를 남김.",
        "answer": "답변할 것: ", "wait": "고객 회신 대기: ", "keep": "약속한 것: ", "follow": "안내가 통했는지 확인: ",
        "nothing": "남은 일 없음.",
    },
    "en": {
        "problem": "Problem: ", "tried": "Tried: ", "now": "Now: ", "customer": "Customer: ", "agent": "Agent: ",
        "note": "Internal note: ", "solved": "Solved.", "unanswered": "Not answered yet.",
        "ours": "The customer waits for an answer.", "theirs": "Waiting for the customer.",
        "advised": "The agent has answered.", "thanked": "The customer said thanks.",
        "answer": "To answer: ", "wait": "Wait for the customer: ", "keep": "Promised: ",
        "follow": "Check whether this helped: ", "nothing": "Nothing is left to do.",
    },
}  # fmt: skip


def digest(thread: Thread, language: str) -> tuple[list[str], Summary]:
    """The lines of a summary in the order to show them, and the summary; `text` is the lines joined by line breaks.

    Labels are in `language` ("ko", else English), the sentences stay as people wrote them.
    """
    parts = _Parts(thread, LABELS["ko" if language == "ko" else "en"])
    lines = [parts.say[name] + value for name, value in parts.shown() if value]
    summary = Summary(
        text="\n".join(lines),
        problem=parts.problem,
        tried=parts.tried,
        next_step=parts.next_step,
        sentiment=sentiment(thread),
    )
    return lines, summary


class _Parts:
    """The parts of one summary. What one of them took, the next ones leave out."""

    def __init__(self, thread: Thread, say: dict[str, str]) -> None:
        self.thread = thread
        self.say = say
        self.subject = _to_people(thread.subject)
        self.found = candidates(thread)
        self.used: set[int] = set()
        self.last = next((m.author for m in reversed(thread.messages) if m.author != "note"), "customer")
        self.turn = self._turn()
        self.asked = self._problem()
        self.problem = joined(self.asked)
        self.note: list[str] = []
        self.state, self.said, self.next_step = self._solved() if thread.resolved else self._open()
        self.attempts = self._attempts()
        self.tried = joined(self.attempts)

    def shown(self) -> list[tuple[str, str]]:
        """The parts that the text shows, with the names of their labels: as much of each as there is room for."""
        problem, tried, said, note = (list(part) for part in (self.asked, self.attempts, self.said, self.note))
        parts = [problem, tried, [self.state], said, note]
        # What is left out first stands in another field, or says least about where the ticket stands.
        for part, least in ((tried, 1), (problem, 1), (said, 1), (tried, 0), (note, 0), (said, 0)):
            while len(part) > least and sum(map(_sentences, parts)) > MOST_SENTENCES:
                # Of what is waited for the last words tell most, of what solved it the first.
                first = part[0].endswith(":") if part is problem else part is said and not self.thread.resolved
                part.pop(0 if first else -1)
        now = joined([self.state, *said, *note])
        return [("problem", joined(problem)), ("tried", joined(tried)), ("now", now)]

    def _turn(self) -> list[Candidate]:
        """What the last public author said since the other side spoke."""
        start = len(self.thread.messages)
        for message in reversed(self.thread.messages):
            if message.author not in ("note", self.last):
                break
            start -= 1
        return [c for c in self.found if c.message >= start and c.author == self.last]

    def _use(self, chosen: list[Candidate]) -> list[str]:
        """The sentences, as many as fit, no longer free for other parts."""
        self.used.update(id(candidate) for candidate in chosen)
        texts = [candidate.text for candidate in chosen]
        return fitting([opened(text) for text in texts[:1]] + texts[1:])

    def _free(self, author: Author) -> list[Candidate]:
        return [c for c in self.found if c.author == author and id(c) not in self.used]

    def _labelled(self, chosen: list[Candidate], room: int = LONGEST) -> list[str]:
        """Sentences with who said them, those that fit."""
        self._use(chosen)
        return fitting([f"{self.say[candidate.author]}{clauses(opened(candidate.text))}" for candidate in chosen], room)

    def _problem(self) -> list[str]:
        """What is wrong and what is asked for, of the first message in which the customer says something."""
        mine = self._free("customer")
        if not mine:
            return [clauses(self.subject, LONGEST)] if self.subject else []
        first = [c for c in mine if c.message == mine[0].message]
        chosen = best(first, problem_score)
        room = LONGEST - len(chosen[0].text) - GAP
        others = [c for c in first if len(c.text) <= room and alike(c.terms, chosen[0].terms) < REPEATS]
        asks = [c for c in others if cues.asks(c.bare) and not cues.HELP.search(c.bare)]
        chosen += best(asks or [c for c in others if not cues.TRIED.search(c.bare)], problem_score)
        return self._use(sorted(chosen, key=lambda c: c.place))

    def _solved(self) -> tuple[str, list[str], str]:
        """Where a solved ticket stands, how it was solved and what the customer said to it, and what is to be done."""
        agents = self._free("agent")
        confirmed = [c for c in self._free("customer") if cues.CONFIRMED.search(c.bare) and not cues.asks(c.bare)]
        before = [c for c in agents if confirmed and c.message < confirmed[-1].message]
        chosen = best(before or agents, outcome_score)
        unsettled = False
        if self.last == "customer":
            closing = best([c for c in self.turn if id(c) not in self.used], closing_score)
            unsettled = any(cues.asks(c.bare) and not cues.CONFIRMED.search(c.bare) for c in closing)
            chosen += closing
        step = self.say["answer"] + clauses(chosen[-1].text) if unsettled else self.say["nothing"]
        return self.say["solved"], self._labelled(chosen), step

    def _open(self) -> tuple[str, list[str], str]:
        """Where an open ticket stands, who said what about it, and what is to be done next."""
        state, step, chosen = self._ours() if self.last == "customer" else self._theirs()
        what = opened(joined(fitting([c.text for c in chosen])))
        if step == "answer" and not any(cues.asks(c.bare) for c in chosen):
            what = self._unasked(what)
        next_step = self.say[step] + what if what else self.say[step].rstrip(": .") + "."
        new = [c for c in chosen if id(c) not in self.used]
        said = self._use(new)
        self.note = self._newest_note()
        return self.say[state], said, next_step

    def _unasked(self, what: str) -> str:
        """What to answer where the customer's last words ask for nothing: those words, or at first the subject."""
        said = self.thread.said_by("customer")
        if len(said) <= 1 and self.subject:
            return clauses(self.subject)
        return what or _to_people(joined(fitting(sentences(said[-1].text[:LONGEST_MESSAGE])[:2])) if said else "")

    def _ours(self) -> tuple[str, str, list[Candidate]]:
        """The customer spoke last: what they wait for."""
        said = self.thread.said_by("customer")
        if not self.turn and said and cues.GLAD.search(said[-1].text[-400:]):
            return "thanked", "nothing", []
        answered = any(message.author == "agent" for message in self.thread.messages)
        if answered and self.turn and not any(cues.asks(c.bare) for c in self.turn):
            intended = [c for c in self.turn if cues.INTENDS.search(c.bare) and not cues.TROUBLE.search(c.bare)]
            if intended:
                return "theirs", "wait", best(intended, asked_score)
        return "ours" if answered else "unanswered", "answer", self._waited_for()

    def _waited_for(self) -> list[Candidate]:
        """What the customer waits for: their newest words, and what they asked before and nobody has answered."""
        newest = [c for c in self.turn if c.message == self.turn[-1].message]
        before = [c for c in self.turn if c.message < self.turn[-1].message and cues.asks(c.bare)]
        before = best([c for c in before if id(c) not in self.used], asked_score)
        last = best(newest, asked_score, 1 if before else 2)
        both = [*before, *last]
        return both if before and _room(both) else last if _room(last) else [max(last, key=asked_score)]

    def _theirs(self) -> tuple[str, str, list[Candidate]]:
        """An agent spoke last: what was asked, promised or advised."""
        asked = [c for c in self.turn if cues.QUESTION.search(c.bare) or cues.ASKED_BACK.search(c.bare)]
        if asked:
            return "theirs", "wait", best(asked, asked_score)
        promised = [c for c in self.turn if cues.PROMISE.search(c.bare)]
        if promised:
            return "advised", "keep", best(promised, outcome_score)
        return "advised", "follow", best(self.turn, outcome_score)

    def _newest_note(self) -> list[str]:
        """The best sentence of a note that is newer than what the agents said to the customer."""
        answered = max((i for i, m in enumerate(self.thread.messages) if m.author == "agent"), default=-1)
        notes = [c for c in self._free("note") if c.message > answered]
        if not notes:
            return []
        chosen = best((c for c in notes if c.message == notes[-1].message), note_score)
        return [self.say["note"] + text for text in self._use(chosen)]

    def _attempts(self) -> list[str]:
        """What the customer tried and what agents did or advised, in the thread's order."""
        chosen: list[Candidate] = []
        for author in AUTHORS:
            pool = [c for c in self._free(author) if author == "note" or tried_score(c) > ENOUGH]
            if author != "note" or len(chosen) < len(AUTHORS) - 1:
                chosen += best(pool, note_score if author == "note" else tried_score)
        return self._labelled(sorted(chosen, key=lambda c: (c.message, c.place)))


def _sentences(part: list[str]) -> int:
    return sum(len(sentences(text)) for text in part)


def _to_people(text: str) -> str:
    """The text, or "" where it speaks to a machine."""
    return "" if cues.TO_A_MACHINE.search(text) else text


def _room(chosen: list[Candidate]) -> bool:
    """Whether two sentences are short enough to stand side by side, or it is only one, or none."""
    return len(chosen) < 2 or sum(len(c.text) for c in chosen) <= LONGEST // 2


AUTHORS: tuple[Author, ...] = ("customer", "agent", "note")
ENOUGH = 0.5
"""Score from which on a sentence is taken for an attempt."""


OPENING = re.compile(
    r"^(?:(?:but|so|and|also|then|however|anyway|oh|well|ok|okay)\b,? +"
    r"|(?:그런데|근데|게다가|하지만|그래서|그리고|그러나),? +)(?=\w)",
    re.IGNORECASE,
)
"""What only leads on from a sentence that is not there."""


def opened(text: str) -> str:
    """A sentence as the first one, without the word that leads on to it."""
    rest = OPENING.sub("", text)
    return text if rest == text else rest[:1].upper() + rest[1:]


GAP = 3
"""Characters that stand between two sentences at most."""


def fitting(texts: list[str], room: int = LONGEST) -> list[str]:
    """The texts without the longest ones of them, until they fit together; of a single one that is too long, a part."""
    kept = [clauses(text, room) for text in texts]
    while len(kept) > 1 and len(joined(kept)) > room:
        kept.remove(max(kept, key=len))
    return kept


def joined(texts: list[str]) -> str:
    """Sentences in a row; where one has no full stop, a stroke shows its end."""
    ended = [text if text.endswith((".", "!", "?", "…")) else f"{text} /" for text in texts[:-1]]
    return " ".join([*ended, *texts[-1:]])


def sentiment(thread: Thread) -> Sentiment:
    """How the customer feels, by the words of their last two messages and, where it is all there is, the subject."""
    said = [message.text[-4000:] for message in thread.said_by("customer")]
    last = said[-1] if said else ""
    if len(said) == 1:
        last = f"{thread.subject}\n{last}"
    upset = cues.ANGRY.search(last) is not None
    trouble = cues.TROUBLE.search(last) is not None and not (thread.resolved and cues.CONFIRMED.search(last))
    open_question = not thread.resolved and cues.asks(last)
    if cues.GLAD.search(last) and len(said) > 1 and not (upset or trouble or open_question):
        return "positive"
    if cues.URGENT.search(last) and not thread.resolved:
        return "urgent"
    return "negative" if upset or (len(said) > 1 and cues.ANGRY.search(said[-2])) else "neutral"
