"""What agents did with suggestions: shown, copied, inserted, edited, rejected, thumbs up or down.

Kept by tenant without a word of any ticket: single entries for a quarter, at most so many, and counts by month for
longer. A client names what it sends, so that sending again counts once. The acceptance rate of a kind of suggestion is
the share of those shown that were copied, inserted or edited.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.metrics import FEEDBACK, TENANT_ACCEPTANCE, TENANT_FEEDBACK
from shared.redis import script

Kind = Literal["summary", "similar", "solution", "reply", "answer", "generated_reply"]
Action = Literal["shown", "copied", "inserted", "edited", "rejected", "up", "down"]
Reason = Literal["", "wrong", "outdated", "irrelevant", "incomplete", "tone", "language", "unsafe", "other"]
"""A word of ours and no free text: what an agent would write here might quote the ticket."""
ACCEPTED: frozenset[Action] = frozenset({"copied", "inserted", "edited"})
MOST_KEPT = 20_000
"""Entries of a tenant, about 200 bytes each."""
PAGE = 500
SEPARATOR = "|"


class Given(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent did with one suggestion; `model` and `prompt` are who wrote it, "" where that is not known.

    `item` is which of several (an index, or a ticket's or article's id); `etag` names the Canvas, `run` the run.
    """

    id: str
    agent_id: int
    ticket_id: int
    kind: Kind
    action: Action
    item: int | None = None
    reason: Reason = ""
    model: str = ""
    prompt: str = ""
    etag: str = ""
    run: str = ""


class Kept(NamedTuple):
    """An entry with its time."""

    at: datetime
    given: Given


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A month's counts of a kind of suggestion by who wrote it; `rate` is None where none was shown."""

    kind: str
    model: str
    prompt: str
    counts: dict[str, int]
    rate: float | None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Given).decode


class Feedback:
    """Keeps and reads feedback."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._add = script(state, "feedback")

    async def add(self, host: str, entries: Sequence[Given]) -> int:
        """Keep those that are new, count them in this process's metrics, and return how many they are."""
        month = this_month()
        args: list[str | int | bytes] = [
            MOST_KEPT,
            _seconds(lifetimes.FEEDBACK_LIFETIME),
            _seconds(lifetimes.DRAFTS_LIFETIME),
        ]
        for given in entries:
            args += [f"{given.agent_id}:{given.id}", _field(given, given.action), _encode(given)]
        names = [keys.feedback(host), keys.feedback_ids(host), keys.feedback_counts(host, month)]
        added = await self._add(keys=names, args=args)
        new = [given for given, is_new in zip(entries, added, strict=True) if is_new]
        for given in new:
            place = {"kind": given.kind, "model": given.model, "prompt": given.prompt}
            FEEDBACK.labels(**place, action=given.action).inc()
            TENANT_FEEDBACK.labels(tenant=host, **place, action=given.action).inc()
        if new:
            await self._tell(host, month, {(given.kind, given.model, given.prompt) for given in new})
        return len(new)

    async def since(self, host: str, since: datetime | None = None) -> AsyncIterator[Kept]:
        """The entries that were kept at a time or later, oldest first."""
        after = "-" if since is None else str(int(since.timestamp() * 1000))
        while True:
            rows = await self._state.xrange(keys.feedback(host), after, "+", count=PAGE)
            for entry_id, fields in rows:
                at = datetime.fromtimestamp(int(entry_id.partition(b"-")[0]) / 1000, UTC)
                yield Kept(at, _decode(fields[b"data"]))
            if len(rows) < PAGE:
                return
            after = f"({rows[-1][0].decode()}"

    async def acceptance(self, host: str, month: str) -> list[Acceptance]:
        """A month's counts (`2026-11`) by kind, model and prompt version."""
        raw: dict[bytes, bytes] = await self._state.hgetall(keys.feedback_counts(host, month))  # type: ignore[misc]
        found: dict[tuple[str, ...], dict[str, int]] = {}
        for name, value in raw.items():
            *made, action = name.decode().split(SEPARATOR)
            found.setdefault(tuple(made), {})[action] = int(value)
        return [_acceptance(made, counts) for made, counts in sorted(found.items())]

    async def _tell(self, host: str, month: str, made: set[tuple[Kind, str, str]]) -> None:
        """Set the gauges of what has just changed."""
        for entry in await self.acceptance(host, month):
            place = (entry.kind, entry.model, entry.prompt)
            if place in made and entry.rate is not None:
                labels = dict(zip(("kind", "model", "prompt"), place, strict=True))
                TENANT_ACCEPTANCE.labels(tenant=host, **labels).set(entry.rate)


def this_month() -> str:
    """The month (UTC) in which feedback counts now."""
    return f"{datetime.now(UTC):%Y-%m}"


def _field(given: Given, action: str) -> str:
    made = (part.replace(SEPARATOR, "/") for part in (given.kind, given.model, given.prompt))
    return SEPARATOR.join([*made, action])


def _acceptance(made: tuple[str, ...], counts: dict[str, int]) -> Acceptance:
    kind, model, prompt = made
    accepted, shown = sum(counts.get(action, 0) for action in ACCEPTED), counts.get("shown", 0)
    rate = min(1.0, accepted / shown) if shown else None
    return Acceptance(kind=kind, model=model, prompt=prompt, counts=counts, rate=rate)


def _seconds(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds())
