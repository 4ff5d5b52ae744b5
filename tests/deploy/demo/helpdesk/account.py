"""An account that is being served, with a clock that tests move and a receiver for its webhooks."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.helpdesk import Helpdesk, HelpdeskSettings, running_helpdesk, serving

KEYS = {"boss-key": "boss", "olivia-key": "olivia", "rex-key": "rex", "gus-key": "gus"}
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Account:
    """`admin` and `agent` call the API, `house` the look-alike's own endpoints."""

    helpdesk: Helpdesk
    clock: Clock
    url: str
    admin: httpx.AsyncClient
    agent: httpx.AsyncClient
    house: httpx.AsyncClient

    async def fault(self, kind: str, **more: Any) -> None:
        (await self.house.post("/_admin/faults", json={"kind": kind, **more})).raise_for_status()

    async def rule(self, kind: int, **more: Any) -> dict[str, Any]:
        answer = await self.admin.post(f"/automations/{kind}/rules", json={"name": "rule", **more})
        assert answer.status_code == 201, answer.text
        rule: dict[str, Any] = answer.json()
        return rule

    async def new_ticket(self, **more: Any) -> int:
        body = {"email": "ann@example.com", "subject": "Leak", "description": "<p>It leaks</p>", **more}
        answer = await self.admin.post("/tickets", json=body)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])


def make_helpdesk(folder: Path, clock: Clock, **settings: Any) -> Helpdesk:
    given = {"api_keys": KEYS, "plan": None, "admin_token": "house", **settings}
    return Helpdesk.from_seed(folder, HelpdeskSettings(**given), START, clock)


@asynccontextmanager
async def open_account(folder: Path, **settings: Any) -> AsyncIterator[Account]:
    clock = Clock()
    helpdesk = make_helpdesk(folder, clock, **settings)
    async with served(helpdesk, clock) as account:
        yield account


@asynccontextmanager
async def served(helpdesk: Helpdesk, clock: Clock) -> AsyncIterator[Account]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running_helpdesk(helpdesk))

        async def client(base: str, **more: Any) -> httpx.AsyncClient:
            return await stack.enter_async_context(
                httpx.AsyncClient(base_url=base, timeout=20, trust_env=False, verify=False, **more)
            )

        api = f"{url}/api/v2"
        yield Account(
            helpdesk,
            clock,
            url,
            admin=await client(api, auth=("boss-key", "X")),
            agent=await client(api, auth=("olivia-key", "X")),
            house=await client(url, headers={"authorization": "Bearer house"}),
        )


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes webhooks; answers with `statuses` one after the other, then 200. `/moved` redirects to `/hook`."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.received.append(Received(scope["method"], scope["path"], headers, body.decode()))
        moved = scope["path"] == "/moved"
        status = 307 if moved else self.statuses.pop(0) if self.statuses else 200
        location: Sequence[tuple[bytes, bytes]] = [(b"location", b"/hook")] if moved else []
        start_headers = [(b"content-length", b"0"), *location]
        await send({"type": "http.response.start", "status": status, "headers": start_headers})
        await send({"type": "http.response.body", "body": b""})


async def lifespan(receive: Any, send: Any) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with serving(receiver) as receiver.url:
        yield receiver
