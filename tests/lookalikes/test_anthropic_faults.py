"""What the Anthropic look-alike does wrong on demand, as the provider's own SDK sees it."""

import asyncio

import anthropic
import httpx2
import pydantic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message

from tests.lookalikes import Answer, AnthropicLookalike, Fault, Script, Speed
from tests.lookalikes.anthropic_calls import PROMPT, Streamed, Summary, ask, says, text_of


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
    claude: AnthropicLookalike,
    claude_client: AsyncAnthropic,
    fault: Fault,
    error: type[anthropic.APIStatusError],
    status: int,
    kind: str | None,
) -> None:
    claude.script.add(fault, times=2)
    for attempt in (ask(claude_client), Streamed().read(claude_client)):
        with pytest.raises(error) as raised:
            await attempt
        assert (raised.value.status_code, raised.value.type) == (status, kind)
        assert raised.value.request_id == claude.requests[-1].request_id
    assert [request.fault for request in claude.requests] == [fault.name] * 2


async def test_a_rate_limit_says_when_to_come_back_and_a_spent_tier_does_not(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add(Fault.rate_limited(retry_after=7), Fault.spend_limit("tier"))
    with pytest.raises(anthropic.RateLimitError) as limited:
        await ask(claude_client)
    assert limited.value.response.headers["retry-after"] == "7"
    with pytest.raises(anthropic.RateLimitError) as spent:
        await ask(claude_client)
    assert spent.value.error_code == "enforced_spend_limit_reached"
    assert "retry-after" not in spent.value.response.headers


async def test_an_error_event_in_a_stream_has_status_200_and_says_its_type(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add(Fault.error_event(after=4))
    streamed = Streamed()
    with pytest.raises(anthropic.APIStatusError) as raised:
        await streamed.read(claude_client)
    assert (raised.value.status_code, raised.value.type) == (200, "overloaded_error")
    assert len(streamed.pieces) == 4


@pytest.mark.parametrize(("reset", "error"), [(False, httpx2.RemoteProtocolError), (True, httpx2.ReadError)])
async def test_a_cut_connection_is_an_error_of_the_http_client(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic, reset: bool, error: type[Exception]
) -> None:
    claude.script.add(Fault.cut(after=2, reset=reset))
    streamed = Streamed()
    with pytest.raises(error):
        await streamed.read(claude_client)
    assert len(streamed.pieces) <= 2  # a reset may overtake them
    assert not claude.requests[0].disconnected


async def test_a_stream_that_ends_too_early_raises_nothing_but_has_no_stop_reason(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add(Fault.early_end(after=2), Fault.early_end(after=2))
    streamed = await Streamed().read(claude_client)
    assert streamed.message
    assert (len(streamed.pieces), streamed.message.stop_reason) == (2, None)
    assert (await ask(claude_client)).stop_reason is None


async def test_a_stall_ends_by_the_read_time_out_and_the_server_sees_the_client_leave(
    claude: AnthropicLookalike, hasty_claude: AsyncAnthropic
) -> None:
    claude.script.add(Fault.stall(after=2))
    streamed = Streamed()
    with pytest.raises(httpx2.ReadTimeout):
        await streamed.read(hasty_claude)
    assert len(streamed.pieces) == 2
    await claude.until(lambda: claude.requests[0].disconnected)


async def test_a_stall_with_pings_outlives_every_read_time_out(
    claude: AnthropicLookalike, hasty_claude: AsyncAnthropic
) -> None:
    claude.script.add(Fault.stall(after=1, pings=0.05))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.8):
            await Streamed().read(hasty_claude)
    await claude.until(lambda: claude.requests[0].disconnected)


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
    claude: AnthropicLookalike,
    claude_client: AsyncAnthropic,
    hasty_claude: AsyncAnthropic,
    fault: Fault,
    error: type[anthropic.APIError],
) -> None:
    claude.script.add(fault)
    with pytest.raises(error) as raised:
        await ask(hasty_claude if error is anthropic.APITimeoutError else claude_client)
    assert type(raised.value) is error
    assert text_of(await ask(claude_client))  # the next one is well


async def test_stop_reasons_other_than_the_end_are_told(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add(Fault.refusal(), Fault.refusal(after=3), Fault.max_tokens(after=3), Answer("x", "context_full"))
    refused, midway, limited = [await Streamed().read(claude_client) for _ in range(3)]
    assert refused.message
    assert midway.message
    assert limited.message
    assert (refused.pieces, refused.message.stop_reason) == ([], "refusal")
    assert refused.message.stop_details
    assert (len(midway.pieces), midway.message.stop_reason) == (3, "refusal")
    assert (len(limited.pieces), limited.message.stop_reason) == (3, "max_tokens")
    assert (await ask(claude_client)).stop_reason == "model_context_window_exceeded"


async def test_an_html_page_with_status_200_is_not_a_message(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add(Fault.html_page(status=200))
    assert not isinstance(await ask(claude_client), Message)


async def test_a_broken_structured_answer_looks_finished_but_does_not_parse(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.add(Fault.invalid_json())
    with pytest.raises(pydantic.ValidationError):
        await claude_client.messages.parse(model="m", max_tokens=500, messages=says(PROMPT), output_format=Summary)
    assert claude.requests[0].status == 200


async def test_slow_is_one_token_a_second(claude: AnthropicLookalike, hasty_claude: AsyncAnthropic) -> None:
    claude.script.add(Fault.slow())
    streamed = Streamed()
    with pytest.raises(httpx2.ReadTimeout):
        await streamed.read(hasty_claude)
    assert len(streamed.pieces) == 1


async def test_the_server_sees_at_once_that_a_task_was_cancelled(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    claude.script.speed = Speed(tokens_per_second=20)
    task = asyncio.create_task(Streamed().read(claude_client))
    await claude.until(lambda: bool(claude.requests) and claude.requests[0].tokens_sent >= 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await claude.until(lambda: claude.requests[0].disconnected)


async def test_a_share_of_faults_befalls_the_same_requests_each_time() -> None:
    async def soak(seed: int) -> list[str | None]:
        script = Script(seed=seed)
        script.share(Fault.overloaded(), 0.2)
        script.share(Fault.early_end(), 0.2)
        async with (
            AnthropicLookalike(script=script) as claude,
            AsyncAnthropic(api_key="k", base_url=claude.base_url, max_retries=0) as claude_client,
        ):
            for _ in range(60):
                try:
                    await ask(claude_client)
                except anthropic.OverloadedError:
                    continue
        return [request.fault for request in claude.requests]

    first = await soak(1)
    assert first == await soak(1) != await soak(2)
    assert 5 <= first.count("overloaded") <= 20
    assert 5 <= first.count("early_end") <= 20


async def test_an_outage_refuses_connections_and_ends_on_the_same_port(
    claude: AnthropicLookalike, claude_client: AsyncAnthropic
) -> None:
    await claude.stop()
    with pytest.raises(anthropic.APIConnectionError):
        await ask(claude_client)
    await claude.start()
    assert text_of(await ask(claude_client))
    claude.reset()
    assert claude.requests == []


@pytest.mark.asyncio(loop_scope="function")
async def test_nothing_is_left_running_when_a_server_stops_amid_stalled_streams() -> None:
    """In a loop of its own: in that of all tests, the servers that others share start and end tasks as they please."""
    async with AsyncAnthropic(api_key="k", base_url="http://unused", max_retries=0) as claude_client:
        async with AnthropicLookalike() as claude:
            claude.script.add(Fault.stall(), Fault.silence(), Fault.stall(pings=0.01))
            readers = [
                asyncio.create_task(Streamed().read(claude_client.copy(base_url=claude.base_url))) for _ in range(3)
            ]
            await claude.until(lambda: sum(request.tokens_sent for request in claude.requests) == 6)
        results = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(result, Exception) for result in results)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert all(request.ended for request in claude.requests)
