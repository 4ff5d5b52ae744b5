"""`python -m tests.serve.alike`: does "not yours" take as long as "not there"? Medians in turns, and how they differ.

A figure for people: on a shared machine the spread of one kind against itself is the noise that the difference between
two kinds has to stay within. Each pair is asked in turns, so that a slow moment hits both.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.fuzz.limits import unlimited
from tests.parts import credentials, own_redis
from tests.world import ACME, OTHER, World, world

ROUNDS = 300
WARM = 20


async def took(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    await client.get(path, headers={**headers, "Accept": "application/json"})
    return (time.perf_counter() - began) * 1e6


async def compare(client: httpx.AsyncClient, name: str, pairs: list[tuple[str, str]], headers: dict[str, str]) -> None:
    """Ask each pair (foreign, missing) and then the missing one once more, which tells the noise."""
    foreign, missing, again = list[float](), list[float](), list[float]()
    for turn in range(ROUNDS + WARM):
        first, second = pairs[turn % len(pairs)]
        kinds = [(foreign, first), (missing, second), (again, second)]
        for place in range(3):  # who goes first changes each time
            found, path = kinds[(turn + place) % 3]
            found.append(await took(client, path, headers))
    said = [statistics.median(found[WARM:]) for found in (foreign, missing, again)]
    difference, noise = said[0] - said[1], abs(said[1] - said[2])
    sys.stdout.write(
        f"{name:28} foreign {said[0]:7.0f} µs  missing {said[1]:7.0f} µs  difference {difference:+6.0f} µs  "
        f"noise {noise:5.0f} µs ({100 * difference / said[1]:+.1f} %)\n"
    )


async def measure(made: World) -> None:
    """All pairs, over one connection."""
    number = 0
    for _ in range(12):
        number = await made.other.create_ticket("A printer", "It jams.")
    await made.other.hit(number)
    run = (await made.other.canvas.post("/query/stream", json={"question": "What jams?"})).headers["canvas-run"]
    agent = credentials(ACME)
    async with httpx.AsyncClient(base_url=made.running.url, timeout=20) as client:
        await compare(client, "/init, known to be missing", [(f"/init/{number}", "/init/555555")], agent)
        fresh = [(f"/init/{number - turn}", f"/init/{600_000 + turn}") for turn in range(10)]
        await compare(client, "/init, ten tickets", fresh, agent)
        await compare(client, "/runs", [(run, "/runs/AAAAAAAAAAAAAAAAAAAAAA")], agent)
        await compare(client, "/attachments", [(f"/attachments/{number}/1", "/attachments/555555/1")], agent)
        none = {"X-Freshdesk-Domain": OTHER}
        await compare(client, "no key: a tenant's, nobody's", [(f"/init/{number}", "/init/555555")], none)


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="alike-") as folder:
        async with own_redis(Path(folder)) as redis, world(redis.settings, serve=unlimited()) as made:
            await measure(made)


if __name__ == "__main__":
    os.environ["CANVAS_DEBOUNCE_S"] = "0"
    os.environ["CANVAS_LOG_LEVEL"] = "error"
    asyncio.run(main())
