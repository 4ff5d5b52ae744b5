"""Many streams of which some stop reading and some vanish: bounded memory, released within seconds, nobody waits.

One run pours words to all of them; the scenario plays its worker. What serve notes about itself is judged: its memory,
its open streams, and how late its event loop is while it sheds those who do not read.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shared.due import Claim, DueLedger, Ending
from shared.run_log import Event, RunLog
from tests.chaos.child import JOURNAL
from tests.chaos.history import Findings
from tests.chaos.journal import read_journal
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.scenarios.viewers import UNLIMITED, servers
from tests.chaos.world import HOSTS, World, world
from tests.waiting import wait_until
from tests.world import ADMIN_KEY

SHARE = 0.2
"""Of the streams, this share stops reading, and as many vanish."""
FLOOD_BYTES = 600_000
"""More than the buffers between serve and a client that does not read, which has a small one of its own."""
EVENT_BYTES = 2_000
WORDS_S = 4.0
RELEASED_S = 5.0
BUSY_S = 20.0
"""The same beside other tests, which may have both cores for a while."""
GROWTH_MB = 100.0
LAG_MS = 50.0


@dataclass(frozen=True)
class Size:
    """How many streams there are; `strict` judges seconds and the event loop's lag: the machine must be idle."""

    streams: int
    strict: bool


FULL = Size(streams=500, strict=True)
SMALL = Size(streams=100, strict=False)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Open the streams, let two fifths of them fail their server in either way, and pour."""
    async with world(folder, seed, hosts=HOSTS[:1], environment=UNLIMITED) as made, servers(made, 1) as running:
        url = httpx.URL(next(iter(running)))
        made.add_tickets(1)
        claim = await _claimed(made)
        async with streams(url, claim, size.streams) as opened:
            await wait_until(lambda: _last(made)["streams"] == size.streams, 30)
            before = _last(made)
            bad = int(size.streams * SHARE)
            vanishing, stalled, reading = opened[:bad], opened[bad : 2 * bad], opened[2 * bad :]
            async with asyncio.TaskGroup() as group:
                ends = [group.create_task(_read(stream)) for stream in reading]
                began = time.monotonic()
                for stream in vanishing:
                    stream.close()
                words = group.create_task(_pour(made, claim))
                await wait_until(lambda: _last(made)["streams"] <= len(reading), 60)
                released = _last(made)["at"] - began
                await words
            read = [end.result() for end in ends]
        await wait_until(lambda: _last(made)["streams"] == 0, 30)
        noted = [note for note in _health(made) if note["at"] >= before["at"]]
    return _judged(size, before, noted, released, read, len(stalled))


def _judged(
    size: Size, before: dict[str, Any], noted: Sequence[dict[str, Any]], released: float, read: list[int], stalled: int
) -> Outcome:
    late = sorted(late for note in noted for late in note["late_ms"])
    growth = max(note["rss_mb"] for note in noted) - before["rss_mb"]
    lag = late[int(len(late) * 0.99)]
    figures = {
        "streams": size.streams,
        "stalled": stalled,
        "growth_mb": growth,
        "released_s": released,
        "lag_p50_ms": late[len(late) // 2],
        "lag_p99_ms": lag,
        "lag_max_ms": late[-1],
    }
    return outcome(
        figures,
        Findings(),
        readers_have_it_all=set(read) == {max(read)} and max(read) > FLOOD_BYTES,
        growth_is_bounded=growth <= GROWTH_MB,
        released_in_time=released <= (RELEASED_S if size.strict else BUSY_S),
        loop_is_free=lag < LAG_MS or not size.strict,
    )


async def _claimed(made: World) -> Claim:
    ledger, (host, ticket_id) = DueLedger(made.redis), made.tickets[0]
    await ledger.open_run(host, ticket_id, now=True)
    claim = await ledger.claim(host, ticket_id)
    assert claim is not None
    return claim


async def _pour(made: World, claim: Claim) -> None:
    """More than the buffers hold in the first second, then a word now and then, then the end."""
    log, word = RunLog(made.redis), {"text": "x" * EVENT_BYTES}
    pieces = FLOOD_BYTES // EVENT_BYTES
    for _ in range(20):
        await log.append(claim, [(Event.SUMMARY_DELTA, word)] * (pieces // 20))
        await asyncio.sleep(0.04)
    until = time.monotonic() + WORDS_S
    while time.monotonic() < until:
        await log.append(claim, [(Event.SUMMARY_DELTA, {"text": "a few words"})])
        await asyncio.sleep(0.1)
    await DueLedger(made.redis).settle(claim, Ending(satisfied=True, event=Event.DONE, data=b"{}"))


@asynccontextmanager
async def streams(url: httpx.URL, claim: Claim, count: int) -> AsyncIterator[list[socket.socket]]:
    """Streams of one run, asked for and not read yet; their sockets take little."""
    loop, opened = asyncio.get_running_loop(), []
    lines = [f"GET /runs/{claim.run_id} HTTP/1.1", "Host: x", f"X-Freshdesk-Domain: {claim.host}"]
    request = "\r\n".join([*lines, f"X-Freshdesk-API-Key: {ADMIN_KEY}{claim.host}", "", ""]).encode()
    try:
        for _ in range(count):
            opened.append(socket.socket())
            opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            opened[-1].setblocking(False)
            await loop.sock_connect(opened[-1], (url.host, url.port))
            await loop.sock_sendall(opened[-1], request)
        yield opened
    finally:
        for stream in opened:
            stream.close()


async def _read(stream: socket.socket) -> int:
    """Read to the end; returns how many bytes the words took."""
    loop, size, tail = asyncio.get_running_loop(), 0, b""
    while b"event: done" not in tail:
        chunk = await loop.sock_recv(stream, 1 << 16)
        assert chunk, "cut"
        size += chunk.count(b"x")
        tail = (tail + chunk)[-200:]
    return size


def _health(made: World) -> list[dict[str, Any]]:
    return [note for note in read_journal(Path(made.environment[JOURNAL])) if note["what"] == "health"]


def _last(made: World) -> dict[str, Any]:
    notes = _health(made)
    return notes[-1] if notes else {"streams": 0, "rss_mb": 0.0, "at": 0.0}
