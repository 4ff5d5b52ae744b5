"""How long things take where nothing disturbs them: the least of many measurements that take turns.

A busy machine only adds to a measurement, so a difference that is left after many turns is one of the code.
"""

import time
from collections.abc import Awaitable, Callable, Mapping

TURNS = 60
MOST_TURNS = 1_200
"""Only where a machine is so busy that hardly any turn is left alone."""


async def quickest(kinds: Mapping[str, Callable[[], Awaitable[None]]], apart: float) -> dict[str, float]:
    """The least seconds of each kind; measured on while the largest is more than `apart` times the smallest."""
    least = dict.fromkeys(kinds, float("inf"))
    for turn in range(MOST_TURNS):
        for name in sorted(kinds, reverse=bool(turn % 2)):
            began = time.perf_counter()
            await kinds[name]()
            least[name] = min(least[name], time.perf_counter() - began)
        if turn >= TURNS and max(least.values()) < apart * min(least.values()):
            break
    return least
