"""`canvas status` as an operator and a monitor meet it: the verdict first, the figures below, exit codes, `--watch`."""

import asyncio
import io
import json
import os
import pty
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from redis.asyncio import Redis
from rich.console import Console

from deploy.cli import canvas
from deploy.status_view import status_view
from deploy.verdict import in_words, problems
from shared import keys, workers
from shared.due import DueLedger
from shared.overview import overview
from shared.queues import Queue
from shared.settings import Settings
from shared.workers import WorkerReport
from tests.deploy.forking import Call, Said
from tests.deploy.test_cli import CANVAS, environment, refused, running
from tests.parts import own_redis, register
from tests.shared.test_overview import MINUTE, aged, give_up
from tests.waiting import wait_until
from tests.world import ACME, OTHER


@pytest.fixture
async def tenants(settings: Settings) -> None:
    for host in (ACME, OTHER):
        await register(settings, host)


@pytest.fixture
async def workers_alive(redis: Redis) -> None:
    """A worker process that reads every queue and has a job."""
    queues = [queue.value for queue in Queue]
    running, capacity = {Queue.LIVE.value: 1}, dict.fromkeys(queues, 20)
    await workers.report(
        redis,
        WorkerReport(
            name="host-1:42", queues=queues, parts={}, at=time.time(), version="0.1.0", running=running,
            capacity=capacity,
        ),
    )  # fmt: skip


async def status(call: Call, url: str, *options: str) -> Said:
    return await call("status", *options, REDIS_URL=url)


# --- The command ---


@pytest.mark.usefixtures("tenants", "workers_alive")
async def test_all_well_is_said_first_and_is_no_error(call: Call, redis: Redis, valkey_url: str) -> None:
    await DueLedger(redis).mark(ACME, 1)

    said = await status(call, valkey_url, "--check")

    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "All well: 1 due, 0 running, 1 worker process"
    assert ACME in said.out
    assert "interactive 0/20, live 1/20" in said.out


@pytest.mark.usefixtures("tenants")
async def test_what_is_wrong_is_said_with_what_to_do(call: Call, redis: Redis, valkey_url: str) -> None:
    await give_up(DueLedger(redis), redis, ACME, 7)

    said = await status(call, valkey_url, "--check")

    assert said.code == 1
    assert said.out.splitlines()[0] == "2 things need a look:"
    lines = [line.strip() for line in said.out.splitlines()]
    assert lines[1:3] == ["✗ No worker is alive", "→ start `canvas up`, or `canvas worker`"]
    assert lines[3:5] == [f"✗ {ACME}: 1 ticket was given up", f"→ `canvas dead list {ACME}`"]


@pytest.mark.usefixtures("tenants", "workers_alive")
async def test_the_json_holds_every_figure(call: Call, redis: Redis, valkey_url: str) -> None:
    ledger = DueLedger(redis)
    await give_up(ledger, redis, OTHER, 9)
    await ledger.mark(ACME, 1)
    assert await ledger.claim(ACME, 1)

    said = await status(call, valkey_url, "--json")

    assert said.code == 0, "only --check makes it an error"
    found = json.loads(said.out)
    assert (found["well"], [problem["code"] for problem in found["problems"]]) == (False, ["dead"])
    acme, other = found["tenants"]
    assert (acme["host"], acme["due"], acme["running"], acme["dead"]) == (ACME, 1, 1, 0)
    assert (other["host"], other["due"], other["dead"]) == (OTHER, 0, 1)
    assert acme["oldest_due_s"] < 60
    assert [queue["name"] for queue in found["queues"]] == ["interactive", "live", "backfill"]
    assert found["workers"][0]["running"] == {"live": 1}
    assert found["redis"]["used_bytes"] > 0


@pytest.mark.usefixtures("tenants")
async def test_one_account_is_shown_alone(call: Call, valkey_url: str) -> None:
    said = await status(call, valkey_url, OTHER)

    assert OTHER in said.out
    assert ACME not in said.out


@pytest.mark.parametrize("option", ["--json", "--watch"])
async def test_a_redis_that_is_stopped_is_one_line(option: str, call: Call, tmp_path: Path) -> None:
    refused(await status(call, f"unix://{tmp_path}/none.sock", option), "REDIS_URL")


# --- Watching ---


class Screen:
    """A `canvas` process on a terminal of its own, and all that it has drawn."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.drawn = ""

    def reads(self, side: int) -> None:
        """Take what the terminal has; called when there is something."""
        try:
            self.drawn += os.read(side, 65536).decode("utf-8", "replace")
        except OSError:  # the process has closed its side
            asyncio.get_running_loop().remove_reader(side)


@asynccontextmanager
async def on_a_terminal(folder: Path, *arguments: str, **variables: str) -> AsyncIterator[Screen]:
    ours, theirs = pty.openpty()
    variables = {**environment(variables), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40", "FORCE_COLOR": "1"}
    variables.pop("NO_COLOR")
    process = await asyncio.create_subprocess_exec(
        CANVAS, *arguments, cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    screen = Screen(process)
    asyncio.get_running_loop().add_reader(ours, screen.reads, ours)
    try:
        yield screen
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)


@pytest.mark.usefixtures("tenants", "workers_alive")
async def test_watching_redraws_what_changes_and_ends_cleanly_on_ctrl_c(
    tmp_path: Path, redis: Redis, valkey_url: str
) -> None:
    async with on_a_terminal(tmp_path, "status", "--watch", REDIS_URL=valkey_url) as screen:
        await wait_until(lambda: "0 due" in screen.drawn, 60)
        await DueLedger(redis).mark(ACME, 1)
        await wait_until(lambda: "1 due" in screen.drawn, 60)
        screen.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            assert await screen.process.wait() == 0
    assert "Traceback" not in screen.drawn
    assert "\x1b[" in screen.drawn, "in colour"


@pytest.mark.usefixtures("tenants")
async def test_watching_into_a_pipe_is_one_document_a_line_even_while_redis_is_away(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as server:
        url = server.settings.redis_url
        assert url is not None
        lines: list[dict[str, Any]] = []
        variables = environment({"REDIS_URL": url.get_secret_value()})
        process = await asyncio.create_subprocess_exec(
            CANVAS, "status", "--watch", "--json", cwd=tmp_path, env=variables, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(90):
                await _next(process, lines)
                await server.stop()
                while "error" not in lines[-1]:
                    await _next(process, lines)
                await server.start()
                while "error" in lines[-1]:
                    await _next(process, lines)
                process.send_signal(signal.SIGINT)
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert lines[-1]["tenants"] == []


async def _next(process: asyncio.subprocess.Process, lines: list[dict[str, Any]]) -> None:
    assert process.stdout is not None
    lines.append(json.loads(await process.stdout.readline()))


def test_looking_again_and_ending_with_a_verdict_exclude_each_other() -> None:
    assert CliRunner().invoke(canvas, ["status", "--watch", "--check"]).exit_code == 2


# --- A real worker ---


@pytest.mark.usefixtures("tenants")
async def test_a_running_worker_is_seen_with_its_queues_version_and_room(
    call: Call, tmp_path: Path, redis: Redis, valkey_url: str
) -> None:
    async def reports() -> bool:
        return bool(await workers.reports(redis))

    async with running(tmp_path, "worker", "--queue", "live", REDIS_URL=valkey_url):
        await wait_until(reports, 90)
        found = json.loads((await status(call, valkey_url, "--json")).out)
    worker = found["workers"][0]
    assert (worker["queues"], worker["running"], worker["capacity"]) == (["live"], {"live": 0}, {"live": 20})
    assert worker["version"]
    said = [problem["text"] for problem in found["problems"]]
    assert said == ["No worker reads the interactive queue", "No worker reads the backfill queue"]


# --- What it looks like, and what it thinks is wrong ---


async def drawn(redis: Redis, width: int, most: int | None = None) -> list[str]:
    found = await overview(redis, MINUTE)
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as said:
        console.print(status_view(found, problems(found), width, most))
    return said.get().splitlines()


@pytest.mark.usefixtures("workers_alive")
async def test_it_fits_eighty_columns_with_long_names_and_large_numbers(redis: Redis) -> None:
    long = f"{'a' * 40}.freshdesk.com"
    await redis.sadd(keys.TENANTS, long, ACME)  # type: ignore[misc]
    await redis.zadd(keys.due(long), {str(number): 1 for number in range(51_234)})
    await redis.zadd(keys.turn(long, "backfill"), {str(number): 1 for number in range(51_234)})
    await redis.zadd(keys.dead(long), {str(number): 1 for number in range(1_234)})

    lines = await drawn(redis, 80)

    assert max(len(line) for line in lines) <= 80
    row = next(line for line in lines if "51,234" in line)
    assert row.startswith("aaaaaaa")
    assert "1,234" in row
    assert any(line.startswith("acme ") for line in lines), "the suffix that all share is left out"
    assert any(line.startswith(ACME) for line in await drawn(redis, 140)), "and is there where there is room"


@pytest.mark.usefixtures("workers_alive")
async def test_of_many_accounts_those_are_shown_that_need_a_look(redis: Redis) -> None:
    hosts = [f"tenant{number}.freshdesk.com" for number in range(100)]
    await redis.sadd(keys.TENANTS, *hosts)  # type: ignore[misc]
    for host in hosts[50:65]:
        await redis.zadd(keys.dead(host), {"1": 1})
    await redis.zadd(keys.dead(hosts[57]), {"2": 1})
    await DueLedger(redis).mark(hosts[83], 1)

    text = "\n".join(await drawn(redis, 80, most=5))

    assert "tenant57 " in text
    assert "tenant83 " not in text
    assert "and 95 more with 1 due" in text
    assert "15 things need a look" in text
    assert text.count("✗") == 8
    assert "and 7 more (--all shows them)" in text


async def codes(redis: Redis) -> list[str]:
    return [problem.code for problem in problems(await overview(redis, MINUTE))]


@pytest.mark.usefixtures("tenants", "workers_alive")
async def test_a_change_that_waits_for_over_a_minute_is_wrong_and_history_that_does_is_not(redis: Redis) -> None:
    ledger = DueLedger(redis)
    await ledger.mark(ACME, 1, "backfill")
    await aged(redis, 1, timedelta(hours=5))
    assert await codes(redis) == []
    await ledger.mark(ACME, 2)
    assert await codes(redis) == []
    await aged(redis, 2, timedelta(seconds=90))
    assert await codes(redis) == ["late"]


@pytest.mark.usefixtures("tenants")
async def test_a_stage_that_fails_and_a_worker_that_is_silent_are_wrong(redis: Redis) -> None:
    queues = [queue.value for queue in Queue]
    limited = {"summarize": "rate_limited", "embed": ""}
    for name, age, stages in (("a", 0, limited), ("b", 13, {}), ("c", 1, limited)):
        report = WorkerReport(name=name, queues=queues, parts={}, at=time.time() - age, stages=stages)
        await workers.report(redis, report)
    found = problems(await overview(redis, MINUTE))
    assert [problem.code for problem in found] == ["worker-silent", "stage-failing"]
    assert "on 2 workers (rate_limited)" in found[1].text


@pytest.mark.usefixtures("tenants", "workers_alive")
async def test_an_account_that_was_long_not_compared_with_freshdesk_is_wrong(redis: Redis) -> None:
    now_ms = int(time.time() * 1000)
    recent = {"ended_ms": now_ms - 1000, "succeeded_ms": now_ms - 300_000, "code": "freshdesk-unavailable"}
    await redis.hset(keys.reconcile(ACME), mapping=recent)  # type: ignore[misc]
    assert await codes(redis) == [], "the next pass takes the work of a failed one up"
    await redis.hset(keys.reconcile(ACME), "succeeded_ms", str(now_ms - 3_600_000))  # type: ignore[misc]
    found = problems(await overview(redis, MINUTE))
    assert [problem.text for problem in found] == [
        f"{ACME}: not compared with Freshdesk for 1 h (freshdesk-unavailable)"
    ]


async def test_a_redis_that_is_nearly_full_is_wrong(redis: Redis) -> None:
    used = (await redis.info("memory"))["used_memory"]
    await redis.config_set("maxmemory", int(used * 1.05))
    try:
        assert "redis-memory" in await codes(redis)
    finally:
        await redis.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (90_000, "1 d")]
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
