"""Prices and prompt caches: a cost is known or unknown, never guessed; a mark is set where it is worth something."""

from datetime import date
from typing import Any

import pytest

from ingest.settings import IngestSettings
from ingest.writers.anthropic import AnthropicWriter
from ingest.writers.caching import at_least_tokens, cacheable
from ingest.writers.llm import LlmWriter
from ingest.writers.openai import OpenAIWriter
from ingest.writers.prices import UNKNOWN_MINIMUM, cache_minimum, cost_of, price_list, price_of
from ingest.writers.prompts import Task, summary_task
from ingest.writers.protocol import Usage
from tests.ingest.writers.threads import SUMMARIES, document, thread
from tests.ingest.writers.wires import WIRES, opened
from tests.lookalikes.tokens import count


def test_the_file_says_when_and_where_its_prices_were_found_and_none_is_nonsense() -> None:
    prices = price_list()
    assert date(2026, 11, 1) < prices.as_of <= date.today()  # noqa: DTZ011
    assert all(source.startswith("https://") for source in prices.sources)
    for name, price in prices.models.items():
        assert name.partition("/")[0] in ("anthropic", "openai")
        assert 0 < price.cached < price.input <= price.cache_write < price.output
        assert 1024 <= price.cache_minimum <= 4096


def test_the_models_that_are_used_by_default_have_a_price() -> None:
    settings = IngestSettings()
    assert price_of(f"anthropic/{settings.anthropic_model}")
    assert price_of(f"openai/{settings.openai_model}")


def test_cached_and_written_tokens_have_prices_of_their_own() -> None:
    usage = Usage(input_tokens=1000, cached_tokens=600, cache_write_tokens=100, output_tokens=50)
    cost = cost_of("anthropic/claude-sonnet-5-5", usage)
    assert cost == pytest.approx((300 * 2.00 + 600 * 0.10 + 100 * 2.50 + 50 * 10.00) / 1e6)


def test_a_dated_snapshot_costs_what_its_model_costs() -> None:
    usage = Usage(input_tokens=1000, output_tokens=10)
    for name in ("openai/gpt-5.4-mini-2026-03-17", "anthropic/claude-haiku-4-5-20251001"):
        assert cost_of(name, usage) == cost_of(name.rsplit("-2", 1)[0].removesuffix("-2026-03"), usage)


def test_an_unknown_model_has_an_unknown_cost_and_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    usage = Usage(input_tokens=1000, output_tokens=10)
    assert [cost_of("vllm/some-unheard-of-model", usage) for _ in range(3)] == [None] * 3
    assert cost_of("vllm/some-unheard-of-model", Usage()) == 0.0
    assert capsys.readouterr().out.count("some-unheard-of-model") <= 1
    assert cache_minimum("vllm/some-unheard-of-model") == UNKNOWN_MINIMUM


def test_the_lower_bound_of_a_texts_tokens_is_one() -> None:
    for text in (
        "The printer has been offline since Tuesday's update. " * 40,
        "프린터가 오프라인으로 표시됩니다. " * 40,
    ):
        assert count(text) / 3 < at_least_tokens(text) <= count(text) * 1.1
    assert cacheable("openai/gpt-5.4-mini", "word " * 1024)
    assert not cacheable("openai/gpt-5.4-mini", "word " * 800)


def marks(value: Any) -> int:
    """How many cache marks are anywhere in a request."""
    if isinstance(value, dict):
        own = sum(name in ("cache_control", "prompt_cache_breakpoint", "prompt_cache_key") for name in value)
        return own + sum(marks(part) for part in value.values())
    return sum(marks(part) for part in value) if isinstance(value, list) else 0


def with_prefix(system: str, stable: str = "") -> Task[Any]:
    task = summary_task(thread(), "en")
    return Task(system=system, user=task.user, max_tokens=task.max_tokens, form=task.form, stable=stable)


async def written(writer: LlmWriter, task: Task[Any]) -> Usage:
    return [chunk async for chunk in writer._write(task)][-1].usage  # type: ignore[union-attr]


LONG = "Rules of the house: be short and say only what the messages say. " * 400


async def test_todays_prompts_are_too_short_to_be_cached_and_are_not_marked() -> None:
    for name in WIRES:
        async with opened(name) as wire:
            wire.fake.script.default = document(SUMMARIES["en"])
            await written(wire.writer(), summary_task(thread(), "en"))
            assert marks(wire.fake.requests[0].body) == 0


async def test_a_long_stable_prefix_is_marked_for_anthropic_and_read_from_its_cache() -> None:
    async with opened("anthropic") as wire:
        wire.fake.script.default = document(SUMMARIES["en"])
        writer = wire.writer()
        assert isinstance(writer, AnthropicWriter)
        first, second = [await written(writer, with_prefix(LONG)) for _ in range(2)]
        assert wire.fake.requests[0].body["system"][-1]["cache_control"] == {"type": "ephemeral"}
        assert (first.cached_tokens, first.cache_write_tokens) == (0, count(LONG))
        assert (second.cached_tokens, second.cache_write_tokens) == (count(LONG), 0)
        assert second.input_tokens == first.input_tokens > second.cached_tokens

        await written(writer, with_prefix("Be short.", stable=LONG))
        [message] = wire.fake.requests[-1].body["messages"]
        assert marks(wire.fake.requests[-1].body["system"]) == 0
        assert [marks(part) for part in message["content"]] == [1, 0]


async def test_openai_gets_a_key_for_a_long_prefix_and_is_told_not_to_cache_what_nobody_repeats() -> None:
    async with opened("responses") as wire:
        wire.fake.script.default = document(SUMMARIES["en"])
        for model, explicit in (("gpt-5.4-mini", False), ("gpt-6-luna", True)):
            writer = OpenAIWriter(wire.client, model, "responses")  # type: ignore[arg-type]
            wire.fake.requests.clear()
            for task in (
                with_prefix(LONG),
                with_prefix(LONG),
                with_prefix("Be short."),
                with_prefix("Be", stable=LONG),
            ):
                await written(writer, task)
            one, again, short, stable = [request.body for request in wire.fake.requests]
            assert one["prompt_cache_key"] == again["prompt_cache_key"] != stable["prompt_cache_key"]
            assert marks(short) == 0
            assert short["prompt_cache_options"] == {"mode": "explicit"} if explicit else "instructions" in short
            assert marks(one["input"]) == (1 if explicit else 0)
            assert [marks(part) for part in stable["input"]] == [0, 1] if explicit else LONG in stable["input"]
            assert all(request.text.count("Rules of the house") in (0, 400) for request in wire.fake.requests)
