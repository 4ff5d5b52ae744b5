"""What a signal makes of a command: one that was to do something has not done it, one that runs for ever has."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.deploy.test_cli import environment

COMMAND = """
import asyncio, sys
import rich_click as click
from deploy.process import run
from deploy.settings import load_settings

async def job():
    print("begun", flush=True)
    await asyncio.Event().wait()

try:
    run(load_settings(), job(), *sys.argv[1:])
except click.Abort:
    sys.exit(130)
"""


@pytest.mark.parametrize(("name", "code"), [((), 130), (("serve",), 0)])
async def test_a_stopped_command_has_not_done_what_it_was_to_do(
    name: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, *name), cwd=tmp_path, env=environment({}), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"begun\n"
            process.send_signal(signal.SIGINT)
            assert await process.wait() == code
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
