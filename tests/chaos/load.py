"""Changes of tickets, and the webhooks that tell of them: what is sent when, and how Freshdesk's persistence is played.

Webhooks go over a few kept connections that speak just enough HTTP: the sender shares two cores with what it tests.
What is not answered with 202 is sent again until it is, sooner than Freshdesk would.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import msgspec

from ingest.webhooks import SECRET_HEADER

CONNECTIONS = 16
ANSWER_S = 10.0
RETRY_S = 0.25
BURST_GAP_S = (0.0, 0.25)
"""Changes of one burst lie this far apart: some come before, some during and some after the run of the first one."""


class Change(NamedTuple):
    """One change of a ticket, `at` seconds after the load began."""

    at: float
    ticket: int


def schedule(random: Random, changes: int, tickets: int, seconds: float) -> list[Change]:
    """`changes` of `tickets`, in bursts of 1 to 5 of one ticket; every ticket changes, and the order is by time."""
    planned: list[Change] = []
    order = list(range(tickets))
    random.shuffle(order)
    while len(planned) < changes:
        ticket = order.pop() if order else random.randrange(tickets)
        at = random.uniform(0, seconds)
        for _ in range(min(random.choice((1, 1, 2, 3, 5)), changes - len(planned))):
            planned.append(Change(min(at, seconds), ticket))
            at += random.uniform(*BURST_GAP_S)
    return sorted(planned)


@dataclass
class Sent:
    """What became of the webhooks: the highest generation accepted for each ticket, and how often it was refused.

    The last one was accepted at `last_at` (s, monotonic), which is `last_ms` since the epoch.
    """

    accepted: int = 0
    refused: int = 0
    last_at: float = 0.0
    last_ms: float = 0.0
    generations: dict[tuple[str, int], int] = field(default_factory=dict)


class Sender:
    """Sends webhooks until they are accepted."""

    def __init__(self, port: int, secret: Callable[[str], str]) -> None:
        self._port = port
        self._secret = secret
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self._idle.put_nowait(None)
        self.sent = Sent()

    async def send(self, host: str, ticket_id: int) -> None:
        """Send one, again and again until it is accepted."""
        body = f'{{"ticket_id":"{ticket_id}","event":"{{ticket_action:update}}"}}'
        while True:
            status, answer = await self._post(host, body)
            if status == 202:
                break
            self.sent.refused += 1
            await asyncio.sleep(RETRY_S)
        key = (host, ticket_id)
        self.sent.generations[key] = max(
            self.sent.generations.get(key, 0), int(msgspec.json.decode(answer)["generation"])
        )
        self.sent.accepted += 1
        self.sent.last_at, self.sent.last_ms = time.monotonic(), time.time() * 1000

    async def _post(self, host: str, body: str) -> tuple[int, bytes]:
        """Status and body, 0 where there was no answer."""
        connection = await self._idle.get()
        try:
            async with asyncio.timeout(ANSWER_S):
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = connection
                head = f"POST /webhooks/freshdesk/{host} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                head += f"{SECRET_HEADER}: {self._secret(host)}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body.encode())
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                content = await reader.readexactly(length)
        except (OSError, EOFError, TimeoutError):
            _close(connection)
            connection = None
            return 0, b""
        else:
            return int(answer[9:12]), content
        finally:
            self._idle.put_nowait(connection)

    def close(self) -> None:
        """Close all connections."""
        while not self._idle.empty():
            _close(self._idle.get_nowait())


def _close(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if connection is not None:
        connection[1].close()


@asynccontextmanager
async def sender(port: int, secret: Callable[[str], str]) -> AsyncIterator[Sender]:
    """A sender, closed at the end."""
    made = Sender(port, secret)
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0)


async def play(changes: Sequence[Change], change: Callable[[int], Awaitable[None]]) -> None:
    """Call `change` with each ticket at its time; returns when every call has returned."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for planned in changes:
            wait = began + planned.at - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.create_task(_call(change, planned.ticket))


async def _call(change: Callable[[int], Awaitable[None]], ticket: int) -> None:
    await change(ticket)


async def repeat_each(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Act at a steady rhythm until cancelled."""
    began, times = time.monotonic(), 0
    while True:
        times += 1
        await asyncio.sleep(max(0.0, began + times * seconds - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            await act()
