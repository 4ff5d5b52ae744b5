"""Stage 5: say what the ticket is about, what was tried, and what it waits for."""

from ingest.router.generation import Order
from ingest.router.router import Router
from ingest.stages.writing import Draft, Emit, write
from ingest.thread import Thread
from shared.models import Summary
from shared.run_log import Event

NAME = "summarize"


async def summarize(router: Router, order: Order, thread: Thread, language: str, emit: Emit) -> Draft[Summary]:
    """The summary by the first writer that succeeds.

    Raises:
        StageFailed: all writers failed.
    """
    return await write(router, order, Event.SUMMARY_DELTA, lambda writer: writer.summarize(thread, language), emit)
