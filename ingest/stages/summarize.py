"""Stage 5: say what the ticket is about, what was tried, and what it waits for."""

from collections.abc import Sequence

from ingest.stages.writing import Draft, Emit, write
from ingest.thread import Thread
from ingest.writers.protocol import Writer
from shared.models import Summary
from shared.run_log import Event

NAME = "summarize"


async def summarize(writers: Sequence[Writer], thread: Thread, language: str, emit: Emit) -> Draft[Summary]:
    """The summary by the first writer that succeeds.

    Raises:
        StageFailed: all writers failed.
    """
    return await write("summary", Event.SUMMARY_DELTA, writers, lambda writer: writer.summarize(thread, language), emit)
