"""Agents watch one miss while its worker is killed again and again and lines are cut: one text, one call for each life.

A provider's look-alike writes slowly and counts its calls. Two serve processes stand side by side; one of them is
stopped in the middle, as in a deploy, and everybody whom it served goes on at the other.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from shared.canvas_store import CanvasStore
from tests.bench.processes import free_port
from tests.chaos.history import Findings
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.processes import Child, Fleet
from tests.chaos.viewers import Viewer
from tests.chaos.world import HOSTS, READY_S, World, world
from tests.lookalikes import AnthropicLookalike
from tests.lookalikes.scripts import Script, Speed
from tests.waiting import wait_until

LIMITS = ("CANVAS_LIMIT_AGENT", "CANVAS_LIMIT_TENANT", "CANVAS_LIMIT_ADDRESS", "CANVAS_STREAMS_AGENT")
UNLIMITED = dict.fromkeys(LIMITS, "0")
"""All viewers are one agent at one address."""
CUT_SHARE = 0.05
WITHIN_S = 120.0
STOPPED_S = 4.0
"""With a hundred open streams."""


@dataclass(frozen=True)
class Size:
    """How many watch, how often their worker is killed, and within how many seconds a serve process must stop."""

    viewers: int
    kills: int
    tokens_per_second: float
    stopped_s: float = STOPPED_S


@dataclass(frozen=True)
class Trouble:
    """What was done: how many workers were killed, and how long a serve process took to stop (s)."""

    kills: int
    stopped_s: float


FULL = Size(viewers=200, kills=3, tokens_per_second=12)
SMALL = Size(viewers=25, kills=1, tokens_per_second=20, stopped_s=20.0)
"""Beside other tests, which may have both cores for a while."""


async def run(size: Size, seed: int, folder: Path) -> Outcome:
    """Open one new ticket with everybody at once, and kill its worker in the middle of each attempt's words."""
    script = Script(speed=Speed(first_token=0.3, tokens_per_second=size.tokens_per_second))
    async with AnthropicLookalike(script=script) as claude:
        provider = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": claude.base_url, "CANVAS_HEDGE_AFTER_S": "60"}
        async with (
            world(folder, seed, hosts=HOSTS[:1], environment=UNLIMITED | provider) as made,
            servers(made, 2) as running,
            made.workers(1, lambda: "model_worker") as workers,
        ):
            (ticket,) = made.add_tickets(1)
            viewers = [_viewer(made, running) for _ in range(size.viewers)]
            trouble = await _watch(viewers, _trouble(viewers, claude, workers, running, size.kills))
            stored = await CanvasStore(made.redis).get(*ticket)
            calls = len(claude.requests_to("/messages"))
    written = "" if stored is None else json.loads(stored.body)["summary"]["text"]
    figures = {
        "viewers": size.viewers,
        "kills": trouble.kills,
        "stopped_s": trouble.stopped_s,
        "calls": calls,
        "cuts": sum(viewer.cuts for viewer in viewers),
        "events": sum(len(viewer.names) for viewer in viewers),
        "resets": sum(viewer.resets for viewer in viewers) / size.viewers,
        "texts": len({viewer.text for viewer in viewers}),
    }
    return outcome(
        figures,
        Findings(),
        one_call_a_life=calls == 1 + trouble.kills,
        killed_often=trouble.kills == size.kills,
        stopped_in_time=trouble.stopped_s <= size.stopped_s,
        all_done={viewer.names[-1] for viewer in viewers} == {"done"},
        one_run=len({viewer.run for viewer in viewers}) == 1,
        text_as_stored={viewer.text for viewer in viewers} == {written} and written != "",
        summary_as_stored={viewer.summary for viewer in viewers} == {written},
    )


@asynccontextmanager
async def servers(made: World, count: int) -> AsyncIterator[dict[str, Child]]:
    """So many serve processes, by their addresses."""
    found = {}
    for number in range(count):
        port = free_port()
        environment = made.environment | {"CANVAS_PORT": str(port)}
        found[f"http://127.0.0.1:{port}"] = Child("server", environment, made.folder / f"serve-{number}.log")
    try:
        for url in found:
            await wait_until(partial(answers, url), READY_S)
        yield found
    finally:
        await asyncio.gather(*(child.stop() for child in found.values()))


def _viewer(made: World, running: dict[str, Child]) -> Viewer:
    host, ticket_id = made.tickets[0]

    def any_server() -> str:
        return made.random.choice([url for url, child in running.items() if not child.killed])

    return Viewer(host, ticket_id, any_server, made.random, CUT_SHARE)


async def _watch(viewers: list[Viewer], trouble: Coroutine[Any, Any, Trouble]) -> Trouble:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with (
        httpx.AsyncClient(timeout=20, limits=limits, trust_env=False) as client,
        asyncio.timeout(WITHIN_S),
        asyncio.TaskGroup() as group,
    ):
        for viewer in viewers:
            group.create_task(viewer.watch(client))
        made = group.create_task(trouble)
    return made.result()


async def _trouble(
    viewers: list[Viewer], claude: AnthropicLookalike, workers: Fleet, running: dict[str, Child], times: int
) -> Trouble:
    """Kill the worker each time that somebody has read words of its own; stop one serve process after the first."""
    stopped_s = 0.0
    for kill in range(times):
        # Everybody is back at the beginning, or has its words from this attempt: some of them will be void.
        await claude.until(partial(_calls_are, claude, kill + 1), WITHIN_S)
        await wait_until(partial(_somebody_reads, viewers, kill), WITHIN_S)
        workers.place(0).kill()
        if not kill:
            stopped_s = await _stopped(next(iter(running.values())))
    return Trouble(times, stopped_s)


async def _stopped(server: Child) -> float:
    """Stop a serve process as a deploy does; returns how long it took (s)."""
    began = time.monotonic()
    server.terminate()
    await server.ended.wait()
    return time.monotonic() - began


async def answers(url: str) -> bool:
    """Whether a serve process is there."""
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"{url}/health")
    except httpx.TransportError:
        return False
    return True


def _calls_are(claude: AnthropicLookalike, count: int) -> bool:
    return len(claude.requests_to("/messages")) == count


def _somebody_reads(viewers: list[Viewer], attempt: int) -> bool:
    return any(viewer.resets == attempt and viewer.text for viewer in viewers)
