"""Reading Canvases for `/init`: from process memory, or from Redis in a trip that concurrent requests share.

A copy is kept until Redis tells of a change of its Canvas or of its ticket's record (`serve.hits.tracked`), so a newer
Canvas is visible as soon as that word arrives. A change that is told of between the question and the answer spoils the
answer: it is served to who asked before, and not kept. While Redis says nothing the copies stay, to be served as
stale; when a lost connection is there again all of them go.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import msgspec
import structlog

from serve.hits.answer import FROM_MEMORY, Copy
from serve.hits.memory import Memory, Name
from serve.hits.tracked import Tracked
from shared import keys
from shared.canvas_store import decode_canvas
from shared.due_view import state_of_record
from shared.errors import StoreUnavailable
from shared.redis import state_url
from shared.settings import Settings
from shared.tasks import beside

READ_WITHIN_S = 1.0
"""Redis answers in a millisecond; who has waited a thousand times as long is told to come back."""
HOPE_S = 0.3
"""While it is known that Redis does not answer, nobody waits for longer than a connection takes to come back."""
SWEEP_S = 0.02
RECORD = b"*5\r\n$5\r\nHMGET\r\n$%d\r\n%b\r\n$4\r\nwant\r\n$4\r\ndone\r\n$4\r\ndead\r\n"
CANVAS = b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n"
"""The two commands as they go over the wire: put together by `command` they cost 1 µs more a ticket."""

log = structlog.get_logger()


class Read(NamedTuple):
    """A ticket's copy (None: neither Canvas nor tombstone), and where it came from as `Server-Timing` says it.

    `doubtful` says that Redis does not answer, so that there may be a newer one.
    """

    copy: Copy | None
    timing: bytes
    doubtful: bool = False


Found = Callable[[Read | None], None]
"""Gets what was read, or None where Redis does not answer."""


class _Load:
    """One ticket that is being read, and who waits for it."""

    __slots__ = ("began", "hopes", "name", "record", "spoiled", "waiting")

    def __init__(self, name: Name) -> None:
        self.name = name
        self.began = time.monotonic()
        self.hopes = False
        """Nothing was asked yet: Redis did not answer, and may be back in a moment."""
        self.record: Sequence[bytes | None] = ()
        self.spoiled = False
        self.waiting: list[Found] = []


class CanvasReads:
    """Reads of all tenants; the tenant is part of every call."""

    def __init__(self, memory: Memory[Copy], state: str, cache: str | None) -> None:
        """`state` and `cache` are URLs; `cache` None says that one server plays both roles."""
        self._memory = memory
        self._loads: dict[Name, _Load] = {}
        self._open: dict[_Load, None] = {}
        self.state = Tracked(state, self._changed)
        self.cache = Tracked(cache, self._changed) if cache else self.state

    @property
    def trusted(self) -> bool:
        """Whether the copies are what Redis holds."""
        return self.state.trusted and self.cache.trusted

    @property
    def alive(self) -> bool:
        """Whether Redis answers."""
        return self.state.alive and self.cache.alive

    @property
    def memory(self) -> dict[str, Any]:
        """What `/health` says of the copies."""
        refused = self.state.refused or self.cache.refused
        kept = {"copies": len(self._memory), "bytes": self._memory.bytes}
        if refused:
            return {"ready": False, "reason": f"Redis tells nothing of changes ({refused}): nothing is kept"} | kept
        return {"ready": self.trusted} | ({} if self.trusted else {"reason": "Redis does not answer"}) | kept

    def remembered(self, host: str, ticket_id: int) -> Copy | None:
        """The copy in memory, if it is what Redis holds."""
        return self._memory.get((host, ticket_id)) if self.state.trusted and self.cache.trusted else None

    async def read(self, host: str, ticket_id: int) -> Read:
        """A ticket's Canvas or tombstone and how it stands, from memory or from Redis.

        Raises:
            StoreUnavailable: there is no copy, and Redis does not answer.
        """
        copy = self._memory.get((host, ticket_id))
        if copy is not None:
            return Read(copy, FROM_MEMORY, doubtful=not self.trusted)
        answer: asyncio.Future[Read | None] = asyncio.get_running_loop().create_future()
        self.ask(host, ticket_id, lambda read: None if answer.done() else answer.set_result(read))
        read = await answer
        if read is None:
            raise StoreUnavailable
        return read

    def ask(self, host: str, ticket_id: int, found: Found) -> None:
        """Read a ticket from Redis, or join who does so already; `found` must not raise."""
        name = host, ticket_id
        load = self._loads.get(name)
        if load is not None and not load.spoiled:
            load.waiting.append(found)
            return
        load = self._loads[name] = _Load(name)
        load.waiting.append(found)
        self._open[load] = None
        if self.alive:
            self._ask(load)
        else:
            load.hopes = True

    def _ask(self, load: _Load) -> None:
        key = keys.record(*load.name).encode()
        record = RECORD % (len(key), key)
        # The record first: a run that ends in between makes a current Canvas look stale, never an old one current.
        if self.cache is self.state:
            self.state.ask(record + _get_canvas(load), partial(self._has_record, load), partial(self._has_canvas, load))
        else:
            self.state.ask(record, partial(self._has_record, load))

    def _has_record(self, load: _Load, found: Any) -> None:
        if isinstance(found, Exception):
            self._fail(load, found)
            return
        load.record = found
        if self.cache is not self.state:
            self.cache.ask(_get_canvas(load), partial(self._has_canvas, load))

    def _has_canvas(self, load: _Load, found: Any) -> None:
        """In the very callback of the answer, so that no change can come between it and the memory."""
        if not load.record:  # it could not be read, and whoever waits was told
            return
        if isinstance(found, Exception):
            self._fail(load, found)
            return
        try:
            copy = None if found is None else Copy(decode_canvas(found), *state_of_record(*load.record))
        except (msgspec.DecodeError, ValueError) as error:
            self._fail(load, error)
            return
        if copy is not None and not copy.stored.tombstone and not load.spoiled and self.trusted:
            self._memory.put(load.name, copy)
        self._end(load, Read(copy, b"redis;dur=%.2f" % ((time.monotonic() - load.began) * 1000)))

    def _fail(self, load: _Load, error: Any) -> None:
        self._end(load, None)
        if not isinstance(error, OSError):
            log.warning("a Canvas could not be read", reason=type(error).__name__)

    def _end(self, load: _Load, read: Read | None) -> None:
        if self._loads.get(load.name) is load:
            del self._loads[load.name]
        self._open.pop(load, None)
        waiting, load.waiting = load.waiting, []
        for found in waiting:
            found(read)

    def _changed(self, names: Sequence[bytes] | None) -> None:
        if names is None:
            self._memory.clear()
            for load in self._open:
                load.spoiled = True
            return
        for key in names:
            of_ticket = keys.OF_TICKET.fullmatch(key)
            if of_ticket is None:
                continue
            name = of_ticket[1].decode(), int(of_ticket[2])
            self._memory.drop(name)
            changed = self._loads.get(name)
            if changed is not None:
                changed.spoiled = True

    async def _sweep(self) -> None:
        """End the waits that are over; one timer for all costs a read nothing."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for load in list(self._open):
                if load.hopes and self.alive:
                    load.hopes = load.spoiled = False
                    self._ask(load)
                elif now - load.began > (HOPE_S if load.hopes else READ_WITHIN_S):
                    self._fail(load, TimeoutError())


def _get_canvas(load: _Load) -> bytes:
    key = keys.canvas(*load.name).encode()
    return CANVAS % (len(key), key)


@asynccontextmanager
async def canvas_reads(settings: Settings, memory_bytes: int) -> AsyncIterator[CanvasReads]:
    """Open the connections for reads, one for each server, and close them at the end."""
    cache = settings.redis_cache_url.get_secret_value() if settings.redis_cache_url else None
    reads = CanvasReads(Memory(memory_bytes), state_url(settings), cache)
    async with AsyncExitStack() as stack:
        for tracked in {id(one): one for one in (reads.state, reads.cache)}.values():
            await stack.enter_async_context(tracked)
        await stack.enter_async_context(beside(reads._sweep()))  # noqa: SLF001
        yield reads
