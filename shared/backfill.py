"""A tenant's backfill: what is wanted, how it goes, and how it is steered. The work itself is `ingest.backfill`.

The record in Redis is begun by who wants a backfill, written by the worker that has its lease, and read by whoever
watches. Of a tenant one backfill goes on at a time; its host stands in `keys.BACKFILLS` until it has come to an end, so
that another worker goes on where one was killed.
"""

import secrets
import time
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.asked import check_span
from shared.errors import BadInput
from shared.redis import script

DataType = Literal["tickets", "solutions"]
BackfillState = Literal[
    "", "queued", "listing", "indexing", "computing", "paused", "cancelled", "done", "failed", "over_budget"
]
Order = Literal["pause", "resume", "cancel"]
ENDED: frozenset[BackfillState] = frozenset({"done", "failed", "cancelled", "over_budget"})
"""Nothing happens any more; `failed` and `over_budget` go on where they stopped when they are asked for again."""
STANDING_STILL: frozenset[BackfillState] = ENDED | {"paused"}
QUEUED_FOR = timedelta(minutes=1)
"""A backfill that no worker has taken by then is queued again by whoever asks again."""
MINUTE_MS = 60_000


class BackfillOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to bring in, and how.

    Of tickets those that changed at `since` or later and before `until` (None: without bound), in one of `statuses`
    (empty: in any); or, where `ids` are given, exactly those. `reindex` reads and embeds again what is current, texts
    stay; `refresh_summaries` has the texts written again too. At `budget_usd` or `budget_tokens` it stops. `batch` asks
    for texts by the providers' batch interfaces. `archived` also tries every id that no list shows, a call each.
    """

    data_types: list[DataType] = msgspec.field(default_factory=lambda: ["tickets", "solutions"])
    since: datetime | None = None
    until: datetime | None = None
    statuses: list[int] = []
    ids: list[int] = []
    reindex: bool = False
    refresh_summaries: bool = False
    budget_usd: float | None = None
    budget_tokens: int | None = None
    batch: bool = False
    archived: bool = False


EVERYTHING = BackfillOptions()


def check_options(options: BackfillOptions) -> None:
    """Check what somebody asks for.

    Raises:
        BadInput: the times make no sense, or archived tickets are to be narrowed, which no list could do.
    """
    check_span(options.since, options.until)
    if options.archived and (options.since or options.until or options.statuses or options.ids):
        raise BadInput("Archived tickets are found by going through all ids: not by time, status or chosen ids")


class BackfillCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backfill is; `error` says why it has failed. `id` is "" where there is none.

    Of `tickets` that are not `current`, so many are `prepared` (read and indexed) or could not be (`unprepared`); later
    `computed`, `waiting` for another attempt, or `dead`; of those computed, `deferred` ones wait for the texts of a
    provider's batch. `unreached` ids are on no list and were too many to be tried. `canned` responses were found
    (-1: the key may not read them), and no id above `highest`. `tokens` and `cost` (USD) are its texts', `calls` are
    the API calls of its own, `credits` what they cost; `calls_minute` of the account's `calls_limit` credits were used
    within the last minute, by whomever (without a limit: calls of its own). `per_s` tickets a second were done within
    it, and `left_s` seconds are left at that pace (-1: nobody can tell yet). Other times are ms since the epoch, 0
    where there is none yet.
    """

    id: str = ""
    state: BackfillState = ""
    error: str = ""
    asked: str = ""
    articles: int = 0
    canned: int = 0
    missing: int = 0
    listed: int = 0
    highest: int = 0
    current: int = 0
    tickets: int = 0
    prepared: int = 0
    unprepared: int = 0
    computed: int = 0
    waiting: int = 0
    dead: int = 0
    deferred: int = 0
    unreached: int = 0
    tokens: int = 0
    cost: float = 0.0
    calls: int = 0
    credits: int = 0
    per_s: float = 0.0
    left_s: int = -1
    calls_minute: int = 0
    calls_limit: int = 0
    queued_at: int = 0
    started_ms: int = 0
    ended_ms: int = 0

    @property
    def settled(self) -> int:
        """Tickets that are done with, in whatever way."""
        return self.computed + self.waiting + self.dead


class BackfillProgress:
    """Begins, steers and reads one tenant's backfill."""

    def __init__(self, state: Redis, host: str) -> None:
        self._state = state
        self._host = host
        self._key = keys.backfill(host)

    async def want(self, options: BackfillOptions = EVERYTHING) -> tuple[str, bool]:
        """The id of the backfill that goes on, or of a new one, and whether it is new.

        One of the same options that has failed, was paused or came to its budget's end goes on where it stopped, with
        the budget of now.
        """
        begin = script(self._state, "begin_backfill")
        lifetime, patience = lifetimes.BACKFILL_LIFETIME.total_seconds(), QUEUED_FOR.total_seconds()
        args: list[str | int | bytes] = [
            secrets.token_urlsafe(12),
            msgspec.json.encode(options),
            int(lifetime),
            int(patience * 1000),
            msgspec.json.encode(msgspec.structs.replace(options, budget_usd=None, budget_tokens=None)),
        ]
        found, new = await begin(keys=[self._key, keys.backfill_lease(self._host), *self._lists()], args=args)
        await self._call_workers()
        return found.decode(), bool(new)

    async def steer(self, order: Order) -> BackfillState:
        """Pause it, let it go on, or cancel it; returns its state now. Where none goes on nothing happens.

        Whose texts are being written is finished first, so a worker that is at it takes a moment.
        """
        steer = script(self._state, "steer_backfill")
        names = [self._key, keys.backfill_lease(self._host)]
        args = [order, int(lifetimes.BACKFILL_LIFETIME.total_seconds())]
        found: BackfillState = (await steer(keys=names, args=args)).decode()
        if order != "pause":
            await self._call_workers()
        return found

    async def options(self) -> BackfillOptions:
        """What the backfill that was begun last is to bring in."""
        raw: bytes | None = await self._state.hget(self._key, "wanted")  # type: ignore[misc]
        return msgspec.json.decode(raw, type=BackfillOptions) if raw else EVERYTHING

    async def alive(self) -> bool:
        """Whether a worker is at it."""
        return bool(await self._state.exists(keys.backfill_lease(self._host)))

    async def read(self) -> BackfillCounts:
        """The counts now."""
        since = int(time.time() * 1000) - MINUTE_MS
        async with self._state.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._key)
            pipe.zcount(keys.call_log(self._host), since, since + MINUTE_MS)
            pipe.hget(keys.calls(self._host), "total")
            row, minute, limit = await pipe.execute()
        found = {name.decode(): value.decode() for name, value in row.items()}
        most = max(0, int(float(limit or 0)))
        # Without a limit there is no log of calls: what the worker has noted are the backfill's own.
        account = {"calls_limit": most} | ({"calls_minute": minute} if most else {})
        return msgspec.convert(found | account, BackfillCounts, strict=False)

    async def _call_workers(self) -> None:
        # Not in the script: this key is of no tenant, so it may lie in another slot. Who asks again repairs it.
        await self._state.zadd(keys.BACKFILLS, {self._host: int(time.time() * 1000)})

    def _lists(self) -> list[str]:
        kinds = ("pending", "indexed", "given", "requesters")
        return [keys.backfill_list(self._host, kind) for kind in kinds]


async def note_spent(state: Redis, host: str, tokens: int, cost: float) -> None:
    """Add what the texts of one of its tickets have cost, if a backfill's record is there."""
    if tokens or cost:
        spend = script(state, "backfill_spent")
        await spend(keys=[keys.backfill(host)], args=[tokens, repr(cost)])
