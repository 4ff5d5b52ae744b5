"""Start a backfill and show how it goes: a progress bar on a terminal, plain lines elsewhere."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ingest.context import ReceiverContext
from shared import keys, workers
from shared.backfill import BackfillCounts, BackfillProgress
from shared.errors import CanvasError
from shared.queues import Queue

LOOK_EVERY_S = 0.1
PLAIN_EVERY_S = 5.0
WORKER_WITHIN_S = 5.0


@dataclass(frozen=True)
class BackfillResult:
    """How a backfill ended, and how long it took."""

    counts: BackfillCounts
    took: timedelta


async def watch_backfill(context: ReceiverContext, host: str, console: Console | None = None) -> BackfillResult:
    """Start a backfill of a tenant, or join the one that is going on, and wait for its end.

    Raises:
        CanvasError: it stopped, or no worker does it; what it did so far is kept.
    """
    console = console or Console(stderr=True)
    started = time.monotonic()
    progress = BackfillProgress(context.redis.state, host)
    if not await context.redis.state.exists(keys.backfill_lease(host)):
        await progress.forget()
        await context.queue.backfill(host, f"{time.time():.3f}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        view = _View(console, bar, bar.add_task("Reading and indexing tickets", total=None))
        while True:
            counts = await progress.read()
            if counts.state == "done":
                return BackfillResult(counts, timedelta(seconds=time.monotonic() - started))
            if counts.state == "failed":
                raise CanvasError(f"The backfill of {host} stopped ({counts.error}): start it again to go on")
            if time.monotonic() - started > WORKER_WITHIN_S:
                await _check_worker(context)
            view.show(counts)
            await asyncio.sleep(LOOK_EVERY_S)


async def _check_worker(context: ReceiverContext) -> None:
    alive = await workers.reports(context.redis.state)
    if not any(Queue.BACKFILL.value in report.queues for report in alive):
        raise CanvasError("No worker reads the backfill queue: start `canvas up`, or `canvas worker --queue backfill`")


class _View:
    """Shows counts as they change."""

    def __init__(self, console: Console, bar: Progress, index: TaskID) -> None:
        self._console, self._bar, self._index = console, bar, index
        self._compute = bar.add_task("Computing Canvases", total=None)
        self._said = time.monotonic()

    def show(self, counts: BackfillCounts) -> None:
        """Move the bars; without a terminal, say a line every few seconds."""
        read = counts.prepared + counts.unprepared
        settled = counts.computed + counts.waiting + counts.dead
        self._bar.update(self._index, total=counts.tickets or None, completed=read)
        self._bar.update(self._compute, total=counts.tickets or None, completed=settled)
        if self._console.is_terminal or not counts.tickets or time.monotonic() - self._said < PLAIN_EVERY_S:
            return
        self._said = time.monotonic()
        self._console.print(f"read {read} of {counts.tickets}, computed {settled} of {counts.tickets}")
