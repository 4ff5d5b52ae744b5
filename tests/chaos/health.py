"""How a process fares, noted by itself: memory, open streams, and how late its event loop is."""

import asyncio
import re
import time
from pathlib import Path

from shared.metrics import STREAMS_OPEN
from tests.chaos.journal import Journal

NOTE_EVERY_S = 0.1
TICK_S = 0.01


async def note_health(journal: Journal) -> None:
    """Note it every tenth of a second, for ever; `late_ms` is how late each tick of 10 ms came."""
    late: list[float] = []
    noted = time.monotonic()
    while True:
        due = time.monotonic() + TICK_S
        await asyncio.sleep(TICK_S)
        now = time.monotonic()
        late.append(round((now - due) * 1000, 2))
        if now - noted >= NOTE_EVERY_S:
            journal.note("health", rss_mb=rss_mb(), streams=_open_streams(), late_ms=late)
            late, noted = [], now


def rss_mb() -> float:
    """The memory of this process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _open_streams() -> int:
    return int(sum(sample.value for metric in STREAMS_OPEN.collect() for sample in metric.samples))
