"""`canvas backfill` as a person meets it: what it refuses, what it says beside, and what it shows on a terminal."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from redis.asyncio import Redis
from rich.console import Console

from deploy.backfill_progress import _Display, figures
from deploy.commands.backfill import _want
from shared.backfill import BackfillCounts, BackfillOptions, BackfillProgress
from tests.deploy.forking import Call
from tests.world import ACME

GOING = BackfillCounts(
    id="a", state="computing", tickets=20_000, prepared=15_000, computed=12_345, per_s=8.25, left_s=930,
    calls_limit=700, calls_minute=690, tokens=12_345_678, cost=12.34,
)  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        "--since 2026-02-01 --until 2026-01-01",
        "--archived --since 2026-01-01",
        "--archived --status open",
        "--budget 0",
        "--pause --since 2026-01-01",
        "--show --dry-run",
        "--dry-run --detach",
        "--only articles --status open",
    ],
)
async def test_what_makes_no_sense_is_a_wrong_call(wrong: str, call: Call) -> None:
    said = await call("backfill", ACME, *wrong.split())
    assert said.code == 2, said
    assert "Error: " in said.err


async def test_bars_and_figures_have_room_on_a_narrow_terminal() -> None:
    shown = StringIO()
    with _Display(Console(file=shown, force_terminal=True, width=80, height=24), as_json=False) as display:
        display.show(GOING)
    for part in ("15000/20000", "12345/20000", "690 of 700 calls/min", "$12.34", "16 min left"):
        assert part in shown.getvalue()


def test_what_stands_still_has_no_pace() -> None:
    assert figures(BackfillCounts(state="paused", computed=7, per_s=3.0, calls_minute=9)) == "7 done"


async def test_who_takes_the_place_of_a_paused_backfill_is_told(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = BackfillProgress(redis, ACME)
    await progress.want(BackfillOptions(refresh_summaries=True))
    await progress.steer("pause")
    await _want(progress, ACME, BackfillOptions())
    assert "that was paused had other options" in capsys.readouterr().err
    assert not (await progress.options()).refresh_summaries


async def test_who_joins_another_backfill_is_told(redis: Redis) -> None:
    progress = BackfillProgress(redis, ACME)
    await progress.want(BackfillOptions(since=datetime(2026, 1, 1, tzinfo=UTC)))
    _, new = await progress.want(BackfillOptions(refresh_summaries=True))
    assert not new
    assert not (await progress.options()).refresh_summaries
