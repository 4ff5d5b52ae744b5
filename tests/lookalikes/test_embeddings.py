"""The embeddings of the OpenAI look-alike: a wire format, and vectors that retrieval works on."""

import base64
from typing import Any

import numpy as np
import openai
import pytest
from openai import AsyncOpenAI

from tests.lookalikes import OpenAILookalike
from tests.lookalikes.anthropic_calls import PROMPT


async def embeddings(gpt_client: AsyncOpenAI, *texts: str, **more: Any) -> np.ndarray[Any, Any]:
    made = await gpt_client.embeddings.create(model="text-embedding-3-small", input=list(texts), **more)
    return np.array([item.embedding for item in made.data])


async def test_embeddings_are_the_same_each_time_in_both_encodings_and_of_unit_length(
    gpt: OpenAILookalike, gpt_client: AsyncOpenAI
) -> None:
    packed = await embeddings(gpt_client, PROMPT, "?")
    plain = await embeddings(gpt_client, PROMPT, "?", encoding_format="float")
    assert [request.body["encoding_format"] for request in gpt.requests] == ["base64", "float"]
    assert packed.shape == (2, 1536)
    np.testing.assert_allclose(packed, plain, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(packed, axis=1), 1, atol=1e-5)
    raw = await gpt_client.embeddings.create(model="text-embedding-3-small", input=PROMPT, encoding_format="base64")
    decoded = np.frombuffer(base64.b64decode(str(raw.data[0].embedding)), dtype="<f4")
    np.testing.assert_allclose(decoded, plain[0], atol=1e-6)
    assert raw.usage.prompt_tokens > 0


async def test_embeddings_have_the_size_asked_for_or_the_models(gpt_client: AsyncOpenAI) -> None:
    assert (await embeddings(gpt_client, PROMPT, dimensions=256)).shape == (1, 256)
    large = await gpt_client.embeddings.create(model="text-embedding-3-large", input=PROMPT)
    assert len(large.data[0].embedding) == 3072


async def test_the_nearest_text_is_the_one_that_says_the_same(gpt_client: AsyncOpenAI) -> None:
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
        found, asked = [await embeddings(gpt_client, *texts, dimensions=size) for texts in (tickets, questions)]
        assert (asked @ found.T).argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5]


async def test_embeddings_requests_that_the_provider_would_refuse_are_refused(gpt_client: AsyncOpenAI) -> None:
    for texts, more in (
        ([""], {}),
        (["a"] * 2049, {}),
        (["word " * 8193], {}),
        (["word " * 8000] * 38, {}),
        (["a"], {"dimensions": 1537}),
    ):
        with pytest.raises(openai.BadRequestError):
            await embeddings(gpt_client, *texts, **more)
