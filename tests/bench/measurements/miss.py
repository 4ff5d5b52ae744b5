"""A ticket opened before its Canvas is there: the first and the last event of its stream, 50 tickets one by one."""

from tests.bench.figures import Figure, at_most, percentile
from tests.bench.lab import Lab
from tests.bench.stream import open_ticket
from tests.bench.tickets import new_tickets

TICKETS = 50
FIRST_EVENT_MS = 30


async def measure(lab: Lab) -> list[Figure]:
    """Milliseconds from the request, p50 and p99; the last event's hold the embedding model's time, no LLM's."""
    async with lab.desk() as desk:
        bodies = new_tickets(TICKETS + 1)
        # The first one does not count: it checks the key with Freshdesk and warms the model.
        await open_ticket(desk.up.port, await desk.create_ticket(bodies[0]))
        opened = [await open_ticket(desk.up.port, await desk.create_ticket(body)) for body in bodies[1:]]
    first = [one.first_ms for one in opened]
    last = [one.last_ms for one in opened]
    failed = sum(one.last != "done" for one in opened)
    note = f"{failed} of {TICKETS} ended with an error" if failed else ""
    budget = at_most(FIRST_EVENT_MS)
    return [
        Figure(name="/init miss, first event, p50", figure=percentile(first, 50), unit="ms", budget=budget),
        Figure(name="/init miss, first event, p99", figure=percentile(first, 99), unit="ms", budget=budget),
        Figure(name="/init miss, last event, p50", figure=percentile(last, 50), unit="ms", note=note),
        Figure(name="/init miss, last event, p99", figure=percentile(last, 99), unit="ms"),
    ]
