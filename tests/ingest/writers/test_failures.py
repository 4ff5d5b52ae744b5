"""Every way in which a provider fails, over the three wires, in one word of ours."""

import asyncio
import logging
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from ingest.writers.call import Call
from ingest.writers.failures import DETAILS, WORDS, as_failure
from ingest.writers.openai import OpenAIWriter
from ingest.writers.protocol import Delta
from shared.errors import StageFailed
from tests.ingest.writers.threads import REPLIES, SUMMARIES, article, document, neighbour, read, thread
from tests.ingest.writers.wires import KEY, Wire, opened
from tests.lookalikes import Answer, Fault, Speed

DEFAULT_WAIT = StageFailed().retry_after


async def failure(wire: Wire, fault: object = None, *, hasty: bool = False, limit: float = 30) -> StageFailed:
    """How a summary fails when this happens to it."""
    if fault is not None:
        wire.fake.script.add(fault)  # type: ignore[arg-type]
    with pytest.raises(StageFailed) as raised:
        await read(wire.writer(hasty=hasty, limit=timedelta(seconds=limit)).summarize(thread(), "en"))
    return raised.value


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.unauthorized(), "auth"),
        (Fault.forbidden(), "auth"),
        (Fault.unknown_model(), "bad_request"),
        (Fault.bad_request(), "bad_request"),
        (Fault.context_too_long(), "context_too_long"),
        (Fault.spend_limit(), "spend_limit"),
        (Fault.spend_limit(status=402), "spend_limit"),
        (Fault.spend_limit("own_limit"), "spend_limit"),
        (Fault.spend_limit("tier"), "spend_limit"),
        (Fault.rate_limited(), "rate_limited"),
        (Fault.overloaded(), "overloaded"),
        (Fault.server_error(), "overloaded"),
        (Fault.server_error(503), "overloaded"),
        (Fault.html_page(), "overloaded"),
        (Fault.html_page(200), "truncated"),
        (Fault.hang_up(), "connection"),
        (Fault.hang_up(reset=True), "connection"),
        (Fault.error_event(), "overloaded"),
        (Fault.error_event(error="server_error"), "overloaded"),
        (Fault.error_event(error="rate_limit"), "rate_limited"),
        (Fault.cut(), "connection"),
        (Fault.cut(reset=True), "connection"),
        (Fault.early_end(), "truncated"),
        (Fault.early_end(after=10_000), "truncated"),
        (Fault.refusal(), "refused"),
        (Fault.filtered(), "refused"),
        (Fault.max_tokens(), "truncated"),
        (Fault.invalid_json(), "invalid_output"),
        (Fault.garbage(), "unknown"),
    ],
    ids=lambda value: f"{value.name}-{value.error}-{value.status}" if isinstance(value, Fault) else value,
)
async def test_a_failure_has_the_right_kind(wire: Wire, fault: Fault, kind: str) -> None:
    error = await failure(wire, fault)
    assert (error.kind, error.detail) == (kind, DETAILS[kind])  # type: ignore[index]
    assert len(wire.fake.requests) == 1  # whoever routes between models decides about another try


@pytest.mark.parametrize("form", ["json", "bytes", "shape"])
async def test_a_stream_of_anything_is_a_failure_and_never_a_text(wire: Wire, form: str) -> None:
    error = await failure(wire, Fault.garbage(form=form))  # type: ignore[arg-type]
    assert error.kind in ("unknown", "truncated")


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.stall()], ids=lambda fault: fault.name)
async def test_silence_ends_by_the_read_time_out(wire: Wire, fault: Fault) -> None:
    assert (await failure(wire, fault, hasty=True)).kind == "timeout"
    await wire.fake.until(lambda: wire.fake.requests[0].disconnected)


@pytest.mark.parametrize(
    "fault", [Fault.stall(pings=0.05), Fault.slow(tokens_per_second=5)], ids=lambda fault: fault.name
)
async def test_what_keeps_its_stream_alive_for_ever_ends_by_the_limit_of_the_call(wire: Wire, fault: Fault) -> None:
    assert (await failure(wire, fault, limit=0.5)).kind == "timeout"
    await wire.fake.until(lambda: wire.fake.requests[0].disconnected)


async def test_a_provider_that_is_down_is_a_failed_connection(wire: Wire) -> None:
    await wire.fake.stop()
    assert (await failure(wire)).kind == "connection"


@pytest.mark.parametrize("form", ["flat", "failed"])
async def test_the_two_failures_of_responses_that_the_sdk_does_not_raise(form: str) -> None:
    async with opened("responses") as wire:
        assert (await failure(wire, Fault.error_event(form=form))).kind == "overloaded"  # type: ignore[arg-type]


async def test_a_full_context_is_too_long_a_prompt_at_anthropic_and_an_end_too_early_at_openai(wire: Wire) -> None:
    kind = (await failure(wire, Answer('{"text":"half', stop="context_full"))).kind
    assert kind == ("context_too_long" if wire.name == "anthropic" else "truncated")


async def test_a_failure_says_when_to_come_back_if_the_provider_did(wire: Wire) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    waits = [
        (await failure(wire, Fault.rate_limited(wait))).retry_after
        for wait in (7, 0.5, None, "nonsense", "-3", "nan", "1e300", soon)
    ]
    assert waits[:3] == [timedelta(seconds=7), timedelta(seconds=0.5), DEFAULT_WAIT]
    assert waits[3:7] == [DEFAULT_WAIT, timedelta(), DEFAULT_WAIT, timedelta(hours=1)]
    assert timedelta(minutes=9) < waits[7] <= timedelta(minutes=10)


@pytest.mark.parametrize(
    "answer",
    [
        "I am sorry, I only speak prose.",
        "",
        "{}",
        '{"text": 5}',
        '{"text": "", "problem": "x"}',
        '{"text": "fine", "sentiment": "furious"}',
        '{"text": "one"} and {"text": "two"}',
        '{"text": "shown first", "text": "and then another"}',
        '["text"]',
        '{"text": {"text": "x"}}',
        '{"text": "bad escape \\x"}',
    ],
    ids=lambda answer: answer[:30],
)
async def test_an_answer_of_another_form_is_invalid_output(wire: Wire, answer: str) -> None:
    assert (await failure(wire, answer)).kind == "invalid_output"


async def test_no_reply_may_be_meant_where_there_is_nothing_to_write_from(wire: Wire) -> None:
    wire.fake.script.add('{"replies": []}')
    deltas, [written] = await read(wire.writer().recommend(thread(), [], [], "en"))
    assert (deltas, written.value) == ([], [])


async def test_replies_without_a_word_are_invalid_output(wire: Wire) -> None:
    wire.fake.script.add('{"replies": [{"text": " ", "tone": "brief", "sources": []}]}')
    with pytest.raises(StageFailed) as raised:
        await read(wire.writer().recommend(thread(), [], [], "en"))
    assert raised.value.kind == "invalid_output"


async def test_an_answer_in_a_code_fence_is_read(wire: Wire) -> None:
    wire.fake.script.add(f"Here you are:\n```json\n{document(SUMMARIES['en'])}\n```")
    deltas, [written] = await read(wire.writer().summarize(thread(), "en"))
    assert (written.value, len(deltas) > 5) == (SUMMARIES["en"], True)


async def test_a_failure_after_the_first_words_is_raised_to_whoever_has_seen_them(wire: Wire) -> None:
    wire.fake.script.add(Answer(document(SUMMARIES["en"]), stop="max_tokens"))
    chunks = wire.writer().summarize(thread(), "en")
    assert isinstance(await anext(chunks), Delta)
    with pytest.raises(StageFailed) as raised:
        await read(chunks)
    assert raised.value.kind == "truncated"


async def test_neither_errors_nor_logs_carry_prompts_answers_or_keys(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    said = thread().messages[0].text
    quoting = [
        Fault.bad_request(f"response_format? no: {said} {KEY}"),
        Fault.bad_request(f"can't read {said} {KEY}"),
        Fault.cut(after=8),
        Fault.invalid_json(),
        f'{{"text": "{said}", "sentiment": "{KEY}"}}',
    ]
    with caplog.at_level(logging.INFO):
        for fault in quoting if wire.name != "chat" else quoting[1:]:
            error = await failure(wire, fault)
            told = "".join(traceback.format_exception(error)) + repr(vars(error))
            assert error.__cause__ is None
            assert error.__context__ is None
            assert said not in told + caplog.text
            assert KEY not in told + caplog.text


async def test_closing_a_writer_early_stops_the_providers_work(wire: Wire) -> None:
    wire.fake.script.speed = Speed(tokens_per_second=20)
    wire.fake.script.default = document(REPLIES["en"])
    chunks = wire.writer().recommend(thread(), [neighbour()], [article()], "en")
    await anext(chunks)
    await chunks.aclose()
    await wire.fake.until(lambda: wire.fake.requests[0].disconnected)
    assert wire.fake.requests[0].tokens_sent < 20


async def test_cancelling_whoever_reads_stops_the_providers_work(wire: Wire) -> None:
    wire.fake.script.add(Fault.silence())
    task = asyncio.create_task(read(wire.writer().summarize(thread(), "en")))
    await wire.fake.until(lambda: bool(wire.fake.requests))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wire.fake.until(lambda: wire.fake.requests[0].disconnected)


async def test_a_server_that_refuses_schemas_is_asked_once_more_with_the_schema_in_the_prompt() -> None:
    async with opened("chat") as wire:
        wire.fake.script.add(
            Fault.bad_request("This response_format type is unavailable now"), document(SUMMARIES["en"])
        )
        wire.fake.script.add(document(SUMMARIES["ko"]))
        writer = wire.writer()
        _, [first] = await read(writer.summarize(thread(), "en"))
        _, [second] = await read(writer.summarize(thread("ko"), "ko"))
        assert (first.value, second.value) == (SUMMARIES["en"], SUMMARIES["ko"])
        assert first.usage.output_tokens > 0
        assert ["response_format" in request.body for request in wire.fake.requests] == [True, False, False]
        assert '"next_step"' not in wire.fake.requests[0].text
        assert '"next_step"' in wire.fake.requests[1].text


@pytest.mark.parametrize(
    ("complaint", "gone"),
    [
        ("Unrecognized request argument supplied: max_completion_tokens", {"max_completion_tokens"}),
        ('{"loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted"}', {"max_completion_tokens"}),
        ("stream_options is not allowed here", {"stream_options"}),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_server_of_another_age_is_not_sent_again_what_it_refuses_by_name(
    complaint: str, gone: set[str]
) -> None:
    async with opened("chat") as wire:
        wire.fake.script.add(Fault.bad_request(complaint), *[document(SUMMARIES["en"])] * 2)
        writer = wire.writer()
        for _ in range(2):
            _, [written] = await read(writer.summarize(thread(), "en"))
            assert written.value == SUMMARIES["en"]
        first, *others = (set(request.body) for request in wire.fake.requests)
        assert len(others) == 2
        for other in others:
            assert first - other == gone
            assert other - first <= {"max_tokens"}


async def test_a_prompt_that_is_too_long_is_not_taken_for_an_old_server() -> None:
    async with opened("chat") as wire:
        wire.fake.script.add(
            Fault.bad_request("context length is 8192 tokens; 9000 in the messages, 2000 in max_completion_tokens")
        )
        assert (await failure(wire)).kind == "context_too_long"
        assert len(wire.fake.requests) == 1


async def test_a_call_that_breaks_off_has_cost_what_it_has_read(wire: Wire) -> None:
    wire.fake.script.add(Fault.cut(after=8))
    call = Call()
    with pytest.raises(StageFailed):
        await read(wire.writer().told_by(call).summarize(thread(), "en"))
    assert call.usage.input_tokens > 200
    wire.fake.script.add(Fault.rate_limited())
    refused = Call()
    with pytest.raises(StageFailed):
        await read(wire.writer().told_by(refused).summarize(thread(), "en"))
    assert refused.usage.input_tokens == 0


async def test_a_server_that_refuses_the_second_try_too_is_not_asked_a_third_time() -> None:
    async with opened("chat") as wire:
        wire.fake.script.add(Fault.bad_request("response_format is not supported"), times=2)
        assert (await failure(wire)).kind == "bad_request"
        assert len(wire.fake.requests) == 2


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("anthropic", "chat"):
        async with opened(name) as wire:  # type: ignore[arg-type]
            wire.fake.script.add(document(SUMMARIES["en"]))
            _, [written] = await read(wire.writer().summarize(thread(), "en"))
            assert written.value == SUMMARIES["en"]


async def test_a_redirect_does_not_carry_the_key_to_another_host() -> None:
    async with opened("anthropic") as wire:
        assert wire.client.max_retries == 0
        assert not wire.client._client.follow_redirects
        assert wire.client.timeout == httpx2.Timeout(connect=5, read=20, write=10, pool=5)


def test_an_error_that_nobody_knows_is_unknown_and_every_word_has_a_sentence() -> None:
    assert as_failure(RuntimeError("?")).kind == "unknown"
    assert set(WORDS.values()) < set(DETAILS)
    assert isinstance(OpenAIWriter.sdk_error, type)
