"""Several processes with more tickets than calls: every ticket is seen, and no call is refused."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.demo.helpdesk.settings import Counting
from ingest.freshdesk.limits import Priority
from tests.ingest.freshdesk.drive import Drive
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, SEED, desk_settings

ROOT = Path(__file__).parents[3]
LIMIT = 50
WINDOW = timedelta(seconds=1)
"""A sixtieth of Freshdesk's: what an answer and a wake-up take weighs sixty times as much here, so little is asked."""
TICKETS = 48


@dataclass
class Desk:
    """An account with few calls and many tickets."""

    helpdesk: Helpdesk
    url: str
    tickets: list[int]

    def started(self) -> datetime:
        return self.helpdesk.log.requests[0].at

    def refused(self) -> int:
        return sum(request.status == 429 for request in self.helpdesk.log.requests)

    def used(self) -> list[int]:
        """Credits by window, the last one left out: it is not over."""
        windows: Counter[int] = Counter()
        for request in self.helpdesk.log.requests:
            if request.status == 200:
                windows[(request.at - self.started()) // WINDOW] += request.cost
        return [windows[window] for window in range(max(windows))]


@asynccontextmanager
async def account(counting: Counting) -> AsyncIterator[Desk]:
    settings = replace(desk_settings(ACME), plan=None, window=WINDOW, counting=counting)
    helpdesk = Helpdesk.from_seed(SEED, settings, datetime.now(UTC))
    async with running_helpdesk(helpdesk) as url, httpx.AsyncClient(base_url=url, auth=(AGENT_KEY + ACME, "X")) as http:
        body = {
            "subject": "Leak",
            "description": "<p>It leaks</p>",
            "email": "a@example.com",
            "status": 2,
            "priority": 1,
        }
        made = [await http.post("/api/v2/tickets", json=body) for _ in range(TICKETS)]
        helpdesk.log.clear()
        helpdesk.limits._limits = {"total": LIMIT}
        yield Desk(helpdesk, url, [answer.json()["id"] for answer in made])


async def look_at_all(desk: Desk, redis_url: str, priority: Priority, *, patient: bool, processes: int = 2) -> int:
    """Let processes share the tickets; returns how many they saw."""

    async def process(number: int) -> int:
        work = Drive(
            redis_url=redis_url,
            freshdesk_url=desk.url,
            host=ACME,
            api_key=ADMIN_KEY + ACME,
            tickets=desk.tickets[number::processes],
            window_s=WINDOW.total_seconds(),
            seconds=30,
            priority=priority,
            patient=patient,
        )
        command = [sys.executable, "-m", "tests.ingest.freshdesk.drive", msgspec.json.encode(work).decode()]
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
        output, _ = await child.communicate()
        return int(output)

    return sum(await asyncio.gather(*[process(number) for number in range(processes)]))


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize(
    ("priority", "patient", "counting"),
    [(Priority.LIVE, False, "call"), (Priority.BACKFILL, True, "clock"), (Priority.BACKFILL, True, "any")],
    ids=["live, a window begins with a call", "backfill, it begins with the clock", "backfill, any window counts"],
)
async def test_all_tickets_are_seen_and_no_call_is_refused(
    valkey_url: str, priority: Priority, patient: bool, counting: Counting
) -> None:
    async with account(counting) as desk:
        assert await look_at_all(desk, valkey_url, priority, patient=patient) == TICKETS
        assert desk.refused() == 0
        used = desk.used()
    # A look costs 3 of 50 credits, so 48 is the most. A busy machine may start the processes one after the other.
    assert max(used) >= 36, used
