"""A `canvas up` in a process of its own, to be killed: its data folder, its Valkey, its Freshdesk, and its history.

The look-alike lives in the test's process, so that it outlives every kill and still knows which webhooks were accepted.
Whatever a test leaves running is killed at its end, however it ends.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from deploy.data_folder import redis_ready
from deploy.demo.helpdesk import Fault, Helpdesk, running_helpdesk
from ingest.context import receiver_context
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.registration import install_webhooks, register_tenant
from shared import keys
from shared.canvas_store import HEAD_BYTES
from shared.due import DueLedger
from shared.redis import connect
from shared.settings import Settings
from tests.faults import ticking, updated_at
from tests.ports import free_port
from tests.waiting import wait_until
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, SEED, desk_settings

CANVAS = Path(sys.executable).with_name("canvas")
READY_WITHIN_S = 60
CURRENT_WITHIN_S = 90
"""Long, since a busy machine is no failure: dozens of tickets wait for killed workers' leases, then for the model."""
SAMPLE_EVERY_S = 0.02


@dataclass
class Installation:
    """One data folder and who works on it."""

    folder: Path
    port: int
    desk: Helpdesk
    freshdesk: httpx.AsyncClient
    canvas: httpx.AsyncClient
    environment: dict[str, str]
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def launch(self, port: int) -> asyncio.subprocess.Process:
        """Start `canvas up`, and do not wait for it."""
        with self._log_of(len(self.processes)).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(CANVAS, "up", "--port", str(port), "--data", self.folder),
                cwd=self.folder,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    async def start(self) -> asyncio.subprocess.Process:
        """Start `canvas up` and wait until all of its parts are ready."""
        process = await self.launch(self.port)
        await self.until_ready(process)
        return process

    async def until_ready(self, process: asyncio.subprocess.Process, port: int = 0) -> None:
        """Wait until `/health` says that all parts are ready."""
        url = f"http://127.0.0.1:{port or self.port}/health"

        async def is_ready() -> bool:
            assert process.returncode is None, self.said(process)
            try:
                return bool((await self.canvas.get(url)).json()["status"] == "ok")
            except httpx.TransportError:
                return False

        await wait_until(is_ready, READY_WITHIN_S)

    def said(self, process: asyncio.subprocess.Process) -> str:
        """What a process has written to its terminal."""
        return self._log_of(self.processes.index(process)).read_text("utf-8")

    def _log_of(self, number: int) -> Path:
        return self.folder / f"said.{number}.log"

    def valkeys(self) -> list[int]:
        """Process ids of the folder's Valkeys that run; each line of their log begins with one."""
        try:
            said = (self.folder / "redis" / "valkey.log").read_text("utf-8", "replace")
        except FileNotFoundError:
            return []
        started = {int(pid) for pid in re.findall(r"^(\d+):", said, re.MULTILINE)}
        return [pid for pid in started if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        """Whether a process runs, and is the folder's server: ids are used again, and the dead may still be listed."""
        if Path("/proc/self").exists():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
            except OSError:
                return False
        else:
            listing = ("ps", "-o", "command=", "-p", str(pid))
            command = subprocess.run(listing, check=False, capture_output=True, text=True).stdout
        return self.folder.name in command

    async def kill_valkey(self) -> None:
        """SIGKILL, and wait until it is gone."""
        [pid] = self.valkeys()
        os.kill(pid, signal.SIGKILL)
        await wait_until(lambda: not self._is_ours(pid))

    async def clean_up(self) -> None:
        """Kill whatever still runs."""
        for process in self.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        for pid in self.valkeys():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- What agents and customers do ---

    async def create_ticket(self, subject: str) -> int:
        """A customer writes in."""
        body = {"subject": subject, "description": "<p>Where is it?</p>", "email": "mina@example.com"}
        answer = await self.freshdesk.post("/api/v2/tickets", json={**body, "status": 2, "priority": 1})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def change(self, ticket_id: int) -> None:
        """An agent changes a ticket."""
        priority = 1 + self.desk.state.tickets[ticket_id].priority % 4
        answer = await self.freshdesk.put(f"/api/v2/tickets/{ticket_id}", json={"priority": priority})
        assert answer.status_code == 200, answer.text

    def slow_down(self, seconds: float, share: float = 1.0) -> None:
        """Let runs take a while: Freshdesk answers slowly when it is asked for a ticket."""
        self.desk.faults.add(Fault("delay", path="/api/v2/tickets/", method="GET", seconds=seconds, share=share))

    def accepted(self) -> int:
        """How many webhooks were answered with 202."""
        return sum(record.status == 202 for record in self.desk.log.webhooks)

    # --- What must be true ---

    async def all_current(self) -> None:
        """Wait until every announced ticket is computed, and check that each is a hit of its newest state."""
        await self.desk.webhooks.settled()
        assert {record.outcome for record in self.desk.log.webhooks} <= {"delivered", "failed"}
        async with self.redis() as redis:
            ledger = DueLedger(redis)

            async def nothing_is_due() -> bool:
                return await ledger.count_due(ACME) == 0

            await wait_until(nothing_is_due, CURRENT_WITHIN_S)
            assert await redis.zcard(keys.dead(ACME)) == 0
        for ticket_id in self.desk.state.tickets:
            answer = await self.canvas.get(f"/init/{ticket_id}", headers={"Accept": "application/json"})
            assert answer.headers["cache-status"] == "prompt-canvas; hit"
            assert datetime.fromisoformat(answer.json()["revision"]) == updated_at(self.desk, ticket_id)

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """A client of the folder's Valkey."""
        client = connect(f"unix://{self.folder / 'redis' / 'valkey.sock'}")
        try:
            yield client
        finally:
            await client.aclose()
            await client.connection_pool.aclose()

    @asynccontextmanager
    async def history(self) -> AsyncIterator[dict[int, list[bytes]]]:
        """What a reader of each Canvas sees beside the block: its (revision, generation), each time that it changes."""
        seen: dict[int, list[bytes]] = {}
        async with self.redis() as redis:
            task = asyncio.create_task(self._sample(redis, seen))
            try:
                yield seen
            finally:
                task.cancel()
                await asyncio.wait([task])

    async def _sample(self, redis: Redis, seen: dict[int, list[bytes]]) -> None:
        while True:
            numbers = list(self.desk.state.tickets)
            with contextlib.suppress(RedisError, OSError):
                pipe = redis.pipeline(transaction=False)
                for ticket_id in numbers:
                    pipe.getrange(keys.canvas(ACME, ticket_id), 0, HEAD_BYTES - 1)
                for ticket_id, head in zip(numbers, await pipe.execute(), strict=True):
                    versions = seen.setdefault(ticket_id, [b""])
                    if head and head != versions[-1]:
                        versions.append(head)
            await asyncio.sleep(SAMPLE_EVERY_S)


@asynccontextmanager
async def installed() -> AsyncIterator[Installation]:
    """An empty data folder with one registered account; nothing runs yet but its Freshdesk."""
    port = free_port()
    desk = Helpdesk.from_seed(
        SEED,
        replace(desk_settings(ACME), webhook_retry_delays=(timedelta(milliseconds=100),) * 600),
        datetime.now(UTC),
        ticking(datetime.now(UTC)),
    )
    folder = Path(tempfile.mkdtemp(prefix="canvas-"))
    address, credentials = (
        f"http://127.0.0.1:{port}",
        {"X-Freshdesk-Domain": ACME, "X-Freshdesk-API-Key": AGENT_KEY + ACME},
    )
    async with (
        running_helpdesk(desk) as url,
        httpx.AsyncClient(base_url=url, auth=(AGENT_KEY + ACME, "X"), timeout=20) as freshdesk,
        httpx.AsyncClient(base_url=address, headers=credentials, timeout=10) as canvas,
    ):
        environment = {**os.environ, "CANVAS_FRESHDESK_URLS": json.dumps({ACME: url}), "CANVAS_LOG_LEVEL": "warning"}
        # Callers that are killed keep their share of an unknown limit until its minute is over: make it a short one.
        environment["CANVAS_FRESHDESK_WINDOW_S"] = "2"
        made = Installation(folder, port, desk, freshdesk, canvas, environment)
        try:
            await _register(made, url, address)
            yield made
        finally:
            await made.clean_up()


async def _register(made: Installation, freshdesk_url: str, address: str) -> None:
    settings = Settings(data_dir=made.folder, freshdesk_urls={ACME: freshdesk_url})
    async with redis_ready(settings) as ready, receiver_context(ready) as context, freshdesk_http() as http:
        client = FreshdeskClient(http, freshdesk_url, ADMIN_KEY + ACME)
        tenant, _ = await register_tenant(context, client, ACME, ADMIN_KEY + ACME)
        await install_webhooks(context, client, tenant, address)
