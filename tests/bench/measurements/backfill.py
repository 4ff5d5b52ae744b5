"""A backfill with instant models: tickets a second and their bound, memory by tickets, and /init's p99 beside it."""

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import httpx

from deploy.demo.run import AGENT_KEY, DOMAIN
from shared.backfill import BackfillOptions, BackfillProgress
from tests.bench.figures import Budget, Figure, Peer, at_most, percentile
from tests.bench.lab import Lab
from tests.chaos.world import HOSTS, World, world
from tests.waiting import wait_until

TICKETS = 1_500
FEW, MANY = 1_000, 20_000
"""Listed, and waiting for being read; a part of them is, meanwhile. 100,000 took 5 minutes, most of them the
look-alike's sorting, and 4 MB more than 1,000."""
GROWTH_MB = 50
HOST = HOSTS[0]
INIT_EVERY_S = 0.01
INIT_FOR_S = 6.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Seen(NamedTuple):
    """What a worker process has used: seconds of a core, and MB of memory."""

    cpu_s: float
    memory_mb: float


async def measure(lab: Lab) -> list[Figure]:
    """Each in a world of its own: chaos workers over look-alikes, and `canvas up` over the demo's folder."""
    few, many = [await _listed(lab, tickets) for tickets in (FEW, MANY)]
    growth = Figure(
        name=f"backfill, memory of its process from {FEW:,} to {MANY:,} tickets",
        figure=many - few,
        unit="MB",
        budget=at_most(GROWTH_MB),
        note=f"{few:.0f} MB and {many:.0f} MB resident; what waits is in Redis",
    )
    return [await _speed(lab), growth, *await _beside(lab)]


async def _speed(lab: Lab) -> Figure:
    async with _desk(lab, TICKETS) as made, made.workers(1) as workers:
        progress = BackfillProgress(made.redis, HOST)
        pid, began = workers.place(0).pid, time.perf_counter()
        before = seen(pid)
        await progress.want(BackfillOptions(data_types=["tickets"]))
        await wait_until(lambda: _is(progress, "done"), 300)
        took, used = time.perf_counter() - began, seen(pid).cpu_s - before.cpu_s
    return Figure(
        name="backfill, instant models",
        figure=TICKETS / took,
        unit="tickets/s",
        note=f"one worker process, {used / took:.0%} of a core: {1000 * used / TICKETS:.0f} ms of Python a ticket; "
        "the look-alike takes another core",
    )


async def _listed(lab: Lab, tickets: int) -> float:
    """The worker's memory (MB) when so many tickets were listed and some of them read."""
    async with _desk(lab, tickets) as made, made.workers(1) as workers:
        progress = BackfillProgress(made.redis, HOST)
        await progress.want(BackfillOptions(data_types=["tickets"]))

        async def listed() -> bool:
            await asyncio.sleep(0.2)
            counts = await progress.read()
            return counts.listed >= tickets and counts.prepared >= FEW // 2

        await wait_until(listed, 600)
        return seen(workers.place(0).pid).memory_mb


async def _beside(lab: Lab) -> list[Figure]:
    """By a serve process alone, and by `canvas up`, whose workers do the backfill in a process of theirs."""
    async with lab.desk() as desk, lab.child("serve", desk.context.settings) as serve:
        await serve.answers()
        progress, found = BackfillProgress(desk.context.redis.state, DOMAIN), []
        for name, port in (("a serve process alone", serve.port), ("`canvas up`", desk.up.port)):
            idle = await _init_p99(port)
            await progress.want(BackfillOptions(reindex=True))
            busy = await _init_p99(port)
            counts = await progress.read()
            await wait_until(lambda: _is(progress, "done"), 120)
            found.append(
                Figure(
                    name=f"/init beside a backfill, p99, by {name}",
                    figure=busy,
                    unit="ms",
                    peer=Peer("the same without it", idle),
                    budget=Budget("at most", 2, "ratio"),
                    note=f"{counts.prepared} tickets read and {counts.computed} computed meanwhile",
                )
            )
    return found


async def _init_p99(port: int) -> float:
    headers = {"X-Freshdesk-Domain": DOMAIN, "X-Freshdesk-API-Key": AGENT_KEY, "Accept": "application/json"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as client:
        await client.get("/init/1")
        took, until, number = list[float](), time.perf_counter() + INIT_FOR_S, 0
        while time.perf_counter() < until:
            began = time.perf_counter()
            await client.get(f"/init/{1 + number % 300}")
            took.append(1000 * (time.perf_counter() - began))
            number += 1
            await asyncio.sleep(INIT_EVERY_S)
    return percentile(took, 99)


@asynccontextmanager
async def _desk(lab: Lab, tickets: int) -> AsyncIterator[World]:
    """A chaos world with so many tickets, a minute apart."""
    async with world(lab.new_folder("backfill"), 1, hosts=HOSTS[:1], writer_seconds=0.0) as made:
        desk = made.desks[HOST]
        desk.log.requests = deque(maxlen=1000)
        newest = (desk.now() - timedelta(hours=1)).replace(microsecond=0)
        for place, (_, ticket_id) in enumerate(made.add_tickets(tickets, (HOST,))):
            ticket = desk.state.tickets[ticket_id]
            ticket.created_at = ticket.updated_at = newest - timedelta(minutes=place)
        desk.touch()
        yield made


async def _is(progress: BackfillProgress, state: str) -> bool:
    await asyncio.sleep(0.05)
    return (await progress.read()).state == state


def seen(pid: int) -> Seen:
    """What a process has used until now (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return Seen((int(fields[11]) + int(fields[12])) / CLOCK_TICKS, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
