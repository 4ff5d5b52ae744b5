"""The promise of `make demo`, kept by a real process: all tickets ready, a page to look at, a warm second start.

Of the 300 tickets the helpdesk has every eighth here, as if somebody had deleted the others: the local model reads five
a second. `python -m tests.deploy.demo.test_demo` takes all of them.
"""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest

from deploy.demo.run import load_helpdesk

CANVAS = Path(sys.executable).with_name("canvas")
CREDENTIAL = {"X-Freshdesk-Domain": "demo.freshdesk.com", "Accept": "application/json"}
START_S = 240
EIGHTH = 8


@dataclass
class Started:
    """A running demo and what it has printed."""

    process: asyncio.subprocess.Process
    lines: list[str]
    url: str


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Started]:
    """Run `canvas demo` until its page is ready; Ctrl-C at the end, which must end it cleanly."""
    process = await asyncio.create_subprocess_exec(
        CANVAS, "demo", "--port", "0", "--data", folder, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "COLUMNS": "200"}, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines: list[str] = []
        async with asyncio.timeout(START_S):
            while not (lines and "/desk" in lines[-1]):
                line = await process.stdout.readline()
                assert line, f"the demo ended early: {lines}"
                lines.append(line.decode().rstrip())
        found = re.search(r"http://[0-9.:]+(?=/desk)", lines[-1])
        assert found is not None
        yield Started(process, lines, found[0])
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def keep_every(step: int, folder: Path) -> list[int]:
    """Begin a data folder whose helpdesk has so many of its tickets; returns their numbers."""
    file = folder / "helpdesk.json"
    helpdesk = load_helpdesk(file)
    tickets = helpdesk.state.tickets
    assert list(tickets) == list(range(1, 301))
    for number in [*tickets]:
        if number % step:
            del tickets[number]
    file.write_bytes(msgspec.json.encode(helpdesk.snapshot()))
    return list(tickets)


async def canvases(url: str, numbers: list[int]) -> list[httpx.Response]:
    async with httpx.AsyncClient(
        base_url=url, headers=CREDENTIAL | {"X-Freshdesk-API-Key": "demo-key"}, timeout=20
    ) as client:
        return [await client.get(f"/init/{number}") for number in numbers]


async def the_printed_command_works(started: Started, elsewhere: Path) -> None:
    """Paste the line that says how to call commands; it must reach this demo, its data and its look-alike."""
    [line] = [line for line in started.lines if line.startswith("Commands")]
    command = line.removeprefix("Commands").replace(" canvas tenant show ", f" {CANVAS} tenant add ")
    process = await asyncio.create_subprocess_shell(
        command, cwd=elsewhere, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate(b"demo-key\n")
    assert "Connected demo.freshdesk.com" in said.decode()


def running_on(folder: Path) -> list[str]:
    """Command lines of processes that still use the data folder."""
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    return [command.decode(errors="replace") for command in commands if str(folder).encode() in command]


@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for left-over processes in /proc")
async def test_every_seeded_ticket_is_a_hit_and_the_second_start_computes_nothing(tmp_path: Path) -> None:
    await every_ticket_is_a_hit(tmp_path, keep_every(EIGHTH, tmp_path))


async def every_ticket_is_a_hit(tmp_path: Path, numbers: list[int]) -> None:
    async with demo(tmp_path) as first:
        assert len(first.lines) <= 10
        found = await canvases(first.url, numbers)
        assert {answer.status_code for answer in found} == {200}
        assert {answer.headers["cache-status"] for answer in found} == {"prompt-canvas; hit"}
        documents = [answer.json() for answer in found]
        assert {document["status"] for document in documents} == {"ready"}
        assert all(document["summary"]["text"] for document in documents)
        # Whose agent has not had the last word has replies, or says why there are none.
        assert all(bool(document["replies"]) != bool(document["no_replies"]) for document in documents)
        assert sum(bool(document["replies"]) for document in documents) > len(numbers) // 6
        assert {document["provenance"]["models"]["summary"] for document in documents} == {"extractive"}
        assert {document["language"] for document in documents} == {"ko", "en"}
        async with httpx.AsyncClient(base_url=first.url) as anybody:
            agent = CREDENTIAL | {"X-Freshdesk-API-Key": "demo-agent-key"}
            assert (await anybody.get(f"/init/{numbers[0]}", headers=agent)).status_code == 200
            assert (await anybody.get("/desk")).status_code == 200
        await the_printed_command_works(first, tmp_path)
    assert running_on(tmp_path) == []
    async with demo(tmp_path) as second:
        assert any(f"{len(numbers)} tickets were precomputed already" in line for line in second.lines)
        again = [answer.headers["etag"] for answer in await canvases(second.url, numbers)]
        assert again == [answer.headers["etag"] for answer in found]
    assert running_on(tmp_path) == []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(every_ticket_is_a_hit(Path(place), keep_every(1, Path(place))))
