"""The `canvas` command many times for the price of one start: a process that has imported it forks for each call.

Importing takes 0.8 s of processor time, most commands a tenth of that. Each call is a process of its own, with its own
environment, standard streams and exit code. Run as a module it is that first process: a call a line in, a code a line
out.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ENVIRONMENT = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


class Forking:
    """Calls commands, one after the other."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    async def canvas(
        self, arguments: list[str], cwd: Path, variables: Mapping[str, str], stdin: str
    ) -> tuple[int, str]:
        """Run `canvas` to its end: its exit code, and what it has printed."""
        given, said = self._folder / "stdin", self._folder / "stdout"
        given.write_text(stdin, "utf-8")
        call = {"arguments": arguments, "cwd": str(cwd), "variables": dict(variables)}
        call |= {"stdin": str(given), "stdout": str(said)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        async with asyncio.timeout(50):
            code = await self._process.stdout.readline()
        return int(code), said.read_text("utf-8")


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
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Forking(process, Path(folder))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


def _serve() -> None:
    from deploy import cli

    for line in sys.stdin:
        call = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_run(cli.main, call))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(main: Any, call: dict[str, Any]) -> int:
    os.environ.update(call["variables"])
    os.chdir(call["cwd"])
    sys.argv = ["canvas", *call["arguments"]]
    with Path(call["stdin"]).open(encoding="utf-8") as given, Path(call["stdout"]).open("w", encoding="utf-8") as said:
        sys.stdin, sys.stdout, sys.stderr = given, said, said
        try:
            main()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException as error:  # noqa: BLE001 - what a process would print
            said.write(f"Traceback: {error!r}")
            return 1
    return 0


if __name__ == "__main__":
    _serve()
