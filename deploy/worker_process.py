"""The workers of `canvas up`, in a process of their own beside the one that answers.

Cleaning and embedding share Python's lock: in one process with them a hit at the 99th percentile took 40 times as long
while a backfill ran. The child lives no longer than its parent, however that one ends: it holds the other end of the
parent's pipe. A child that dies is started again; what it had in hand gets another worker, as after any crash.
"""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from click.exceptions import Exit

from deploy.process import give_way
from deploy.settings import AllSettings
from shared.tasks import beside

READY = b"ready\n"
NICE = 10
"""The child's work is heavy and can wait a moment; an agent's request can't."""
STOPS_WITHIN_S = 8.0
AGAIN_AFTER_S = 1.0
LONGEST_WAIT_S = 30.0

log = structlog.get_logger()


@asynccontextmanager
async def worker_process(settings: AllSettings) -> AsyncIterator[None]:
    """Workers of all queues until the block ends; they are at work when it begins.

    Raises:
        Exit: they could not start; the child has said why, on the terminal that both share.
    """
    child = await _started(settings)
    if child.returncode is not None:
        raise Exit(child.returncode)
    kept = [child]
    try:
        async with beside(_keep_running(settings, kept)):
            yield
    finally:
        await asyncio.shield(_stop(kept[0]))


async def _started(settings: AllSettings) -> asyncio.subprocess.Process:
    """A child that is ready, or has ended."""
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", "from deploy.cli import main; main()", "worker", "--beside"],
        *["--data", str(settings.shared.data_dir)],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the parent, which stops the child in its turn
    )
    if child.stdout is None or await child.stdout.readline() != READY:
        await child.wait()
    return child


async def _keep_running(settings: AllSettings, kept: list[asyncio.subprocess.Process]) -> None:
    wait_s = AGAIN_AFTER_S
    while True:
        code = await kept[0].wait()
        log.error("workers died, starting them again", code=code, wait_s=wait_s)
        await asyncio.sleep(wait_s)
        kept[0] = await _started(settings)
        wait_s = AGAIN_AFTER_S if kept[0].returncode is None else min(LONGEST_WAIT_S, 2 * wait_s)


async def _stop(child: asyncio.subprocess.Process) -> None:
    """End a child as a signal would, and by force where it does not."""
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
        try:
            async with asyncio.timeout(STOPS_WITHIN_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


def begin_beside() -> None:
    """In the child: take a lower priority, and end at once when the parent is gone."""
    give_way(NICE)
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)  # as if it had been killed too: whoever starts next waits for nothing


def say_ready() -> None:
    """In the child: tell the parent that the workers are at work."""
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
