"""The OpenAI look-alike, driven through the provider's own SDK: Responses, Chat Completions, scripts."""

import openai
import pytest
from openai import AsyncOpenAI

from tests.lookalikes import Fault, OpenAILookalike
from tests.lookalikes.anthropic_calls import PROMPT
from tests.lookalikes.openai_calls import Api, Chat, Got, Responses


async def test_a_scripted_text_arrives_whole_and_as_a_stream(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api
) -> None:
    gpt.script.add("Install the new driver.", times=2)
    whole, streamed = await api.whole(gpt_client), await api.stream(gpt_client, Got())
    assert whole.text == streamed.text == "".join(streamed.pieces) == "Install the new driver."
    assert (whole.finish, streamed.finish) == ("stop", "stop")
    assert whole.output_tokens == streamed.output_tokens == len(streamed.pieces) == gpt.requests[1].tokens_sent
    assert len(gpt.requests_to(api.path)) == 2
    assert gpt.requests[0].prompt == PROMPT


async def test_the_derived_answer_quotes_the_prompt_in_its_language(gpt_client: AsyncOpenAI, api: Api) -> None:
    assert (await api.whole(gpt_client)).text.split('"')[1] in PROMPT
    korean = await api.stream(gpt_client, Got(), "결제가 두 번 되었습니다. 환불 부탁드립니다.")
    assert korean.text.split('"')[1] in "결제가 두 번 되었습니다. 환불 부탁드립니다."


async def test_a_schema_is_honoured(gpt: OpenAILookalike, gpt_client: AsyncOpenAI, api: Api) -> None:
    prompt = "[812] The login page reloads for ever.\n[977] I can't log in since I changed the password."
    parsed = await api.parse(gpt_client, prompt)
    assert parsed
    assert parsed.text in prompt
    assert (parsed.language, set(parsed.sources) <= {812, 977}) == ("en", True)
    assert gpt.requests[0].schema


async def test_a_strict_schema_that_the_provider_refuses_is_refused(gpt_client: AsyncOpenAI) -> None:
    loose = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    with pytest.raises(openai.BadRequestError, match="Missing 'a'"):
        await gpt_client.responses.create(
            model="m",
            input="x",
            text={"format": {"type": "json_schema", "name": "n", "schema": loose, "strict": True}},
        )


async def test_usage_counts_the_cached_prefix(gpt_client: AsyncOpenAI) -> None:
    instructions = "You summarise support tickets. " * 400
    first = (await gpt_client.responses.create(model="m", instructions=instructions, input="one")).usage
    second = (await gpt_client.responses.create(model="m", instructions=instructions, input="two")).usage
    assert first
    assert second
    assert (first.input_tokens_details.cached_tokens, first.input_tokens) == (0, second.input_tokens)
    assert second.input_tokens_details.cached_tokens > 1024
    assert second.input_tokens_details.cached_tokens % 128 == 0


async def test_an_answer_waits_for_generation_and_a_fault_for_any_request_it_can_befall(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI
) -> None:
    gpt.script.add("a text", Fault.refusal(), Fault.overloaded())
    gpt.script.add(Fault.server_error(), on="responses")
    with pytest.raises(openai.InternalServerError):
        await gpt_client.embeddings.create(model="text-embedding-3-small", input=PROMPT)
    assert (await gpt_client.embeddings.create(model="text-embedding-3-small", input=PROMPT)).data
    assert (await Chat().whole(gpt_client)).text == "a text"
    assert (await Chat().whole(gpt_client)).refusal
    assert (await Chat().whole(gpt_client)).finish == "stop"
    with pytest.raises(openai.InternalServerError):
        await Responses().whole(gpt_client)
    assert [request.fault for request in gpt.requests] == [
        "overloaded", None, None, "refusal", None, "server_error",
    ]  # fmt: skip


async def test_models_can_be_listed_and_fail_where_the_script_says_so(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI
) -> None:
    assert "text-embedding-3-small" in [model.id async for model in gpt_client.models.list()]
    with pytest.raises(openai.NotFoundError):
        await gpt_client.models.retrieve("gpt-1")
    gpt.script.add(Fault.unauthorized(), on="models")
    with pytest.raises(openai.AuthenticationError):
        await gpt_client.models.list()
