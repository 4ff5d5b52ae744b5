"""Followers of runs: one blocked reader per process for all of them, one copy of a run's events for all its followers.

A follower is an index into the run's list of entries, so a slow one costs nothing, and one that comes back resumes by
id. The reader's connection waits on every followed stream at once; a new run pulls it out of its wait by a write to a
stream of the process's own.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared import keys
from shared.errors import RunMissing
from shared.problems import store_answers
from shared.run_log import Entry, RunLog, parse_entry
from shared.tasks import stop

BLOCK_MS = 2000
"""Below the socket's time-out, or a quiet stream would look like a dead server."""
READ_COUNT = 500
RETRY_S = 0.2
HEARTBEAT_S = 15.0
ENTRY_ID = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")
"""Two numbers of 64 bits; Python refuses to read one of more than 4,300 digits at all."""

log = structlog.get_logger()


def entry_order(entry_id: str) -> tuple[int, int]:
    """The order of stream ids `<ms>-<sequence>`; anything else sorts first, so that a bad id resumes from the start."""
    match = ENTRY_ID.fullmatch(entry_id)
    return (int(match[1]), int(match[2])) if match else (0, 0)


@dataclass
class Followed:
    """A run that at least one follower watches: its entries so far, and the event that says there are more."""

    host: str
    run_id: str
    entries: list[Entry] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)
    followers: int = 0

    @property
    def key(self) -> str:
        """The stream's key."""
        return keys.run(self.host, self.run_id)

    @property
    def last_id(self) -> str:
        """The id after which to read on."""
        return self.entries[-1].id if self.entries else "0-0"

    @property
    def ended(self) -> bool:
        """Whether the final entry is there."""
        return bool(self.entries) and self.entries[-1].final

    def add(self, new: list[Entry]) -> None:
        """Append what is newer than the last entry, and wake the followers."""
        newest = entry_order(self.last_id)
        self.entries.extend(entry for entry in new if entry_order(entry.id) > newest)
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class RunFollowers:
    """Follows runs for any number of clients over one Redis connection; use as an async context manager."""

    def __init__(self, state: Redis, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._state = state
        self._heartbeat_s = heartbeat_s
        self._runs: dict[str, Followed] = {}
        self._wake_key = keys.wake(secrets.token_hex(8))
        self._wake_id = "0-0"
        self._reader: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read_forever())
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._reader is not None:
            await stop(self._reader)

    async def exists(self, host: str, run_id: str) -> bool:
        """Whether there is such a run for this tenant."""
        return keys.run(host, run_id) in self._runs or await RunLog(self._state).exists(host, run_id)

    async def follow(
        self, host: str, run_id: str, after: str = "", heartbeat_s: float | None = None
    ) -> AsyncGenerator[list[Entry]]:
        """Batches of a run's entries after the id `after`, up to the final one; an empty batch is a heartbeat.

        Who has seen the final entry gets it again: the stream must end, and the reader must know why.

        Raises:
            RunMissing: there is no such run for this tenant (before the first batch only).
        """
        run = await self._join(host, run_id)
        try:
            place = self._place(run, after)
            while True:
                changed = run.changed
                batch = run.entries[place:]
                place += len(batch)
                if batch:
                    yield batch
                    if batch[-1].final:
                        return
                    continue
                try:
                    async with asyncio.timeout(heartbeat_s or self._heartbeat_s):
                        await changed.wait()
                except TimeoutError:
                    yield []
        finally:
            self._leave(run)

    @staticmethod
    def _place(run: Followed, after: str) -> int:
        if not after:
            return 0
        seen = entry_order(after)
        place = sum(1 for entry in run.entries if entry_order(entry.id) <= seen)
        return min(place, len(run.entries) - 1) if run.ended else place

    async def _join(self, host: str, run_id: str) -> Followed:
        key = keys.run(host, run_id)
        run = self._runs.setdefault(key, Followed(host, run_id))
        run.followers += 1
        try:
            async with store_answers(), run.loading:
                if not run.entries:
                    await self._load(run)
        except BaseException:
            self._leave(run)
            raise
        return run

    async def _load(self, run: Followed) -> None:
        log_reader = RunLog(self._state)
        backlog: list[Entry] = []
        while True:
            page = await log_reader.read(run.host, run.run_id, backlog[-1].id if backlog else "-", READ_COUNT)
            backlog += page
            if len(page) < READ_COUNT:
                break
        if not backlog:
            raise RunMissing
        run.add(backlog)
        if not run.ended:
            self._idle.set()
            await self._state.xadd(self._wake_key, {"run": "1"}, maxlen=10)
            await self._state.expire(self._wake_key, keys.WAKE_LIFETIME)

    def _leave(self, run: Followed) -> None:
        run.followers -= 1
        if run.followers <= 0:
            self._runs.pop(run.key, None)

    async def _read_forever(self) -> None:
        while True:
            waiting = {run.key: run for run in self._runs.values() if run.entries and not run.ended}
            if not waiting:
                self._idle.clear()
                await self._idle.wait()
                continue
            try:
                await self._read_once(waiting)
            except (RedisError, OSError) as error:
                log.warning("follower reader retries", reason=type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _read_once(self, waiting: dict[str, Followed]) -> None:
        places: dict[Any, Any] = {key: run.last_id for key, run in waiting.items()} | {self._wake_key: self._wake_id}
        answer = await self._state.xread(places, count=READ_COUNT, block=BLOCK_MS)
        for name, rows in answer or []:
            key = name.decode()
            if key == self._wake_key:
                self._wake_id = rows[-1][0].decode()
            else:
                # To the object whose place was asked for: its followers may have left, and others come, meanwhile.
                waiting[key].add([parse_entry(entry_id, fields) for entry_id, fields in rows])
