"""Stage 5: say what the ticket is about, what was tried, and what it waits for."""

from dataclasses import replace

import msgspec

from ingest.router.generation import Order
from ingest.router.router import Router
from ingest.stages.fold import Parts, fold
from ingest.stages.writing import Draft, Emit, write
from ingest.writers.protocol import Brief
from shared.models import Summary
from shared.run_log import Event

NAME = "summarize"


async def summarize(
    router: Router, order: Order, thread: Brief, language: str, emit: Emit, parts: Parts
) -> Draft[Summary]:
    """The summary by the first writer that succeeds, very long threads folded before; `parts` keeps their parts.

    Raises:
        StageFailed: all writers failed.
    """
    # Parts are needed for the prompt itself: they can't wait for a batch.
    brief, folded = await fold(router, replace(order, deferral=None), thread, language, parts)
    draft = await write(router, order, Event.SUMMARY_DELTA, lambda writer: writer.summarize(brief, language), emit)
    return msgspec.structs.replace(
        draft,
        calls=[*(call for part in folded for call in part.calls), *draft.calls],
        failures=[*(kind for part in folded for kind in part.failures), *draft.failures],
    )
