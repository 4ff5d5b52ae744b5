"""The history of a run, and what must be true of it: the invariants of a system that loses nothing.

The commits stand in a stream in the order in which they took effect (`tests.chaos.recording`). A commit's version is
(revision, generation): Freshdesk's `updated_at`, cut to the second, and the number of changes that the run had claimed.
Freshdesk shows two changes of one second with one revision, so the pair must rise, not the revision alone.

    I1  every accepted webhook's generation is at most the final `done` of its ticket
    I2  the versions committed for a ticket strictly rise, and none is committed twice
    I3  the Canvas at the end is the one of the ticket's last state, and of its own account
    I6  every key has a lifetime or is one of the permanent ones
    I7  no lease is left when nothing is due, and none outlives its time
    I8  nothing is due, queued or held at rest, and nothing is given up that is not poisoned

What counts as a duplicate. A worker that is killed after its commit and before its settlement leaves the ticket due;
the next one computes the same version again. It may do so (the work is lost time), but it must not write it again: who
reads Canvases would see a new one for no change. The same bytes written again are no duplicate but redis-py's retry of
a write whose answer was lost; they are counted apart. Neither is it one when a Canvas that lacked a part is healed.

I4 (vectors) is checked with I3: the revision of a ticket's point. I5 (tenants) needs other requests than webhooks: see
`tests/test_isolation.py`.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.canvas_store import HEAD_BYTES, REVISION_BYTES, CanvasStore
from shared.models import Canvas
from tests.chaos.recording import CLAIMS, COMMITS, SETTLES
from tests.conftest import leaked_keys

PAGE = 5000
EXAMPLES = 3
EVENTS = 8
KEY = re.compile(r"pc:\{(?P<host>[^}]+)\}:\w+:(?P<ticket>\d+)")
Ticket = tuple[str, int]
State = tuple[str, datetime]
"""What a Canvas of a ticket's last state says: the summary, and the revision."""


@dataclass(frozen=True)
class Commit:
    """A Canvas that took effect; `digest` is of its bytes, `at` in ms since the epoch by the server's clock.

    `generation` is as it stands in the head: ten times the number of changes, and a digit for how complete it is.
    """

    ticket: Ticket
    revision_ms: int
    generation: int
    digest: str
    ready: bool
    at: int

    @property
    def version(self) -> tuple[int, int]:
        """What must rise."""
        return self.revision_ms, self.generation


@dataclass(frozen=True)
class Settlement:
    """A run that ended: `result` is the ledger's word, `at` in ms since the epoch."""

    ticket: Ticket
    generation: int
    token: str
    result: str
    at: int


@dataclass(frozen=True)
class Claimed:
    """A run that began."""

    ticket: Ticket
    token: str
    attempt: int
    at: int


@dataclass
class Findings:
    """What is wrong, by its name in the printed line; `examples` are a few tickets of each."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, found: Iterable[str]) -> None:
        """Note what was found under a name, 0 included."""
        listed = list(found)
        self.counts[name] = self.counts.get(name, 0) + len(listed)
        if listed:
            self.examples.setdefault(name, []).extend(listed[:EXAMPLES])

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.counts.values())


@dataclass(frozen=True)
class History:
    """Everything on record."""

    commits: list[Commit]
    settlements: list[Settlement]
    claims: list[Claimed]

    def versions(self) -> dict[Ticket, list[Commit]]:
        """The commits of each ticket, in order, without the repeated writes of one and the same Canvas."""
        found: dict[Ticket, list[Commit]] = {}
        for commit in self.commits:
            of_ticket = found.setdefault(commit.ticket, [])
            if not of_ticket or of_ticket[-1].digest != commit.digest:
                of_ticket.append(commit)
        return found

    def last_settled(self, since_ms: float) -> list[str]:
        """What happened to the ticket that was settled last, in seconds from a moment (ms since the epoch)."""
        if not self.settlements:
            return []
        ticket = max(self.settlements, key=lambda settled: settled.at).ticket
        events = [(claim.at, f"claim {claim.attempt}") for claim in self.claims if claim.ticket == ticket]
        events += [(settled.at, settled.result) for settled in self.settlements if settled.ticket == ticket]
        events += [(commit.at, "commit") for commit in self.commits if commit.ticket == ticket]
        told = [f"{(at - since_ms) / 1000:+.2f} {event}" for at, event in sorted(events)[-EVENTS:]]
        return [f"{ticket}: {', '.join(told)}"]

    def repeats(self) -> int:
        """How many writes were one Canvas once more."""
        return len(self.commits) - sum(len(commits) for commits in self.versions().values())

    def duplicates(self) -> list[str]:
        """Versions that were committed again, with other bytes, although there was nothing to heal."""
        found = []
        for ticket, commits in self.versions().items():
            seen: set[tuple[int, int]] = set()
            for commit in commits:
                if commit.version in seen:
                    found.append(f"{ticket} {commit.version}")
                if commit.ready:
                    seen.add(commit.version)
        return found

    def falls(self) -> list[str]:
        """Commits that are older than the one before them."""
        return [
            f"{ticket} {older.version} then {newer.version}"
            for ticket, commits in self.versions().items()
            for older, newer in pairwise(commits)
            if newer.version < older.version
        ]


async def read_history(redis: Redis) -> History:
    """The record of the chaos workers' scripts."""
    commits = [
        Commit(
            _ticket(row[b"key"]),
            int(row[b"arg1"][:REVISION_BYTES]),
            int(row[b"arg1"][REVISION_BYTES:HEAD_BYTES]),
            row[b"digest"].decode(),
            row[b"ready"] == b"1",
            int(row[b"at"]),
        )
        async for row in _rows(redis, COMMITS)
        if row[b"answer"] == b"written"
    ]
    settlements = [
        Settlement(
            _ticket(row[b"key"]), int(row[b"arg3"]), row[b"arg2"].decode(), row[b"answer"].decode(), int(row[b"at"])
        )
        async for row in _rows(redis, SETTLES)
    ]
    claims = [
        Claimed(_ticket(row[b"key"]), row[b"arg2"].decode(), int(row[b"answer"].split()[3]), int(row[b"at"]))
        async for row in _rows(redis, CLAIMS)
        if row[b"answer"].startswith(b"run ")
    ]
    return History(commits, settlements, claims)


async def check(
    redis: Redis, history: History, expected: Mapping[Ticket, State], accepted: Mapping[Ticket, int], dead: int = 0
) -> Findings:
    """Check the invariants at rest.

    `expected` is each ticket's last state, `accepted` the highest generation that a 202 has named for it, `dead` how
    many tickets must have been given up.
    """
    findings = Findings()
    findings.add("unrecorded", [] if history.commits or not expected else ["no commit is on record"])
    findings.add("stale", [text async for text in _stale(redis, expected)])
    findings.add("lost", [text async for text in _undone(redis, accepted)])
    findings.add("duplicates", history.duplicates())
    findings.add("falls", history.falls())
    findings.add("left", [text async for text in _left_over(redis, {host for host, _ in expected}, dead)])
    return findings


async def _stale(redis: Redis, expected: Mapping[Ticket, State]) -> AsyncIterator[str]:
    canvases = CanvasStore(redis)
    for (host, ticket_id), (text, revision) in expected.items():
        stored = await canvases.get(host, ticket_id)
        canvas = msgspec.json.decode(stored.body, type=Canvas) if stored is not None and stored.body else None
        if canvas is None or canvas.summary is None:
            yield f"{host} {ticket_id}: nothing in place of {text!r}"
        elif (canvas.summary.text, canvas.revision, canvas.status) != (text, revision, "ready"):
            found = f"{canvas.summary.text!r} {canvas.revision} {canvas.status}"
            yield f"{host} {ticket_id}: {found} in place of {text!r} {revision}"


async def _undone(redis: Redis, accepted: Mapping[Ticket, int]) -> AsyncIterator[str]:
    for (host, ticket_id), generation in accepted.items():
        done = int(await redis.hget(keys.record(host, ticket_id), "done") or 0)  # type: ignore[misc]
        if done < generation:
            yield f"{host} {ticket_id}: accepted {generation}, done {done}"


async def _left_over(redis: Redis, hosts: Iterable[str], dead: int) -> AsyncIterator[str]:
    async for key in leaked_keys(redis):
        if not key.startswith("chaos:"):
            yield f"{key} has no lifetime"
    given_up = 0
    for host in hosts:
        given_up += await redis.zcard(keys.dead(host))
        for name in (keys.due(host), *_places(host)):
            if count := await redis.zcard(name):
                yield f"{name} holds {count}"
        async for key in redis.scan_iter(match=f"{keys.lease(host, 0)[:-1]}*", count=1000):
            yield f"{key.decode()} is left, for {await redis.pttl(key)} ms"
    if given_up != dead:
        yield f"{given_up} tickets are given up instead of {dead}"


def _places(host: str) -> list[str]:
    """Where else the ledger keeps due tickets: sorted sets beside `due`."""
    beside = keys.due(host).removesuffix("due")
    return [beside + name for name in ("held", "turn:live", "turn:backfill", "out:live", "out:backfill")]


def _ticket(key: bytes) -> Ticket:
    found = KEY.fullmatch(key.decode())
    assert found is not None, key
    return found["host"], int(found["ticket"])


async def _rows(redis: Redis, stream: str) -> AsyncIterator[dict[bytes, bytes]]:
    after = "-"
    while True:
        page = await redis.xrange(stream, after, "+", count=PAGE)
        for entry, row in page:
            yield row
            after = f"({entry.decode()}"
        if len(page) < PAGE:
            return
