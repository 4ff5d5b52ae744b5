"""The Anthropic look-alike, driven through the provider's own SDK."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pydantic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message, MessageParam

from tests.lookalikes import Answer, AnthropicLookalike, Fault, LoggedRequest, Script, Speed

PROMPT = "My printer shows offline since the update of Tuesday morning."
HASTY = httpx2.Timeout(5, read=0.3)  # for what never comes; other requests may take as long as a busy machine needs


class Summary(pydantic.BaseModel):
    text: str
    language: str
    sources: list[int]


@pytest.fixture
async def fake() -> AsyncIterator[AnthropicLookalike]:
    async with AnthropicLookalike(cache_minimum=10) as fake:
        yield fake


@pytest.fixture
async def client(fake: AnthropicLookalike) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(api_key="k", base_url=fake.base_url, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def hasty(client: AsyncAnthropic) -> AsyncAnthropic:
    """The same client, with a short read time-out."""
    return client.with_options(timeout=HASTY)


def says(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


async def ask(client: AsyncAnthropic, text: str = PROMPT, **more: Any) -> Message:
    arguments = {"model": "claude-haiku-5-5", "max_tokens": 500, "messages": says(text), **more}
    message: Message = await client.messages.create(**arguments)
    return message


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


class Streamed:
    """What a client saw of a stream: the pieces, and the message at the end, if there was an end."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.message: Message | None = None

    async def read(self, client: AsyncAnthropic, text: str = PROMPT) -> "Streamed":
        async with client.messages.stream(model="claude-haiku-5-5", max_tokens=500, messages=says(text)) as stream:
            async for piece in stream.text_stream:
                self.pieces.append(piece)
            self.message = await stream.get_final_message()
        return self


async def test_a_scripted_text_arrives_whole_and_as_a_stream(fake: AnthropicLookalike, client: AsyncAnthropic) -> None:
    fake.script.add("Install the new driver.", times=2)
    message = await ask(client)
    streamed = await Streamed().read(client)
    assert text_of(message) == "".join(streamed.pieces) == "Install the new driver."
    assert len(streamed.pieces) > 3
    assert streamed.message
    assert (message.stop_reason, streamed.message.stop_reason) == ("end_turn", "end_turn")
    assert streamed.message.usage.output_tokens == len(streamed.pieces) == fake.requests[1].tokens_sent
    assert fake.requests[0].body["messages"] == says(PROMPT)
    assert [request.stream for request in fake.requests] == [False, True]


async def test_a_stream_carries_the_events_of_the_protocol_and_a_ping(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    fake.script.add("Two words")
    raw = client.messages.with_streaming_response
    async with raw.create(model="m", max_tokens=9, messages=says("x"), stream=True) as response:
        names = [line[7:] async for line in response.iter_lines() if line.startswith("event: ")]
    assert names == [
        "message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert response.headers["request-id"] == fake.requests[0].request_id


async def test_the_queue_takes_text_json_and_callables_in_order_then_falls_back_to_the_default(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    fake.script.add("text", {"제목": "프린터"}, lambda request: request.prompt.upper(), Answer("cut off", "max_tokens"))
    assert fake.script.pending == 4
    answers = [await ask(client, "hello") for _ in range(4)]
    assert [text_of(answer) for answer in answers] == ["text", '{"제목": "프린터"}', "HELLO", "cut off"]
    assert answers[3].stop_reason == "max_tokens"
    assert fake.script.pending == 0
    fake.script.default = "always this"
    assert text_of(await ask(client)) == "always this"


async def test_the_derived_answer_quotes_the_prompt_in_its_language_and_is_the_same_each_time(
    client: AsyncAnthropic,
) -> None:
    first, again = text_of(await ask(client)), text_of(await ask(client))
    assert first == again
    assert first.split('"')[1] in PROMPT
    korean = text_of(await ask(client, "<ticket>\n결제가 두 번 되었습니다. 환불 부탁드립니다.\n</ticket>"))
    assert korean.split('"')[1] in "결제가 두 번 되었습니다. 환불 부탁드립니다."
    assert korean.endswith("살펴보겠습니다.")


async def test_a_schema_is_honoured(fake: AnthropicLookalike, client: AsyncAnthropic) -> None:
    prompt = "[812] 로그인 화면이 계속 새로고침됩니다.\n[977] 비밀번호를 바꾼 뒤 로그인이 안 됩니다."
    message = await client.messages.parse(
        model="claude-haiku-5-5", max_tokens=500, messages=says(prompt), output_format=Summary
    )
    assert message.parsed_output
    assert message.parsed_output.text in prompt
    assert message.parsed_output.language == "ko"
    assert set(message.parsed_output.sources) <= {812, 977}
    assert fake.requests[0].schema


async def test_a_schema_that_the_provider_refuses_is_refused(client: AsyncAnthropic) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "additionalProperties": False}
    for bad in (schema, {"type": "object", "properties": {}}):
        with pytest.raises(anthropic.BadRequestError, match=r"output_config\.format\.schema"):
            await ask(client, output_config={"format": {"type": "json_schema", "schema": bad}})


async def test_usage_counts_what_the_prompt_cache_wrote_and_read(client: AsyncAnthropic) -> None:
    system = [{"type": "text", "text": "You summarise support tickets. " * 5, "cache_control": {"type": "ephemeral"}}]
    first = (await ask(client, "one", system=system)).usage
    second = (await ask(client, "another one", system=system)).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens
    assert second.cache_read_input_tokens
    assert second.cache_read_input_tokens > 20
    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    assert (first.input_tokens, second.input_tokens) == (1, 3)
    uncached = (await ask(client, "one", system=system, model="claude-opus-5-5")).usage
    assert uncached.cache_read_input_tokens == 0


async def test_tokens_come_at_the_scripted_speed(fake: AnthropicLookalike, client: AsyncAnthropic) -> None:
    fake.script.speed = Speed(first_token=0.1, tokens_per_second=50)
    fake.script.add("one two three four five six", times=2)
    began = time.monotonic()
    async with client.messages.stream(model="m", max_tokens=50, messages=says("x")) as stream:
        arrivals = [time.monotonic() - began async for _ in stream.text_stream]
    assert arrivals[0] >= 0.1
    assert arrivals[-1] >= 0.1 + 5 / 50
    began = time.monotonic()
    await ask(client)
    assert time.monotonic() - began >= 0.1 + 5 / 50


async def test_an_async_callable_holds_its_answer_back_so_that_a_test_decides_the_order(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    gate = asyncio.Event()

    async def later(request: LoggedRequest) -> str:
        await gate.wait()
        return "older"

    fake.script.add(later, "newer")
    older = asyncio.create_task(ask(client))
    await fake.until(lambda: len(fake.requests) == 1)
    assert text_of(await ask(client)) == "newer"
    assert not older.done()
    gate.set()
    assert text_of(await older) == "older"


@pytest.mark.parametrize(
    ("fault", "error", "status", "kind"),
    [
        (Fault.unauthorized(), anthropic.AuthenticationError, 401, "authentication_error"),
        (Fault.forbidden(), anthropic.PermissionDeniedError, 403, "permission_error"),
        (Fault.unknown_model(), anthropic.NotFoundError, 404, "not_found_error"),
        (Fault.bad_request("no"), anthropic.BadRequestError, 400, "invalid_request_error"),
        (Fault.context_too_long(), anthropic.BadRequestError, 400, "invalid_request_error"),
        (Fault.spend_limit(), anthropic.BadRequestError, 400, "billing_error"),
        (Fault.spend_limit(status=402), anthropic.PaymentRequiredError, 402, "billing_error"),
        (Fault.spend_limit("own_limit"), anthropic.BadRequestError, 400, "invalid_request_error"),
        (Fault.rate_limited(), anthropic.RateLimitError, 429, "rate_limit_error"),
        (Fault.overloaded(), anthropic.OverloadedError, 529, "overloaded_error"),
        (Fault.server_error(), anthropic.InternalServerError, 500, "api_error"),
        (Fault.html_page(), anthropic.InternalServerError, 502, None),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_an_error_before_the_first_byte_raises_what_the_provider_would(
    fake: AnthropicLookalike,
    client: AsyncAnthropic,
    fault: Fault,
    error: type[anthropic.APIStatusError],
    status: int,
    kind: str | None,
) -> None:
    fake.script.add(fault, times=2)
    for attempt in (ask(client), Streamed().read(client)):
        with pytest.raises(error) as raised:
            await attempt
        assert (raised.value.status_code, raised.value.type) == (status, kind)
        assert raised.value.request_id == fake.requests[-1].request_id
    assert [request.fault for request in fake.requests] == [fault.name] * 2


async def test_a_rate_limit_says_when_to_come_back_and_a_spent_tier_does_not(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    fake.script.add(Fault.rate_limited(retry_after=7), Fault.spend_limit("tier"))
    with pytest.raises(anthropic.RateLimitError) as limited:
        await ask(client)
    assert limited.value.response.headers["retry-after"] == "7"
    with pytest.raises(anthropic.RateLimitError) as spent:
        await ask(client)
    assert spent.value.error_code == "enforced_spend_limit_reached"
    assert "retry-after" not in spent.value.response.headers


async def test_an_error_event_in_a_stream_has_status_200_and_says_its_type(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    fake.script.add(Fault.error_event(after=4))
    streamed = Streamed()
    with pytest.raises(anthropic.APIStatusError) as raised:
        await streamed.read(client)
    assert (raised.value.status_code, raised.value.type) == (200, "overloaded_error")
    assert len(streamed.pieces) == 4


@pytest.mark.parametrize(("reset", "error"), [(False, httpx2.RemoteProtocolError), (True, httpx2.ReadError)])
async def test_a_cut_connection_is_an_error_of_the_http_client(
    fake: AnthropicLookalike, client: AsyncAnthropic, reset: bool, error: type[Exception]
) -> None:
    fake.script.add(Fault.cut(after=2, reset=reset))
    streamed = Streamed()
    with pytest.raises(error):
        await streamed.read(client)
    assert len(streamed.pieces) <= 2  # a reset may overtake them
    assert not fake.requests[0].disconnected


async def test_a_stream_that_ends_too_early_raises_nothing_but_has_no_stop_reason(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    fake.script.add(Fault.early_end(after=2), Fault.early_end(after=2))
    streamed = await Streamed().read(client)
    assert streamed.message
    assert (len(streamed.pieces), streamed.message.stop_reason) == (2, None)
    assert (await ask(client)).stop_reason is None


async def test_a_stall_ends_by_the_read_time_out_and_the_server_sees_the_client_leave(
    fake: AnthropicLookalike, hasty: AsyncAnthropic
) -> None:
    fake.script.add(Fault.stall(after=2))
    streamed = Streamed()
    with pytest.raises(httpx2.ReadTimeout):
        await streamed.read(hasty)
    assert len(streamed.pieces) == 2
    await fake.until(lambda: fake.requests[0].disconnected)


async def test_a_stall_with_pings_outlives_every_read_time_out(fake: AnthropicLookalike, hasty: AsyncAnthropic) -> None:
    fake.script.add(Fault.stall(after=1, pings=0.05))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.6):
            await Streamed().read(hasty)
    await fake.until(lambda: fake.requests[0].disconnected)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.silence(), anthropic.APITimeoutError),
        (Fault.stall(), anthropic.APITimeoutError),
        (Fault.hang_up(), anthropic.APIConnectionError),
        (Fault.hang_up(reset=True), anthropic.APIConnectionError),
        (Fault.cut(), anthropic.APIConnectionError),
        (Fault.error_event(error="server_error"), anthropic.InternalServerError),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_a_request_that_does_not_stream_fails_too(
    fake: AnthropicLookalike, hasty: AsyncAnthropic, fault: Fault, error: type[anthropic.APIError]
) -> None:
    fake.script.add(fault)
    with pytest.raises(error) as raised:
        await ask(hasty)
    assert type(raised.value) is error
    assert text_of(await ask(hasty))  # the next one is well


async def test_stop_reasons_other_than_the_end_are_told(fake: AnthropicLookalike, client: AsyncAnthropic) -> None:
    fake.script.add(Fault.refusal(), Fault.refusal(after=3), Fault.max_tokens(after=3), Answer("x", "context_full"))
    refused, midway, limited = [await Streamed().read(client) for _ in range(3)]
    assert refused.message
    assert midway.message
    assert limited.message
    assert (refused.pieces, refused.message.stop_reason) == ([], "refusal")
    assert refused.message.stop_details
    assert (len(midway.pieces), midway.message.stop_reason) == (3, "refusal")
    assert (len(limited.pieces), limited.message.stop_reason) == (3, "max_tokens")
    assert (await ask(client)).stop_reason == "model_context_window_exceeded"


async def test_the_requests_own_token_limit_holds(client: AsyncAnthropic) -> None:
    short = await ask(client, max_tokens=4)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 4)
    warmed = await ask(client, max_tokens=0)
    assert (warmed.content, warmed.usage.output_tokens) == ([], 0)


async def test_an_html_page_with_status_200_is_not_a_message(fake: AnthropicLookalike, client: AsyncAnthropic) -> None:
    fake.script.add(Fault.html_page(status=200))
    assert not isinstance(await ask(client), Message)


async def test_a_broken_structured_answer_looks_finished_but_does_not_parse(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    fake.script.add(Fault.invalid_json())
    with pytest.raises(pydantic.ValidationError):
        await client.messages.parse(model="m", max_tokens=500, messages=says(PROMPT), output_format=Summary)
    assert fake.requests[0].status == 200


async def test_slow_is_one_token_a_second(fake: AnthropicLookalike, hasty: AsyncAnthropic) -> None:
    fake.script.add(Fault.slow())
    streamed = Streamed()
    with pytest.raises(httpx2.ReadTimeout):
        await streamed.read(hasty)
    assert len(streamed.pieces) == 1


async def test_the_server_sees_at_once_that_a_task_was_cancelled(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    fake.script.speed = Speed(tokens_per_second=20)
    task = asyncio.create_task(Streamed().read(client))
    await fake.until(lambda: bool(fake.requests) and fake.requests[0].tokens_sent >= 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await fake.until(lambda: fake.requests[0].disconnected, seconds=1)


async def test_a_share_of_faults_befalls_the_same_requests_each_time() -> None:
    async def soak(seed: int) -> list[str | None]:
        script = Script(seed=seed)
        script.share(Fault.overloaded(), 0.2)
        script.share(Fault.early_end(), 0.2)
        async with (
            AnthropicLookalike(script=script) as fake,
            AsyncAnthropic(api_key="k", base_url=fake.base_url, max_retries=0) as client,
        ):
            for _ in range(60):
                try:
                    await ask(client)
                except anthropic.OverloadedError:
                    continue
        return [request.fault for request in fake.requests]

    first = await soak(1)
    assert first == await soak(1) != await soak(2)
    assert 5 <= first.count("overloaded") <= 20
    assert 5 <= first.count("early_end") <= 20


async def test_an_outage_refuses_connections_and_ends_on_the_same_port(
    fake: AnthropicLookalike, client: AsyncAnthropic
) -> None:
    await fake.stop()
    with pytest.raises(anthropic.APIConnectionError):
        await ask(client)
    await fake.start()
    assert text_of(await ask(client))
    fake.reset()
    assert fake.requests == []


async def test_requests_that_the_provider_would_refuse_are_refused() -> None:
    async with AnthropicLookalike(api_key="right") as fake:
        async with AsyncAnthropic(api_key="wrong", base_url=fake.base_url, max_retries=0) as wrong:
            with pytest.raises(anthropic.AuthenticationError):
                await ask(wrong)
        async with AsyncAnthropic(api_key="right", base_url=fake.base_url, max_retries=0) as right:
            with pytest.raises(anthropic.BadRequestError, match="at least one message"):
                await ask(right, messages=[])
            with pytest.raises(anthropic.NotFoundError):
                await right.post("/v1/nothing", cast_to=object, body={})
            assert text_of(await ask(right))


async def test_models_can_be_listed(client: AsyncAnthropic) -> None:
    names = [model.id async for model in client.models.list()]
    assert "claude-haiku-5-5" in names
    assert (await client.models.retrieve("claude-opus-5-5")).line == "opus"
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("claude-1")


async def test_nothing_is_left_running_when_a_server_stops_amid_stalled_streams() -> None:
    before = asyncio.all_tasks()
    async with AsyncAnthropic(api_key="k", base_url="http://unused", max_retries=0) as client:
        async with AnthropicLookalike() as fake:
            fake.script.add(Fault.stall(), Fault.silence(), Fault.stall(pings=0.01))
            readers = [asyncio.create_task(Streamed().read(client.copy(base_url=fake.base_url))) for _ in range(3)]
            await fake.until(lambda: sum(request.tokens_sent for request in fake.requests) == 6)
        results = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(result, Exception) for result in results)
    assert asyncio.all_tasks() == before
    assert all(request.ended for request in fake.requests)


async def test_a_callable_that_raises_fails_the_test() -> None:
    def wrong(request: LoggedRequest) -> str:
        raise LookupError("the test's own mistake")

    fake = AnthropicLookalike(script=Script(wrong))
    await fake.start()
    async with AsyncAnthropic(api_key="k", base_url=fake.base_url, max_retries=0) as client:
        with pytest.raises(anthropic.APIConnectionError):
            await ask(client)
    with pytest.raises(LookupError, match="own mistake"):
        await fake.stop()
