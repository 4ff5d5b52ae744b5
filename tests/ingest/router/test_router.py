"""Who writes a text where models fail: every way of failing, over HTTP, and what it costs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from ingest.router.generation import CALLS, TRIES, Order
from ingest.settings import IngestSettings
from ingest.writers.extractive import NAME as EXTRACTIVE
from shared import keys
from shared.errors import StartupError
from tests.ingest.router.desk import (
    CLAUDE,
    GPT,
    HOST,
    SUMMARY,
    Desk,
    desk,
    hasty,
    only_the_first_is_hasty,
    routed,
)
from tests.ingest.writers.threads import document, thread
from tests.lookalikes import Answer, Fault, LoggedRequest, OpenAILookalike, Script, Speed
from tests.waiting import wait_until

LATE = Speed(first_token=30.0)
"""Of who is abandoned long before."""
BEFORE_A_WORD: list[tuple[Fault, str]] = [
    (Fault.rate_limited(0.2), "rate_limited"),
    (Fault.rate_limited(None), "rate_limited"),
    (Fault.overloaded(), "overloaded"),
    (Fault.server_error(), "overloaded"),
    (Fault.html_page(), "overloaded"),
    (Fault.spend_limit(), "spend_limit"),
    (Fault.spend_limit("own_limit"), "spend_limit"),
    (Fault.spend_limit("tier"), "spend_limit"),
    (Fault.unauthorized(), "auth"),
    (Fault.unknown_model(), "bad_request"),
    (Fault.hang_up(), "connection"),
    (Fault.hang_up(reset=True), "connection"),
    (Fault.silence(), "timeout"),
    (Fault.stall(0), "timeout"),
    (Fault.stall(0, pings=0.05), "timeout"),
    (Fault.html_page(200), "truncated"),
    (Fault.refusal(), "refused"),
    (Fault.context_too_long(), "context_too_long"),
]
AFTER_WORDS: list[tuple[Fault, str]] = [
    (Fault.error_event(20), "overloaded"),
    (Fault.cut(20), "connection"),
    (Fault.cut(20, reset=True), "connection"),
    (Fault.early_end(20), "truncated"),
    (Fault.early_end(10_000), "truncated"),
    (Fault.max_tokens(20), "truncated"),
    (Fault.stall(20), "timeout"),
    (Fault.stall(20, pings=0.05), "timeout"),
    (Fault.slow(8), "timeout"),
    (Fault.garbage(20), "unknown"),
    (Fault.garbage(20, form="shape"), "unknown"),
    (Fault.garbage(20, form="bytes"), "unknown"),
    (Fault.invalid_json(), "invalid_output"),
]


def named(value: object) -> str:
    return f"{value.name}-{value.form}{value.status or ''}{value.pings or ''}" if isinstance(value, Fault) else ""


@pytest.fixture
async def met(redis: Redis, fault: Fault, kind: str) -> AsyncIterator[Desk]:
    """A router that gives up soon where nothing comes, and only there: a busy machine is no silence."""
    if kind != "timeout":
        async with desk(redis, outage_wait_s=0) as made:
            yield made
        return
    patient = {"first_token_s": 30, "call_s": 30} if fault.after else {}  # what it says before may take its time
    if fault.name == "slow":
        patient = {"first_token_s": 30, "idle_s": 30, "call_s": 3}
    async with desk(redis, **hasty(**patient)) as made:
        yield only_the_first_is_hasty(made)


@pytest.mark.parametrize(("fault", "kind"), BEFORE_A_WORD, ids=named)
async def test_where_a_model_fails_before_its_first_word_the_next_one_writes_and_nothing_is_taken_back(
    met: Desk, fault: Fault, kind: str
) -> None:
    met.claude.script.add(fault)
    seen = await met.summary()
    assert (seen.model, seen.outcomes) == (GPT, [f"anthropic {kind}", "openai ok"])
    assert (seen.resets, seen.result.failures if seen.result else None) == (0, [])


@pytest.mark.parametrize(("fault", "kind"), AFTER_WORDS, ids=named)
async def test_where_a_model_fails_after_words_were_shown_they_are_taken_back_before_the_next_one_begins(
    met: Desk, fault: Fault, kind: str
) -> None:
    met.claude.script.add(fault)
    seen = await met.summary()
    assert (seen.model, seen.outcomes, seen.resets) == (GPT, [f"anthropic {kind}", "openai ok"], 1)
    assert seen.text == SUMMARY.text


async def test_a_provider_that_refuses_connections_is_passed_over(two: Desk) -> None:
    await two.claude.stop()
    assert (await two.summary()).outcomes == ["anthropic connection", "openai ok"]


@pytest.mark.parametrize("fault", [Fault.error_event(20), Fault.early_end(20), Fault.max_tokens(20)], ids=named)
async def test_where_all_models_fail_the_last_resort_writes_and_says_why(two: Desk, fault: Fault) -> None:
    two.claude.script.share(fault, 1.0)
    two.gpt.script.share(fault, 1.0)
    seen = await two.summary(Order(host=HOST, priority="interactive"))
    assert seen.model == EXTRACTIVE
    assert seen.result is not None
    assert len(seen.result.failures) == two.calls == seen.resets == 2, "an agent saw words, so nobody is asked twice"


async def test_as_long_as_nothing_was_shown_a_model_is_asked_again(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as lone:
        lone.claude.script.add(Fault.overloaded(), Fault.hang_up())
        assert (await lone.summary()).outcomes == ["anthropic overloaded", "anthropic connection", "anthropic ok"]
        lone.claude.script.add(Fault.overloaded(), times=TRIES)
        assert (await lone.summary()).model == EXTRACTIVE


async def test_where_nobody_looks_a_model_is_asked_again_after_its_words_were_taken_back(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as lone:
        lone.claude.script.add(Fault.error_event(20), Fault.cut(20))
        seen = await lone.summary()
        assert (seen.outcomes, seen.resets) == (["anthropic overloaded", "anthropic connection", "anthropic ok"], 2)


async def test_a_model_that_is_out_of_use_is_waited_for_where_nobody_looks(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as lone:
        for _ in range(5):
            lone.claude.script.add(Fault.bad_request())
            await lone.summary()
        until = await redis.hget(keys.breaker_of_model("anthropic", "claude-haiku-5-5"), "until")  # type: ignore[misc]
        assert until is not None
        soon = str(int(until) - 4_000)  # four seconds have passed
        await redis.hset(keys.breaker_of_model("anthropic", "claude-haiku-5-5"), "until", soon)  # type: ignore[misc]
        assert (await lone.summary()).model == CLAUDE


async def test_a_text_costs_a_bounded_number_of_calls(two: Desk) -> None:
    two.claude.script.share(Fault.overloaded(), 1.0)
    two.gpt.script.share(Fault.overloaded(), 1.0)
    seen = await two.summary()
    assert (seen.model, two.calls) == (EXTRACTIVE, CALLS)


async def test_what_lies_in_the_ticket_is_not_asked_of_the_same_model_again(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as lone:
        for fault in (Fault.refusal(), Fault.context_too_long(), Fault.invalid_json(), Fault.max_tokens(20)):
            lone.claude.reset()
            lone.claude.script.add(fault)
            assert (await lone.summary()).model == EXTRACTIVE
            assert len(lone.claude.requests) == 1


async def test_retry_after_is_honoured_within_the_deadline(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as lone:
        lone.claude.script.add(Fault.rate_limited(0.5))
        seen = await lone.summary()
        first, second = lone.claude.requests
        assert seen.model == CLAUDE
        assert second.arrived - first.arrived >= 0.5


@pytest.mark.parametrize("wait", [600, 30])
async def test_nobody_sleeps_beyond_the_deadline_however_long_a_provider_wants(redis: Redis, wait: int) -> None:
    async with desk(redis, summary_models=[CLAUDE], text_s=20) as lone:
        lone.claude.script.share(Fault.rate_limited(wait), 1.0)
        async with asyncio.timeout(10):
            seen = await lone.summary()
        assert (seen.model, len(lone.claude.requests)) == (EXTRACTIVE, 1)


async def test_retry_after_of_an_overloaded_provider_is_honoured_too(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE]) as made:
        made.claude.script.add(replace(Fault.overloaded(), retry_after=0.7))
        assert (await made.summary()).outcomes == ["anthropic overloaded", "anthropic ok"]
        first, second = (request.arrived for request in made.claude.requests)
        assert second - first >= 0.7


async def test_a_rate_limit_holds_for_all_texts_until_it_ends(redis: Redis) -> None:
    async with desk(redis, summary_models=[CLAUDE], text_s=20) as lone:
        lone.claude.script.add(Fault.rate_limited(0.6))
        key = keys.breaker_of_model("anthropic", "claude-haiku-5-5")
        first = asyncio.create_task(lone.summary())
        await wait_until(lambda: redis.hexists(key, "until"))
        seen = await asyncio.gather(first, *(lone.summary() for _ in range(8)))
        assert {one.model for one in seen} == {CLAUDE}
        limited, *others = lone.claude.requests
        assert all(request.arrived - limited.arrived >= 0.59 for request in others)


async def test_the_deadline_holds_whatever_trickles(redis: Redis) -> None:
    async with desk(redis, call_s=30, text_s=1.6) as made:
        for fake in (made.claude, made.gpt):
            fake.script.share(Fault.slow(10), 1.0)
        async with asyncio.timeout(15):
            assert (await made.summary()).model == EXTRACTIVE


async def test_a_tenant_over_its_tokens_gets_the_last_resort_and_no_call(two: Desk) -> None:
    order = Order(host=HOST, daily_tokens=5_000)
    assert (await two.summary(order)).model == CLAUDE
    two.claude.script.default = Answer(document(SUMMARY) + " " * 40_000)
    await two.summary(order)
    asked = two.calls
    seen = await two.summary(Order(host=HOST, daily_tokens=2_000))
    assert seen.result is not None
    assert (seen.model, seen.result.failures, two.calls) == (EXTRACTIVE, ["budget"], asked)
    other = await two.summary(Order(host="other.freshdesk.com", daily_tokens=5_000))
    assert other.model == CLAUDE, "each tenant has its own"


async def test_a_tenants_own_list_goes_before_the_settings(two: Desk) -> None:
    def of(*names: str) -> Order:
        return Order(host=HOST, models={"summary": names})

    assert (await two.summary(of(GPT))).model == GPT
    assert (await two.summary(of("nobody/model-1", GPT))).model == GPT
    assert (await two.summary(of("nobody/model-1"))).model == CLAUDE, "a typing error does not cost the text"
    seen = await two.summary(of(EXTRACTIVE))
    assert seen.result is not None
    assert (seen.model, seen.result.failures) == (EXTRACTIVE, []), "nothing has failed: no model was wanted"


async def test_each_task_has_its_own_list_and_a_list_of_nobody_does_not_start(redis: Redis) -> None:
    lists = {"reply_models": "openai/gpt-6-luna, anthropic/claude-opus-5-5", "answer_models": [EXTRACTIVE]}
    async with desk(redis, **lists) as made:
        assert made.names("summary") == [CLAUDE, GPT, EXTRACTIVE]
        assert made.names("reply") == ["openai/gpt-6-luna", "anthropic/claude-opus-5-5", EXTRACTIVE]
        assert made.names("answer") == [EXTRACTIVE]
    with pytest.raises(StartupError, match="CANVAS_REPLY_MODELS names 'groq/x'"):
        async with routed(IngestSettings(reply_models=["groq/x"]), redis):
            pass


async def test_any_compatible_server_is_a_provider_of_its_own(redis: Redis) -> None:
    async with OpenAILookalike(script=Script(default=document(SUMMARY)), api_key="own") as own:
        ingest = IngestSettings(
            compatible_urls={"vllm": own.base_url},
            compatible_keys={"vllm": SecretStr("own")},
            summary_models=["vllm/meta-llama/Llama-4"],
        )
        async with routed(ingest, redis) as router:
            asked = router.write("summary", Order(host=HOST), lambda writer: writer.summarize(thread(), "en"))
            results = [chunk async for chunk in asked]
        assert results[-1].model == "vllm/meta-llama/Llama-4"  # type: ignore[union-attr]
        assert [request.body["model"] for request in own.requests] == ["meta-llama/Llama-4"]
        assert own.requests[0].path.endswith("/chat/completions")
        assert "prompt_cache_key" not in own.requests[0].body, "not every server knows it"


async def test_each_call_is_on_record_with_its_tokens_and_its_price(two: Desk) -> None:
    two.claude.script.add(Fault.error_event(20))
    seen = await two.summary()
    assert seen.result is not None
    failed, written = seen.result.calls
    assert (failed.task, failed.model, failed.outcome) == ("summary", CLAUDE, "overloaded")
    assert failed.input_tokens > 300, "Anthropic tells the input at the start, and it is paid for"
    assert failed.cost is not None
    assert failed.cost >= failed.input_tokens * 0.10 / 1e6
    assert written.cost == pytest.approx((written.input_tokens * 0.75 + written.output_tokens * 4.5) / 1e6)
    assert written.first_token_ms is not None
    assert 0 < written.first_token_ms <= written.ms
    assert await two.router._budget.taken(HOST) == sum(
        call.input_tokens + call.output_tokens for call in (failed, written)
    )


async def test_who_stops_reading_stops_the_call_and_pays_for_what_was_read(two: Desk) -> None:
    two.claude.script.speed = Speed(tokens_per_second=20)
    chunks = two.router.write("summary", two.order, lambda writer: writer.summarize(thread(), "en"))
    await anext(chunks)
    await chunks.aclose()
    await two.claude.until(lambda: two.claude.requests[0].disconnected)
    assert 0 < await two.router._budget.taken(HOST) < 4_000, "the reservation is settled"
    assert await two.redis.hkeys(f"pc:{{{HOST}}}:tokens:{await _day(two)}") == [b"taken"]  # type: ignore[misc]


async def _day(two: Desk) -> str:
    [key] = [key async for key in two.redis.scan_iter(match="pc:*:tokens:*")]
    return str(key.decode().rpartition(":")[2])


async def test_a_silent_model_is_hedged_only_for_agents_who_wait_and_only_if_wanted(redis: Redis) -> None:
    async with desk(redis, hedge_after_s=0.2) as made:
        made.claude.script.speed = Speed(first_token=1.0)
        assert (await made.summary()).outcomes == ["anthropic ok"], "nobody waits for a live ticket"
        made.claude.script.speed = LATE
        seen = await made.summary(Order(host=HOST, priority="interactive"))
        assert (seen.model, seen.outcomes, seen.resets) == (GPT, ["anthropic abandoned", "openai ok"], 0)
        await made.claude.until(lambda: made.claude.requests[-1].disconnected)
    async with desk(redis, hedge_after_s=5.0) as made:
        assert (await made.summary(Order(host=HOST, priority="interactive"))).outcomes == ["anthropic ok"]
    async with desk(redis) as made:
        made.claude.script.speed = Speed(first_token=0.5)
        assert (await made.summary(Order(host=HOST, priority="interactive"))).outcomes == ["anthropic ok"]


async def test_a_hedge_asks_another_provider_where_there_is_one(redis: Redis) -> None:
    order = Order(host=HOST, priority="interactive")
    async with desk(redis, hedge_after_s=0.2, summary_models=[CLAUDE, "anthropic/claude-opus-5-5", GPT]) as made:
        made.claude.script.speed = LATE
        assert (await made.summary(order)).outcomes == ["anthropic abandoned", "openai ok"]
    async with desk(redis, hedge_after_s=0.2, summary_models=[CLAUDE, "anthropic/claude-opus-5-5"]) as made:
        made.claude.script.add(Fault.silence())
        seen = await made.summary(order)
        assert (seen.model, seen.outcomes) == (
            "anthropic/claude-opus-5-5", ["anthropic abandoned", "anthropic ok"],
        )  # fmt: skip


async def test_a_hedge_that_fails_does_not_cost_the_first_ones_text(redis: Redis) -> None:
    async with desk(redis, hedge_after_s=0.1) as made:

        async def after_the_other(_: LoggedRequest) -> str:
            await wait_until(lambda: redis.exists(keys.breaker_of_model("openai", "gpt-5.4-mini")))  # it has failed
            return document(SUMMARY)

        made.claude.script.default = after_the_other
        made.gpt.script.share(Fault.server_error(), 1.0)
        seen = await made.summary(Order(host=HOST, priority="interactive"))
        assert (seen.model, sorted(seen.outcomes)) == (CLAUDE, ["anthropic ok", "openai overloaded"])


async def test_where_the_first_one_fails_after_the_second_began_the_second_writes(redis: Redis) -> None:
    async with desk(redis, hedge_after_s=0.1, **hasty()) as made:
        made.claude.script.add(Fault.silence())
        made.gpt.script.speed = Speed(first_token=1.4)
        seen = await only_the_first_is_hasty(made).summary(Order(host=HOST, priority="interactive"))
        assert (seen.model, seen.outcomes) == (GPT, ["anthropic timeout", "openai ok"])


async def test_without_redis_texts_are_still_written(two: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("away")

    for part, names in {
        two.router._breaker: ("_admit", "_ok", "_failed"),
        two.router._budget: ("_reserve", "_settle"),
    }.items():
        for name in names:
            monkeypatch.setattr(part, name, away)
    two.claude.script.add(Fault.overloaded())
    assert (await two.summary()).outcomes == ["anthropic overloaded", "openai ok"]
