"""A thousand followers of runs on one serve process: connections to Redis, and how late a word reaches all of them.

Then the first word of a miss: how long after the provider sent its first token an agent has it. The provider writes
1,000 tokens a second, since the first few of them are JSON and no word.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from redis.asyncio import Redis

from shared.due import Claim, DueLedger, Ending
from shared.redis import connect, state_url
from shared.run_log import Event, RunLog
from shared.settings import Settings
from tests.bench.figures import Figure, at_most, percentile
from tests.bench.lab import Lab
from tests.bench.stream import open_ticket
from tests.bench.tickets import new_tickets
from tests.lookalikes import AnthropicLookalike
from tests.lookalikes.scripts import Script, Speed
from tests.parts import credentials, desks
from tests.waiting import wait_until
from tests.world import ACME

FOLLOWERS = 1000
OWN_CONNECTIONS = 4
RUNS = 100
WORDS = 20
PAUSE_S = 0.25
CONNECTIONS = 10
FIRST_TOKEN_MS = 30
TICKETS = 20


async def measure(lab: Lab) -> list[Figure]:
    """Both, one after the other."""
    return [*await _fan_out(lab), *await _first_words(lab)]


@dataclass
class Follower(asyncio.Protocol):
    """One client on a socket: when (perf_counter) it has heard each word, by the word's number."""

    request: bytes
    heard: dict[int, float] = field(default_factory=dict)
    received: bytes = b""
    begun: bool = False
    done: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the run."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Note the words."""
        now = time.perf_counter()
        self.received = (self.received + data)[-2000:]
        for part in data.split(b"word-")[1:]:
            self.heard.setdefault(int(part[:4]), now)
        self.begun = self.begun or b"event: queued" in data
        self.done = self.done or b"event: done" in data

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing to do: who has not heard the end is counted."""


async def _fan_out(lab: Lab) -> list[Figure]:
    async with (
        lab.redis() as settings,
        desks(settings) as accounts,
        _own_client(settings) as redis,
        lab.child("serve", accounts.settings, core=lab.server_core) as serve,
    ):
        others = len(await redis.client_list())
        await serve.answers()
        claims = [await _claimed(redis, number) for number in range(1, RUNS + 1)]
        async with _followers(httpx.URL(serve.url), claims) as followers:
            await wait_until(lambda: all(follower.begun for follower in followers), 60)
            said, connections = await _say(redis, claims)
            await wait_until(lambda: all(follower.done for follower in followers), 60)
    last = [max(follower.heard[word] for follower in followers) - at for word, at in said.items()]
    each = [follower.heard[word] - at for follower in followers for word, at in said.items()]
    whole = sum(len(follower.heard) == WORDS for follower in followers)
    return [
        Figure(
            name=f"{FOLLOWERS:,} followers, connections to Redis",
            figure=max(connections) - others,
            unit="connections",
            budget=at_most(CONNECTIONS),
            note=f"of {RUNS} runs; {whole} heard every word",
        ),
        Figure(
            name=f"{FOLLOWERS:,} followers, a word reaches one, p99",
            figure=percentile(each, 99) * 1000,
            unit="ms",
            note=f"{RUNS} runs speak at once; p50 {percentile(each, 50) * 1000:.0f} ms, the last one of all "
            f"{percentile(last, 50) * 1000:.0f} ms",
        ),
    ]


@asynccontextmanager
async def _own_client(settings: Settings) -> AsyncIterator[Redis]:
    """A client whose connections are all open, so that only those of serve are counted after it."""
    redis = connect(state_url(settings), OWN_CONNECTIONS)
    try:
        await asyncio.gather(*(redis.ping() for _ in range(10 * OWN_CONNECTIONS)))
        yield redis
    finally:
        await redis.aclose()
        await redis.connection_pool.aclose()


async def _claimed(redis: Redis, ticket_id: int) -> Claim:
    ledger = DueLedger(redis)
    await ledger.open_run(ACME, ticket_id, now=True)
    claim = await ledger.claim(ACME, ticket_id)
    assert claim is not None
    return claim


@asynccontextmanager
async def _followers(url: httpx.URL, claims: Sequence[Claim]) -> AsyncIterator[list[Follower]]:
    loop, followers, transports = asyncio.get_running_loop(), [], []
    headers = [f"{name}: {value}" for name, value in credentials(ACME).items()]
    try:
        for number in range(FOLLOWERS):
            claim = claims[number % len(claims)]
            lines = [f"GET /runs/{claim.run_id} HTTP/1.1", "Host: x", *headers, "", ""]
            follower = Follower("\r\n".join(lines).encode())
            transport, _ = await loop.create_connection(lambda made=follower: made, url.host, url.port or 80)  # type: ignore[misc]
            followers.append(follower)
            transports.append(transport)
        yield followers
    finally:
        for transport in transports:
            transport.close()


async def _say(redis: Redis, claims: Sequence[Claim]) -> tuple[dict[int, float], list[int]]:
    """All runs say a word at once, again and again: when each was said, and the connections counted meanwhile."""
    said, connections, log = {}, [], RunLog(redis)
    for word in range(WORDS):
        said[word] = time.perf_counter()
        text = {"text": f"word-{word:04d} "}
        await asyncio.gather(*(log.append(claim, [(Event.SUMMARY_DELTA, text)]) for claim in claims))
        connections.append(len(await redis.client_list()))
        await asyncio.sleep(PAUSE_S)
    ending = Ending(satisfied=True, event=Event.DONE, data=b"{}")
    await asyncio.gather(*(DueLedger(redis).settle(claim, ending) for claim in claims))
    return said, connections


async def _first_words(lab: Lab) -> list[Figure]:
    script = Script(speed=Speed(first_token=0.3, tokens_per_second=1000))
    async with AnthropicLookalike(script=script) as claude:
        provider = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": claude.base_url, "CANVAS_HEDGE_AFTER_S": "60"}
        async with lab.desk(variables=provider) as desk:
            late = []
            for number, body in enumerate(new_tickets(TICKETS + 1)):
                claude.requests.clear()
                opened = await open_ticket(desk.up.port, await desk.create_ticket(body))
                sent = [request.first_sent for request in claude.requests if request.first_sent]
                if number:  # the first one warms the model and checks the key
                    late.append((opened.first_word_at - min(sent)) * 1000)
    return [
        Figure(
            name="first word of a miss after the provider's, p50",
            figure=percentile(late, 50),
            unit="ms",
            budget=at_most(FIRST_TOKEN_MS),
        ),
        Figure(name="first word of a miss after the provider's, p99", figure=percentile(late, 99), unit="ms"),
    ]
