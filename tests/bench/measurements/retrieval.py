"""Hybrid search of one tenant among 50 tenants' 100,000 tickets in the embedded engine, and how long it holds the loop.

The vectors are made up: random ones of unit length around 200 topics, and words drawn with the skew of a language. So
it says how long a search takes, not how good it is (`canvas eval --retrieval` does).
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from numpy.typing import NDArray

from ingest.stages.embed import Embedded
from ingest.stages.similar import find_articles, find_tickets
from ingest.vectors.edge import EdgeVectorStore
from ingest.vectors.protocol import SparseVector, TicketPoint
from tests.bench.figures import Figure, at_most, percentile
from tests.bench.lab import Lab

TENANTS, TICKETS = 50, 2000
SIZE, TOPICS, NEARNESS = 384, 200, 0.5
WORDS, WORDS_A_TICKET = 30_000, 40
SEARCHES = 400
BUDGET_MS = 50
TICK_S = 0.002
IDLE_S = 3.0
WORDS_ASKED = [
    "e-42",
    *(f"{first}{last}" for first in ("print", "send", "login", "refund") for last in "abcdefghijklm"),
]
CITES_EVERY = 14
"""One ticket in 14 of Thunderbird's forum was answered with a link to an article."""


async def measure(lab: Lab) -> list[Figure]:
    """Milliseconds of a search for tickets and of one for articles, and the event loop's longest stop."""
    numbers = np.random.default_rng(7)
    topics = _unit(numbers.standard_normal((TOPICS, SIZE)))
    store = await EdgeVectorStore.open(lab.new_folder("retrieval"), "bench", SIZE)
    try:
        began = time.perf_counter()
        for tenant in range(TENANTS):
            for start in range(0, TICKETS, 200):
                points = [_ticket(numbers, topics, number) for number in range(start, start + 200)]
                await store.put_tickets(_host(tenant), points)
        filled = time.perf_counter() - began
        gc.collect()
        gc.freeze()  # as a server does when it has started (deploy.process.forever)
        async with _watched() as idle:
            await asyncio.sleep(IDLE_S)
        tickets, articles, stops = await _search(store, numbers, topics)
    finally:
        gc.unfreeze()
        await store.close()
    note = f"{TENANTS} tenants with {TICKETS:,} tickets each, {SIZE} dimensions; put in {filled:.0f} s"
    budget = at_most(BUDGET_MS)
    return [
        Figure(name="similar tickets, p50", figure=percentile(tickets, 50), unit="ms", note=note),
        Figure(name="similar tickets, p95", figure=percentile(tickets, 95), unit="ms", budget=budget),
        Figure(name="articles by text and citations, p95", figure=percentile(articles, 95), unit="ms", budget=budget),
        Figure(
            name="event loop late while searching, at most",
            figure=max(stops),
            unit="ms",
            budget=budget,
            note=f"p99.9 {percentile(stops, 99.9):.0f} ms; with nothing to do, in the same run, {max(idle):.0f} ms",
        ),
    ]


async def _search(
    store: EdgeVectorStore, numbers: np.random.Generator, topics: NDArray[np.float64]
) -> tuple[list[float], list[float], list[float]]:
    tickets: list[float] = []
    articles: list[float] = []
    async with _watched() as stops:
        for turn in range(SEARCHES):
            host, asked = _host(turn % TENANTS), _ticket(numbers, topics, TICKETS + turn)
            about = Embedded(asked.dense, asked.sparse, WORDS_ASKED, "en")
            began = time.perf_counter()
            await find_tickets(host, asked.ticket_id, about, store, 0.0)
            tickets.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            await find_articles(host, asked.ticket_id, about, store, 0.0)
            articles.append((time.perf_counter() - began) * 1000)
    return tickets, articles, stops


@asynccontextmanager
async def _watched() -> AsyncIterator[list[float]]:
    """How late, in ms, the event loop came back to a task that wants its turn every 2 ms."""
    stops: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            stops.append((time.perf_counter() - began - TICK_S) * 1000)

    task = asyncio.create_task(tick())
    try:
        yield stops
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _host(tenant: int) -> str:
    return f"tenant{tenant}.freshdesk.com"


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def _ticket(numbers: np.random.Generator, topics: NDArray[np.float64], number: int) -> TicketPoint:
    topic = topics[numbers.integers(TOPICS)]
    dense = _unit(topic + NEARNESS * _unit(numbers.standard_normal(SIZE)))
    words = np.unique(np.minimum(numbers.zipf(1.2, WORDS_A_TICKET), WORDS))
    return TicketPoint(
        ticket_id=number + 1,
        revision_ms=1_790_000_000_000 + number,
        subject=f"A subject of usual length, number {number}",
        status="Closed",
        resolved=True,
        language="en",
        created_ms=1_780_000_000_000 + number * 60_000,
        resolution="What solved it, in about as many words as people need for it. " * 4,
        reply="What an agent wrote to the customer, with each step to be done. " * 12,
        url=f"https://tenant.freshdesk.com/a/tickets/{number + 1}",
        matter=str(number),
        articles=[number % 40 + 1] if number % CITES_EVERY == 0 else [],
        dense=dense.tolist(),
        sparse=SparseVector(words.tolist(), [1.0 + 0.01 * place for place in range(len(words))]),
    )
