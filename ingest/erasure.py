"""Erase all that we have derived for a tenant, and prove it by counting what is left.

The registry's record goes first (`TenantRegistry.remove`): from then on no webhook, agent or job begins anything. What
is already going on may still write: a run until it finds its lease gone (2 s), a backfill (4 s), a receiver or a serve
process until it forgets whom it let in (1 s and 30 s). So the erasure goes over everything again and again, until
nothing has come back for longer than any of these. It runs in a worker, which has the vector store open.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Literal

import msgspec
from redis.asyncio import Redis

from ingest.context import ReceiverContext, WorkerContext
from shared import keys, lifetimes
from shared.errors import BadInput, CanvasError
from shared.queues import ERASE, Queue

WATCH = timedelta(seconds=35)
"""Above the 30 s for which a serve process lets in whom it has checked."""
PASS_EVERY_S = 1.0
GIVE_UP_AFTER = timedelta(minutes=10)
"""Something of another version keeps writing: it must be found before the tenant can be called erased."""
SCAN_COUNT = 1000
VECTORS = "vectors"
JOBS = "arq jobs"

State = Literal["waiting", "erasing", "done", "failed"]


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """How an erasure goes; `found` counts by kind all that was erased so far, `left` what the last look still found.

    `at` is when this was written (seconds since the epoch), `error` is for a person.
    """

    state: State
    at: float
    found: dict[str, int] = msgspec.field(default_factory=dict)
    left: dict[str, int] = msgspec.field(default_factory=dict)
    error: str = ""

    @property
    def going_on(self) -> bool:
        """Whether a worker was at it within the last minute."""
        return self.state in {"waiting", "erasing"} and time.time() - self.at < 60


async def erase_tenant(context: WorkerContext, host: str, watch: timedelta = WATCH) -> Erasure:
    """Erase keys, jobs and vectors of a tenant that is no longer registered, until nothing came back for `watch`.

    Raises:
        BadInput: the tenant is (again) registered: nothing more was erased.
        CanvasError: the vector store failed, or something keeps writing.
    """
    found: Counter[str] = Counter()
    try:
        await _until_quiet(context, host, watch, found)
    except CanvasError as error:
        await note(context, host, Erasure(state="failed", at=time.time(), found=dict(found), error=error.detail))
        raise
    done = Erasure(state="done", at=time.time(), found=dict(found), left={VECTORS: 0})
    await note(context, host, done)
    return done


async def _until_quiet(context: WorkerContext, host: str, watch: timedelta, found: Counter[str]) -> None:
    begun = quiet_since = time.monotonic()
    while True:
        await note(context, host, Erasure(state="erasing", at=time.time(), found=dict(found)))
        erased = await _erase_once(context, host)
        now = time.monotonic()
        if erased:
            found.update(erased)
            quiet_since = now
        if now - quiet_since >= watch.total_seconds():
            return
        if now - begun > GIVE_UP_AFTER.total_seconds():
            raise CanvasError(f"Something keeps writing data of {host}: stop the workers of other versions")
        await asyncio.sleep(min(PASS_EVERY_S, watch.total_seconds() / 3))


async def _erase_once(context: WorkerContext, host: str) -> Counter[str]:
    """One pass over everything; counts what it erased, and what of the vectors could not be."""
    if await context.tenants.get(host) is not None:
        raise BadInput(f"{host} is connected: remove it first")
    erased = Counter({VECTORS: await context.vectors.count(host)})
    left = await context.vectors.drop_tenant(host)
    if left:
        erased[VECTORS] = max(left, erased[VECTORS])
    return +(erased + await look(context, host, erase=True))


async def look(context: ReceiverContext, host: str, *, erase: bool = False) -> Counter[str]:
    """Count keys by kind, in both Redis servers, and arq's jobs of a tenant; with `erase` also delete them.

    The record of the erasure itself and its job are left out. Walks over all keys of the servers, a thousand at a time.
    """
    redis = context.redis
    servers = {"": redis.state} if redis.cache is redis.state else {"": redis.state, "cache: ": redis.cache}
    counted: Counter[str] = Counter()
    for label, server in servers.items():
        async for page in _pages(server, keys.OF_TENANT % host):
            names = [name for name in page if name != keys.erasure(host)]
            counted.update(label + kind_of(name, host) for name in names)
            if erase and names:
                await server.unlink(*names)
    counted[JOBS] += await _jobs(redis.state, host, erase=erase)
    for name in (keys.RECONCILE, keys.TENANTS):
        counted[name.removeprefix(f"{keys.PREFIX}:")] += await _member(redis.state, name, host, erase=erase)
    asked = [member async for member, _ in redis.state.zscan_iter(keys.ANSWERS, match=f"{host} *")]
    counted["answers"] += len(asked)
    if erase and asked:
        await redis.state.zrem(keys.ANSWERS, *asked)
    return +counted


def kind_of(key: str, host: str) -> str:
    """What a key is for, in a word: `canvas` of `pc:{acme.freshdesk.com}:canvas:12`."""
    parts = key.removeprefix(f"{keys.PREFIX}:").replace(f"{{{host}}}", "").split(":")
    return next((part for part in parts if part), key)


async def _jobs(state: Redis, host: str, *, erase: bool) -> int:
    """Jobs in arq's queues, and what arq keeps of running ones; each id that names the tenant counts once."""
    named = re.compile(rf"(?<![a-z0-9.-]){re.escape(host)}(?![a-z0-9.-])")
    found: set[str] = set()
    for queue in Queue:
        ids = [job.decode() async for job, _ in state.zscan_iter(queue, match=f"*{host}*", count=SCAN_COUNT)]
        mine = [job for job in ids if named.search(job) and not job.startswith(f"{ERASE}:")]
        found.update(mine)
        if erase and mine:
            await state.zrem(queue, *mine)
    async for page in _pages(state, f"arq:*{host}*"):
        # arq:job:<id>, arq:in-progress:<id>, arq:retry:<id>, arq:result:<id>
        ids_by_key = {name: name.split(":", 2)[2] for name in page if named.search(name) and name.count(":") > 1}
        ids_by_key = {name: job for name, job in ids_by_key.items() if not job.startswith(f"{ERASE}:")}
        found.update(ids_by_key.values())
        if erase and ids_by_key:
            await state.unlink(*ids_by_key)
    return len(found)


async def _member(state: Redis, name: str, host: str, *, erase: bool) -> int:
    """Whether the tenant stands in a set of all tenants: 1 or 0."""
    ordered = name == keys.RECONCILE
    if erase:
        return int(await (state.zrem(name, host) if ordered else state.srem(name, host)))  # type: ignore[misc]
    if ordered:
        return int(await state.zscore(name, host) is not None)
    return int(await state.sismember(name, host))  # type: ignore[misc]


async def _pages(server: Redis, pattern: str) -> AsyncIterator[list[str]]:
    cursor = 0
    while True:
        cursor, found = await server.scan(cursor, match=pattern, count=SCAN_COUNT)
        yield [name.decode() for name in found]
        if not cursor:
            return


async def note(context: ReceiverContext, host: str, erasure: Erasure) -> None:
    """Write down how an erasure goes, for whoever waits for it."""
    await context.redis.state.set(keys.erasure(host), msgspec.json.encode(erasure), ex=lifetimes.ERASURE_LIFETIME)


async def erasure_of(context: ReceiverContext, host: str) -> Erasure | None:
    """How the erasure of a tenant goes, or None: there is none."""
    value = await context.redis.state.get(keys.erasure(host))
    return None if value is None else msgspec.json.decode(value, type=Erasure)


async def finish(context: ReceiverContext, host: str, erased: Erasure) -> dict[str, tuple[int, int]]:
    """Forget the erasure's own record and count once more, from outside: (found, left) by kind."""
    state = context.redis.state
    await state.delete(keys.erasure(host))
    async for page in _pages(state, f"arq:*:{ERASE}:{host}:*"):
        jobs = {name.split(":", 2)[2] for name in page}
        if jobs:
            await state.zrem(Queue.LIVE, *jobs)
            await state.unlink(*page)
    left: Mapping[str, int] = Counter(erased.left) + await look(context, host)
    kinds = sorted({*erased.found, *left, VECTORS, JOBS})
    return {kind: (erased.found.get(kind, 0), left.get(kind, 0)) for kind in kinds}
