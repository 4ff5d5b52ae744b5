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
    """So many updates within so many seconds, how long the changes of a ticket must have calmed down, and when the
    first result and the last one must be there.
    """

    updates: int
    seconds: float
    debounce_s: float
    first_s: float = FIRST_RESULT_S
    settled_s: float = SETTLED_S


FULL = Size(updates=500, seconds=2.0, debounce_s=1.5)
SMALL = Size(updates=100, seconds=0.5, debounce_s=0.5, first_s=20.0, settled_s=30.0)
"""Beside other tests, which may have both cores for a while."""


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """With the debounce as it is set by default."""
    async with world(folder, seed, debounce_s=size.debounce_s) as made, made.workers(2):
        made.add_tickets(1)
        changes = [Change(size.seconds * number / size.updates, 0) for number in range(size.updates)]
        await play(changes, made.change_and_tell)
        settled = await made.settled(2 * size.settled_s)
        history = await made.history()
        began_ms = made.sender.sent.last_ms - size.seconds * 1000
        first_s = (history.commits[0].at - began_ms) / 1000 if history.commits else float("inf")
        runs = len(history.claims)
        figures = {"updates": made.sender.sent.accepted, "runs": runs, "first_s": first_s, "settled_s": settled}
        return outcome(
            figures,
            await made.check(history),
            few_runs=runs <= MOST_RUNS,
            first_in_time=first_s <= size.first_s,
            settled_in_time=settled <= size.settled_s,
        )
