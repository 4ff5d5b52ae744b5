"""What the OpenAI look-alike does wrong on demand, as the provider's own SDK sees it."""

import asyncio

import openai
import pydantic
import pytest
from openai import AsyncOpenAI

from tests.lookalikes import Answer, Fault, OpenAILookalike, Speed
from tests.lookalikes.anthropic_calls import PROMPT
from tests.lookalikes.openai_calls import Api, Got, Responses


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
    gpt: OpenAILookalike,
    gpt_client: AsyncOpenAI,
    api: Api,
    fault: Fault,
    error: type[openai.APIStatusError],
    status: int,
    code: str | None,
) -> None:
    gpt.script.add(fault, times=2)
    for attempt in (api.whole(gpt_client), api.stream(gpt_client, Got())):
        with pytest.raises(error) as raised:
            await attempt
        assert (raised.value.status_code, raised.value.code) == (status, code)
        assert raised.value.request_id == gpt.requests[-1].request_id
        assert raised.value.response.headers.get("retry-after") == ("3" if fault.retry_after else None)


async def test_an_error_event_in_a_stream_raises_without_a_status(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api
) -> None:
    gpt.script.add(Fault.error_event(after=4))
    got = Got()
    with pytest.raises(openai.APIError) as raised:
        await api.stream(gpt_client, got)
    assert type(raised.value) is openai.APIError
    assert (raised.value.code, len(got.pieces)) == ("server_is_overloaded", 4)


async def test_responses_can_fail_in_two_ways_that_the_sdk_does_not_raise(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI
) -> None:
    gpt.script.add(Fault.error_event(form="flat"), Fault.error_event(form="failed"))
    flat, failed = [await Responses().stream(gpt_client, Got()) for _ in range(2)]
    assert (flat.failure, failed.failure) == ("server_is_overloaded", "server_error")
    assert (flat.finish, failed.finish) == (None, None)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_connection_is_a_connection_error(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api, reset: bool
) -> None:
    gpt.script.add(Fault.cut(after=2, reset=reset))
    got = Got()
    with pytest.raises(openai.APIConnectionError) as raised:
        await api.stream(gpt_client, got)
    assert type(raised.value) is openai.APIConnectionError
    assert len(got.pieces) <= 2


async def test_a_stream_that_ends_too_early_raises_nothing_but_has_no_finish_reason(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api
) -> None:
    gpt.script.add(Fault.early_end(after=2))
    got = await api.stream(gpt_client, Got())
    assert (len(got.pieces), got.finish) == (2, None)


async def test_a_stall_ends_by_the_read_time_out_and_the_server_sees_the_client_leave(
    gpt: OpenAILookalike, hasty_gpt: AsyncOpenAI, api: Api
) -> None:
    gpt.script.add(Fault.stall(after=2))
    got = Got()
    with pytest.raises(openai.APITimeoutError):
        await api.stream(hasty_gpt, got)
    assert len(got.pieces) == 2
    await gpt.until(lambda: gpt.requests[0].disconnected)


async def test_a_stall_with_keep_alives_outlives_every_read_time_out(
    gpt: OpenAILookalike, hasty_gpt: AsyncOpenAI, api: Api
) -> None:
    gpt.script.add(Fault.stall(after=1, pings=0.05))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.8):
            await api.stream(hasty_gpt, Got())
    await gpt.until(lambda: gpt.requests[0].disconnected)


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
    gpt: OpenAILookalike,
    gpt_client: AsyncOpenAI,
    hasty_gpt: AsyncOpenAI,
    api: Api,
    fault: Fault,
    error: type[openai.APIError],
) -> None:
    gpt.script.add(fault)
    with pytest.raises(error) as raised:
        await api.whole(hasty_gpt if error is openai.APITimeoutError else gpt_client)
    assert type(raised.value) is error


async def test_refusals_filters_and_limits_are_told(gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api) -> None:
    gpt.script.add(Fault.refusal(), Fault.filtered(after=3), Fault.max_tokens(after=3), Answer("x", "context_full"))
    refused, filtered, limited, full = [await api.stream(gpt_client, Got()) for _ in range(4)]
    assert (refused.pieces, refused.refusal) == ([], "I'm sorry, but I can't help with that.")
    assert (len(filtered.pieces), filtered.finish) == (3, "content_filter")
    assert (len(limited.pieces), limited.finish, full.finish) == (3, "length", "length")
    gpt.script.add(Fault.refusal())
    korean = await api.whole(gpt_client, "환불해 주세요")
    assert (korean.text, korean.refusal) == ("", "죄송하지만 도와드릴 수 없습니다.")
    own = await api.whole(gpt_client, max_completion_tokens=4)
    assert (own.finish, own.output_tokens) == ("length", 4)


async def test_a_broken_structured_answer_looks_finished_but_does_not_parse(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api
) -> None:
    gpt.script.add(Fault.invalid_json())
    with pytest.raises(pydantic.ValidationError):
        await api.parse(gpt_client, PROMPT)
    assert gpt.requests[0].status == 200


async def test_the_server_sees_at_once_that_a_task_was_cancelled(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api
) -> None:
    gpt.script.speed = Speed(tokens_per_second=20)
    task = asyncio.create_task(api.stream(gpt_client, Got()))
    await gpt.until(lambda: bool(gpt.requests) and gpt.requests[0].tokens_sent >= 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gpt.until(lambda: gpt.requests[0].disconnected)
