"""The walk over a ticket list comes by every ticket, whatever changes meanwhile and however many share a second."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.demo.helpdesk import listing as their_listing
from deploy.demo.helpdesk.automation import Actor
from deploy.demo.helpdesk.tickets import create_ticket, update_ticket
from ingest.backfill import walk as our_walk
from ingest.backfill.walk import Step, WalkCursor, begin, walk
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from tests.world import ACME, ADMIN_KEY, SEED, desk_settings

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Desk:
    """An account whose tickets have the times that a test gives them, and a client for it."""

    def __init__(self, helpdesk: Helpdesk, client: FreshdeskClient) -> None:
        self.helpdesk = helpdesk
        self.client = client

    def add(self, count: int, updated_at: datetime, status: int = 2) -> list[int]:
        """Tickets that changed last at that moment."""
        made = []
        for _ in range(count):
            fields = {"subject": "Parcel", "description": "<p>Where?</p>", "email": "mina@example.com"}
            ticket = create_ticket(self.helpdesk, Actor("system"), fields)
            ticket.created_at = ticket.updated_at = updated_at
            ticket.status = status
            made.append(ticket.id)
        self.helpdesk.touch()
        return made

    def change(self, ticket_id: int) -> None:
        """The ticket changes now."""
        ticket = self.helpdesk.state.tickets[ticket_id]
        update_ticket(self.helpdesk, Actor("system"), ticket, {"priority": 1 + ticket.priority % 4})

    def lists(self) -> int:
        """How many list pages were asked for."""
        return sum(record.path == "/api/v2/tickets" for record in self.helpdesk.log.requests)


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """An account without tickets."""
    made = Helpdesk.from_seed(Path(SEED), desk_settings(ACME), datetime.now(UTC))
    made.state.tickets.clear()
    async with running_helpdesk(made) as url, freshdesk_http() as http:
        yield Desk(made, FreshdeskClient(http, url, ADMIN_KEY + ACME))


async def walked(account: Desk, since: datetime | None = None, until: datetime | None = None) -> list[Step]:
    """All steps of a walk."""
    return [step async for step in walk(account.client, await begin(account.client, since, until))]


def ids(steps: list[Step]) -> set[int]:
    return {ticket.id for step in steps for ticket in step.tickets}


async def test_years_of_tickets_cost_hardly_more_lists_than_pages_and_the_newest_come_first() -> None:
    async with desk() as account:
        made = [n for day in range(0, 1500, 5) for n in account.add(3, NOW - timedelta(days=day))]
        steps = await walked(account)
        assert ids(steps) == set(made)
        assert account.lists() <= 9 + 14
        first = next(step for step in steps if step.tickets)
        assert {ticket.id for ticket in first.tickets} <= set(made[: len(made) // 3])


async def test_a_second_of_many_pages_is_read_from_its_end_so_that_changes_shift_none_past_us() -> None:
    async with desk() as account:
        block = account.add(550, NOW - timedelta(days=3))
        others = account.add(30, NOW - timedelta(days=3, seconds=-1))
        seen: list[Step] = []
        cursor, left = await begin(account.client, None, None), list(block)
        async for step in walk(account.client, cursor):
            seen.append(step)
            for _ in range(20 if left else 0):
                account.change(left.pop(0))  # it leaves the second, and those behind it move up
        assert ids(seen) == {*block, *others}


async def test_what_changes_during_the_walk_is_read_again_in_its_new_state() -> None:
    async with desk() as account:
        made = [n for day in range(1, 40) for n in account.add(10, NOW - timedelta(days=day))]
        steps: list[Step] = []
        async for step in walk(account.client, await begin(account.client, None, None)):
            if not steps:
                account.change(made[-1])  # it would have come last
                account.change(made[0])
            steps.append(step)
        newest = {ticket.id: ticket.updated_at for step in steps for ticket in step.tickets}
        assert newest == {n: account.helpdesk.state.tickets[n].updated_at.replace(microsecond=0) for n in made}


async def test_a_walk_goes_on_from_any_of_its_cursors() -> None:
    async with desk() as account:
        made = [n for day in range(1, 30) for n in account.add(40, NOW - timedelta(days=day))]
        steps = await walked(account)
        for place in range(0, len(steps), 4):
            cursor = msgspec.json.decode(msgspec.json.encode(steps[place].cursor), type=WalkCursor)
            rest = [step async for step in walk(account.client, cursor)]
            assert ids(steps[: place + 1]) | ids(rest) == set(made)


async def test_a_stretch_of_time_is_left_at_its_ends() -> None:
    async with desk() as account:
        made = {day: account.add(2, NOW - timedelta(days=day)) for day in range(1, 60)}
        steps = await walked(account, NOW - timedelta(days=20), NOW - timedelta(days=10))
        assert ids(steps) == {n for day in range(11, 21) for n in made[day]}
        assert ids(await walked(account, NOW - timedelta(days=90), NOW - timedelta(days=70))) == set()


async def test_more_tickets_in_a_second_than_are_listed_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(our_walk, "MAX_LIST_PAGE", 3)
    monkeypatch.setattr(their_listing, "LAST_PAGE", 3)
    async with desk() as account:
        block = account.add(420, NOW - timedelta(days=3))
        after = account.add(10, NOW - timedelta(days=2))
        steps = await walked(account)
        assert any(step.beyond for step in steps)
        assert set(after) < ids(steps)
        assert len(ids(steps) & set(block)) == 300


async def test_an_account_without_tickets_costs_one_list() -> None:
    async with desk() as account:
        assert await walked(account) == []
        assert account.lists() == 1
