"""The same load over plain arq with fixed job ids: it must lose updates, or this harness could not see any loss."""

from pathlib import Path

from shared.queues import arq_pool
from shared.tasks import beside
from tests.chaos import naive
from tests.chaos.history import Findings
from tests.chaos.load import play, schedule
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.scenarios import kill
from tests.chaos.storm import Storm
from tests.chaos.world import World, world
from tests.waiting import wait_until

Size = kill.Size
FULL = kill.FULL
SMALL = Size(Storm(changes=300, tickets=20, seconds=2, processes=2), kill_every_s=60, kills=0)
"""Without kills: what a killed worker held is locked by arq for its job's time-out and ten seconds more."""
WRITER_SECONDS = 0.3
"""Long beside the gaps between the changes of a ticket: the last one of many comes while a job of it runs."""
MOST_ROUNDS = 4
"""Of twice as many seconds each: where the machine is so busy that the whole load is over before the first ticket is
read, nothing can be lost."""
READY_S = 30.0
QUIET_S = 30.0


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Enqueue what `kill` sends as webhooks, kill as `kill` does, and count the tickets that end on an old state."""
    storm = size.storm
    async with (
        world(folder, seed, writer_seconds=WRITER_SECONDS) as made,
        arq_pool(made.settings) as pool,
        made.workers(storm.processes, lambda: "naive_worker") as workers,
    ):
        made.add_tickets(storm.tickets)
        kills: list[int] = []
        # What comes before a worker reads the queue waits in it, and is not lost.
        await naive.enqueue(pool, *made.tickets[0])
        await wait_until(lambda: _is_computed(made), READY_S)

        async def change(place: int) -> None:
            made.change(made.tickets[place])
            await naive.enqueue(pool, *made.tickets[place])

        async def quiet() -> bool:
            return int(await pool.zcard(naive.QUEUE)) == 0

        lost = rounds = 0
        while not lost and rounds < MOST_ROUNDS:
            seconds, rounds = storm.seconds * 2**rounds, rounds + 1
            async with beside(kill._kill(made, workers, size.kill_every_s, kills)):
                await play(schedule(made.random, storm.changes, storm.tickets, seconds), change)
            await wait_until(quiet, QUIET_S)
            lost = await _lost(made)
        figures = {
            "updates": storm.changes,
            "tickets": len(made.tickets),
            "kills": len(kills),
            "lost": lost,
            "rounds": rounds,
        }
        return outcome(figures, Findings(), loses_some=lost > 0)


async def _is_computed(made: World) -> bool:
    """Whether a worker has come by the first ticket."""
    return bool(await made.redis.exists(naive.result_key(*made.tickets[0])))


async def _lost(made: World) -> int:
    """Tickets whose computed state is not their last one."""
    lost = 0
    for host, ticket_id in made.tickets:
        computed = await made.redis.get(naive.result_key(host, ticket_id))
        lost += computed is None or computed.decode() != made.desks[host].state.tickets[ticket_id].subject
    return lost
