"""Start a backfill and show how it goes: live bars on a terminal, a line every few seconds elsewhere, or JSON.

What is shown is the record that `GET /ingest/{id}` shows too. Who stops watching does not stop the backfill.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ingest.context import ReceiverContext
from shared import workers
from shared.backfill import EVERYTHING, STANDING_STILL, BackfillCounts, BackfillOptions, BackfillProgress
from shared.errors import CanvasError
from shared.queues import Queue

LOOK_EVERY_S = 0.1
PLAIN_EVERY_S = 5.0
WORKER_WITHIN_S = 5.0

Show = Callable[[BackfillCounts], None]


@dataclass(frozen=True)
class BackfillResult:
    """How a backfill ended or stands still, and how long it was watched."""

    counts: BackfillCounts
    took: timedelta


async def watch_backfill(
    context: ReceiverContext,
    host: str,
    console: Console | None = None,
    options: BackfillOptions | None = EVERYTHING,
    *,
    as_json: bool = False,
) -> BackfillResult:
    """Start a backfill of a tenant, or join the one that goes on, and wait until it ends or stands still.

    With None in place of options only the one that goes on is watched.

    Raises:
        CanvasError: it failed, or no worker does it; what it did so far is kept.
    """
    started = time.monotonic()
    progress = BackfillProgress(context.redis.state, host)
    if options is not None:
        await progress.want(options)
    with _Display(console or Console(stderr=True), as_json=as_json) as display:
        while True:
            counts = await progress.read()
            display.show(counts)
            if counts.state == "failed":
                raise CanvasError(f"The backfill of {host} stopped ({counts.error}): start it again to go on")
            if counts.state in STANDING_STILL or not counts.id:
                return BackfillResult(counts, timedelta(seconds=time.monotonic() - started))
            if time.monotonic() - started > WORKER_WITHIN_S:
                await _check_worker(context)
            await asyncio.sleep(LOOK_EVERY_S)


async def _check_worker(context: ReceiverContext) -> None:
    alive = await workers.reports(context.redis.state)
    if not any(Queue.BACKFILL.value in report.queues for report in alive):
        raise CanvasError("No worker reads the backfill queue: start `canvas up`, or `canvas worker --queue backfill`")


def figures(counts: BackfillCounts) -> str:
    """The figures beside the bars, as one line."""
    limit = f" of {counts.calls_limit}" if counts.calls_limit else ""
    failed, goes_on = counts.unprepared + counts.dead, counts.state not in STANDING_STILL
    parts = [
        f"{counts.settled} done",
        f"{failed} failed" if failed else "",
        f"{counts.per_s:.1f} tickets/s" if goes_on else "",
        f"{counts.calls_minute}{limit} calls/min" if goes_on else "",
        f"{counts.tokens:,} tokens" if counts.tokens else "",
        f"${counts.cost:.2f}" if counts.cost else "",
        f"{span(counts.left_s)} left" if counts.left_s > 0 else "",
    ]
    return " · ".join(part for part in parts if part)


def span(seconds: int) -> str:
    """A duration as people say it: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class _Display:
    """Shows counts as they change."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console, self._as_json = console, as_json
        live = console.is_terminal and not as_json
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars, self._figures = Progress(*columns), Text(style="dim")
        # The figures have a line of their own: beside the bars they would leave these no room on 80 columns.
        shown = Group(self._bars, self._figures)
        self._live = Live(shown, console=console, transient=True, refresh_per_second=10) if live else None
        self._read = self._bars.add_task("Reading and indexing tickets", total=None)
        self._compute = self._bars.add_task("Computing Canvases", total=None)
        self._said_at = time.monotonic()
        self._said: BackfillCounts | None = None

    def __enter__(self) -> "_Display":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, counts: BackfillCounts) -> None:
        """Move the bars; without a terminal, say a line every few seconds."""
        read = counts.prepared + counts.unprepared + counts.missing
        if self._live:
            self._bars.update(self._read, total=counts.tickets or None, completed=read)
            self._bars.update(self._compute, total=counts.tickets or None, completed=counts.settled + counts.missing)
            self._figures.plain = f"{counts.state.replace('_', ' ')}: {figures(counts)}"
            return
        ended = counts.state in STANDING_STILL
        if counts == self._said or (time.monotonic() - self._said_at < PLAIN_EVERY_S and not (ended and self._as_json)):
            return
        self._said_at, self._said = time.monotonic(), counts
        if self._as_json:
            self._console.print(msgspec.json.encode(counts).decode(), soft_wrap=True, markup=False, highlight=False)
        elif counts.tickets:
            self._console.print(
                f"{counts.state}: read {read} of {counts.tickets} · {figures(counts)}",
                soft_wrap=True,
            )
