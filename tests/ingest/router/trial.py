"""What providers in trouble cost: 2,000 texts while both fail 30 % of calls in every way, outages, stalls, and hedging.

    python -m tests.ingest.router.trial [--texts 2000] [--seed 7] [--json]

Waits are shortened (a first token within 0.6 s), the breakers' are the real ones. Faults are seeded, over HTTP, against
the look-alikes; a text counts as good only if it is word for word what the model was to write.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import structlog
from redis.asyncio import Redis

from deploy.data_folder import redis_ready
from ingest.router.generation import Order
from ingest.router.slots import Priority
from ingest.writers.extractive import NAME as EXTRACTIVE
from shared.errors import StageFailed
from shared.redis import connect
from shared.settings import Settings
from tests.ingest.router.desk import CLAUDE, HOST, SUMMARY, Desk, Seen, desk
from tests.ingest.writers.threads import document
from tests.lookalikes import Fault, LoggedRequest, Speed
from tests.lookalikes.server import Lookalike

WAYS = (
    Fault.rate_limited(0.3),
    Fault.rate_limited(None),
    Fault.overloaded(),
    Fault.server_error(),
    Fault.html_page(),
    Fault.html_page(200),
    Fault.hang_up(),
    Fault.hang_up(reset=True),
    Fault.silence(),
    Fault.stall(0, pings=0.1),
    Fault.stall(25),
    Fault.stall(25, pings=0.1),
    Fault.error_event(25),
    Fault.cut(25),
    Fault.cut(25, reset=True),
    Fault.early_end(25),
    Fault.early_end(10_000),
    Fault.max_tokens(25),
    Fault.slow(6),
    Fault.garbage(25),
    Fault.garbage(25, form="shape"),
    Fault.garbage(25, form="bytes"),
    Fault.invalid_json(),
    Fault.refusal(),
)
SHARE = 0.30
AT_ONCE = 24
SPEED = Speed(first_token=0.03, tokens_per_second=500)
HASTY = {"first_token_s": 0.6, "idle_s": 0.6, "call_s": 2.5, "text_s": 20.0, "provider_calls": AT_ONCE}
PRIORITIES: tuple[Priority, ...] = ("interactive", "live", "live", "backfill")


@dataclass
class Tally:
    """How many texts ended how, what they took, and what was wrong with them."""

    texts: int = 0
    good: int = 0
    degraded: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    spoiled: int = 0
    calls: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    dollars: float = 0.0

    def add(self, seen: Seen, seconds: float) -> None:
        """Count one finished text."""
        assert seen.result is not None
        self.seconds.append(seconds)
        self.outcomes.update(call.outcome for call in seen.result.calls)
        self.dollars += sum(call.cost or 0.0 for call in seen.result.calls)
        if seen.model == EXTRACTIVE:
            self.degraded["+".join(sorted(set(seen.result.failures))) or "without a reason"] += 1
        elif seen.result.value == SUMMARY and seen.text == SUMMARY.text:
            self.good += 1
        else:
            self.spoiled += 1

    def report(self) -> dict[str, Any]:
        """The figures, for people and programs."""
        ordered = sorted(self.seconds)
        return {
            "texts": self.texts,
            "success": self.good,
            "degraded": sum(self.degraded.values()),
            "dead": dict(self.dead),
            "truncated or spoiled texts kept": self.spoiled,
            "calls": self.calls,
            "calls a success": round(self.calls / max(1, self.good), 3),
            "call outcomes": dict(self.outcomes.most_common()),
            "degraded by": dict(self.degraded.most_common(8)),
            "seconds p50/p95/max": [round(ordered[int(len(ordered) * part)], 2) for part in (0.5, 0.95)]
            + [round(ordered[-1], 2)],
            "dollars": round(self.dollars, 4),
        }


@asynccontextmanager
async def own_redis() -> AsyncIterator[Redis]:
    """An empty Valkey for this trial."""
    with tempfile.TemporaryDirectory(prefix="canvas-trial-") as folder:
        async with redis_ready(Settings(data_dir=Path(folder))) as settings:
            assert settings.redis_url is not None
            client = connect(settings.redis_url.get_secret_value())
            try:
                yield client
            finally:
                await client.aclose()
                await client.connection_pool.aclose()


def trouble(fakes: Sequence[Lookalike], seed: int, share: float = SHARE) -> None:
    """From now on each provider fails this share of its calls, in all ways alike."""
    for number, fake in enumerate(fakes):
        fake.script.seed = seed + number
        fake.script.default = document(SUMMARY)
        fake.script.speed = SPEED
        for fault in WAYS:
            fake.script.share(fault, share / len(WAYS))


async def texts(made: Desk, count: int, at_once: int = AT_ONCE, priorities: Sequence[Priority] = PRIORITIES) -> Tally:
    """Have `count` summaries written, `at_once` at a time."""
    tally, turns = Tally(texts=count), iter(range(count))
    before = made.calls

    async def caller() -> None:
        for number in turns:
            began = time.monotonic()
            order = Order(host=HOST, priority=priorities[number % len(priorities)])
            try:
                tally.add(await made.summary(order), time.monotonic() - began)
            except StageFailed as error:
                tally.dead[error.kind] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())
    tally.calls = made.calls - before
    return tally


async def thirty_percent(redis: Redis, count: int, seed: int, at_once: int = AT_ONCE, **settings: Any) -> Tally:
    """Both providers (or the one that `settings` leave) fail 30 % of calls in every way."""
    await redis.flushall()
    async with desk(redis, **{**HASTY, **settings}) as made:
        trouble((made.claude, made.gpt), seed)
        return await texts(made, count, at_once)


async def outage(redis: Redis, seconds: float) -> dict[str, Any]:
    """The preferred provider is down for a while; two processes go on asking for texts."""
    await redis.flushall()
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(desk(redis, **HASTY)) for _ in range(2)]
        second.router.models._makers = first.router.models._makers
        first.claude.script.share(Fault.overloaded(), 1.0)
        end, tallies = time.monotonic() + seconds, []
        while time.monotonic() < end:
            tallies += await asyncio.gather(*(texts(one, 10, at_once=10) for one in (first, second)))
        arrived = [request.arrived for request in first.claude.requests]
        first.claude.script.clear()
        first.claude.script.default = document(SUMMARY)
        back = time.monotonic()
        while (await first.summary()).model != CLAUDE:
            pass
        return {
            "seconds": seconds,
            "texts": sum(tally.texts for tally in tallies),
            "success": sum(tally.good for tally in tallies),
            "calls of the provider that was down": len(arrived),
            "of them before the breaker opened": len([at for at in arrived if at - arrived[0] < 2.0]),
            "probes": len(probes := [at for at in arrived if at - arrived[0] >= 2.0]),
            "shortest time between two probes (s)": _shortest(probes),
            "in use again after (s)": round(time.monotonic() - back, 2),
        }


async def stalls(redis: Redis, count: int) -> dict[str, Any]:
    """The preferred provider accepts calls and says nothing; texts are asked for one after the other."""
    await redis.flushall()
    async with desk(redis, **{**HASTY, "first_token_s": 1.0}) as made:
        made.claude.script.share(Fault.silence(), 1.0)
        tally = await texts(made, count, at_once=1)
        return {
            "texts": count,
            "success": tally.good,
            "calls of the provider that stalled": len(made.claude.requests),
            "texts that waited for the whole first-token deadline of 1 s": sum(one >= 1.0 for one in tally.seconds),
            "texts that waited for a third of it, beside a probe": sum(0.3 <= one < 1.0 for one in tally.seconds),
        }


async def account_trouble(redis: Redis) -> dict[str, Any]:
    """The preferred provider's account is spent, in each of the ways it says so, or its key is refused."""
    found = {}
    for fault in (Fault.spend_limit(), Fault.spend_limit("own_limit"), Fault.spend_limit("tier"), Fault.unauthorized()):
        await redis.flushall()
        async with desk(redis, **HASTY) as made:
            made.claude.script.share(fault, 1.0)
            tally = await texts(made, 50, at_once=1)
            found[fault.error] = {
                "texts": 50,
                "success": tally.good,
                "calls of the provider": len(made.claude.requests),
            }
    return found


async def hedging(redis: Redis, count: int, hedge_after_s: float) -> dict[str, Any]:
    """One call in ten of the preferred provider is silent for long; agents wait."""
    await redis.flushall()
    async with desk(redis, hedge_after_s=hedge_after_s, first_token_s=5.0, provider_calls=AT_ONCE) as made:
        for fake in (made.claude, made.gpt):
            fake.script.speed = Speed(first_token=0.05, tokens_per_second=500)
        made.claude.script.default = _sometimes_late
        tally = await texts(made, count, at_once=8, priorities=("interactive",))
        report = tally.report()
        return {name: report[name] for name in ("success", "calls a success", "seconds p50/p95/max", "dollars")} | {
            "abandoned": tally.outcomes["abandoned"]
        }


async def _sometimes_late(request: LoggedRequest) -> str:
    if request.number % 10 == 0:
        await asyncio.sleep(2.0)
    return document(SUMMARY)


def _shortest(moments: Sequence[float]) -> float | None:
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    return round(min(gaps), 2) if gaps else None


async def trial(count: int, seed: int) -> dict[str, Any]:
    """All parts of the trial."""
    async with own_redis() as redis:
        return {
            "30 % of all calls fail, two providers": (await thirty_percent(redis, count, seed)).report(),
            "30 % of all calls fail, one provider": (
                await thirty_percent(redis, count // 4, seed, summary_models=[CLAUDE])
            ).report(),
            "a provider is down": await outage(redis, 27),
            "a provider stalls": await stalls(redis, 100),
            "no money, no key": await account_trouble(redis),
            "agents wait, no hedging": await hedging(redis, 200, 0.0),
            "agents wait, hedged after 0.3 s": await hedging(redis, 200, 0.3),
        }


def main() -> None:
    """Run the trial and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.ingest.router.trial", description=__doc__)
    parser.add_argument("--texts", type=int, default=2000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=7, help="which calls fail (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = asyncio.run(trial(options.texts, options.seed))
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for part, figures in found.items():
        sys.stdout.write(f"\n{part}\n")
        for name, value in figures.items():
            sys.stdout.write(f"  {name:60} {value}\n")


if __name__ == "__main__":
    main()
