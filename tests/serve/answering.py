"""A world whose `acme` has no model and whose `other` asks one: a look-alike that a test scripts and watches."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from pydantic import SecretStr

from deploy.demo.helpdesk import Fault
from ingest.settings import IngestSettings
from ingest.writers.extractive import NAME
from shared import keys
from shared.queues import Queue
from shared.tenant_settings import TenantSettings
from tests.conftest import leaked_keys
from tests.faults import worker_of
from tests.ground import lay_ground, publish
from tests.lookalikes import OpenAILookalike, Script
from tests.parts import own_redis
from tests.serve.agents import ALL, Colleague, colleague
from tests.waiting import wait_until
from tests.world import Account, World, world

ROUTER = (
    "Resetting the router\nHold the reset button of the router for ten seconds. Wait until the lamp is green again."
)
KOREAN = "환불 계좌 등록\n환불 계좌는 마이페이지의 결제 정보에서 등록할 수 있습니다. 등록한 다음 영업일에 입금됩니다."


@dataclass
class Answering:
    """The world, the look-alike, and clients of agents that no other test uses."""

    world: World
    provider: OpenAILookalike
    stack: AsyncExitStack
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def acme(self) -> Account:
        """The account without a model."""
        return self.world.acme

    @property
    def other(self) -> Account:
        """The account with one."""
        return self.world.other

    async def agent(self, account: Account, scope: int = ALL, groups: tuple[int, ...] = ()) -> httpx.AsyncClient:
        """A client of a new agent: limits of an agent are its own."""
        return await self.client(colleague(account.helpdesk, account.host, scope, groups))

    async def client(self, who: Colleague) -> httpx.AsyncClient:
        """A client with an agent's key."""
        client = httpx.AsyncClient(base_url=self.world.running.url, headers=who.headers, timeout=20)
        return await self.stack.enter_async_context(client)

    async def awake(self) -> None:
        """All parts are up: while a test blocked the event loop they have missed each other's signs of life."""
        needed = ("redis", "memory", *(f"worker.{queue.name.lower()}" for queue in Queue))

        async def up() -> bool:
            parts = (await self.acme.canvas.get("/health")).json()["parts"]
            return all(parts.get(name, {}).get("ready") for name in needed)

        await wait_until(up)

    async def fresh(self) -> None:
        """The look-alike has no script and was asked nothing; no model is out of use."""
        state = worker_of(self.other).redis.state
        async for breaker in state.scan_iter(match=f"{keys.PREFIX}:breaker:*"):
            await state.delete(breaker)
        self.provider.script = Script()
        self.provider.requests.clear()

    def asked_for(self, form: str) -> list[Any]:
        """The requests of the look-alike whose schema has this property: computing Canvases asks it, too."""
        return [one for one in self.provider.requests if one.schema and form in one.schema["properties"]]

    async def ticket(self, account: Account, subject: str, text: str, **fields: Any) -> int:
        """A ticket that nobody has opened yet."""
        number = await account.create_ticket(subject, text)
        if fields:
            ticket = account.helpdesk.state.tickets[number]
            for name, value in fields.items():
                setattr(ticket, name, value)
        return number


@asynccontextmanager
async def answering_world() -> AsyncIterator[Answering]:
    """Everything that runs, with an article in each language and account that can be found.

    No webhook of `other` is sent: of its model nothing is wanted but what a test asks for.
    """
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(OpenAILookalike())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="canvas-"))
        redis = await stack.enter_async_context(own_redis(Path(folder)))
        ingest = IngestSettings(
            openai_api_key=SecretStr("any"), openai_base_url=provider.base_url, embeddings="local", outage_wait_s=0
        )
        made = await stack.enter_async_context(world(redis.settings, ingest))
        tenants = worker_of(made.acme).tenants
        tenant = await tenants.get(made.acme.host)
        assert tenant is not None
        without = TenantSettings(models={"summary": [NAME], "reply": [NAME], "answer": [NAME]})
        await tenants.put(msgspec.structs.replace(tenant, settings=without))
        for account in (made.acme, made.other):
            publish(account, ROUTER, KOREAN)
            await lay_ground(account, ROUTER, KOREAN)
        made.other.helpdesk.faults.add(Fault("webhook_drop"))
        yield Answering(made, provider, stack)
        leaked = [key async for key in leaked_keys(worker_of(made.acme).redis.state)]
        assert not leaked, f"keys without a lifetime that are not on the permanent list: {leaked}"
