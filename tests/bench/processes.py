"""Child processes: started with the settings they need and nothing of the developer's, ended whatever happens."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from shared.settings import Settings
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
OF_A_DEVELOPER = ("CANVAS_", "REDIS_", "QDRANT_", "ANTHROPIC_", "OPENAI_", "FRESHDESK_")
"""Settings that must not change what is measured."""
START_S = 180.0
STOP_S = 20.0


class BenchError(Exception):
    """A measurement could not be made; the message says why."""


@dataclass
class Child:
    """A process under measurement."""

    role: str
    process: asyncio.subprocess.Process
    log: Path
    port: int = 0
    worker: int | None = None
    """The process that does the work, where it is not the child itself."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def said(self) -> dict[str, Any]:
        """The line by which it says that it is ready."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await self.process.stdout.readline()
        if not line:
            raise self.died()
        found: dict[str, Any] = json.loads(line)
        return found

    async def answers(self) -> None:
        """Wait until it answers HTTP at all."""
        async with httpx.AsyncClient(trust_env=False) as http:

            async def answered() -> bool:
                if self.process.returncode is not None:
                    raise self.died()
                try:
                    await http.get(f"{self.url}/health")
                except httpx.TransportError:
                    return False
                return True

            await wait_until(answered, 30)

    def died(self) -> BenchError:
        """What its log says of its end."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return BenchError(f"{self.role} ended: {lines[-1] if lines else 'without a word'}")


@asynccontextmanager
async def child(
    role: str,
    settings: Settings,
    folder: Path,
    core: int | None,
    port: int,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Child]:
    """Run a role of `tests.bench.child` until the block ends; its log goes to `folder`.

    `variables` stand in its environment beside the settings.
    """
    log = folder / "log"
    arguments = ["-m", "tests.bench.child", role, *([] if core is None else [str(core)])]
    with log.open("wb") as errors:
        process = await start(*arguments, env={**environment(settings, port), **variables}, cwd=folder, stderr=errors)
    try:
        yield Child(role, process, log, port)
    finally:
        await end(process)


async def start(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
    """Start Python with pipes to and from it; Ctrl-C reaches us alone."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        **options,
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end by closing its input; kill it, and all that it started, where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_S)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def environment(settings: Settings, port: int) -> dict[str, str]:
    """The environment of a child: these settings and nothing of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_A_DEVELOPER)}
    kept |= {"PYTHONPATH": str(ROOT), "CANVAS_DATA_DIR": str(settings.data_dir)}
    kept["CANVAS_DEBOUNCE_S"] = "0"  # what is measured is the work, not the waiting
    # One agent sends what thousands do: its requests are counted as theirs are, and none is refused.
    kept |= {f"CANVAS_LIMIT_{name}": "1e9" for name in ("AGENT", "TENANT", "ADDRESS")}
    kept |= {"CANVAS_STREAMS_AGENT": "0", "CANVAS_STREAMS_TENANT": "0"}
    kept |= {"CANVAS_PORT": str(port), "CANVAS_INGEST_PORT": str(port)}
    kept["CANVAS_FRESHDESK_URLS"] = json.dumps(settings.freshdesk_urls)
    kept["CANVAS_DEBOUNCE_S"] = str(settings.debounce_s)
    if settings.redis_url is not None:
        kept["REDIS_URL"] = settings.redis_url.get_secret_value()
    return kept


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
