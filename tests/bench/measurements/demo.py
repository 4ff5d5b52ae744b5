"""The demo's first start on an empty folder, to 300 finished Canvases, and a second start on the same folder."""

import time

from shared.settings import Settings
from tests.bench.figures import Figure
from tests.bench.lab import Lab


async def measure(lab: Lab) -> list[Figure]:
    """Seconds from the command to a finished demo, and tickets a second of the first one."""
    first = await lab.furnish()
    began = time.perf_counter()
    async with lab.child("demo", Settings(data_dir=first.folder), port=0) as child:
        said = await child.said()
        warm = time.perf_counter() - began
    computed = f"{first.tickets} tickets and the articles, with the local model and no LLM"
    return [
        Figure(name="demo, first start", figure=first.ready, unit="s", note=computed),
        Figure(name="demo, tickets precomputed", figure=first.tickets / first.computing, unit="tickets/s"),
        Figure(name="demo, warm start", figure=warm, unit="s", note=f"{said['tickets']} tickets computed anew"),
    ]
