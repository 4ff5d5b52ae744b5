"""How a ticket leaves: it is dropped from the vectors and from every Canvas that lists it as similar.

Deleted, spam and missing tickets also get a tombstone in place of their Canvas (`jobs.precompute`). Merged and archived
ones keep their Canvas, since agents still open them, but are no longer recommended to anyone.
"""

from ingest import neighbours
from ingest.context import WorkerContext


async def leave_lists(context: WorkerContext, host: str, ticket_id: int) -> None:
    """Let nobody find a ticket any more; doing so twice is no error.

    Raises:
        StageFailed: the vector store failed.
        RedisError, OSError: the cache failed.
    """
    # In this order: who searches later does not find it, and who found it before is known to `forget`.
    await context.vectors.drop_ticket(host, ticket_id)
    await neighbours.forget(context, host, ticket_id)
