"""Followers of runs: one blocked reader per process for all of them, one copy of a run's events for all its followers.

The reader's connection waits on every followed stream at once; a new run pulls it out of its wait by a write to a
stream of the process's own. Whoever follows a run that says nothing learns within seconds if there is no worker.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from serve.streams.followed import Followed, entry_order, wake
from serve.streams.silence import Patience, watch_silent
from shared import keys, lifetimes
from shared.errors import RunMissing, StoreUnavailable
from shared.logs import failure
from shared.problems import store_answers
from shared.run_log import Entry, RunLog, parse_entries
from shared.tasks import stop

BLOCK_MS = 2000
"""Below the socket's time-out, or a quiet stream would look like a dead server."""
READ_COUNT = 500
RETRY_S = 0.2
HEARTBEAT_S = 15.0
LOADS_AT_ONCE = 4
"""Connections that followers may take when they come, however many come at once."""
HELD_BYTES = 64 * 1024 * 1024
"""What entries may take in this process: about 1,000 runs of 150 events. Above it, followers that are behind read the
log themselves."""
DEFAULT_PATIENCE = Patience()
WOKEN_AT_ONCE = 25
"""Between so many followers others get their turn: waking one and sending to it takes about 50 µs."""

log = structlog.get_logger()


class Seat(NamedTuple):
    """Where a follower is: its place (None: in a part of the log that is not kept), after the entry `seen`."""

    place: int | None
    seen: str


class RunFollowers:
    """Follows runs for any number of clients over one Redis connection; use as an async context manager."""

    def __init__(
        self,
        state: Redis,
        heartbeat_s: float = HEARTBEAT_S,
        held_bytes: int = HELD_BYTES,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        self._state = state
        self._log = RunLog(state)
        self._heartbeat_s = heartbeat_s
        self._held_bytes = held_bytes
        self._patience = patience
        self._held = 0
        self._runs: dict[str, Followed] = {}
        self._loads = asyncio.Semaphore(LOADS_AT_ONCE)
        self._wake_key = keys.wake(secrets.token_hex(8))
        self._wake_id = "0-0"
        self._wake_sent = False
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self._draining = False

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(_kept_up(job)) for job in (self._read_forever, self._watch_forever)]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for task in self._tasks:
            await stop(task)

    @property
    def followed(self) -> int:
        """How many runs are followed now."""
        return len(self._runs)

    @property
    def held(self) -> int:
        """Bytes that their entries take."""
        return self._held

    def drain(self) -> None:
        """End all streams, those of the future too: the process stops, and whoever follows resumes at another."""
        self._draining = True
        for run in self._runs.values():
            run.wake_all()

    async def exists(self, host: str, run_id: str) -> bool:
        """Whether there is such a run for this tenant."""
        run = self._runs.get(keys.run(host, run_id))
        if run is not None and run.loaded:
            return True
        async with self._loads:
            return await self._log.exists(host, run_id)

    async def follow(
        self, host: str, run_id: str, after: str = "", heartbeat_s: float | None = None
    ) -> AsyncGenerator[list[Entry]]:
        """Batches of a run's entries after the id `after`, up to the final one; an empty batch is a heartbeat.

        Who has seen the final entry gets it again: the stream must end, and the reader must know why. An entry without
        an id stands in no log: `waiting`, where no worker is there. When the process stops it ends without a final one

        Raises:
            RunMissing: there is no such run for this tenant (any more).
            StoreUnavailable: the log can't be read.
        """
        run = await self._join(host, run_id)
        try:
            seat, told = Seat(run.place_after(after), after if entry_order(after) > (0, 0) else "-"), None
            while not self._draining:
                batch, seat = await self._next(run, seat)
                if batch:
                    yield batch
                    if batch[-1].final:
                        return
                elif run.failure is not None:
                    raise run.failure
                elif run.note is not told and run.note is not None:
                    yield [told := run.note]
                elif not await run.changed(heartbeat_s or self._heartbeat_s):
                    yield []
        finally:
            self._leave(run)

    async def _next(self, run: Followed, seat: Seat) -> tuple[list[Entry], Seat]:
        """What comes after a seat, and the seat after that; from Redis where this process has let it go."""
        if seat.place is not None and seat.place >= run.dropped:
            batch = run.batch(seat.place)
            return batch, Seat(seat.place + len(batch), batch[-1].id) if batch else seat
        newest = entry_order(run.read_id)
        async with store_answers(), self._loads:
            page = await self._log.read(run.host, run.run_id, seat.seen, READ_COUNT)
        # What is newer comes from memory, once the reader has it.
        batch = [entry for entry in page if entry_order(entry.id) <= newest]
        if not batch:
            return [], Seat(run.dropped, seat.seen)  # the stream itself has let go of what stood there
        return batch, Seat(run.place_after(batch[-1].id), batch[-1].id)

    async def _join(self, host: str, run_id: str) -> Followed:
        run = self._runs.setdefault(keys.run(host, run_id), Followed(host, run_id))
        run.followers += 1
        try:
            if not run.loaded:
                async with store_answers(), run.loading, self._loads:
                    if not run.loaded:
                        await self._load(run)
        except BaseException:
            self._leave(run)
            raise
        return run

    async def _load(self, run: Followed) -> None:
        while True:
            page = await self._log.read(run.host, run.run_id, run.read_id, READ_COUNT)
            self._add(run, page)
            if len(page) < READ_COUNT:
                break
        if not run.entries:
            raise RunMissing
        run.loaded = True
        if run.waits:
            await self._wake_reader()

    async def _wake_reader(self) -> None:
        self._idle.set()
        if self._wake_sent:
            return  # the reader will look at all runs before it waits again
        self._wake_sent = True
        try:
            async with self._state.pipeline(transaction=False) as pipe:
                pipe.xadd(self._wake_key, {"run": "1"}, maxlen=10)
                pipe.expire(self._wake_key, lifetimes.WAKE_LIFETIME)
                await pipe.execute()
        except BaseException:
            self._wake_sent = False
            raise

    def _add(self, run: Followed, entries: Iterable[Entry]) -> None:
        self._held += run.add(entries)
        if self._held > self._held_bytes:
            for large in sorted(self._runs.values(), key=lambda run: run.size, reverse=True):
                self._held -= large.let_go()
                if self._held <= self._held_bytes // 2:
                    break

    def _leave(self, run: Followed) -> None:
        run.followers -= 1
        if run.followers <= 0 and self._runs.get(run.key) is run:
            del self._runs[run.key]
            self._held -= run.size

    # --- The reader ---

    async def _read_forever(self) -> None:
        async with self._state.client() as connection:
            while True:
                self._wake_sent = False
                waiting = {run.key: run for run in self._runs.values() if run.waits}
                if not waiting:
                    self._idle.clear()
                    await self._idle.wait()
                    continue
                try:
                    await self._read_once(connection, waiting)
                except ResponseError:
                    await self._single_out(waiting.values())

    async def _read_once(self, connection: Redis, waiting: dict[str, Followed]) -> None:
        places: dict[Any, Any] = {key: run.read_id for key, run in waiting.items()} | {self._wake_key: self._wake_id}
        answer = await connection.xread(places, count=READ_COUNT, block=BLOCK_MS)
        changed = []
        for name, rows in answer or []:
            key = name.decode()
            if key == self._wake_key:
                self._wake_id = rows[-1][0].decode()
            else:
                # To the object whose place was asked for: its followers may have left, and others come, meanwhile.
                run = waiting[key]
                self._add_rows(run, rows)
                changed.append(run)
        await _wake_in_turns(changed)

    def _add_rows(self, run: Followed, rows: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        if self._runs.get(run.key) is run:
            self._add(run, parse_entries(rows))
        run.read_id = rows[-1][0].decode()  # also past an entry that can't be read

    async def _single_out(self, waiting: Iterable[Followed]) -> None:
        """Redis refuses to read them together: give up those that it refuses alone."""
        for run in waiting:
            try:
                await self._log.read(run.host, run.run_id, run.read_id, 1)
            except ResponseError as error:
                log.warning("run can't be read", run=run.run_id, reason=type(error).__name__)
                run.failure = StoreUnavailable()
                run.wake_all()
        await asyncio.sleep(RETRY_S)

    async def _watch_forever(self) -> None:
        await watch_silent(self._state, lambda: [run for run in self._runs.values() if run.waits], self._patience)


async def _wake_in_turns(changed: list[Followed]) -> None:
    """Wake the followers of runs, those of a run with few of them first, and let others have their turn in between."""
    for run in sorted(changed, key=lambda run: len(run.sleepers)):
        sleepers = list(run.sleepers)
        for first in range(0, len(sleepers), WOKEN_AT_ONCE):
            for sleeper in sleepers[first : first + WOKEN_AT_ONCE]:
                wake(sleeper, True)
            await asyncio.sleep(0)


async def _kept_up(job: Callable[[], Awaitable[None]]) -> None:
    """Run a job that never ends, again after each failure."""
    while True:
        try:
            await job()
        except (RedisError, OSError) as error:
            log.warning("follower reader retries", reason=type(error).__name__)
            await asyncio.sleep(RETRY_S)
        except Exception as error:  # noqa: BLE001
            # An edge: a bug that one run brings out must not silence all the others.
            log.error("follower task failed", **failure(error))  # noqa: TRY400
            await asyncio.sleep(RETRY_S)
