"""What was said in the middle of a thread, in a few of its own sentences: for replies, which read its ends whole.

No model writes it, so it costs nothing and invents nothing; and it reads only what it is given, which for a reply are
the messages that the customer knows.
"""

from collections.abc import Sequence

from ingest.thread import Message, Thread
from ingest.writers.blocks import LABELS
from ingest.writers.salience import Candidate, best, candidates, outcome_score, tried_score

MOST = 5
ROOM = 700
"""Sentences and characters of a recap."""


def recap(messages: Sequence[Message], subject: str) -> str:
    """The sentences of some messages that tell most, in order, each with who said it; "" if none does. CPU-bound."""
    said = [message for message in messages if message.text.strip()]
    if not said:
        return ""
    chosen: list[Candidate] = []
    room = ROOM
    for candidate in best(candidates(_as_thread(said, subject)), _score, 2 * MOST):
        if len(candidate.text) <= room and len(chosen) < MOST:
            chosen.append(candidate)
            room -= len(candidate.text)
    return "\n".join(f"{LABELS[candidate.author]} {candidate.text}" for candidate in chosen)


def _score(candidate: Candidate) -> float:
    return tried_score(candidate) if candidate.author == "customer" else outcome_score(candidate)


def _as_thread(said: Sequence[Message], subject: str) -> Thread:
    """Only what `candidates` reads matters."""
    return Thread(
        ticket_id=0, subject=subject, status="", resolved=False, language="", requester_name="",
        created_at=said[0].created_at, revision=said[-1].created_at, messages=list(said),
    )  # fmt: skip
