"""Start a backfill and show how it goes: a progress bar on a terminal, plain lines elsewhere."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.context import ReceiverContext
from shared import keys
from shared.errors import CanvasError

LOOK_EVERY_S = 0.1
PLAIN_EVERY_S = 5.0


@dataclass(frozen=True)
class BackfillResult:
    """What a finished backfill did: tickets computed, tickets that were current, articles, and how long it took."""

    tickets: int
    current: int
    articles: int
    took: timedelta


async def watch_backfill(context: ReceiverContext, host: str, console: Console | None = None) -> BackfillResult:
    """Start a backfill of a tenant and wait until every ticket that it found is computed.

    Raises:
        CanvasError: it stopped; what it did so far is kept.
    """
    console = console or Console(stderr=True)
    started = time.monotonic()
    await context.redis.state.delete(keys.backfill(host))
    await context.queue.backfill(host, f"{time.time():.3f}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        index = bar.add_task("Reading and indexing tickets", total=None)
        compute = bar.add_task("Computing Canvases", total=None)
        said = 0.0
        while True:
            counts = await _counts(context, host)
            total, prepared = counts["tickets"], counts["prepared"] + counts["failed"]
            left = await context.ledger.count_due(host)
            computing = counts["computing"] == 1
            ready = max(0, total - left) if computing else 0
            bar.update(index, total=total or None, completed=prepared)
            bar.update(compute, total=total or None, completed=ready)
            if computing and left == 0:
                took = timedelta(seconds=time.monotonic() - started)
                return BackfillResult(total, counts["current"], counts["articles"], took)
            if total and not console.is_terminal and time.monotonic() - said > PLAIN_EVERY_S:
                said = time.monotonic()
                console.print(f"read and indexed {prepared} of {total}, computed {ready} of {total}")
            await asyncio.sleep(LOOK_EVERY_S)


async def _counts(context: ReceiverContext, host: str) -> dict[str, int]:
    row: dict[bytes, bytes] = await context.redis.state.hgetall(keys.backfill(host))  # type: ignore[misc]
    state = row.get(b"state", b"")
    if state == b"failed":
        raise CanvasError(f"The backfill of {host} stopped: {row.get(b'error', b'unknown').decode()}")
    names = ("tickets", "current", "articles", "prepared", "failed")
    counts = {name: int(row.get(name.encode(), b"0")) for name in names}
    return counts | {"computing": int(state == b"computing")}
