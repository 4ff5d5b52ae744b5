"""Freshdesk allows 50 calls a minute and a thousand tickets are due: hardly a call goes beyond it, nothing is lost.

A minute of the look-alike is shorter than sixty seconds, and so is ours: nobody waits an hour for this.
"""

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from tests.chaos.load import Change, play
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.world import HOSTS, world

PLAN = 50
"""Credits; a look at a ticket with its requester and conversations costs three."""
MOST_REFUSED = 0.02
REFUSED = 429


@dataclass(frozen=True)
class Size:
    """So many due tickets, and how long the look-alike's minute is."""

    tickets: int
    window_s: float
    within_s: float


FULL = Size(tickets=1_000, window_s=1.5, within_s=150)
SMALL = Size(tickets=40, window_s=1.0, within_s=20)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """All tickets become due within a second, by webhooks."""
    window = timedelta(seconds=size.window_s)
    async with (
        world(
            folder,
            seed,
            hosts=HOSTS[:1],
            desk=lambda settings: replace(settings, plan=PLAN, window=window),
            environment={"CANVAS_FRESHDESK_WINDOW_S": str(size.window_s)},
        ) as made,
        made.workers(2),
    ):
        made.add_tickets(size.tickets, HOSTS[:1])
        began = time.monotonic()
        await play([Change(place / size.tickets, place) for place in range(size.tickets)], made.change_and_tell)
        await made.settled(size.within_s)
        took = time.monotonic() - began
        history = await made.history()
        calls = [record.status for record in made.desks[HOSTS[0]].log.requests]
        refused = calls.count(REFUSED)
        allowed = PLAN * took / size.window_s
        figures = {
            "tickets": size.tickets,
            "limit": f"{PLAN}/{size.window_s}s",
            "took_s": took,
            "calls": len(calls),
            "refused": refused,
            "share": f"{refused / max(1, len(calls)):.1%}",
            "used": f"{sum(record.cost for record in made.desks[HOSTS[0]].log.requests) / allowed:.0%}",
            "runs": len(history.claims),
        }
        return outcome(figures, await made.check(history), few_refused=refused <= MOST_REFUSED * len(calls))
