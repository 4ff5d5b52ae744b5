"""`python -m tests.ingest.backfill.many [TICKETS]`: the walk over 40,000 tickets, as a run of the acceptance itself.

Eight blocks share a second each (5,000 tickets are 50 pages), some tickets change at each step of the walk, and every
ticket must have been seen in its last state. The suite has small versions of it (`test_walk`).
"""

import asyncio
import random
import sys
import time
from datetime import datetime, timedelta

import rich_click as click

from ingest.backfill.walk import begin, walk
from tests.ingest.backfill.test_walk import NOW, desk

BLOCKS = 8
CHANGES_A_STEP = 2


async def main(tickets: int) -> None:
    """Walk, and say what was seen; raises AssertionError where a ticket was missed."""
    chance = random.Random(1)
    async with desk() as account:
        made: list[int] = []
        for block in range(BLOCKS):
            made += account.add(tickets // BLOCKS, NOW - timedelta(days=1 + 40 * block))
        state, seen, steps, changed = account.helpdesk.state.tickets, dict[int, datetime](), 0, set[int]()
        began = time.monotonic()
        async for step in walk(account.client, await begin(account.client, None, None)):
            steps += 1
            for row in step.tickets:
                seen[row.id] = max(row.updated_at, seen.get(row.id, row.updated_at))
            if step.cursor.end is not None:  # once the last window is reached, changes would have no end
                for number in chance.sample(made, CHANGES_A_STEP):
                    account.change(number)
                    changed.add(number)
        took, missed = time.monotonic() - began, set(made) - seen.keys()
        behind = [number for number in made if seen.get(number) != state[number].updated_at.replace(microsecond=0)]
    click.echo(
        f"walk tickets={tickets} blocks={BLOCKS} changed={len(changed)} lists={account.lists()} steps={steps} "
        f"missed={len(missed)} in_an_older_state={len(behind)} took_s={took:.0f}"
    )
    assert not missed
    assert not behind


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000))
