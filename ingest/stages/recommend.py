"""Stage 6: recommend replies to the customer's last message, out of what worked before."""

from collections.abc import Sequence

from ingest.stages.similar import Found
from ingest.stages.writing import Draft, Emit, write
from ingest.thread import Thread
from ingest.writers.protocol import Writer
from shared.models import Reply
from shared.run_log import Event

NAME = "recommend"


async def recommend(
    writers: Sequence[Writer], thread: Thread, found: Found, language: str, emit: Emit
) -> Draft[list[Reply]]:
    """Replies by the first writer that succeeds.

    Raises:
        StageFailed: all writers failed.
    """
    neighbours, articles = found.neighbours(), found.sources()
    return await write(
        "replies",
        Event.REPLY_DELTA,
        writers,
        lambda writer: writer.recommend(thread, neighbours, articles, language),
        emit,
    )
