"""The `canvas` command many times for the price of one start: a process that has imported it forks for each call.

Importing takes 0.8 s of processor time, most commands a tenth of that. Each call is a process of its own, with its own
environment, standard streams and exit code. Run as a module it is that first process: a call a line in, a code a line
out. What is read while modules are imported is not a call's own: where a test hides a package, it starts a new process.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

ENVIRONMENT = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
CALL_S = 40
"""A call that takes longer is killed."""
READY = b"ready\n"


@dataclass(frozen=True)
class Said:
    """What a finished command left behind."""

    code: int
    out: str
    err: str


class Call(Protocol):
    """Runs `canvas` with arguments and environment variables."""

    async def __call__(self, *arguments: str, **variables: str) -> Said:
        """What it left behind."""


class Forking:
    """Calls commands, one after the other."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    async def canvas(self, arguments: list[str], cwd: Path, variables: Mapping[str, str], stdin: str = "") -> Said:
        """Run `canvas` to its end."""
        given, out, err = (self._folder / name for name in ("stdin", "stdout", "stderr"))
        given.write_text(stdin, "utf-8")
        call = {"arguments": arguments, "cwd": str(cwd), "variables": dict(variables)}
        call["streams"] = [str(given), str(out), str(err)]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        code = await self._process.stdout.readline()
        return Said(int(code), out.read_text("utf-8"), err.read_text("utf-8"))


@asynccontextmanager
async def forking() -> AsyncIterator[Forking]:
    """The first process, beside the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if name != "FRESHDESK_API_KEY"} | ENVIRONMENT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        try:
            assert await process.stdout.readline() == READY, "nothing that a test prepares grows old meanwhile"
            yield Forking(process, Path(folder))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


def _serve() -> None:
    from deploy import cli
    from deploy.later import loaded

    # What the command would import when it is called, each fork has already.
    import_module("deploy.up")
    for later in cli.canvas.commands.values():
        assert loaded(later).name
    sys.stdout.write(READY.decode())
    sys.stdout.flush()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_run(cli.main, json.loads(line)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(main: Any, call: dict[str, Any]) -> int:
    signal.alarm(CALL_S)
    os.environ.update(call["variables"])
    os.chdir(call["cwd"])
    sys.argv = ["canvas", *call["arguments"]]
    for number, name in enumerate(call["streams"]):
        opened = os.open(name, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if number else 0), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    with (
        open(0, encoding="utf-8", closefd=False) as sys.stdin,
        open(1, "w", encoding="utf-8", closefd=False) as sys.stdout,
        open(2, "w", encoding="utf-8", closefd=False, buffering=1) as sys.stderr,
    ):
        try:
            main()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException as error:  # noqa: BLE001 - what a process would print
            sys.stderr.write(f"Traceback: {error!r}")
            return 1
    return 0


if __name__ == "__main__":
    _serve()
