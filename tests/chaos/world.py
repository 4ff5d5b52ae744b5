"""A small data centre for chaos: a Valkey to kill, Freshdesk look-alikes, a receiver, and worker processes.

The look-alikes and the sender live in this process, which nobody kills: they know what was changed and what was
accepted. Subjects of tickets count their changes, and the workers' writer copies them, so that each Canvas tells which
state it was made of.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis

from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.demo.helpdesk.automation import Actor
from deploy.demo.helpdesk.settings import HelpdeskSettings
from deploy.demo.helpdesk.tickets import create_ticket, update_ticket
from shared import keys
from shared.canvas_store import to_ms
from shared.redis import connect
from shared.settings import Settings
from tests.chaos.child import JOURNAL, WRITER_SECONDS
from tests.chaos.history import Findings, History, State, Ticket, check, read_history
from tests.chaos.journal import read_journal
from tests.chaos.load import Sender, sender
from tests.chaos.parts import SharedVectors
from tests.chaos.processes import Child, Fleet, Valkey, clean_environment, fleet, running_valkey
from tests.parts import register
from tests.ports import free_port
from tests.waiting import wait_until
from tests.world import SEED, desk_settings

HOSTS = ("north.freshdesk.com", "south.freshdesk.com", "west.freshdesk.com")
SECRET = "chaos-secret-"
POLL_S = 0.05
READY_S = 60.0


@dataclass
class World:
    """Everything that runs; `tickets` are (host, id) in a fixed order, and `states` count the changes of each."""

    seed: int
    random: Random
    folder: Path
    settings: Settings
    valkey: Valkey
    redis: Redis
    desks: dict[str, Helpdesk]
    environment: dict[str, str]
    port: int
    receiver: Child
    sender: Sender
    tickets: list[Ticket] = field(default_factory=list)
    states: dict[Ticket, int] = field(default_factory=dict)
    fleet: Fleet | None = None

    # --- What agents and customers do ---

    def add_tickets(self, count: int, hosts: tuple[str, ...] = HOSTS, word: str = "Parcel") -> list[Ticket]:
        """New tickets, of each host in turn; no webhook tells of them."""
        made = []
        for number in range(count):
            host = hosts[number % len(hosts)]
            body = {"description": "<p>Where is it?</p>", "email": "mina@example.com", "status": 2, "priority": 1}
            ticket = create_ticket(self.desks[host], Actor("system"), {"subject": word, **body})
            made.append((host, ticket.id))
            self.states[made[-1]] = 0
            ticket.subject = self.subject(made[-1], word)
        self.tickets += made
        return made

    def subject(self, ticket: Ticket, word: str = "Parcel") -> str:
        """What a ticket is called in its present state."""
        return f"{word} {ticket[1]} of {ticket[0]} in state {self.states[ticket]}"

    def change(self, ticket: Ticket) -> None:
        """A ticket changes in Freshdesk; no webhook tells of it yet."""
        host, ticket_id = ticket
        desk = self.desks[host]
        found = desk.state.tickets[ticket_id]
        word = found.subject.partition(" ")[0]
        self.states[ticket] += 1
        update_ticket(desk, Actor("system"), found, {"subject": self.subject(ticket, word)})

    def touch(self, ticket: Ticket) -> None:
        """A ticket changes in nothing that a model reads: its priority."""
        desk = self.desks[ticket[0]]
        found = desk.state.tickets[ticket[1]]
        update_ticket(desk, Actor("system"), found, {"priority": 1 + found.priority % 4})

    async def change_and_tell(self, place: int) -> None:
        """The ticket at this place changes, and its webhook is sent until it is accepted."""
        self.change(self.tickets[place])
        await self.sender.send(*self.tickets[place])

    # --- Workers ---

    @asynccontextmanager
    async def workers(
        self, count: int, role: Callable[[], str] = lambda: "worker", **environment: str
    ) -> AsyncIterator[Fleet]:
        """So many worker processes under a supervisor, until the block ends."""
        roles = dict.fromkeys(range(count), role)
        async with fleet(roles, self.environment | environment, self.folder / "workers.log") as self.fleet:
            yield self.fleet

    # --- What came of it ---

    async def due(self) -> int:
        """How many tickets are due, of all tenants."""
        return sum([int(await self.redis.zcard(keys.due(host))) for host in self.desks])

    async def settled(self, within: float) -> float:
        """Wait until nothing is due; seconds since the last accepted webhook, or `within` where that is not enough."""
        began = self.sender.sent.last_at or time.monotonic()

        async def nothing_is_due() -> bool:
            await asyncio.sleep(POLL_S)
            return await self.due() == 0

        try:
            await wait_until(nothing_is_due, max(0.1, began + within - time.monotonic()))
        except TimeoutError:
            return within
        return time.monotonic() - began

    def state_of(self, ticket: Ticket) -> State:
        """What a Canvas of the ticket's present state says."""
        found = self.desks[ticket[0]].state.tickets[ticket[1]]
        return found.subject, found.updated_at

    async def history(self) -> History:
        """Everything that the workers' scripts have put on record."""
        return await read_history(self.redis)

    async def check(self, history: History, *, skip: tuple[Ticket, ...] = (), dead: int = 0) -> Findings:
        """Check what must be true of all tickets but the skipped ones; each must be at its last state."""
        expected = {ticket: self.state_of(ticket) for ticket in self.tickets if ticket not in skip}
        accepted = {key: value for key, value in self.sender.sent.generations.items() if key not in skip}
        findings = await check(self.redis, history, expected, accepted, dead)
        findings.add("vectors", [text async for text in self._points_behind(skip)])
        return findings

    async def _points_behind(self, skip: tuple[Ticket, ...]) -> AsyncIterator[str]:
        """Tickets whose point in the vector store is not of their last revision."""
        for host in self.desks:
            revisions = await SharedVectors(self.redis).revisions(host)
            for ticket in self.tickets:
                if ticket[0] == host and ticket not in skip:
                    _, changed = self.state_of(ticket)
                    if revisions.get(ticket[1]) != to_ms(changed):
                        yield f"{ticket}: {revisions.get(ticket[1])} in place of {to_ms(changed)}"

    def calls(self, kind: str) -> list[str]:
        """The contents of all provider calls of a kind: embed, summarize, recommend."""
        events = read_journal(Path(self.environment[JOURNAL]))
        return [event["content"] for event in events if event["what"] == "call" and event["kind"] == kind]


@asynccontextmanager
async def world(
    folder: Path,
    seed: int,
    *,
    writer_seconds: float = 0.05,
    debounce_s: float = 0.1,
    hosts: tuple[str, ...] = HOSTS,
    desk: Callable[[HelpdeskSettings], HelpdeskSettings] = lambda settings: settings,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """Everything but the workers; `desk` changes how the look-alikes are set up, `environment` what children see.

    Unless told otherwise changes are hardly debounced, so that many of them come in the middle of a run.
    """
    async with AsyncExitStack() as stack:
        valkey = await stack.enter_async_context(running_valkey(folder / "valkey"))
        desks, urls = {}, {}
        for host in hosts:
            desks[host] = Helpdesk.from_seed(SEED, desk(desk_settings(host)), datetime.now(UTC))
            urls[host] = await stack.enter_async_context(running_helpdesk(desks[host]))
        settings = Settings(data_dir=folder / "data", redis_url=SecretStr(valkey.url), freshdesk_urls=urls)
        settings.data_dir.mkdir()
        for host in hosts:
            await register(settings, host, SECRET + host)
        port = free_port()
        variables = _environment(folder, settings, port, writer_seconds) | {"CANVAS_DEBOUNCE_S": str(debounce_s)}
        variables |= environment or {}
        receiver = Child("receiver", variables, folder / "receiver.log")
        stack.push_async_callback(receiver.stop)
        await wait_until(lambda: _answers(receiver, port), READY_S)
        redis = connect(valkey.url)
        stack.push_async_callback(redis.connection_pool.disconnect)
        stack.push_async_callback(redis.aclose)
        made = await stack.enter_async_context(sender(port, lambda host: SECRET + host))
        yield World(seed, Random(seed), folder, settings, valkey, redis, desks, variables, port, receiver, made)


def _environment(folder: Path, settings: Settings, port: int, writer_seconds: float) -> dict[str, str]:
    assert settings.redis_url is not None
    return clean_environment() | {
        "CANVAS_DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "CANVAS_FRESHDESK_URLS": json.dumps(settings.freshdesk_urls),
        "CANVAS_INGEST_PORT": str(port),
        "CANVAS_LOG_LEVEL": "warning",
        "CANVAS_LOG_FORMAT": "json",
        JOURNAL: str(folder / "journal"),
        WRITER_SECONDS: str(writer_seconds),
    }


async def _answers(receiver: Child, port: int) -> bool:
    assert receiver.alive, "the receiver does not start: see its log"
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"http://127.0.0.1:{port}/")
    except httpx.TransportError:
        await asyncio.sleep(POLL_S)
        return False
    return True
