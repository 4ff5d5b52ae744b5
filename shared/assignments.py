"""Who a ticket is assigned to, which decides what restricted agents may see of it (`serve.rights.visibility`).

A worker notes it in the ticket's record as soon as it has read the ticket, before anything of it is in the run's log;
a Canvas carries it too, so that a hit needs no second look.
"""

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from shared import keys
from shared.redis import script

UNKNOWN = -1
"""In place of an id: nobody has read the ticket since assignments are noted."""


class Assignment(NamedTuple):
    """Freshdesk's ids of a ticket's group and agent; 0 for none."""

    group_id: int = UNKNOWN
    responder_id: int = UNKNOWN

    @property
    def known(self) -> bool:
        """Whether somebody has read it."""
        return self.group_id != UNKNOWN


class Assignments:
    """Reads and writes the assignments of all tenants' tickets."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._assign = script(state, "assign")

    async def put(self, host: str, ticket_id: int, assignment: Assignment) -> None:
        """Note what Freshdesk says now."""
        await self._assign(keys=[keys.record(host, ticket_id)], args=list(assignment))

    async def get(self, host: str, ticket_ids: Sequence[int]) -> dict[int, Assignment]:
        """The assignments of tickets; an unknown one's ids are `UNKNOWN`."""
        async with self._state.pipeline(transaction=False) as pipe:
            for ticket_id in ticket_ids:
                pipe.hmget(keys.record(host, ticket_id), ["group", "responder"])
            rows = await pipe.execute() if ticket_ids else []
        return {
            ticket_id: Assignment() if group is None else Assignment(int(group), int(responder))
            for ticket_id, (group, responder) in zip(ticket_ids, rows, strict=True)
        }
