"""The measurements, in the order in which they run. Each module has `measure`, and opens with what it measures."""

import inspect
from collections.abc import Awaitable, Callable

from tests.bench.figures import Figure
from tests.bench.lab import Lab
from tests.bench.measurements import (
    agents,
    backfill,
    demo,
    estimate,
    init_hit,
    memory,
    miss,
    ready,
    retrieval,
    sidebar,
    viewers,
    webhook,
)

Measure = Callable[[Lab], Awaitable[list[Figure]]]
MEASUREMENTS: dict[str, Measure] = {
    "init_hit": init_hit.measure,
    "webhook": webhook.measure,
    "demo": demo.measure,
    "memory": memory.measure,
    "miss": miss.measure,
    "ready": ready.measure,
    "agents": agents.measure,
    "viewers": viewers.measure,
    "sidebar": sidebar.measure,
    "retrieval": retrieval.measure,
    "backfill": backfill.measure,
    "estimate": estimate.measure,
}


def meaning(name: str) -> str:
    """What a measurement measures, in one line."""
    said = inspect.getdoc(inspect.getmodule(MEASUREMENTS[name])) or ""
    return said.splitlines()[0]
