"""Workers of two versions share the queues while a deploy restarts them every two seconds: nothing is lost.

The other version knows none of our jobs, so that whatever it takes is gone, and enqueues jobs that ours don't know.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.chaos.load import repeat_each
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.processes import Fleet
from tests.chaos.storm import Storm, weather
from tests.chaos.world import World, world

SETTLED_S = 30.0


@dataclass(frozen=True)
class Size:
    """How much load, and the rhythm of the restarts."""

    storm: Storm
    restart_every_s: float


FULL = Size(Storm(changes=5_000, tickets=600, seconds=60), restart_every_s=2.0)
SMALL = Size(Storm(changes=150, tickets=30, seconds=3, processes=2), restart_every_s=0.7)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Half of the places run the other version until the load is over; then the deploy is through."""
    started, finished, stops = 0, False, list[int]()

    def role() -> str:
        nonlocal started
        started += 1
        return "worker" if finished or started % 2 else "old_worker"

    def finish() -> None:
        nonlocal finished
        finished = True
        for child in workers.children.values():
            if child.role == "old_worker":
                child.terminate()

    async with world(folder, seed) as made, made.workers(size.storm.processes, role) as workers:
        found = await weather(made, size.storm, _restart(made, workers, size.restart_every_s, stops), finish)
        figures = {
            "webhooks": made.sender.sent.accepted,
            "stops": len(stops),
            "runs": found.runs,
            "settled_s": found.settled_s,
            "deaths": len(workers.deaths),
        }
        return outcome(
            figures,
            found.findings,
            settled_in_time=found.settled_s <= SETTLED_S,
            no_death=not workers.deaths,
        )


async def _restart(made: World, workers: Fleet, seconds: float, stops: list[int]) -> None:
    async def one() -> None:
        place = made.random.randrange(len(workers.children))
        workers.place(place).terminate()
        stops.append(place)

    await repeat_each(seconds, one)
