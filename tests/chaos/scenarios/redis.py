"""Redis is killed five times, frozen for eight seconds and robbed of arq's keys: no accepted webhook is lost."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.outcome import Outcome, outcome
from tests.chaos.storm import Storm, weather
from tests.chaos.world import World, world

SETTLED_S = 30.0
DOWN_S = (0.3, 1.5)
ROBBED = ("arq:*", "canvas:*")
"""arq's own keys and its queues: wake-ups, no truth."""


@dataclass(frozen=True)
class Size:
    """What is done in which order: a pause lies before each."""

    storm: Storm
    pause_s: float
    steps: tuple[str, ...]
    frozen_s: float


FULL = Size(
    Storm(changes=10_000, tickets=1_000, seconds=70),
    pause_s=6.0,
    steps=("kill", "kill", "rob", "freeze", "kill", "rob", "kill", "kill"),
    frozen_s=8.0,
)
SMALL = Size(
    Storm(changes=200, tickets=40, seconds=4, processes=2), pause_s=0.7, steps=("kill", "rob", "freeze"), frozen_s=1.0
)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """The receiver answers 503 meanwhile, and the sender comes back, as Freshdesk would."""
    async with world(folder, seed) as made, made.workers(size.storm.processes) as workers:
        done: list[str] = []
        trouble = _trouble(made, size, done)
        found = await weather(made, size.storm, trouble, enough=lambda: len(done) == len(size.steps))
        down = sum(not child.alive for child in workers.children.values()) + (not made.receiver.alive)
        figures = {
            "webhooks": made.sender.sent.accepted,
            "refused": made.sender.sent.refused,
            "kills": done.count("kill"),
            "frozen_s": size.frozen_s * done.count("freeze"),
            "robbed": done.count("rob"),
            "runs": found.runs,
            "repeats": found.history.repeats(),
            "settled_s": found.settled_s,
            "deaths": len(workers.deaths),
            "down": down,
        }
        return outcome(
            figures,
            found.findings,
            all_done=len(done) == len(size.steps),
            settled_in_time=found.settled_s <= SETTLED_S,
            none_down=down == 0,
        )


async def _trouble(made: World, size: Size, done: list[str]) -> None:
    for step in size.steps:
        await asyncio.sleep(size.pause_s)
        if step == "kill":
            await made.valkey.kill()
            await asyncio.sleep(made.random.uniform(*DOWN_S))
            await made.valkey.start()
        elif step == "freeze":
            async with made.valkey.frozen():
                await asyncio.sleep(size.frozen_s)
        else:
            for pattern in ROBBED:
                async for key in made.redis.scan_iter(match=pattern, count=1000):
                    await made.redis.delete(key)
        done.append(step)
