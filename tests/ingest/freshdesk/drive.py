"""A process that has tickets to look at and no calls to waste: what workers and the ledger do to Freshdesk's limit.

Who is refused gives its place in the process up and comes back when it was told, as the ledger lets a ticket come back.
Run as `python -m tests.ingest.freshdesk.drive` with a `Drive` as JSON; the number of looks is printed at the end.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import msgspec

from ingest.freshdesk.budget import CallBudget, Calls
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.freshdesk.limits import Priority
from shared.errors import FreshdeskLimited
from shared.redis import connect

AT_ONCE = 20
"""Jobs of a worker's queue."""


class Drive(msgspec.Struct, frozen=True):
    """Which tickets are looked at, for how long at most, and with what patience."""

    redis_url: str
    freshdesk_url: str
    host: str
    api_key: str
    tickets: list[int]
    window_s: float
    seconds: float
    priority: int = int(Priority.LIVE)
    patient: bool = False


async def drive(work: Drive) -> int:
    """Look at each ticket once; returns how many were seen before the time was over."""
    async with AsyncExitStack() as stack:
        state = connect(work.redis_url)
        stack.push_async_callback(state.connection_pool.disconnect)
        stack.push_async_callback(state.aclose)
        http: httpx.AsyncClient = await stack.enter_async_context(freshdesk_http())
        budget = CallBudget(state, timedelta(seconds=work.window_s))
        calls = Calls(budget, work.host, Priority(work.priority), work.patient)
        freshdesk = FreshdeskClient(http, work.freshdesk_url, work.api_key, calls)
        slots, seen = asyncio.Semaphore(AT_ONCE), 0

        async def look(ticket_id: int) -> None:
            nonlocal seen
            while True:
                async with slots:
                    try:
                        await freshdesk.ticket(ticket_id)
                    except FreshdeskLimited as error:
                        later = error.retry_after.total_seconds()
                    else:
                        seen += 1
                        return
                await asyncio.sleep(later)

        looks = [asyncio.create_task(look(ticket_id)) for ticket_id in work.tickets]
        _, late = await asyncio.wait(looks, timeout=work.seconds)
        for task in late:
            task.cancel()
        failures = [task.exception() for task in looks if task not in late and task.exception()]
        await asyncio.gather(*looks, return_exceptions=True)
        if failures:
            raise ExceptionGroup("looks failed", [error for error in failures if isinstance(error, Exception)])
        return seen


if __name__ == "__main__":
    done = asyncio.run(drive(msgspec.json.decode(sys.argv[1], type=Drive)))
    sys.stdout.write(f"{done}\n")
