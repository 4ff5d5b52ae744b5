"""The dispatcher: hands due tickets to arq's queues, few at a time, taking tenants in turn.

A queue holds no more than the free workers can take at once, so that a tenant with 50,000 tickets to do never stands
before another one's. Each worker process runs a dispatcher and hands out as many tickets as it could run itself; the
scripts see to it that a ticket is handed out once. What arq or a killed worker loses gets its turn again.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from redis.exceptions import RedisError

from ingest.context import WorkerContext
from shared import keys
from shared.due import HandedOut
from shared.queues import Queue
from shared.tasks import beside

SCAN_EVERY_S = 1.0
"""All tenants are looked at this often: a nudge may be lost."""
TICK_S = 0.01
"""While tickets wait for a free worker, or were just handed out."""
REPAIR_EVERY = timedelta(minutes=1)
RESTART_AFTER_S = 0.5
LISTEN_FOR_S = 2.0

log = structlog.get_logger()


class Dispatcher:
    """Dispatches for one process; `free` tells how many more jobs of a queue the process could run now."""

    def __init__(self, context: WorkerContext, serving: Sequence[Queue], free: Callable[[Queue], int]) -> None:
        self._context = context
        self._serving = frozenset(serving)
        self._free = free
        self._look_at: dict[str, float] = {}
        self._out: dict[str, HandedOut] = {}
        self._scan_at = 0.0
        self._first = secrets.randbelow(1000)
        self._nudged = asyncio.Event()
        self._announced: set[str] = set()

    async def run(self) -> None:
        """Dispatch until cancelled; goes on by itself when Redis was away."""
        async with beside(self._listen(), self._repair()):
            while True:
                try:
                    await self._look()
                except (RedisError, OSError) as error:
                    log.warning("dispatch failed", reason=type(error).__name__)
                    self._scan_at = 0.0
                    await asyncio.sleep(RESTART_AFTER_S)
                await self._until_next()

    async def _look(self) -> None:
        now = time.monotonic()
        if now >= self._scan_at:
            hosts = await self._context.tenants.hosts()
            self._look_at = dict.fromkeys(hosts, now)
            self._out = {host: out for host, out in self._out.items() if host in self._look_at}
            self._scan_at = now + SCAN_EVERY_S
        hosts = sorted(host for host, at in self._look_at.items() if at <= now)
        if not hosts:
            return
        self._first += 1
        first = self._first % len(hosts)
        live, backfill = self._room(Queue.LIVE), self._room(Queue.BACKFILL)
        for place, host in enumerate([*hosts[first:], *hosts[:first]]):
            # Each gets its share of what the ones before it have left over; who is first changes each time.
            left = len(hosts) - place
            self._announced.discard(host)
            handed = await self._context.ledger.dispatch(host, -(-live // left), -(-backfill // left))
            self._note(host, handed)
            live, backfill = live - len(handed.live), backfill - len(handed.backfill)
            await self._enqueue(host, handed)

    def _room(self, queue: Queue) -> int:
        """How many more tickets may be handed out: free workers, less what is out and not claimed yet."""
        if queue not in self._serving:
            return 0
        out = sum(handed.live_out if queue is Queue.LIVE else handed.backfill_out for handed in self._out.values())
        return max(0, self._free(queue) - out)

    def _note(self, host: str, handed: HandedOut) -> None:
        self._out[host] = handed
        wait = SCAN_EVERY_S if handed.next_s is None else max(TICK_S, handed.next_s)
        if handed.live_out or handed.backfill_out:
            wait = TICK_S
        if host in self._announced:
            wait = 0.0  # its turn changed while it was looked at: what was found may be older than that
        self._look_at[host] = time.monotonic() + wait

    async def _enqueue(self, host: str, handed: HandedOut) -> None:
        lanes = ((Queue.LIVE, handed.live), (Queue.BACKFILL, handed.backfill))
        for queue, tickets in lanes:
            for ticket_id in tickets:
                # A new id each time: a killed worker keeps the old one locked for minutes.
                await self._context.queue.precompute(queue, host, ticket_id, suffix=f":{secrets.token_hex(4)}")

    async def _until_next(self) -> None:
        at = min([self._scan_at, *self._look_at.values()])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, at - time.monotonic())):
                await self._nudged.wait()
        self._nudged.clear()

    async def _listen(self) -> None:
        """Look at a tenant at once when one of its tickets comes first in its turn."""
        while True:
            try:
                async with self._context.redis.state.pubsub() as channel:
                    await channel.subscribe(keys.TURNS)
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=LISTEN_FOR_S)
                        if message is not None:
                            host = message["data"].decode()
                            self._look_at[host] = 0.0
                            self._announced.add(host)
                            self._nudged.set()
            except (RedisError, OSError) as error:
                log.warning("dispatch listens again", reason=type(error).__name__)
                await asyncio.sleep(RESTART_AFTER_S)

    async def _repair(self) -> None:
        while True:
            try:
                for host in await self._context.tenants.hosts():
                    repaired = await self._context.ledger.repair(host)
                    if repaired:
                        log.warning("due tickets had no place", host=host, tickets=repaired)
            except (RedisError, OSError) as error:
                log.warning("repair failed", reason=type(error).__name__)
            await asyncio.sleep(REPAIR_EVERY.total_seconds())
