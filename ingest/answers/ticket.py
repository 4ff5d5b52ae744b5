"""The ticket that an agent asks about, read afresh: what a webhook last said of it may be behind.

The worker reads with the tenant's own key, which sees every ticket: so here is looked whether the asker may see it.
"""

from typing import Any

from ingest.context import WorkerContext
from ingest.freshdesk.limits import Priority
from ingest.stages.fetch import present
from shared.asked import Access
from shared.errors import TicketMissing
from shared.tenants import Tenant


async def read_ticket(context: WorkerContext, tenant: Tenant, ticket_id: int, access: Access) -> dict[str, Any]:
    """The ticket as Freshdesk has it now, with `conversations` and `requester`.

    Raises:
        TicketMissing: there is none, or the asker may not see it.
        TicketDeleted, TicketSpam: it is on its way out.
        FreshdeskUnavailable, FreshdeskLimited, FreshdeskRefused: it could not be read.
    """
    ticket = await context.freshdesk(tenant, Priority.INTERACTIVE).ticket(ticket_id)
    if not access.allows(ticket.get("group_id"), ticket.get("responder_id")):
        raise TicketMissing
    return present(ticket)
