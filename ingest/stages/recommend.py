"""Stage 6: recommend replies to the customer's last message, out of what worked before."""

from ingest.router.generation import Order
from ingest.router.router import Router
from ingest.stages.similar import Found
from ingest.stages.writing import Draft, Emit, write
from ingest.thread import Thread
from shared.models import Reply
from shared.run_log import Event

NAME = "recommend"


async def recommend(
    router: Router, order: Order, thread: Thread, found: Found, language: str, emit: Emit
) -> Draft[list[Reply]]:
    """Replies by the first writer that succeeds.

    Raises:
        StageFailed: all writers failed.
    """
    neighbours, articles = found.neighbours(), found.sources()
    return await write(
        router,
        order,
        Event.REPLY_DELTA,
        lambda writer: writer.recommend(thread, neighbours, articles, language),
        emit,
    )
