"""Circuit breakers that all processes share: what is down costs one probe in five seconds, whoever asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from ingest.router.breaker import PROBE_EVERY, THRESHOLD, Admission, Breaker
from ingest.router.generation import Order
from ingest.writers.extractive import NAME as EXTRACTIVE
from ingest.writers.failures import failed
from ingest.writers.llm import LlmWriter
from shared import keys
from tests.ingest.router.desk import CLAUDE, GPT, HOST, Desk, cooled_down, desk, hasty, only_the_first_is_hasty
from tests.lookalikes import Fault, Speed


@pytest.fixture
async def lone(redis: Redis) -> AsyncIterator[Desk]:
    """A router whose summaries have one model alone."""
    async with desk(redis, summary_models=[CLAUDE], outage_wait_s=0) as made:
        yield made


def claude(made: Desk) -> LlmWriter:
    return made.router.models.of("summary", [CLAUDE])[0]


async def fails(breaker: Breaker, model: LlmWriter, kind: str, times: int = 1) -> Admission:
    """A model's calls fail in a row; returns what the last one was told at its start."""
    for _ in range(times):
        admission = await breaker.admit(model)
        await breaker.failed(model, admission, failed(kind))  # type: ignore[arg-type]
    return admission


async def test_a_provider_that_is_down_costs_one_probe_in_five_seconds_over_all_processes(redis: Redis) -> None:
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(desk(redis, summary_models=[CLAUDE], outage_wait_s=0)) for _ in range(2)
        ]
        down = first.claude
        second.router.models._makers = first.router.models._makers  # both call the same server
        down.script.share(Fault.overloaded(), 1.0)
        while (await Breaker(redis).admit(claude(first))).state != "open":
            await first.summary()
        for _ in range(2):
            asked = len(down.requests)
            await redis.hset(keys.breaker_of_model("anthropic", claude(first).model), "until", str(2**53))  # type: ignore[misc]
            seen = await asyncio.gather(*(one.summary() for one in (first, second) for _ in range(20)))
            assert {one.model for one in seen} == {EXTRACTIVE}
            assert len(down.requests) == asked, "it is left alone"
            await cooled_down(redis)
            seen = await asyncio.gather(*(one.summary() for one in (first, second) for _ in range(20)))
            assert {one.model for one in seen} == {EXTRACTIVE}
            assert len(down.requests) == asked + 1, "one probe"
        wait = (await Breaker(redis).admit(claude(first))).wait
        assert timedelta(0) < wait <= PROBE_EVERY == timedelta(seconds=5)


async def test_it_opens_after_some_failures_in_a_row_and_closes_with_the_first_answer(lone: Desk, redis: Redis) -> None:
    breaker, model = Breaker(redis), claude(lone)
    await fails(breaker, model, "overloaded", THRESHOLD - 1)
    assert (await lone.summary()).outcomes == ["anthropic ok"], "in a row means without an answer between them"
    await fails(breaker, model, "overloaded", THRESHOLD)
    refused = await breaker.admit(model)
    assert (refused.state, refused.kind) == ("open", "overloaded")
    await cooled_down(redis)
    assert (await lone.summary()).outcomes == ["anthropic ok"]
    assert (await breaker.admit(model)).state == "closed"


async def test_when_a_model_is_back_the_others_need_not_wait_for_the_probe_to_end(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as lone:
        await fails(Breaker(redis), claude(lone), "overloaded", THRESHOLD)
        lone.claude.script.speed = Speed(first_token=0.2, tokens_per_second=50)
        await cooled_down(redis)
        seen = await asyncio.gather(*(lone.summary() for _ in range(5)))
        assert [one.model for one in seen] == [CLAUDE] * 5
        probe, *others = lone.claude.requests
        assert probe.ended is not None
        assert all(request.arrived < probe.ended for request in others)


@pytest.mark.parametrize("fault", [Fault.spend_limit(), Fault.spend_limit("own_limit"), Fault.unauthorized()])
async def test_no_money_and_a_wrong_key_take_a_model_out_of_use_at_once(lone: Desk, fault: Fault) -> None:
    lone.claude.script.share(fault, 1.0)
    for _ in range(5):
        assert (await lone.summary()).model == EXTRACTIVE
    assert len(lone.claude.requests) == 1
    admission = await Breaker(lone.redis).admit(claude(lone))
    assert timedelta(seconds=55) < admission.wait <= timedelta(seconds=60)


async def test_no_money_closes_the_way_to_all_models_of_the_provider_and_a_wrong_model_does_not(redis: Redis) -> None:
    names = ["anthropic/claude-opus-5-5", CLAUDE, GPT]
    async with desk(redis, summary_models=names) as made:
        made.claude.script.add(Fault.forbidden())
        assert (await made.summary()).outcomes == ["anthropic auth", "anthropic ok"]
        made.claude.script.add(Fault.spend_limit())
        assert (await made.summary()).outcomes == ["anthropic spend_limit", "openai ok"]
        assert (await made.summary()).outcomes == ["openai ok"]


async def test_a_provider_that_stalls_costs_its_first_token_deadline_once(redis: Redis) -> None:
    async with desk(redis, **hasty()) as made:
        two = only_the_first_is_hasty(made)
        two.claude.script.share(Fault.silence(), 1.0)
        assert (await two.summary()).outcomes == ["anthropic timeout", "openai ok"]
        for _ in range(10):
            assert (await two.summary()).outcomes == ["openai ok"]
        assert len(two.claude.requests) == 1


async def test_a_probe_of_a_provider_that_stalls_does_not_cost_the_deadline_again(redis: Redis) -> None:
    async with desk(redis, first_token_s=20.0) as made:
        model = claude(made)
        await fails(Breaker(redis), model, "timeout")
        made.claude.script.share(Fault.silence(), 1.0)
        await cooled_down(redis)
        async with asyncio.timeout(15):
            assert (await made.summary()).outcomes == ["anthropic abandoned", "openai ok"]


async def test_one_slow_answer_among_good_ones_is_no_stall(lone: Desk, redis: Redis) -> None:
    breaker, model = Breaker(redis), claude(lone)
    slow = await breaker.admit(model)
    await lone.summary()
    await breaker.failed(model, slow, failed("timeout"))
    assert (await breaker.admit(model)).state == "closed"


async def test_what_lies_in_a_ticket_does_not_count_against_the_model(lone: Desk, redis: Redis) -> None:
    for kind in ("refused", "context_too_long", "invalid_output"):
        await fails(Breaker(redis), claude(lone), kind, THRESHOLD + 1)
    assert (await Breaker(redis).admit(claude(lone))).state == "closed"


async def test_a_call_that_began_before_the_account_was_spent_does_not_open_the_way_again(
    lone: Desk, redis: Redis
) -> None:
    breaker, model = Breaker(redis), claude(lone)
    earlier = await breaker.admit(model)
    later = Admission(state="closed", token="later", began_ms=earlier.began_ms + 50)
    await breaker.failed(model, later, failed("spend_limit"))
    opened = int(await redis.hget(keys.breaker("anthropic"), "opened"))  # type: ignore[misc]
    await breaker.answered(model, Admission(state="closed", token="old", began_ms=opened - 1))
    assert (await breaker.admit(model)).state == "open"


async def test_a_command_that_redis_gets_twice_counts_once(lone: Desk, redis: Redis) -> None:
    breaker, model = Breaker(redis), claude(lone)
    admission = await breaker.admit(model)
    for _ in range(THRESHOLD + 1):
        await breaker.failed(model, admission, failed("overloaded"))
    assert (await breaker.admit(model)).state == "closed"
    await fails(breaker, model, "overloaded", THRESHOLD)
    await cooled_down(redis)
    names = [keys.breaker_of_model("anthropic", model.model), keys.breaker("anthropic")]
    answers = [await breaker._admit(keys=names, args=["the same", 5000]) for _ in range(2)]
    assert [answer[0] for answer in answers] == [b"probe", b"probe"]
    assert (await breaker._admit(keys=names, args=["another", 5000]))[0] == b"open"


async def test_failures_that_lie_far_apart_do_not_add_up(lone: Desk, redis: Redis) -> None:
    breaker, model = Breaker(redis), claude(lone)
    for _ in range(THRESHOLD * 2):
        await fails(breaker, model, "overloaded")
        await redis.hset(keys.breaker_of_model("anthropic", model.model), "first", "0")  # type: ignore[misc]
    assert (await breaker.admit(model)).state == "closed"


async def test_an_agent_who_waits_is_not_kept_by_a_long_rate_limit(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as made:
        await fails(Breaker(redis), claude(made), "rate_limited")
        await redis.hset(  # type: ignore[misc]
            keys.breaker_of_model("anthropic", claude(made).model), "until", str(2**53)
        )
        for priority in ("interactive", "live", "backfill"):
            async with asyncio.timeout(10):
                seen = await made.summary(Order(host=HOST, priority=priority))
            assert seen.result is not None
            assert (seen.model, seen.result.failures) == (EXTRACTIVE, ["rate_limited"])
