"""A ticket that kills its worker each time is given up after its tries, and harms no other ticket."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from shared import keys
from shared.due import MAX_ATTEMPTS
from tests.chaos.load import Change, play
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.parts import POISON
from tests.chaos.world import HOSTS, World, world
from tests.waiting import wait_until


@dataclass(frozen=True)
class Size:
    """`innocents` become due together with the poisoned ticket; `spared` tries of it are taken for done."""

    innocents: int
    processes: int
    writer_seconds: float
    spared: int
    within_s: float


FULL = Size(innocents=60, processes=2, writer_seconds=3.0, spared=0, within_s=150)
SMALL = Size(innocents=6, processes=1, writer_seconds=0.2, spared=MAX_ATTEMPTS - 2, within_s=30)


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """The innocent tickets' runs take longer than the poison, so that it takes some of them along each time."""
    async with (
        world(folder, seed, writer_seconds=size.writer_seconds) as made,
        made.workers(size.processes) as workers,
    ):
        innocents = made.add_tickets(size.innocents)
        [poison] = made.add_tickets(1, HOSTS[:1], POISON)
        places = list(range(len(made.tickets)))
        made.random.shuffle(places)
        await play([Change(0.0, place) for place in places], made.change_and_tell)
        if size.spared:
            await _spare(made, poison, size.spared)

        async def given_up() -> bool:
            await asyncio.sleep(0.1)
            return await made.redis.zscore(keys.dead(poison[0]), str(poison[1])) is not None

        try:
            await wait_until(given_up, size.within_s)
        except TimeoutError:
            gone = False
        else:
            gone = True
        settled = await made.settled(size.within_s)
        history = await made.history()
        tries = max((claim.attempt for claim in history.claims if claim.ticket == poison), default=0)
        worst = max((claim.attempt for claim in history.claims if claim.ticket != poison), default=0)
        figures = {
            "innocents": len(innocents),
            "tries": tries,
            "deaths": len(workers.deaths),
            "worst_attempt_of_others": worst,
            "given_up_after_s": settled,
        }
        findings = await made.check(history, skip=(poison,), dead=1)
        return outcome(figures, findings, given_up=gone, after_its_tries=tries == MAX_ATTEMPTS)


async def _spare(made: World, poison: tuple[str, int], tries: int) -> None:
    """After its first try, let it look as if it had had so many more: each costs a lease."""
    record = keys.record(*poison)

    async def tried() -> bool:
        return bool(await made.redis.hexists(record, "attempts"))  # type: ignore[misc]

    await wait_until(tried)
    await made.redis.hincrby(record, "attempts", tries)  # type: ignore[misc]
