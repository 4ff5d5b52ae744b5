"""Free feedback: how far what an agent sent is from what was recommended for the very message that it answers.

Nobody has to click anything. When an agent's reply arrives, it is compared with the drafts of the stored Canvas, and
the outcome is counted by tenant, model and prompt version: accepted, edited or ignored (which includes never seen).
Texts are compared by the runs of three letters that they share, which needs no words and so serves Korean as well.
"""

import re
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from redis.asyncio import Redis

from ingest.thread import Message, Thread
from shared import keys, lifetimes
from shared.metrics import DRAFT_DISTANCE, DRAFTS, TENANT_DRAFTS
from shared.models import Canvas

Verdict = Literal["accepted", "edited", "ignored"]

ACCEPTED = 0.10
EDITED = 0.55
"""Distances up to which a draft counts so. On agents' replies of the demo's tickets (668 English, 210 Korean) a reply
that lost a tenth of its words is .05 and .07 away from what it was (half of them), one that lost a third and had half
as much added .33 and .37 (95 %: .41 and .45); of two unrelated ones 99 in 100 are farther than .72 and .86."""
KEPT = 0.8
"""Share of a draft that stands in the agent's reply from which on it was used, however much was added to it."""
FEWEST_LETTERS = 40
"""A shorter draft is contained in too much by chance."""
MOST_CHARACTERS = 6000
"""Of a text that is compared: 2 ms."""
GREETING = re.compile(
    r"\A\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))\b[^\n,!.]{0,60}[,!.]?\s+"
    r"|\A\s*안녕하(?:세요|십니까)[^\n]{0,40}\n",
    re.IGNORECASE,
)
SEPARATOR = "|"


class Judged(NamedTuple):
    """What became of a Canvas's drafts; `distance` is from 0 (sent as it was) to 1, of the nearest one."""

    verdict: Verdict
    distance: float
    model: str
    prompt: str


class Tally(NamedTuple):
    """What became of the drafts of one model and prompt version in one month."""

    model: str
    prompt: str
    accepted: int
    edited: int
    ignored: int
    mean_distance: float


def judged(before: Canvas | None, thread: Thread) -> Judged | None:
    """What became of the drafts of the Canvas before; None where it had none, or nobody has answered yet.

    CPU-bound: up to 10 ms for long texts.
    """
    if before is None or not before.replies:
        return None
    reply = _reply_to(thread, before.replies[0].answers)
    if reply is None:
        return None
    sent = _runs(reply.text)
    measured = [(_distance(_runs(draft.text), sent), draft) for draft in before.replies]
    used = any(_kept(_runs(draft.text), sent) >= KEPT for draft in before.replies)
    nearest = min(distance for distance, _ in measured)
    verdict: Verdict = "accepted" if nearest <= ACCEPTED else "edited" if nearest <= EDITED or used else "ignored"
    made = before.provenance
    return Judged(verdict, round(nearest, 3), made.models.get("replies", ""), made.prompts.get("replies", ""))


async def count(state: Redis, host: str, found: Judged) -> None:
    """Count an outcome, for the tenant and in this process's metrics.

    Raises:
        RedisError, OSError: Redis failed; the outcome may be lost, and is never counted twice by us.
    """
    DRAFTS.labels(model=found.model, prompt=found.prompt, verdict=found.verdict).inc()
    DRAFT_DISTANCE.labels(model=found.model, prompt=found.prompt).observe(found.distance)
    TENANT_DRAFTS.labels(tenant=host, model=found.model, prompt=found.prompt, verdict=found.verdict).inc()
    key = keys.drafts(host, f"{datetime.now(UTC):%Y-%m}")
    made = f"{found.model}{SEPARATOR}{found.prompt}{SEPARATOR}"
    async with state.pipeline(transaction=True) as pipe:
        pipe.hincrby(key, made + found.verdict, 1)
        pipe.hincrbyfloat(key, f"{made}distance", found.distance)
        pipe.expire(key, lifetimes.DRAFTS_LIFETIME)
        await pipe.execute()


async def tallies(state: Redis, host: str, month: str) -> list[Tally]:
    """What became of a tenant's drafts in a month (`2026-11`), by model and prompt version.

    Raises:
        RedisError, OSError: Redis failed.
    """
    raw: dict[bytes, bytes] = await state.hgetall(keys.drafts(host, month))  # type: ignore[misc]
    by_maker: dict[tuple[str, str], dict[str, float]] = {}
    for name, value in raw.items():
        model, prompt, what = name.decode().rsplit(SEPARATOR, 2)
        by_maker.setdefault((model, prompt), {})[what] = float(value)
    return [_tally(model, prompt, counts) for (model, prompt), counts in sorted(by_maker.items())]


def _tally(model: str, prompt: str, counts: dict[str, float]) -> Tally:
    accepted, edited, ignored = (int(counts.get(verdict, 0)) for verdict in ("accepted", "edited", "ignored"))
    total = accepted + edited + ignored
    return Tally(model, prompt, accepted, edited, ignored, counts.get("distance", 0.0) / total if total else 0.0)


def _reply_to(thread: Thread, answers: str) -> Message | None:
    """The first reply of an agent after the message with this mark; None where one of the two is missing."""
    public = thread.public()
    place = next((number for number, message in enumerate(public) if answers and message.mark == answers), None)
    if place is None:
        return None
    return next((message for message in public[place + 1 :] if message.author == "agent" and message.text), None)


def _runs(text: str) -> Counter[str]:
    """Runs of three letters and digits, without the greeting, case, marks and white space."""
    plain = unicodedata.normalize("NFKC", GREETING.sub("", text[:MOST_CHARACTERS], count=1)).casefold()
    letters = "".join(filter(str.isalnum, plain))
    return Counter(letters[place : place + 3] for place in range(len(letters) - 2))


def _distance(draft: Counter[str], sent: Counter[str]) -> float:
    """One minus the Dice coefficient of two bags of runs: 0 for the same text, 1 for nothing in common."""
    total = draft.total() + sent.total()
    return 1.0 - 2 * (draft & sent).total() / total if total else 1.0


def _kept(draft: Counter[str], sent: Counter[str]) -> float:
    """How much of a draft stands in what was sent, 0 to 1."""
    return (draft & sent).total() / draft.total() if draft.total() >= FEWEST_LETTERS else 0.0
