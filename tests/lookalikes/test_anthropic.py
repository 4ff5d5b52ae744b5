"""The Anthropic look-alike, driven through the provider's own SDK: protocol, scripts, the server itself."""

import asyncio
import time

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.lookalikes import Answer, AnthropicLookalike, LoggedRequest, Script, Speed
from tests.lookalikes.anthropic_calls import PROMPT, Streamed, Summary, ask, says, text_of


async def test_a_scripted_text_arrives_whole_and_as_a_stream(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add("Install the new driver.", times=2)
    message = await ask(claude_client)
    streamed = await Streamed().read(claude_client)
    assert text_of(message) == "".join(streamed.pieces) == "Install the new driver."
    assert len(streamed.pieces) > 3
    assert streamed.message
    assert (message.stop_reason, streamed.message.stop_reason) == ("end_turn", "end_turn")
    assert streamed.message.usage.output_tokens == len(streamed.pieces) == claude.requests[1].tokens_sent
    assert claude.requests[0].body["messages"] == says(PROMPT)
    assert [request.stream for request in claude.requests] == [False, True]


async def test_a_stream_carries_the_events_of_the_protocol_and_a_ping(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add("Two words")
    raw = claude_client.messages.with_streaming_response
    async with raw.create(model="m", max_tokens=9, messages=says("x"), stream=True) as response:
        names = [line[7:] async for line in response.iter_lines() if line.startswith("event: ")]
    assert names == [
        "message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert response.headers["request-id"] == claude.requests[0].request_id


async def test_the_queue_takes_text_json_and_callables_in_order_then_falls_back_to_the_default(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add(
        "text", {"제목": "프린터"}, lambda request: request.prompt.upper(), Answer("cut off", "max_tokens")
    )
    assert claude.script.pending == 4
    answers = [await ask(claude_client, "hello") for _ in range(4)]
    assert [text_of(answer) for answer in answers] == ["text", '{"제목": "프린터"}', "HELLO", "cut off"]
    assert answers[3].stop_reason == "max_tokens"
    assert claude.script.pending == 0
    claude.script.default = "always this"
    assert text_of(await ask(claude_client)) == "always this"


async def test_the_derived_answer_quotes_the_prompt_in_its_language_and_is_the_same_each_time(
    claude_client: AsyncAnthropic,
) -> None:
    first, again = text_of(await ask(claude_client)), text_of(await ask(claude_client))
    assert first == again
    assert first.split('"')[1] in PROMPT
    korean = text_of(await ask(claude_client, "<ticket>\n결제가 두 번 되었습니다. 환불 부탁드립니다.\n</ticket>"))
    assert korean.split('"')[1] in "결제가 두 번 되었습니다. 환불 부탁드립니다."
    assert korean.endswith("살펴보겠습니다.")


async def test_a_schema_is_honoured(claude: AnthropicLookalike, claude_client: AsyncAnthropic) -> None:
    prompt = "[812] 로그인 화면이 계속 새로고침됩니다.\n[977] 비밀번호를 바꾼 뒤 로그인이 안 됩니다."
    message = await claude_client.messages.parse(
        model="claude-haiku-5-5", max_tokens=500, messages=says(prompt), output_format=Summary
    )
    assert message.parsed_output
    assert message.parsed_output.text in prompt
    assert message.parsed_output.language == "ko"
    assert set(message.parsed_output.sources) <= {812, 977}
    assert claude.requests[0].schema


async def test_a_schema_that_the_provider_refuses_is_refused(claude_client: AsyncAnthropic) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "additionalProperties": False}
    for bad in (schema, {"type": "object", "properties": {}}):
        with pytest.raises(anthropic.BadRequestError, match=r"output_config\.format\.schema"):
            await ask(claude_client, output_config={"format": {"type": "json_schema", "schema": bad}})


async def test_usage_counts_what_the_prompt_cache_wrote_and_read(claude_client: AsyncAnthropic) -> None:
    system = [{"type": "text", "text": "You summarise support tickets. " * 5, "cache_control": {"type": "ephemeral"}}]
    first = (await ask(claude_client, "one", system=system)).usage
    second = (await ask(claude_client, "another one", system=system)).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens
    assert second.cache_read_input_tokens
    assert second.cache_read_input_tokens > 20
    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    assert (first.input_tokens, second.input_tokens) == (1, 3)
    uncached = (await ask(claude_client, "one", system=system, model="claude-opus-5-5")).usage
    assert uncached.cache_read_input_tokens == 0


async def test_tokens_come_at_the_scripted_speed(claude: AnthropicLookalike, claude_client: AsyncAnthropic) -> None:
    claude.script.speed = Speed(first_token=0.1, tokens_per_second=50)
    claude.script.add("one two three four five six", times=2)
    began = time.monotonic()
    async with claude_client.messages.stream(model="m", max_tokens=50, messages=says("x")) as stream:
        arrivals = [time.monotonic() - began async for _ in stream.text_stream]
    assert arrivals[0] >= 0.1
    assert arrivals[-1] >= 0.1 + 5 / 50
    began = time.monotonic()
    await ask(claude_client)
    assert time.monotonic() - began >= 0.1 + 5 / 50


async def test_an_async_callable_holds_its_answer_back_so_that_a_test_decides_the_order(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    gate = asyncio.Event()

    async def later(request: LoggedRequest) -> str:
        await gate.wait()
        return "older"

    claude.script.add(later, "newer")
    older = asyncio.create_task(ask(claude_client))
    await claude.until(lambda: len(claude.requests) == 1)
    assert text_of(await ask(claude_client)) == "newer"
    assert not older.done()
    gate.set()
    assert text_of(await older) == "older"


async def test_the_requests_own_token_limit_holds(claude_client: AsyncAnthropic) -> None:
    short = await ask(claude_client, max_tokens=4)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 4)
    warmed = await ask(claude_client, max_tokens=0)
    assert (warmed.content, warmed.usage.output_tokens) == ([], 0)


async def test_requests_that_the_provider_would_refuse_are_refused() -> None:
    async with AnthropicLookalike(api_key="right") as claude:
        async with AsyncAnthropic(api_key="wrong", base_url=claude.base_url, max_retries=0) as wrong:
            with pytest.raises(anthropic.AuthenticationError):
                await ask(wrong)
        async with AsyncAnthropic(api_key="right", base_url=claude.base_url, max_retries=0) as right:
            with pytest.raises(anthropic.BadRequestError, match="at least one message"):
                await ask(right, messages=[])
            with pytest.raises(anthropic.NotFoundError):
                await right.post("/v1/nothing", cast_to=object, body={})
            assert text_of(await ask(right))


async def test_models_can_be_listed(claude_client: AsyncAnthropic) -> None:
    names = [model.id async for model in claude_client.models.list()]
    assert "claude-haiku-5-5" in names
    assert (await claude_client.models.retrieve("claude-opus-5-5")).line == "opus"
    with pytest.raises(anthropic.NotFoundError):
        await claude_client.models.retrieve("claude-1")


async def test_a_callable_that_raises_fails_the_test() -> None:
    def wrong(request: LoggedRequest) -> str:
        raise LookupError("the test's own mistake")

    claude = AnthropicLookalike(script=Script(wrong))
    await claude.start()
    async with AsyncAnthropic(api_key="k", base_url=claude.base_url, max_retries=0) as claude_client:
        with pytest.raises(anthropic.APIConnectionError):
            await ask(claude_client)
    with pytest.raises(LookupError, match="own mistake"):
        await claude.stop()
