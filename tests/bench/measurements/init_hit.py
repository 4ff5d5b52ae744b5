"""`/init` hits over HTTP: 6 KB Canvases, authenticated, 32 connections, one core for the server.

`canvas serve`, the FastAPI peer and a bare ASGI function run on the same server at the same time, and take turns under
load, five times each. What counts is the round in which a server got most of its core, or, where that can't be told,
the one of median throughput: the round that was least disturbed, whatever it says.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import msgspec

from deploy.demo.run import ADMIN_KEY, DOMAIN
from shared.canvas_store import CanvasStore
from shared.models import Canvas, Provenance, Reply, SimilarTicket, Solution, StageReport, Summary
from shared.settings import Settings
from tests.bench import fastapi_peer
from tests.bench.figures import Budget, Figure, Peer, at_least, at_most
from tests.bench.lab import Lab, client, register
from tests.bench.load import Load, Loaded, least_disturbed
from tests.bench.peers.fastapi_service import PREFIX
from tests.bench.processes import Child

TICKETS = 10_000
CANVAS_BYTES = 6000
AT_ONCE = 100
ROUNDS = 5
SECONDS = 1.5
HEADERS = {"X-Freshdesk-Domain": DOMAIN, "X-Freshdesk-API-Key": ADMIN_KEY, "Accept": "application/json"}
ONE, RANDOM, PEER, BARE = "one ticket", f"{TICKETS:,} tickets at random", "FastAPI", "bare ASGI"


def canvas(ticket_id: int) -> Canvas:
    """A Canvas whose JSON has 6,000 bytes, half of them Korean, in the proportions of a real one."""
    korean, english = "관리자 설정에서 SAML 인증서를 새로 올려 주세요. ", "Please upload the SAML certificate again. "
    urls = f"https://{DOMAIN}/a/tickets/"
    stages = [StageReport(name=name, ms=12.5) for name in ("fetch", "clean", "embed", "similar", "summarize")]
    made = Canvas(
        ticket_id=ticket_id,
        revision=datetime(2025, 11, 3, 9, 30, tzinfo=UTC),
        status="ready",
        language="ko",
        generated_at=datetime(2025, 11, 3, 9, 31, tzinfo=UTC),
        summary=Summary(text=korean * 3, problem=korean, tried=english, next_step=korean),
        similar_tickets=[
            SimilarTicket(
                ticket_id=place,
                subject=english,
                status="Closed",
                score=0.912,
                resolution=korean * 2,
                url=f"{urls}{place}",
            )
            for place in range(5)
        ],
        solutions=[
            Solution(article_id=place, title=english, url=f"{urls}{place}", snippet=english * 3, public=True)
            for place in range(3)
        ],
        replies=[Reply(text=korean * 2, tone="friendly", sources=["ticket:12"])] * 2,
        provenance=Provenance(
            models={"summary": "extractive"}, tokens={"input": 0, "output": 0}, cost=0.0, stages=stages
        ),
    )
    missing = CANVAS_BYTES - len(msgspec.json.encode(made))
    reply = Reply(text="x" * (missing - len(b',{"text":"","tone":"brief","sources":[]}')), tone="brief", sources=[])
    return msgspec.structs.replace(made, replies=[*made.replies, reply])


async def measure(lab: Lab) -> list[Figure]:
    """Requests a second and p99 of each, and their ratios."""
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(lab.redis())
        context, url = await stack.enter_async_context(lab.connected(settings))
        await register(context, url)
        await _store(settings)
        servers = {ONE: await stack.enter_async_context(lab.child("serve", context.settings, core=lab.server_core))}
        servers[RANDOM] = servers[ONE]
        servers[BARE] = await stack.enter_async_context(lab.child("bare", settings, core=lab.server_core))
        if fastapi_peer.available():
            servers[PEER] = await stack.enter_async_context(lab.child("fastapi", settings, core=lab.server_core))
        for server in servers.values():
            await server.answers()
        return _figures(await _rounds(lab, servers))


async def _store(settings: Settings) -> None:
    async with client(settings) as redis:
        store = CanvasStore(redis)
        for start in range(1, TICKETS + 1, AT_ONCE):
            canvases = [canvas(ticket_id) for ticket_id in range(start, start + AT_ONCE)]
            await asyncio.gather(*(store.put(DOMAIN, made, 1) for made in canvases))
            await redis.mset({f"{PREFIX}{DOMAIN}:{made.ticket_id}": msgspec.json.encode(made) for made in canvases})


async def _rounds(lab: Lab, servers: dict[str, Child]) -> dict[str, Loaded]:
    """The round of each server that was least disturbed."""
    rounds: dict[str, list[Loaded]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            tickets = [1] if name == ONE else range(1, TICKETS + 1)
            load = Load(paths=[f"/init/{ticket_id}" for ticket_id in tickets], headers=HEADERS, seconds=SECONDS)
            rounds[name].append(await lab.load(load, server))
    return {name: least_disturbed(found) for name, found in rounds.items()}


def _figures(rounds: dict[str, Loaded]) -> list[Figure]:
    figures = []
    for name, times, p99_ms in ((ONE, 14, 4), (RANDOM, 9, 5)):
        figures += _pair(f"/init hit, {name}", rounds[name], rounds.get(PEER), at_least(times, "ratio"), p99_ms)
    bare = rounds[BARE]
    note = f"p99 {bare.p99_ms:.1f} ms; the most that any service on this server can reach; {bare.said}"
    return [*figures, Figure(name="a bare ASGI function, 6 KB", figure=bare.rate, unit="requests/s", note=note)]


def _pair(name: str, ours: Loaded, peer: Loaded | None, rate: Budget, p99_ms: float) -> list[Figure]:
    note = ours.said if peer else f"{ours.said}; no ratio: {fastapi_peer.MISSING}"
    rates = Peer("FastAPI", peer.rate) if peer else None
    waits = Peer("FastAPI", peer.p99_ms) if peer else None
    return [
        Figure(name=name, figure=ours.rate, unit="requests/s", peer=rates, budget=rate, note=note),
        Figure(name=f"{name}, p99", figure=ours.p99_ms, unit="ms", peer=waits, budget=at_most(p99_ms)),
    ]
