"""What measurements share: a folder of their own, the processes they measure, and the cores these are pinned to.

On a machine with two cores or more the server has one to itself; the load and Redis share another. Where processes
can't be pinned (macOS, one core) everything runs wherever it likes, and the report says so.
"""

import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx
import msgspec
from pydantic import SecretStr
from redis.asyncio import Redis

from deploy.data_folder import redis_ready
from deploy.demo.run import ADMIN_KEY, DOMAIN
from ingest.context import ReceiverContext, receiver_context
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.registration import register_tenant
from shared.redis import connect, state_url
from shared.settings import Settings
from shared.vault import new_secret
from tests.bench.load import Load, Loaded
from tests.bench.processes import ROOT, BenchError, Child, child, end, free_port, start


@dataclass(frozen=True)
class Furnished:
    """A data folder after the demo's first start: what it took (s), and bytes in Redis by kind of key."""

    folder: Path
    ready: float
    computing: float
    tickets: int
    redis_bytes: Mapping[str, int]


@dataclass(frozen=True)
class Desk:
    """A `canvas up` with 300 tickets behind it, and a helpdesk that sends no webhooks of its own."""

    up: Child
    context: ReceiverContext
    secret: str
    freshdesk: httpx.AsyncClient

    async def create_ticket(self, body: dict[str, object]) -> int:
        """A customer writes in; no webhook is sent."""
        created = await self.freshdesk.post("/api/v2/tickets", json=body)
        return int(created.raise_for_status().json()["id"])


class Lab:
    """Where a run of the benchmark happens."""

    def __init__(self, folder: Path) -> None:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self.server_core: int | None = cores[0] if len(cores) > 1 else None
        self.load_core: int | None = cores[1] if len(cores) > 1 else None
        self._folder = folder
        self._folders = 0
        self._furnished: Furnished | None = None

    def new_folder(self, name: str) -> Path:
        """An empty folder."""
        self._folders += 1
        folder = self._folder / f"{self._folders}-{name}"
        folder.mkdir()
        return folder

    def child(
        self,
        role: str,
        settings: Settings,
        *,
        core: int | None = None,
        port: int | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> AbstractAsyncContextManager[Child]:
        """Run a role of `tests.bench.child`; `port` None takes a free one, `core` None all cores."""
        return child(role, settings, self.new_folder(role), core, free_port() if port is None else port, variables)

    @asynccontextmanager
    async def redis(self, folder: Path | None = None) -> AsyncIterator[Settings]:
        """An embedded Valkey, on an empty folder and the load's core, or on this folder and all cores."""
        settings = Settings(data_dir=folder or self.new_folder("data"))
        async with self.child("redis", settings, core=None if folder else self.load_core) as child:
            url = SecretStr((await child.said())["redis_url"])
            yield settings.model_copy(update={"redis_url": url})

    async def load(self, load: Load, server: Child) -> Loaded:
        """Load a server from a process of its own."""
        load.core, load.port, load.pid = self.load_core, server.port, server.worker or server.process.pid
        process = await start("-m", "tests.bench.load", cwd=ROOT)
        try:
            output, _ = await process.communicate(msgspec.json.encode(load))
        finally:
            await end(process)
        if process.returncode:
            raise server.died() if server.process.returncode is not None else BenchError("the load process failed")
        return msgspec.json.decode(output, type=Loaded)

    async def furnish(self) -> Furnished:
        """The folder of a demo's first start; measured at the first call, the same one ever after."""
        if self._furnished is None:
            folder = self.new_folder("demo")
            began = time.perf_counter()
            async with self.child("demo", Settings(data_dir=folder), port=0) as demo:
                said = await demo.said()
                ready = time.perf_counter() - began
                sizes = await redis_bytes(said["redis_url"])
            self._furnished = Furnished(folder, ready, said["seconds"], said["tickets"], sizes)
        return self._furnished

    @asynccontextmanager
    async def desk(
        self, debounce_s: float | None = None, variables: Mapping[str, str] = MappingProxyType({})
    ) -> AsyncIterator[Desk]:
        """`canvas up` over a copy of the demo's folder, with all cores, and the helpdesk in another process."""
        furnished = await self.furnish()
        folder = shutil.copytree(furnished.folder, self.new_folder("desk"), dirs_exist_ok=True)
        async with AsyncExitStack() as stack:
            settings = await stack.enter_async_context(self.redis(folder))
            if debounce_s is not None:
                settings = settings.model_copy(update={"debounce_s": debounce_s})
            context, url = await stack.enter_async_context(self.connected(settings))
            up = await stack.enter_async_context(self.child("up", context.settings, variables=variables))
            await up.answers()
            secret = await register(context, url)
            http = httpx.AsyncClient(base_url=url, auth=(ADMIN_KEY, "X"), trust_env=False)
            yield Desk(up, context, secret, await stack.enter_async_context(http))

    @asynccontextmanager
    async def connected(self, settings: Settings) -> AsyncIterator[tuple[ReceiverContext, str]]:
        """A helpdesk in a process of its own: a context whose settings know it, and its URL."""
        async with self.child("helpdesk", settings) as helpdesk:
            url = (await helpdesk.said())["url"]
            async with receiver_context(settings.model_copy(update={"freshdesk_urls": {DOMAIN: url}})) as context:
                yield context, url


async def register(context: ReceiverContext, helpdesk_url: str) -> str:
    """Register the demo's account and return a webhook secret for it, one more where rules carry others already."""
    async with freshdesk_http() as http:
        freshdesk = FreshdeskClient(http, helpdesk_url, ADMIN_KEY)
        tenant, _ = await register_tenant(context, freshdesk, DOMAIN, ADMIN_KEY)
    secret = new_secret()
    hashes = [context.vault.keyed_hash(secret, DOMAIN), *tenant.webhook_hashes]
    await context.tenants.put(msgspec.structs.replace(tenant, webhook_hashes=hashes))
    return secret


@asynccontextmanager
async def client(settings: Settings) -> AsyncIterator[Redis]:
    """A connection to the settings' Redis."""
    redis = connect(state_url(settings))
    try:
        yield redis
    finally:
        await redis.aclose()
        await redis.connection_pool.aclose()


async def redis_bytes(url: str) -> dict[str, int]:
    """Bytes in Redis by kind of key, their overhead included, as Redis counts them."""
    sizes: dict[str, int] = {}
    async with client(Settings(redis_url=SecretStr(url))) as redis:
        async for key in redis.scan_iter(count=1000):
            kind = key.decode().removeprefix(f"pc:{{{DOMAIN}}}:").split(":")[0]
            sizes[kind] = sizes.get(kind, 0) + int(await redis.memory_usage(key, samples=0) or 0)
    return sizes


async def clean(folder: Path) -> None:
    """Delete a folder; a Valkey that a killed process left in it, with its socket, is joined and so stopped first."""
    for left in list(folder.glob("*/redis/valkey.sock")):  # noqa: ASYNC240 - nothing else runs any more
        async with redis_ready(Settings(data_dir=left.parents[1])):
            pass
    shutil.rmtree(folder, ignore_errors=True)
