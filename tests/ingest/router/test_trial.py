"""The trial of `python -m tests.ingest.router.trial`, small: what is promised of providers in trouble holds."""

from redis.asyncio import Redis

from tests.ingest.router.trial import thirty_percent

PATIENT = {"first_token_s": 1.2, "idle_s": 1.2, "call_s": 5.0}
"""What runs beside this test may have both cores: a healthy answer must not count as a late one."""


async def test_with_three_calls_in_ten_failing_in_every_way_each_text_ends_well_or_with_a_reason(redis: Redis) -> None:
    tally = await thirty_percent(redis, 100, seed=7, at_once=12, **PATIENT)
    assert tally.spoiled == 0, "no truncated text is ever kept"
    assert not tally.dead
    assert tally.good + sum(tally.degraded.values()) == tally.texts
    assert tally.degraded["without a reason"] == 0
    assert tally.good >= 0.9 * tally.texts
    assert tally.calls / tally.good <= 1.6
    assert tally.calls == sum(tally.outcomes.values()), "each call is on record"
