"""Read one ticket and index it, and keep what was read for the run that computes it."""

import asyncio
from typing import Any

import structlog
from redis.exceptions import RedisError

from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.limits import Priority
from ingest.prepared import Prepared, put_prepared
from ingest.stages import clean, embed, fetch
from ingest.stages.embed import Embedded
from ingest.stopwatch import Stopwatch
from ingest.thread import Thread
from shared.errors import CanvasError
from shared.logs import failure
from shared.tenants import Tenant

log = structlog.get_logger()


async def prepare_ticket(
    context: WorkerContext,
    tenant: Tenant,
    ticket_id: int,
    freshdesk: FreshdeskClient | None = None,
    requester: str | None = None,
    *,
    refresh: bool = False,
    batch: bool = False,
    archived: bool = False,
) -> bool:
    """Fetch, clean, embed and index one ticket; one that can't be is tried again by its run, with a run's patience.

    `archived` says that only an archived one is meant.

    Raises:
        CanvasError: Freshdesk, the embedding model or the vector store failed, or the ticket is gone.
    """
    # Read before the fetch: a change that is marked meanwhile makes what we prepare here void.
    generation = await context.ledger.generation(tenant.host, ticket_id)
    watch = Stopwatch()
    freshdesk = freshdesk or context.freshdesk(tenant, Priority.BACKFILL, patient=True)
    try:
        with watch.stage(fetch.NAME):
            ticket = fetch.present(await freshdesk.ticket(ticket_id, requester, archived=archived))
        thread, embedded = await _placed(context, tenant, ticket, watch)
    except (CanvasError, RedisError, OSError):
        raise
    except Exception as error:  # noqa: BLE001
        # One ticket of a shape that nobody foresaw must not end the backfill of all the others.
        log.warning("not prepared", host=tenant.host, ticket=ticket_id, **failure(error))
        return False
    prepared = Prepared(
        generation=generation + 1, thread=thread, embedded=embedded, stages=watch.reports, refresh=refresh, batch=batch
    )
    await put_prepared(context.redis.state, tenant.host, prepared)
    return True


async def _placed(
    context: WorkerContext, tenant: Tenant, ticket: dict[str, Any], watch: Stopwatch
) -> tuple[Thread, Embedded]:
    with watch.stage(clean.NAME):
        thread = await asyncio.to_thread(clean.clean_for, tenant, ticket)
    with watch.stage(embed.NAME):
        embedded, reused = await embed.place(tenant.host, thread, context.embedder, context.vectors)
    if reused:
        watch.reuse(embed.NAME)
    return thread, embedded
