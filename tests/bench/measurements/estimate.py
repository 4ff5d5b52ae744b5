"""What `canvas backfill --dry-run` says of the demo's helpdesk, and what a backfill of it then takes.

Every twelfth ticket is written first, as an operator would try it: how long answers are is learnt from these.
"""

from ingest.backfill.estimate import Asked, estimate
from ingest.freshdesk.budget import Tally
from ingest.freshdesk.limits import Priority
from shared.backfill import BackfillOptions
from tests.bench.figures import Figure
from tests.bench.lab import Lab
from tests.ingest.backfill.desks import DEMO, EVERYTHING, inside, outside

TRIED = BackfillOptions(ids=list(range(1, 301, 12)), data_types=["tickets", "solutions"])
CLAUDE = {"summary_models": ["anthropic/claude-haiku-5-5"], "reply_models": ["anthropic/claude-haiku-5-5"]}


async def measure(lab: Lab) -> list[Figure]:
    """Tokens estimated from a sample of 100 tickets, as a share of those that the look-alike then counted."""
    async with (
        lab.redis() as settings,
        outside(DEMO) as out,
        inside(settings, out, embeddings="local", **CLAUDE) as desk,
    ):
        await desk.backfill(TRIED, seconds=300)
        tally = Tally()
        freshdesk = desk.worker.freshdesk(desk.tenant, Priority.BACKFILL, patient=True, tally=tally)
        models, embedder = desk.worker.router.models, desk.worker.embedder.name
        found = await estimate(Asked(desk.worker, desk.tenant, models, embedder, freshdesk, tally), EVERYTHING)
        counts = await desk.backfill(seconds=300)
    said = f"{found.tokens:,} ({found.tokens_low:,} to {found.tokens_high:,}) said, {counts.tokens:,} taken"
    calls = f"{found.calls} calls said, {counts.calls} made; {tally.calls} calls for the estimate"
    return [
        Figure(
            name="backfill estimate, tokens", figure=found.tokens / counts.tokens, unit="of the real ones", note=said
        ),
        Figure(name="backfill estimate, calls", figure=found.calls / counts.calls, unit="of the real ones", note=calls),
    ]
