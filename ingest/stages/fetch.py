"""Stage 1: get the ticket, its requester and all its conversations from Freshdesk.

The payload of a webhook is a hint; only what this stage reads counts. A ticket that is gone ends the run here.
"""

from typing import Any

from ingest.freshdesk.client import FreshdeskClient
from shared.errors import TicketDeleted, TicketSpam

NAME = "fetch"


async def fetch(freshdesk: FreshdeskClient, ticket_id: int) -> dict[str, Any]:
    """The ticket as Freshdesk has it now, with `conversations` and `requester`.

    Raises:
        TicketMissing, TicketDeleted, TicketSpam: there is nothing to show for it.
        FreshdeskUnavailable, FreshdeskLimited, FreshdeskRefused: the fetch itself failed.
    """
    return present(await freshdesk.ticket(ticket_id))


def present(ticket: dict[str, Any]) -> dict[str, Any]:
    """The ticket, unless it is on its way out.

    Raises:
        TicketDeleted, TicketSpam: there is nothing to show for it.
    """
    if ticket.get("deleted"):
        raise TicketDeleted
    if ticket.get("spam"):
        raise TicketSpam
    return ticket
