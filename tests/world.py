"""A small world for journeys: two Freshdesk accounts (look-alikes) and one Prompt Canvas that serves both."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.helpdesk import Helpdesk, HelpdeskSettings, running_helpdesk
from deploy.settings import AllSettings, DeploySettings
from deploy.up import Running, everything
from ingest.registration import install_webhooks, register_tenant
from ingest.settings import IngestSettings
from serve.settings import ServeSettings
from shared.settings import Settings
from tests.waiting import wait_until

ACME = "acme.freshdesk.com"
OTHER = "other.freshdesk.com"
ADMIN_KEY = "admin-key"
AGENT_KEY = "agent-key"
ADMIN_TOKEN = "switch"
SEED = Path(__file__).parent / "seed"


@dataclass
class Account:
    """One tenant: its look-alike, and how its agents reach both sides."""

    host: str
    key: str
    helpdesk: Helpdesk
    freshdesk: httpx.AsyncClient
    canvas: httpx.AsyncClient

    async def create_ticket(self, subject: str, text: str, email: str = "mina@example.com") -> int:
        """A customer writes in; returns the ticket's number."""
        body = {"subject": subject, "description": f"<p>{text}</p>", "email": email, "status": 2, "priority": 1}
        created = await self.freshdesk.post("/api/v2/tickets", json=body)
        assert created.status_code == 201, created.text
        return int(created.json()["id"])

    async def agent_replies(self, ticket_id: int, text: str) -> None:
        """An agent answers the customer."""
        answer = await self.freshdesk.post(f"/api/v2/tickets/{ticket_id}/reply", json={"body": f"<p>{text}</p>"})
        assert answer.status_code == 201, answer.text

    async def change(self, ticket_id: int, **fields: Any) -> None:
        """An agent changes the ticket's properties."""
        answer = await self.freshdesk.put(f"/api/v2/tickets/{ticket_id}", json=fields)
        assert answer.status_code == 200, answer.text

    async def init(self, ticket_id: int | str, accept: str = "application/json", **headers: str) -> httpx.Response:
        """Open a ticket in the sidebar."""
        return await self.canvas.get(f"/init/{ticket_id}", headers={"Accept": accept, **headers})

    async def hit(self, ticket_id: int) -> dict[str, Any]:
        """Wait for a current Canvas without opening the ticket, then open it: it must be there at once."""
        await self.helpdesk.webhooks.settled()
        await wait_until(lambda: self._settled(ticket_id))
        answer = await self.init(ticket_id)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-status"] == "prompt-canvas; hit"
        found: dict[str, Any] = answer.json()
        return found

    async def until_gone(self, ticket_id: int) -> dict[str, Any]:
        """Wait until the ticket answers with a problem document, and return it."""
        problems: list[dict[str, Any]] = []

        async def gone() -> bool:
            answer = await self.init(ticket_id)
            problems.append(answer.json())
            return answer.status_code == 410

        await wait_until(gone)
        return problems[-1]

    async def _settled(self, ticket_id: int) -> bool:
        ledger = self.world.running.worker.ledger
        return await ledger.generation(self.host, ticket_id) > 0 and not await ledger.is_due(self.host, ticket_id)

    world: "World"


SHARED: list[Account] = []
"""The accounts of worlds that all tests of a process share: they live on while others are tested."""


@dataclass
class World:
    """Everything that runs, and the two accounts that use it."""

    running: Running
    acme: Account
    other: Account


def all_settings(
    settings: Settings, ingest: IngestSettings | None = None, serve: ServeSettings | None = None
) -> AllSettings:
    """Settings of one process that listens on a free port."""
    return AllSettings(settings, ingest or IngestSettings(), serve or ServeSettings(), DeploySettings(port=0))


@asynccontextmanager
async def world(
    settings: Settings, ingest: IngestSettings | None = None, serve: ServeSettings | None = None
) -> AsyncIterator[World]:
    """Two connected accounts, with webhooks installed through Freshdesk's own API."""
    async with AsyncExitStack() as stack:
        desks = {}
        for host in (ACME, OTHER):
            desk = Helpdesk.from_seed(SEED, desk_settings(host), datetime.now(UTC))
            desks[host] = (desk, await stack.enter_async_context(running_helpdesk(desk)))
        urls = {host: url for host, (_, url) in desks.items()}
        settings = settings.model_copy(update={"freshdesk_urls": urls})
        running = await stack.enter_async_context(everything(all_settings(settings, ingest, serve)))
        made = World.__new__(World)
        made.running = running
        for host, name in ((ACME, "acme"), (OTHER, "other")):
            desk, url = desks[host]
            setattr(made, name, await _connect(stack, made, desk, host, url))
        yield made


def desk_settings(host: str) -> HelpdeskSettings:
    return HelpdeskSettings(
        domain=host,
        api_keys={ADMIN_KEY + host: "admin", AGENT_KEY + host: "jisoo"},
        plan=None,
        admin_token=ADMIN_TOKEN,
        webhook_retry_delays=(timedelta(milliseconds=50),) * 5,
    )


async def _connect(stack: AsyncExitStack, made: World, desk: Helpdesk, host: str, url: str) -> Account:
    worker = made.running.worker
    freshdesk = worker.freshdesk(await _register(worker, host))
    tenant = await worker.tenants.get(host)
    assert tenant is not None
    await install_webhooks(worker, freshdesk, tenant, made.running.url)
    key = AGENT_KEY + host
    return Account(
        host=host,
        key=key,
        helpdesk=desk,
        freshdesk=await stack.enter_async_context(httpx.AsyncClient(base_url=url, auth=(key, "X"), timeout=20)),
        canvas=await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=made.running.url, headers={"X-Freshdesk-Domain": host, "X-Freshdesk-API-Key": key}, timeout=20
            )
        ),
        world=made,
    )


async def _register(worker: Any, host: str) -> Any:
    from pydantic import SecretStr

    key = ADMIN_KEY + host
    tenant, _ = await register_tenant(worker, worker.freshdesk_with(host, SecretStr(key)), host, key)
    return tenant


def parse_events(text: str) -> list[tuple[str, Any]]:
    """The events of an SSE body as (name, data)."""
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events
