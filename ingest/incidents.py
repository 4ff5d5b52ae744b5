"""Incidents: many new tickets about the same thing within hours. Found by the vectors alone, without asking a model.

What counts is not that tickets are alike, which those about one product always are, but that more of them come than
usual: the last hours are compared with the week before, tenant by tenant. A Canvas keeps the incident that it was part
of, and learns of later tickets by `ingest.neighbours`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.stages.embed import Embedded
from ingest.vectors.protocol import TicketHit, VectorStore
from shared.canvas_store import to_ms
from shared.models import Incident

WINDOW: Final = timedelta(hours=6)
"""What breaks in the morning is reported until the afternoon; what is spread over a day is a topic, no incident."""
USUAL: Final = timedelta(days=7)
"""Long enough to hold a weekend; the time before the window in which is counted what is usual."""
LEAST: Final = 3
"""Other tickets, beside those that are usual."""
TIMES_USUAL: Final = 3
NEARNESS: Final = 0.55
"""How far between a model's floor and 1 the cosine of two tickets about one incident lies at least: .91 for the local
model. Measured with it: of all pairs of 200 tickets about one product 1.9 % are nearer, of 100 about four products 1 %;
of 15 pairs of reports of one outage 10 (English) and 8 (Korean). With 50 tickets in the window chance gives one other
ticket, so 6 are wanted where the week before was like it: chance reaches them in 6 of 10,000 cases (Poisson)."""
MOST: Final = 100
"""Tickets that are counted and linked; an agent sees the difference between 5 and 50, not between 100 and 200."""
REMEMBERED: Final = timedelta(days=7)
"""An incident is shown this long after its last ticket."""


def threshold(floor: float) -> float:
    """The cosine from which on two tickets may be of one incident, for a model with this floor."""
    return floor + NEARNESS * (1 - floor)


async def look(
    vectors: VectorStore, floor: float, host: str, ticket_id: int, created_at: datetime, embedded: Embedded
) -> Incident | None:
    """The incident that a ticket belongs to now; None where it is older than the window, or nothing unusual happens.

    One search for most tickets, two where there may be an incident.

    Raises:
        StageFailed: the vector store failed.
    """
    now = datetime.now(UTC)
    if created_at < now - WINDOW:
        return None

    async def alike_since(begin: datetime) -> list[TicketHit]:
        hits = await vectors.similar_tickets(
            host, embedded.dense, embedded.sparse, limit=MOST, exclude=ticket_id, since_ms=to_ms(begin)
        )
        return [hit for hit in hits if hit.score >= threshold(floor)]

    recent = await alike_since(now - WINDOW)
    if len(recent) < LEAST:
        return None
    begin_ms = to_ms(now - WINDOW)
    # Of both the nearest hundred of the whole time: where there are more, their shares are still those of all.
    week = await alike_since(now - USUAL)
    fresh = sum(hit.created_ms >= begin_ms for hit in week)
    usual = (len(week) - fresh) * (WINDOW / (USUAL - WINDOW))
    if fresh < LEAST + TIMES_USUAL * usual:
        return None
    return incident_of(to_ms(created_at), {hit.ticket_id: hit.created_ms for hit in recent})


def incident_of(created_ms: int, others: dict[int, int]) -> Incident:
    """The incident of a ticket and the others, by id and when they were created (ms since 1970)."""
    newest_first = sorted(others, key=lambda ticket_id: (others[ticket_id], ticket_id), reverse=True)
    times = [created_ms, *others.values()]
    return Incident(
        count=len(others) + 1, first_seen=_moment(min(times)), last_seen=_moment(max(times)), tickets=newest_first
    )


def merged(known: Incident | None, found: Incident | None, ticket_id: int) -> Incident | None:
    """What a ticket's Canvas shows of what it showed before and of what was found since; None where all is long ago."""
    if known is not None and known.last_seen < datetime.now(UTC) - REMEMBERED:
        known = None
    if known is None or found is None:
        return known or found
    tickets = [other for other in dict.fromkeys([*found.tickets, *known.tickets]) if other != ticket_id]
    return Incident(
        count=max(known.count, found.count, len(tickets) + 1),
        first_seen=min(known.first_seen, found.first_seen),
        last_seen=max(known.last_seen, found.last_seen),
        tickets=tickets[:MOST],
    )


def seen_by(other: int, known: Incident | None, found: Incident, teller: int) -> Incident | None:
    """What the Canvas of another ticket shows after `teller` has found an incident of both; itself is not among it.

    What grew by less than a fifth is not told, but for small ones: a storm of a thousand tickets would else rewrite a
    hundred Canvases with each of them.
    """
    theirs = Incident(
        count=found.count,
        first_seen=found.first_seen,
        last_seen=found.last_seen,
        tickets=[teller, *(ticket_id for ticket_id in found.tickets if ticket_id != other)],
    )
    shown = merged(known, theirs, other)
    if shown is None or known is None or known.count <= SMALL or shown.count >= GROWN * known.count:
        return shown
    return known


SMALL: Final = 10
GROWN: Final = 1.2


def without(known: Incident | None, ticket_id: int) -> Incident | None:
    """An incident without a ticket that is gone, for the Canvas of another one."""
    if known is None or ticket_id not in known.tickets:
        return known
    left: Sequence[int] = [other for other in known.tickets if other != ticket_id]
    return Incident(
        count=max(known.count - 1, 1), first_seen=known.first_seen, last_seen=known.last_seen, tickets=list(left)
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
