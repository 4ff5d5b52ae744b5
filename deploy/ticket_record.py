"""What the ledger knows of one ticket, in words: for an operator who asks why a Canvas is old or absent."""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.errors import CanvasError

State = Literal["current", "due", "waiting", "running", "dead"]

MEANINGS = {
    "": "each attempt ended without a word: the workers' log may know more",
    "worker-lost": "each attempt lost its worker: killed, out of memory, or restarted",
    "partial": "a stage failed on this ticket each time; its Canvas is there, and incomplete",
    "degraded": "a stage failed on this ticket each time; its Canvas is there, and incomplete",
    "internal": "a bug of ours: the workers' log has `run failed` with the place",
    "transient": "something did not answer for a day",
    "freshdesk-refused": "Freshdesk refuses the stored API key: `canvas tenant add` with a new one, then replay",
    "freshdesk-inaccessible": "the agent of the stored API key may not see this ticket, or it is gone",
    "freshdesk-rejected": "Freshdesk calls our request invalid: a bug of ours, or a feature that the account lacks",
    "freshdesk-unavailable": "Freshdesk did not answer for a day, or answered with an error page",
    "freshdesk-limited": "the account's API calls were used up for a day",
    "stage-failed": "a model, the embedding or the vector store failed for a day",
    "store-unavailable": "Redis did not answer, or refused to write",
}
"""What an error code means for a ticket that was given up."""


class TicketRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One ticket in the ledger; None and "" where there is nothing.

    `changes` were marked so far, `computed` is the last of them that a Canvas (or a tombstone) has read; `revision` is
    Freshdesk's `updated_at` of the stored Canvas.
    """

    host: str
    ticket_id: int
    state: State
    code: str
    meaning: str
    attempts: int
    lane: str
    changes: int
    computed: int
    due_since: datetime | None
    dead_since: datetime | None
    next_attempt: datetime | None
    failing_since: datetime | None
    last_change: datetime | None
    revision: datetime | None
    recipe: str
    run: str


def meaning(code: str) -> str:
    """What an error code means, in words that say what to do where something can be done."""
    return MEANINGS.get(code) or _titles().get(code) or "see the workers' log"


def _titles() -> dict[str, str]:
    found, classes = {}, [CanvasError]
    while classes:
        error = classes.pop()
        found[error.code] = error.title
        classes += error.__subclasses__()
    return found


async def read_record(state: Redis, host: str, ticket_id: int) -> TicketRecord | None:
    """The record of a ticket, or None if it was never due in the last half year."""
    async with state.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(keys.record(host, ticket_id))
        pipe.exists(keys.lease(host, ticket_id))
        for place in (keys.due(host), keys.dead(host), keys.turn(host, "live"), keys.turn(host, "backfill")):
            pipe.zscore(place, str(ticket_id))
        (seconds, _), row, held, due, dead, *turns = await pipe.execute()
    if not row:
        return None
    record = {name.decode(): value.decode() for name, value in row.items()}
    turn = next((at for at in turns if at is not None), None)
    code = record.get("error", "")
    return TicketRecord(
        host=host,
        ticket_id=ticket_id,
        state=_state(due, dead, turn, held=bool(held), now_ms=seconds * 1000),
        code=code,
        meaning=meaning(code) if code or dead is not None else "",
        attempts=int(record.get("attempts", 0)),
        lane=record.get("lane", ""),
        changes=int(record.get("want", 0)),
        computed=int(record.get("done", 0)),
        due_since=_moment(due),
        dead_since=_moment(dead),
        next_attempt=_moment(turn),
        failing_since=_moment(record.get("failing_since")),
        last_change=_moment(record.get("last_due")),
        revision=_moment(int(record.get("revision", 0)) or None),  # 0: Freshdesk does not know the ticket
        recipe=record.get("recipe", ""),
        run=record.get("run", ""),
    )


def _state(due: float | None, dead: float | None, turn: float | None, *, held: bool, now_ms: int) -> State:
    if dead is not None:
        return "dead"
    if held:
        return "running"
    if due is None:
        return "current"
    return "waiting" if turn is not None and turn > now_ms else "due"


def _moment(ms: str | float | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(float(ms) / 1000, UTC)
