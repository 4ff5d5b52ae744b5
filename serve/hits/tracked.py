"""One connection to Redis that reads, and hears when something that it has read is changed (client-side caching).

RESP3 brings both over one socket and in order: what changes a value stands behind the answer that had the old one. So
whoever keeps a value in the very callback of its answer can't keep one that was changed meanwhile. Reads of one turn of
the event loop leave in one write, and any number of them are under way at once. A server that refuses RESP3 or CLIENT
TRACKING is read all the same; then nothing may be kept.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import hiredis
import structlog
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url

from shared.tasks import stop

PING_S = 0.25
TRUSTED_S = 1.0
"""So long after a ping was sent that was answered, no change is missed: a server that answers has told all before."""
GIVE_UP_S = 5.0
OF_A_POOL = frozenset({"timeout", "max_connections"})
"""What a URL may say that is no matter of one connection."""
CONNECT_S = 2.0
RETRY_S = 0.1
_INCOMPLETE = object()

Answered = Callable[[Any], None]
"""Gets the answer of one command, or the exception that took its place. Must not raise."""
Changed = Callable[[Sequence[bytes] | None], None]
"""Gets the names of keys that were changed, or None: any of them may be."""

log = structlog.get_logger()


def command(*parts: bytes) -> bytes:
    """A command as it goes over the wire."""
    return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])


class _Wire(asyncio.Protocol):
    """The socket: commands out in one write a turn, answers and news in as they come."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._waiting: deque[Answered] = deque()
        self._leaving: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while True:
            try:
                found = self._reader.gets()
            except hiredis.ProtocolError:
                return self.abort()
            if found is _INCOMPLETE:
                return None
            if isinstance(found, hiredis.PushNotification):
                if found[0] == b"invalidate":
                    self._changed(found[1])
            elif self._waiting:
                self._waiting.popleft()(found)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.closed.set()
        waiting, self._waiting = self._waiting, deque()
        _tell(waiting, "the connection to Redis is lost")

    def ask(self, wire: bytes, *answered: Answered) -> None:
        if self.closed.is_set():
            return _tell(answered, "the connection to Redis is lost")
        if not self._leaving:
            self._loop.call_soon(self._leave)
        self._leaving.append(wire)
        self._waiting += answered
        return None

    async def answer(self, *parts: bytes) -> Any:
        """One command's answer, which may be an error reply."""
        answer = self._loop.create_future()
        self.ask(command(*parts), lambda found: None if answer.done() else answer.set_result(found))
        return await answer

    def _leave(self) -> None:
        leaving, self._leaving = self._leaving, []
        if self._transport is not None:
            self._transport.write(b"".join(leaving))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Tracked:
    """Reads that are told of changes; use as an async context manager, which keeps the connection up."""

    def __init__(self, url: str, changed: Changed) -> None:
        self._url = url
        self._changed = changed
        self._wire: _Wire | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._fresh = -TRUSTED_S
        self._again = False
        self.alive = False
        """The server has answered a ping that was sent less than `TRUSTED_S` ago."""
        self.trusted = False
        """It is, and tells of changes: what was read and not told of as changed is what it holds."""
        self.refused = ""
        """Why the server tells nothing of changes; empty as long as it does."""

    async def __aenter__(self) -> "Tracked":
        with contextlib.suppress(OSError, TimeoutError):  # the keeper goes on trying
            await self._connect()
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            await stop(self._keeper)
        if self._wire is not None:
            self._wire.abort()

    def ask(self, wire: bytes, *answered: Answered) -> None:
        """Send commands (see `command`), as many as `answered`: each gets its answer, or a ConnectionError."""
        if self._wire is None:
            _tell(answered, "no connection to Redis")
        else:
            self._wire.ask(wire, *answered)

    async def _keep(self) -> None:
        """Connect, ask for a sign of life again and again, and connect anew where there is none."""
        while True:
            wire = self._wire
            if wire is None:
                await asyncio.sleep(RETRY_S)
                try:
                    await self._connect()
                except (OSError, TimeoutError) as error:
                    log.debug("no connection for reads", reason=type(error).__name__)
                continue
            sent = self._ping(wire)
            try:
                async with asyncio.timeout(PING_S):
                    await wire.closed.wait()
            except TimeoutError:
                # A timer that comes late says that this process stood still, and nothing about Redis.
                if time.monotonic() - sent < 2 * PING_S:
                    self._look()
                if time.monotonic() - self._fresh < GIVE_UP_S:
                    continue
            wire.abort()
            self._wire = None
            self._fresh = -TRUSTED_S
            self._look()

    def _ping(self, wire: _Wire) -> float:
        sent = time.monotonic()
        wire.ask(command(b"PING"), lambda found: self._answered(wire, found, sent))
        return sent

    def _answered(self, wire: _Wire, found: Any, sent: float) -> None:
        if isinstance(found, Exception):
            return
        self._fresh = max(sent, self._fresh)
        self._look()
        if not self.alive and not self._again:
            # It speaks again: ask at once whether it has said all, instead of at the next turn.
            self._again = True
            self._ping(wire)
        elif self.alive:
            self._again = False

    def _look(self) -> None:
        self.alive = time.monotonic() - self._fresh < TRUSTED_S
        self.trusted = self.alive and not self.refused

    async def _connect(self) -> None:
        """Raises OSError or TimeoutError."""
        # The class knows what the URL may say: TLS, a socket's path, a user, a database.
        options: dict[str, Any] = {**parse_url(self._url)}
        made = options.pop("connection_class", Connection)
        target = made(**{name: value for name, value in options.items() if name not in OF_A_POOL})
        async with asyncio.timeout(CONNECT_S):
            wire = await self._open(target)
            try:
                await self._greet(wire, target)
            except BaseException:
                wire.abort()
                raise
        # Nobody told what happened while there was no connection.
        self._changed(None)
        self._wire, self._fresh, self._again = wire, time.monotonic(), False
        self._look()

    async def _open(self, target: Any) -> _Wire:
        loop = asyncio.get_running_loop()

        def protocol() -> _Wire:
            return _Wire(self._changed)

        if isinstance(target, UnixDomainSocketConnection):
            return (await loop.create_unix_connection(protocol, target.path))[1]
        tls = target.ssl_context.get() if isinstance(target, SSLConnection) else None
        return (await loop.create_connection(protocol, target.host, target.port, ssl=tls))[1]

    async def _greet(self, wire: _Wire, target: Any) -> None:
        """Authenticate, choose the database, and ask to be told of changes.

        Raises:
            ConnectionError: refused, or the connection is lost.
        """
        user = (target.username or "default").encode()
        login = [b"AUTH", user, target.password.encode()] if target.password else []
        found = await wire.answer(b"HELLO", b"3", *login)
        refused = str(found) if isinstance(found, Exception) else ""
        if refused and login:
            _expect(await wire.answer(b"AUTH", *([user] if target.username else []), login[2]))
        if target.db:
            _expect(await wire.answer(b"SELECT", str(target.db).encode()))
        if not refused:
            found = await wire.answer(b"CLIENT", b"TRACKING", b"ON")
            refused = str(found) if isinstance(found, Exception) else ""
        if wire.closed.is_set():
            raise ConnectionError("the connection to Redis is lost")
        if refused and refused != self.refused:
            log.warning("Redis tells nothing of changes: no Canvas is kept in memory", reason=refused)
        self.refused = refused


def _tell(waiting: Iterable[Answered], reason: str) -> None:
    lost = ConnectionError(reason)
    for answered in waiting:
        answered(lost)


def _expect(found: Any) -> None:
    if isinstance(found, Exception):
        raise ConnectionError(str(found))
