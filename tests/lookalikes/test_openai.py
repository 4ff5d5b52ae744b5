"""The OpenAI look-alike, driven through the provider's own SDK: Responses, Chat Completions, Embeddings."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import numpy as np
import openai
import pydantic
import pytest
from openai import AsyncOpenAI
from openai.types.responses import ResponseErrorEvent, ResponseFailedEvent

from tests.lookalikes import Answer, Fault, OpenAILookalike, Speed

PROMPT = "My printer shows offline since the update of Tuesday morning."
HASTY = httpx2.Timeout(5, read=0.3)  # for what never comes; other requests may take as long as a busy machine needs


class Summary(pydantic.BaseModel):
    text: str
    language: str
    sources: list[int]


@pytest.fixture
async def fake() -> AsyncIterator[OpenAILookalike]:
    async with OpenAILookalike() as fake:
        yield fake


@pytest.fixture
async def client(fake: OpenAILookalike) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="k", base_url=fake.base_url, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def hasty(client: AsyncOpenAI) -> AsyncOpenAI:
    """The same client, with a short read time-out."""
    return client.with_options(timeout=HASTY)


@dataclass
class Got:
    """What came of one call, in the same words for both APIs. `finish` is None where the answer had no end."""

    text: str = ""
    finish: str | None = None
    refusal: str | None = None
    pieces: list[str] = field(default_factory=list)
    output_tokens: int | None = None
    failure: str | None = None


class Chat:
    """Calls Chat Completions."""

    path = "chat/completions"

    async def whole(self, client: AsyncOpenAI, prompt: str = PROMPT, **more: Any) -> Got:
        made = await client.chat.completions.create(
            model="gpt-6-luna", messages=[{"role": "user", "content": prompt}], **more
        )
        message, usage = made.choices[0].message, made.usage
        return Got(
            message.content or "", made.choices[0].finish_reason, message.refusal, [], usage and usage.completion_tokens
        )

    async def stream(self, client: AsyncOpenAI, got: Got, prompt: str = PROMPT) -> Got:
        async with await client.chat.completions.create(
            model="gpt-6-luna",
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
        ) as chunks:
            async for chunk in chunks:
                if chunk.usage:
                    got.output_tokens = chunk.usage.completion_tokens
                for choice in chunk.choices:
                    got.finish = choice.finish_reason or got.finish
                    if choice.delta.refusal:
                        got.refusal = (got.refusal or "") + choice.delta.refusal
                    if choice.delta.content:
                        got.pieces.append(choice.delta.content)
        got.text = "".join(got.pieces)
        return got

    async def parse(self, client: AsyncOpenAI, prompt: str) -> Summary | None:
        made = await client.chat.completions.parse(
            model="gpt-6-luna", messages=[{"role": "user", "content": prompt}], response_format=Summary
        )
        return made.choices[0].message.parsed


class Responses:
    """Calls Responses, and says finish reasons as Chat Completions does."""

    path = "responses"

    def seen(self, response: Any, got: Got) -> Got:
        got.text = response.output_text
        got.output_tokens = response.usage.output_tokens if response.usage else None
        for item in response.output:
            got.refusal = next((part.refusal for part in item.content if part.type == "refusal"), None)
        if response.status == "incomplete":
            reason = response.incomplete_details.reason
            got.finish = "length" if reason == "max_output_tokens" else reason
        elif response.status == "completed":
            got.finish = "stop"
        return got

    async def whole(self, client: AsyncOpenAI, prompt: str = PROMPT, **more: Any) -> Got:
        if "max_completion_tokens" in more:
            more["max_output_tokens"] = more.pop("max_completion_tokens")
        return self.seen(await client.responses.create(model="gpt-6-luna", input=prompt, **more), Got())

    async def stream(self, client: AsyncOpenAI, got: Got, prompt: str = PROMPT) -> Got:
        async with client.responses.stream(model="gpt-6-luna", input=prompt) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    got.pieces.append(event.delta)
                elif event.type in ("response.completed", "response.incomplete"):
                    self.seen(event.response, got)
                elif isinstance(event, ResponseFailedEvent) and event.response.error:
                    got.failure = event.response.error.code
                elif isinstance(event, ResponseErrorEvent):
                    got.failure = event.code
        return got

    async def parse(self, client: AsyncOpenAI, prompt: str) -> Summary | None:
        made = await client.responses.parse(model="gpt-6-luna", input=prompt, text_format=Summary)
        return made.output_parsed


Api = Chat | Responses


@pytest.fixture(params=[Chat(), Responses()], ids=["chat", "responses"])
def api(request: pytest.FixtureRequest) -> Api:
    made: Api = request.param
    return made


async def test_a_scripted_text_arrives_whole_and_as_a_stream(
    fake: OpenAILookalike, client: AsyncOpenAI, api: Api
) -> None:
    fake.script.add("Install the new driver.", times=2)
    whole, streamed = await api.whole(client), await api.stream(client, Got())
    assert whole.text == streamed.text == "".join(streamed.pieces) == "Install the new driver."
    assert (whole.finish, streamed.finish) == ("stop", "stop")
    assert whole.output_tokens == streamed.output_tokens == len(streamed.pieces) == fake.requests[1].tokens_sent
    assert len(fake.requests_to(api.path)) == 2
    assert fake.requests[0].prompt == PROMPT


async def test_the_derived_answer_quotes_the_prompt_in_its_language(client: AsyncOpenAI, api: Api) -> None:
    assert (await api.whole(client)).text.split('"')[1] in PROMPT
    korean = await api.stream(client, Got(), "결제가 두 번 되었습니다. 환불 부탁드립니다.")
    assert korean.text.split('"')[1] in "결제가 두 번 되었습니다. 환불 부탁드립니다."


async def test_a_schema_is_honoured(fake: OpenAILookalike, client: AsyncOpenAI, api: Api) -> None:
    prompt = "[812] The login page reloads for ever.\n[977] I can't log in since I changed the password."
    parsed = await api.parse(client, prompt)
    assert parsed
    assert parsed.text in prompt
    assert (parsed.language, set(parsed.sources) <= {812, 977}) == ("en", True)
    assert fake.requests[0].schema


async def test_a_strict_schema_that_the_provider_refuses_is_refused(client: AsyncOpenAI) -> None:
    loose = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    with pytest.raises(openai.BadRequestError, match="Missing 'a'"):
        await client.responses.create(
            model="m",
            input="x",
            text={"format": {"type": "json_schema", "name": "n", "schema": loose, "strict": True}},
        )


async def test_usage_counts_the_cached_prefix(client: AsyncOpenAI) -> None:
    instructions = "You summarise support tickets. " * 400
    first = (await client.responses.create(model="m", instructions=instructions, input="one")).usage
    second = (await client.responses.create(model="m", instructions=instructions, input="two")).usage
    assert first
    assert second
    assert (first.input_tokens_details.cached_tokens, first.input_tokens) == (0, second.input_tokens)
    assert second.input_tokens_details.cached_tokens > 1024
    assert second.input_tokens_details.cached_tokens % 128 == 0


@pytest.mark.parametrize(
    ("fault", "error", "status", "code"),
    [
        (Fault.unauthorized(), openai.AuthenticationError, 401, "invalid_api_key"),
        (Fault.unknown_model(), openai.NotFoundError, 404, "model_not_found"),
        (Fault.context_too_long(), openai.BadRequestError, 400, "context_length_exceeded"),
        (Fault.spend_limit(), openai.RateLimitError, 429, "insufficient_quota"),
        (Fault.rate_limited(3), openai.RateLimitError, 429, "rate_limit_exceeded"),
        (Fault.overloaded(), openai.InternalServerError, 503, "server_is_overloaded"),
        (Fault.server_error(), openai.InternalServerError, 500, "server_error"),
        (Fault.html_page(), openai.InternalServerError, 502, None),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_an_error_before_the_first_byte_raises_what_the_provider_would(
    fake: OpenAILookalike,
    client: AsyncOpenAI,
    api: Api,
    fault: Fault,
    error: type[openai.APIStatusError],
    status: int,
    code: str | None,
) -> None:
    fake.script.add(fault, times=2)
    for attempt in (api.whole(client), api.stream(client, Got())):
        with pytest.raises(error) as raised:
            await attempt
        assert (raised.value.status_code, raised.value.code) == (status, code)
        assert raised.value.request_id == fake.requests[-1].request_id
        assert raised.value.response.headers.get("retry-after") == ("3" if fault.retry_after else None)


async def test_an_error_event_in_a_stream_raises_without_a_status(
    fake: OpenAILookalike, client: AsyncOpenAI, api: Api
) -> None:
    fake.script.add(Fault.error_event(after=4))
    got = Got()
    with pytest.raises(openai.APIError) as raised:
        await api.stream(client, got)
    assert type(raised.value) is openai.APIError
    assert (raised.value.code, len(got.pieces)) == ("server_is_overloaded", 4)


async def test_responses_can_fail_in_two_ways_that_the_sdk_does_not_raise(
    fake: OpenAILookalike, client: AsyncOpenAI
) -> None:
    fake.script.add(Fault.error_event(form="flat"), Fault.error_event(form="failed"))
    flat, failed = [await Responses().stream(client, Got()) for _ in range(2)]
    assert (flat.failure, failed.failure) == ("server_is_overloaded", "server_error")
    assert (flat.finish, failed.finish) == (None, None)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_connection_is_a_connection_error(
    fake: OpenAILookalike, client: AsyncOpenAI, api: Api, reset: bool
) -> None:
    fake.script.add(Fault.cut(after=2, reset=reset))
    got = Got()
    with pytest.raises(openai.APIConnectionError) as raised:
        await api.stream(client, got)
    assert type(raised.value) is openai.APIConnectionError
    assert len(got.pieces) <= 2


async def test_a_stream_that_ends_too_early_raises_nothing_but_has_no_finish_reason(
    fake: OpenAILookalike, client: AsyncOpenAI, api: Api
) -> None:
    fake.script.add(Fault.early_end(after=2))
    got = await api.stream(client, Got())
    assert (len(got.pieces), got.finish) == (2, None)


async def test_a_stall_ends_by_the_read_time_out_and_the_server_sees_the_client_leave(
    fake: OpenAILookalike, hasty: AsyncOpenAI, api: Api
) -> None:
    fake.script.add(Fault.stall(after=2))
    got = Got()
    with pytest.raises(openai.APITimeoutError):
        await api.stream(hasty, got)
    assert len(got.pieces) == 2
    await fake.until(lambda: fake.requests[0].disconnected)


async def test_a_stall_with_keep_alives_outlives_every_read_time_out(
    fake: OpenAILookalike, hasty: AsyncOpenAI, api: Api
) -> None:
    fake.script.add(Fault.stall(after=1, pings=0.05))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.6):
            await api.stream(hasty, Got())
    await fake.until(lambda: fake.requests[0].disconnected)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.silence(), openai.APITimeoutError),
        (Fault.stall(), openai.APITimeoutError),
        (Fault.hang_up(), openai.APIConnectionError),
        (Fault.cut(), openai.APIConnectionError),
        (Fault.error_event(error="rate_limit"), openai.RateLimitError),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_a_request_that_does_not_stream_fails_too(
    fake: OpenAILookalike, hasty: AsyncOpenAI, api: Api, fault: Fault, error: type[openai.APIError]
) -> None:
    fake.script.add(fault)
    with pytest.raises(error) as raised:
        await api.whole(hasty)
    assert type(raised.value) is error


async def test_refusals_filters_and_limits_are_told(fake: OpenAILookalike, client: AsyncOpenAI, api: Api) -> None:
    fake.script.add(Fault.refusal(), Fault.filtered(after=3), Fault.max_tokens(after=3), Answer("x", "context_full"))
    refused, filtered, limited, full = [await api.stream(client, Got()) for _ in range(4)]
    assert (refused.pieces, refused.refusal) == ([], "I'm sorry, but I can't help with that.")
    assert (len(filtered.pieces), filtered.finish) == (3, "content_filter")
    assert (len(limited.pieces), limited.finish, full.finish) == (3, "length", "length")
    fake.script.add(Fault.refusal())
    korean = await api.whole(client, "환불해 주세요")
    assert (korean.text, korean.refusal) == ("", "죄송하지만 도와드릴 수 없습니다.")
    own = await api.whole(client, max_completion_tokens=4)
    assert (own.finish, own.output_tokens) == ("length", 4)


async def test_a_broken_structured_answer_looks_finished_but_does_not_parse(
    fake: OpenAILookalike, client: AsyncOpenAI, api: Api
) -> None:
    fake.script.add(Fault.invalid_json())
    with pytest.raises(pydantic.ValidationError):
        await api.parse(client, PROMPT)
    assert fake.requests[0].status == 200


async def test_the_server_sees_at_once_that_a_task_was_cancelled(
    fake: OpenAILookalike, client: AsyncOpenAI, api: Api
) -> None:
    fake.script.speed = Speed(tokens_per_second=20)
    task = asyncio.create_task(api.stream(client, Got()))
    await fake.until(lambda: bool(fake.requests) and fake.requests[0].tokens_sent >= 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await fake.until(lambda: fake.requests[0].disconnected, seconds=1)


async def embeddings(client: AsyncOpenAI, *texts: str, **more: Any) -> np.ndarray[Any, Any]:
    made = await client.embeddings.create(model="text-embedding-3-small", input=list(texts), **more)
    return np.array([item.embedding for item in made.data])


async def test_embeddings_are_the_same_each_time_in_both_encodings_and_of_unit_length(
    fake: OpenAILookalike, client: AsyncOpenAI
) -> None:
    packed = await embeddings(client, PROMPT, "?")
    plain = await embeddings(client, PROMPT, "?", encoding_format="float")
    assert [request.body["encoding_format"] for request in fake.requests] == ["base64", "float"]
    assert packed.shape == (2, 1536)
    np.testing.assert_allclose(packed, plain, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(packed, axis=1), 1, atol=1e-5)
    raw = await client.embeddings.create(model="text-embedding-3-small", input=PROMPT, encoding_format="base64")
    decoded = np.frombuffer(base64.b64decode(str(raw.data[0].embedding)), dtype="<f4")
    np.testing.assert_allclose(decoded, plain[0], atol=1e-6)
    assert raw.usage.prompt_tokens > 0


async def test_embeddings_have_the_size_asked_for_or_the_models(client: AsyncOpenAI) -> None:
    assert (await embeddings(client, PROMPT, dimensions=256)).shape == (1, 256)
    large = await client.embeddings.create(model="text-embedding-3-large", input=PROMPT)
    assert len(large.data[0].embedding) == 3072


async def test_the_nearest_text_is_the_one_that_says_the_same(client: AsyncOpenAI) -> None:
    tickets = [
        "Thunderbird does not send mail, the SMTP server times out",
        "The calendar shows events one hour late since the clock change",
        "Messages disappear from the inbox after compacting folders",
        "결제가 두 번 되어 환불을 받고 싶습니다",
        "비밀번호를 바꾼 뒤 로그인이 되지 않습니다",
        "배송 조회가 사흘째 업데이트되지 않아요",
    ]
    questions = [
        "sending mail fails with an smtp timeout",
        "calendar events are an hour late",
        "my inbox messages disappeared when I compacted the folder",
        "이중 결제된 금액을 환불해 주세요",
        "비밀번호 변경 후 로그인할 수 없어요",
        "배송조회 업데이트가 안 됩니다",
    ]
    for size in (1536, 512):
        found, asked = [await embeddings(client, *texts, dimensions=size) for texts in (tickets, questions)]
        assert (asked @ found.T).argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5]


async def test_embeddings_requests_that_the_provider_would_refuse_are_refused(client: AsyncOpenAI) -> None:
    for texts, more in (
        ([""], {}),
        (["a"] * 2049, {}),
        (["word " * 8193], {}),
        (["word " * 8000] * 38, {}),
        (["a"], {"dimensions": 1537}),
    ):
        with pytest.raises(openai.BadRequestError):
            await embeddings(client, *texts, **more)


async def test_an_answer_waits_for_generation_and_a_fault_for_any_request_it_can_befall(
    fake: OpenAILookalike, client: AsyncOpenAI
) -> None:
    fake.script.add("a text", Fault.refusal(), Fault.overloaded())
    fake.script.add(Fault.server_error(), on="responses")
    with pytest.raises(openai.InternalServerError):
        await embeddings(client, PROMPT)
    assert len(await embeddings(client, PROMPT)) == 1
    assert (await Chat().whole(client)).text == "a text"
    assert (await Chat().whole(client)).refusal
    assert (await Chat().whole(client)).finish == "stop"
    with pytest.raises(openai.InternalServerError):
        await Responses().whole(client)
    assert [request.fault for request in fake.requests] == [
        "overloaded", None, None, "refusal", None, "server_error",
    ]  # fmt: skip


async def test_models_can_be_listed_and_fail_where_the_script_says_so(
    fake: OpenAILookalike, client: AsyncOpenAI
) -> None:
    assert "text-embedding-3-small" in [model.id async for model in client.models.list()]
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-1")
    fake.script.add(Fault.unauthorized(), on="models")
    with pytest.raises(openai.AuthenticationError):
        await client.models.list()
