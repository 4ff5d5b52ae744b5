"""What a backfill would cost, before it begins; and how one stops at its budget."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import rich_click as click

from deploy.backfill_estimate import Budget, tell_estimate
from ingest.backfill.reckoning import Estimate
from ingest.backfill.sampling import Sampler
from ingest.freshdesk.client import MAX_LIST_PAGE, PAGE_SIZE
from ingest.freshdesk.listing import ListedTicket, TicketPage
from shared.backfill import BackfillOptions
from shared.settings import Settings
from tests.ingest.backfill.desks import Desk, desk, some_tickets
from tests.world import ACME

CLAUDE = {"summary_models": ["anthropic/claude-haiku-5-5"], "reply_models": ["anthropic/claude-haiku-5-5"]}
TICKETS = BackfillOptions(data_types=["tickets"])
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)


class Lists:
    """A list of so many tickets, one a second."""

    def __init__(self, tickets: int) -> None:
        self.first = NEWEST - timedelta(seconds=tickets)
        self.tickets = tickets
        self.calls = 0

    async def ticket_page(self, since: datetime, page: int = 1, only: str = "", include: str = "") -> TicketPage:
        assert page <= MAX_LIST_PAGE
        self.calls += 1
        skipped = max(0, round((since - self.first).total_seconds()))
        start = skipped + (page - 1) * PAGE_SIZE
        numbers = range(start, min(self.tickets, start + PAGE_SIZE))
        rows = [ListedTicket(number + 1, self.first + timedelta(seconds=number)) for number in numbers]
        return TicketPage(rows, start + PAGE_SIZE < self.tickets, None)


@pytest.mark.parametrize("tickets", [0, 1, 99, 100, 101, 250, 29_999, 30_000, 30_001, 100_000])
async def test_tickets_are_counted_with_few_calls(tickets: int) -> None:
    lists = Lists(tickets)
    sampler = Sampler(lists)
    stretches = await sampler.stretches(None)
    # The ticket at which counting begins again is counted in both stretches.
    again = len(stretches) - 1
    assert sum(stretch.tickets for stretch in stretches) - again == tickets
    rows = await sampler.sample(stretches, seed=3)
    assert len({row.id for row in rows}) >= min(tickets, 900)
    assert lists.calls <= 12 + 15 * len(stretches)


async def test_only_the_wanted_stretch_of_time_is_counted() -> None:
    lists = Lists(5_000)
    sampler = Sampler(lists, until=NEWEST - timedelta(seconds=1_234))
    stretches = await sampler.stretches(lists.first + timedelta(seconds=266))
    assert sum(stretch.tickets for stretch in stretches) == 3_500


async def test_the_estimate_is_within_fifteen_percent_of_what_summaries_then_take(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of replies the bench tells, with an embedding model that knows which tickets are alike (`measurements`)."""
    async with desk(settings, some_tickets(tmp_path / "seed", 36), **CLAUDE) as made:
        first = await estimated(made, capsys, TICKETS)
        assert (first.tickets, first.learnt, first.compared) == (36, False, False)
        assert not made.claude.requests, "a model was asked"
        await made.backfill(BackfillOptions(data_types=["tickets"], ids=list(range(1, 37, 2))))
        then = await estimated(made, capsys, TICKETS)
        assert (then.tickets, then.current, then.compared) == (18, 18, True)
        counts = await made.backfill(TICKETS)
        assert (counts.state, counts.computed) == ("done", 18)
        calls = [call for ticket_id in range(2, 37, 2) for call in (await made.canvas(ticket_id)).provenance.calls]
        summaries = [call for call in calls if call.task == "summary"]
        summary, reply = then.texts[0], then.texts[1]
        assert summary.calls == len(summaries)
        assert summary.input_tokens == pytest.approx(sum(call.input_tokens for call in summaries), rel=0.15)
        assert summary.output_tokens == pytest.approx(sum(call.output_tokens for call in summaries), rel=0.15)
        assert summary.cost == pytest.approx(sum(call.cost or 0 for call in summaries), rel=0.15)
        assert reply.calls >= len(calls) - len(summaries)
        whole = BackfillOptions(data_types=["tickets"], refresh_summaries=True)
        direct = await estimated(made, capsys, whole)
        batch = await estimated(made, capsys, msgspec.structs.replace(whole, batch=True))
        assert batch.tickets == direct.tickets == 36
        assert batch.cost == pytest.approx((direct.cost or 0) / 2)


async def test_a_backfill_stops_at_its_budget_and_goes_on_with_a_larger_one(settings: Settings, tmp_path: Path) -> None:
    async with desk(settings, some_tickets(tmp_path / "seed", 40), **CLAUDE) as made:
        small, _ = await made.progress.want(BackfillOptions(budget_tokens=2_000))
        counts = await made.ended()
        assert counts.state == "over_budget"
        assert 0 < counts.computed < 40
        large, new = await made.progress.want(BackfillOptions(budget_tokens=10**7))
        assert (large, new) == (small, False)
        counts = await made.ended()
        assert (counts.state, counts.computed) == ("done", 40)
        canvases = [await made.canvas(ticket_id) for ticket_id in range(1, 41)]
        calls = sum(len(canvas.provenance.calls) for canvas in canvases)
        assert len(made.claude.requests) == calls, "a finished text was paid for again"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("25usd", {"budget_usd": 25}),
        ("$2.50", {"budget_usd": 2.5}),
        ("7", {"budget_usd": 7}),
        ("2Mtok", {"budget_tokens": 2_000_000}),
        ("1.5 mtokens", {"budget_tokens": 1_500_000}),
        ("500ktok", {"budget_tokens": 500_000}),
    ],
)
def test_a_budget_is_in_dollars_or_tokens(words: str, found: dict[str, float]) -> None:
    assert Budget().convert(words, None, None) == found


@pytest.mark.parametrize("words", ["", "0", "0tok", "many", "5 euro", "-3", "1e9"])
def test_what_is_no_budget_is_refused(words: str) -> None:
    with pytest.raises(click.BadParameter):
        Budget().convert(words, None, None)


async def estimated(made: Desk, capsys: pytest.CaptureFixture[str], options: BackfillOptions) -> Estimate:
    capsys.readouterr()
    await tell_estimate(made.worker, made.ingest, ACME, options, as_json=True)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith('{"tickets"'))
    return msgspec.json.decode(line, type=Estimate)
