"""A hundred agents who open one new ticket at once: how many runs, how many fetches, and when the last has it all."""

import asyncio

import httpx

from deploy.demo.run import ADMIN_TOKEN
from tests.bench.figures import Figure, at_most, percentile
from tests.bench.lab import Lab
from tests.bench.stream import open_ticket
from tests.bench.tickets import new_tickets

AGENTS = 100


async def measure(lab: Lab) -> list[Figure]:
    """Runs by the ids that the agents were given, and fetches by the helpdesk's own log."""
    async with lab.desk() as desk:
        warm_up, body = new_tickets(2)
        await open_ticket(desk.up.port, await desk.create_ticket(warm_up))
        number = await desk.create_ticket(body)
        opened = await asyncio.gather(*(open_ticket(desk.up.port, number) for _ in range(AGENTS)))
        fetches = await _fetches(desk.freshdesk, number)
    runs = {one.run for one in opened}
    first = percentile([one.first_ms for one in opened], 99)
    done = sum(one.last == "done" for one in opened)
    last = max(one.last_ms for one in opened)
    return [
        Figure(
            name=f"{AGENTS} agents open one ticket, runs",
            figure=len(runs),
            unit="runs",
            budget=at_most(1),
            note=f"{fetches} fetch(es) from Freshdesk; first event after {first:.0f} ms at p99",
        ),
        Figure(
            name=f"{AGENTS} agents open one ticket, all done",
            figure=last,
            unit="ms",
            note=f"{done} of {AGENTS} saw the end of it",
        ),
    ]


async def _fetches(freshdesk: httpx.AsyncClient, number: int) -> int:
    log = await freshdesk.get("/_admin/log", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, auth=None)
    requests = log.raise_for_status().json()["requests"]
    return sum(entry["method"] == "GET" and entry["path"] == f"/api/v2/tickets/{number}" for entry in requests)
