"""What every writer promises, over all of them: three wires of two providers, and the one without a model."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from ingest.settings import IngestSettings
from ingest.writers.extractive import ExtractiveWriter
from ingest.writers.openai import openai_api
from ingest.writers.protocol import Delta, Usage, Writer
from shared.models import Reply, Summary
from tests.ingest.writers.threads import REPLIES, SUMMARIES, article, document, neighbour, read, thread
from tests.ingest.writers.wires import WIRES, Name, Wire, opened
from tests.lookalikes import Answer, Speed


@dataclass
class Subject:
    """A writer under contract, and the look-alike behind it, if it has one."""

    writer: Writer
    wire: Wire | None

    def will_write(self, value: Summary | list[Reply]) -> None:
        if self.wire:
            self.wire.fake.script.add(document(value))


@pytest.fixture(params=[*WIRES, "extractive"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "extractive":
        yield Subject(ExtractiveWriter(), None)
        return
    async with opened(request.param) as wire:
        yield Subject(wire.writer(), wire)


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_the_deltas_of_a_summary_make_up_its_text_and_one_result_ends_it(subject: Subject, language: str) -> None:
    subject.will_write(SUMMARIES[language])
    deltas, [written] = await read(subject.writer.summarize(thread(language), language))
    assert written.value.text == "".join(deltas)
    assert written.model == subject.writer.name
    if subject.wire:
        assert written.value == SUMMARIES[language]
        assert len(deltas) > 5


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_the_deltas_of_replies_make_up_the_first_ones_text(subject: Subject, language: str) -> None:
    subject.will_write(REPLIES[language])
    chunks = subject.writer.recommend(thread(language), [neighbour()], [article()], language)
    deltas, [written] = await read(chunks)
    assert written.value[0].text == "".join(deltas)
    assert written.model == subject.writer.name
    if subject.wire:
        assert written.value == REPLIES[language]


async def test_the_usage_is_the_providers_own_count_and_nothing_without_one(subject: Subject) -> None:
    subject.will_write(SUMMARIES["en"])
    _, [written] = await read(subject.writer.summarize(thread(), "en"))
    if subject.wire is None:
        assert written.usage == Usage()
        return
    assert written.usage.output_tokens == subject.wire.fake.requests[0].tokens_sent > 10
    assert written.usage.input_tokens > 300
    assert written.usage.cached_tokens == 0


async def test_the_answer_that_a_look_alike_derives_from_the_prompt_is_a_summary_and_a_reply(subject: Subject) -> None:
    for language in ("en", "ko"):
        _, [summary] = await read(subject.writer.summarize(thread(language), language))
        _, [replies] = await read(subject.writer.recommend(thread(language), [neighbour()], [article()], language))
        assert summary.value.text
        assert replies.value[0].text


async def test_text_is_shown_while_the_model_still_writes(wire: Wire) -> None:
    wire.fake.script.add(Answer(document(SUMMARIES["en"]), speed=Speed(tokens_per_second=400)))
    async for chunk in wire.writer().summarize(thread(), "en"):
        assert isinstance(chunk, Delta)
        assert wire.fake.requests[0].ended is None
        break
    await wire.fake.until(lambda: wire.fake.requests[0].disconnected)


@pytest.mark.parametrize("name", ["responses", "chat"])  # nothing is marked for Anthropic's cache yet
async def test_cached_input_is_part_of_the_input(name: Name) -> None:
    async with opened(name) as wire:
        wire.fake.script.default = document(SUMMARIES["en"])
        first, second = [(await read(wire.writer().summarize(thread(), "en")))[1][0].usage for _ in range(2)]
        assert first.cached_tokens == 0
        assert 0 < second.cached_tokens < second.input_tokens


async def test_calls_at_the_same_time_do_not_mix(wire: Wire) -> None:
    wire.fake.script.default = lambda request: document(SUMMARIES["ko" if "프린터" in request.prompt else "en"])
    writer = wire.writer()
    languages = ["en", "ko"] * 4
    results = await asyncio.gather(*(read(writer.summarize(thread(language), language)) for language in languages))
    assert [written.value for _, [written] in results] == [SUMMARIES[language] for language in languages]


def test_the_api_is_responses_at_openai_and_chat_completions_elsewhere_unless_said_otherwise() -> None:
    assert openai_api(IngestSettings()) == "responses"
    assert openai_api(IngestSettings(openai_base_url="http://127.0.0.1:1/v1")) == "chat"
    assert openai_api(IngestSettings(openai_base_url="http://127.0.0.1:1/v1", openai_api="responses")) == "responses"
    assert openai_api(IngestSettings(openai_api="chat")) == "chat"


async def test_a_request_asks_for_a_stream_and_a_schema_and_is_not_stored(wire: Wire) -> None:
    wire.fake.script.add(document(SUMMARIES["en"]))
    await read(wire.writer().summarize(thread(), "en"))
    [request] = wire.fake.requests
    assert request.stream
    assert request.schema
    assert next(iter(request.schema["properties"])) == "text"
    assert not {"temperature", "top_p", "top_k"} & set(request.body)
    if wire.name == "responses":
        assert request.body["store"] is False
