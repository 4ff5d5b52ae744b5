"""A Canvas as a worker leaves it: stored, its ticket settled in the ledger under a recipe."""

from datetime import UTC, datetime

from ingest.context import WorkerContext
from shared.due import Ending
from shared.models import Canvas, Provenance, Summary


async def store_as_worker(context: WorkerContext, host: str, ticket_id: int, recipe: str) -> None:
    """Make a ticket due, play its worker, and leave it current."""
    await context.ledger.mark(host, ticket_id)
    claim = await context.ledger.claim(host, ticket_id)
    assert claim is not None
    now = datetime.now(UTC)
    canvas = Canvas(
        ticket_id=ticket_id,
        revision=now,
        status="ready",
        language="en",
        generated_at=now,
        summary=Summary(text="A printer that jams."),
        similar_tickets=[],
        solutions=[],
        replies=[],
        provenance=Provenance(models={}, tokens={}, cost=0.0, stages=[]),
    )
    assert await context.canvases.put(host, canvas, claim.generation)
    ending = Ending(satisfied=True, event="done", data=b"{}", revision=int(now.timestamp() * 1000), recipe=recipe)
    assert await context.ledger.settle(claim, ending) == "done"
