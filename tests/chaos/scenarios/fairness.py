"""A tenant with tens of thousands of tickets to backfill delays another one's update by at most one job's length."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from shared.due import DueLedger
from tests.chaos.history import Findings, History, Ticket
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.world import HOSTS, World, world
from tests.waiting import wait_until

BIG, LITTLE = HOSTS[0], HOSTS[1]
AT_ONCE = 64
WITHIN_S = 30.0


@dataclass(frozen=True)
class Size:
    """`updates` are measured one by one, first on idle workers and then beside the backfill."""

    backlog: int
    updates: int
    writer_seconds: float
    processes: int


FULL = Size(backlog=50_000, updates=30, writer_seconds=0.4, processes=2)
SMALL = Size(backlog=1_000, updates=10, writer_seconds=0.2, processes=1)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """The delay is what an update takes beside the backfill, less the median of what it takes on idle workers."""
    async with (
        world(folder, seed, hosts=(BIG, LITTLE), writer_seconds=size.writer_seconds, debounce_s=0) as made,
        made.workers(size.processes),
    ):
        little = made.add_tickets(size.updates, (LITTLE,))
        idle = await _update_each(made, little)
        big = made.add_tickets(size.backlog, (BIG,))
        marked_s = await _mark_all(made, big)
        began_ms = time.time() * 1000
        busy = await _update_each(made, little)
        lengths = _lengths(await made.history(), began_ms)
        delays = [took - median(idle) for took in busy]
        findings = Findings()
        findings.add("stale", [f"{ticket}" for ticket, took in zip(little, busy, strict=True) if took >= WITHIN_S])
        figures = {
            "backlog": size.backlog,
            "marked_s": marked_s,
            "left": await made.due(),
            "idle_p50_s": median(idle),
            "busy_p50_s": median(busy),
            "delay_p50_s": median(delays),
            "delay_p90_s": _p90(delays),
            "delay_max_s": max(delays),
            "job_p50_s": median(lengths),
            "job_p90_s": _p90(lengths),
        }
        return outcome(
            figures,
            findings,
            backfill_went_on=len(lengths) > size.processes,
            one_job_at_most=median(delays) <= median(lengths) and _p90(delays) <= _p90(lengths),
        )


def _lengths(history: History, since_ms: float) -> list[float]:
    """Seconds of the backfill's jobs that began then or later."""
    starts = {claim.token: claim.at for claim in history.claims if claim.at >= since_ms}
    return [
        (settled.at - starts[settled.token]) / 1000
        for settled in history.settlements
        if settled.ticket[0] == BIG and settled.token in starts
    ]


async def _mark_all(made: World, tickets: list[Ticket]) -> float:
    """Mark tickets on the backfill lane, as a backfill does."""
    ledger, slots, began = DueLedger(made.redis), asyncio.Semaphore(AT_ONCE), time.monotonic()

    async def mark(ticket: Ticket) -> None:
        async with slots:
            await ledger.mark(*ticket, "backfill")

    async with asyncio.TaskGroup() as tasks:
        for ticket in tickets:
            tasks.create_task(mark(ticket))
    return time.monotonic() - began


async def _update_each(made: World, tickets: list[Ticket]) -> list[float]:
    """Seconds from the change of each ticket to its Canvas being current, one ticket after the other."""
    ledger, found = DueLedger(made.redis), []
    for ticket in tickets:
        made.change(ticket)
        began = time.monotonic()
        await made.sender.send(*ticket)

        async def current(ticket: Ticket = ticket) -> bool:
            return await ledger.state_of(*ticket) == "current"

        try:
            await wait_until(current, WITHIN_S)
        except TimeoutError:
            found.append(WITHIN_S)
        else:
            found.append(time.monotonic() - began)
    return found


def _p90(numbers: list[float]) -> float:
    return quantiles(numbers, n=10, method="inclusive")[-1]
