"""Hundreds of updates of one ticket within two seconds cost a handful of runs, and the last one wins."""

from dataclasses import dataclass
from pathlib import Path

from tests.chaos.load import Change, play
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.world import world

MOST_RUNS = 5
FIRST_RESULT_S = 5.0
SETTLED_S = 10.0


@dataclass(frozen=True)
class Size:
    """So many updates within so many seconds, and how long the changes of a ticket must have calmed down."""

    updates: int
    seconds: float
    debounce_s: float


FULL = Size(updates=500, seconds=2.0, debounce_s=1.5)
SMALL = Size(updates=100, seconds=0.5, debounce_s=0.5)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """With the debounce as it is set by default."""
    async with world(folder, seed, debounce_s=size.debounce_s) as made, made.workers(2):
        made.add_tickets(1)
        changes = [Change(size.seconds * number / size.updates, 0) for number in range(size.updates)]
        await play(changes, made.change_and_tell)
        settled = await made.settled(20)
        history = await made.history()
        began_ms = made.sender.sent.last_ms - size.seconds * 1000
        first_s = (history.commits[0].at - began_ms) / 1000 if history.commits else float("inf")
        runs = len(history.claims)
        figures = {"updates": made.sender.sent.accepted, "runs": runs, "first_s": first_s, "settled_s": settled}
        return outcome(
            figures,
            await made.check(history),
            few_runs=runs <= MOST_RUNS,
            first_in_time=first_s <= FIRST_RESULT_S,
            settled_in_time=settled <= SETTLED_S,
        )
