"""Webhooks accepted by `canvas ingest` on one core, over 100,000 tickets, and how long one waits for its 202."""

from contextlib import AsyncExitStack

from deploy.demo.run import DOMAIN
from ingest.webhook_auth import SECRET_HEADER
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.lab import Lab, register
from tests.bench.load import Load, Loaded, least_disturbed

TICKETS = 100_000
"""So many that hardly one comes twice: a second mark finds everything of its ticket in place, which is cheaper."""
BUDGET = 3000
P99_MS = 20.0
ROUNDS = 3
SECONDS = 3.0


async def measure(lab: Lab) -> list[Figure]:
    """Accepted a second at most, then p99 at a fixed rate: half of the budget, and half of what was accepted."""
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(lab.redis())
        context, url = await stack.enter_async_context(lab.connected(settings))
        secret = await register(context, url)
        ingest = await stack.enter_async_context(lab.child("ingest", settings, core=lab.server_core))
        await ingest.answers()

        async def loaded(rate: float | None) -> Loaded:
            load = Load(
                paths=[f"/webhooks/freshdesk/{DOMAIN}"],
                headers={SECRET_HEADER: secret, "Content-Type": "application/json"},
                # As our rule's template sends it.
                bodies=[f'{{"ticket_id":"{number}","event":"reply_sent:true"}}' for number in range(1, TICKETS + 1)],
                seconds=SECONDS,
                connections=32 if rate is None else 64,
                rate=rate,
            )
            return await lab.load(load, ingest)

        full = least_disturbed([await loaded(None) for _ in range(ROUNDS)])
        half = await loaded(BUDGET / 2)
        own_half = await loaded(full.rate / 2)
    return [
        Figure(name="webhooks accepted", figure=full.rate, unit="requests/s", budget=at_least(BUDGET), note=full.said),
        _p99(f"webhook at {BUDGET // 2:,}/s, p99", half, held=True),
        _p99("webhook at half of what was accepted, p99", own_half, held=False),
    ]


def _p99(name: str, loaded: Loaded, *, held: bool) -> Figure:
    note = f"p50 {loaded.p50_ms:.1f} ms, from the moment that the request was due; {loaded.rate:,.0f}/s were accepted"
    if loaded.unserved:
        note += f"; {loaded.unserved:,} of {loaded.unserved + loaded.requests:,} were not answered in time at all"
    return Figure(name=name, figure=loaded.p99_ms, unit="ms", budget=at_most(P99_MS) if held else None, note=note)
