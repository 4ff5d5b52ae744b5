"""Workers are killed all the time, one each second: no ticket ends on an old state and no Canvas is committed twice."""

from dataclasses import dataclass
from pathlib import Path

from tests.chaos.load import repeat_each
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.processes import Fleet
from tests.chaos.storm import Storm, weather
from tests.chaos.world import World, world


@dataclass(frozen=True)
class Size:
    """`kills` is how many there must have been at least, `settled_s` what it may take after the last webhook."""

    storm: Storm
    kill_every_s: float
    kills: int
    settled_s: float = 10.0


FULL = Size(Storm(changes=10_000, tickets=1_000, seconds=70), kill_every_s=1.0, kills=60)
SMALL = Size(Storm(changes=300, tickets=40, seconds=3, processes=2), kill_every_s=0.5, kills=4, settled_s=30.0)
"""Beside other tests, which may have both cores."""


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Webhooks of three tenants, and a SIGKILL for one worker after the other."""
    async with world(folder, seed) as made, made.workers(size.storm.processes) as workers:
        kills: list[int] = []
        trouble = _kill(made, workers, size.kill_every_s, kills)
        found = await weather(made, size.storm, trouble, enough=lambda: len(kills) >= size.kills)
        figures = {
            "webhooks": made.sender.sent.accepted,
            "tickets": len(made.tickets),
            "kills": len(kills),
            "runs": found.runs,
            "commits": len(found.history.commits),
            "repeats": found.history.repeats(),
            "settled_s": found.settled_s,
            "deaths": len(workers.deaths),
        }
        return outcome(
            figures,
            found.findings,
            killed_often=len(kills) >= size.kills,
            settled_in_time=found.settled_s <= size.settled_s,
            no_other_death=not workers.deaths,
        )


async def _kill(made: World, workers: Fleet, seconds: float, kills: list[int]) -> None:
    async def one() -> None:
        place = made.random.randrange(len(workers.children))
        workers.place(place).kill()
        kills.append(place)

    await repeat_each(seconds, one)
