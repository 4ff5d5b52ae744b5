"""Embeddings over OpenAI's wire protocol: the vectors, and each way to fail under its own name."""

from collections.abc import AsyncIterator
from datetime import timedelta

import numpy as np
import pytest
from openai import AsyncOpenAI

from ingest.embeddings.openai import BATCH, OpenAIEmbedder
from shared.errors import StageFailed
from tests.lookalikes import Fault, OpenAILookalike
from tests.waiting import PATIENCE_S

SIZE = 256


@pytest.fixture
async def provider() -> AsyncIterator[OpenAILookalike]:
    async with OpenAILookalike() as opened:
        yield opened


@pytest.fixture
async def client(provider: OpenAILookalike) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=provider.base_url, api_key="look-alike", max_retries=0, timeout=PATIENCE_S
    ) as opened:
        yield opened


@pytest.fixture
def embedder(client: AsyncOpenAI) -> OpenAIEmbedder:
    return OpenAIEmbedder(client, "text-embedding-3-small", SIZE)


async def test_vectors_have_the_size_of_the_settings_and_unit_length(
    embedder: OpenAIEmbedder, provider: OpenAILookalike
) -> None:
    vectors = await embedder.embed(["printer prints blank pages", "환불 문의", ""])
    assert np.array(vectors).shape == (3, SIZE)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert embedder.name == "openai/text-embedding-3-small"
    [request] = provider.requests
    assert (request.body["dimensions"], request.body["model"]) == (SIZE, "text-embedding-3-small")


async def test_similar_texts_are_nearer_than_others(embedder: OpenAIEmbedder) -> None:
    question, same, other = np.array(
        await embedder.embed(["환불 금액 입금", "환불한 금액은 언제 입금되나요", "로그인 오류"])
    )
    assert question @ same > question @ other


async def test_many_texts_are_split_into_requests_and_keep_their_order(
    embedder: OpenAIEmbedder, provider: OpenAILookalike
) -> None:
    texts = [f"ticket {number}" for number in range(2 * BATCH + 1)]
    vectors = await embedder.embed(texts)
    assert [len(request.body["input"]) for request in provider.requests] == [BATCH, BATCH, 1]
    assert vectors[-1] == pytest.approx((await embedder.embed(texts[-1:]))[0])


async def test_no_texts_are_no_request(embedder: OpenAIEmbedder, provider: OpenAILookalike) -> None:
    assert await embedder.embed([]) == []
    assert provider.requests == []


async def test_a_very_long_text_is_cut_to_what_the_service_takes(embedder: OpenAIEmbedder) -> None:
    assert len(await embedder.embed(["가나다 " * 20_000] * BATCH)) == BATCH


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.rate_limited(), "rate_limited"),
        (Fault.spend_limit(), "rate_limited"),
        (Fault.unauthorized(), "auth"),
        (Fault.forbidden(), "auth"),
        (Fault.unknown_model(), "bad_request"),
        (Fault.server_error(), "unknown"),
        (Fault.overloaded(), "unknown"),
        (Fault.html_page(502), "unknown"),
        (Fault.html_page(200), "unknown"),
        (Fault.hang_up(), "connection"),
        (Fault.hang_up(reset=True), "connection"),
        (Fault.cut(), "connection"),
        (Fault.silence(), "timeout"),
        (Fault.stall(), "timeout"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value,
)
async def test_each_failure_has_its_name_and_is_not_tried_again(
    client: AsyncOpenAI, provider: OpenAILookalike, fault: Fault, kind: str
) -> None:
    # Only what never comes is given up soon: a busy machine is no silence.
    hasty = client.with_options(timeout=0.3) if kind == "timeout" else client
    embedder = OpenAIEmbedder(hasty, "text-embedding-3-small", SIZE)
    provider.script.add(fault)
    with pytest.raises(StageFailed) as failure:
        await embedder.embed(["a secret of a customer"])
    assert failure.value.kind == kind
    assert "secret" not in failure.value.detail
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("header", "wait"),
    [(7, 7.0), (0.5, 0.5), (None, 2.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 2.0), (10**9, 3600.0)],
)
async def test_a_rate_limit_says_how_long_to_wait(
    embedder: OpenAIEmbedder, provider: OpenAILookalike, header: float | str | None, wait: float
) -> None:
    provider.script.add(Fault.rate_limited(header))
    with pytest.raises(StageFailed) as failure:
        await embedder.embed(["text"])
    assert failure.value.retry_after == timedelta(seconds=wait)


async def test_a_provider_that_is_down_is_a_failed_connection(
    embedder: OpenAIEmbedder, provider: OpenAILookalike
) -> None:
    await provider.stop()
    with pytest.raises(StageFailed) as failure:
        await embedder.embed(["text"])
    assert failure.value.kind == "connection"


async def test_a_server_that_knows_no_dimensions_is_asked_without_them_from_then_on(
    client: AsyncOpenAI, provider: OpenAILookalike
) -> None:
    embedder = OpenAIEmbedder(client, "text-embedding-3-small", 1536)
    provider.script.add(Fault.bad_request("dimensions is not supported"))
    for _ in range(2):
        assert len((await embedder.embed(["text"]))[0]) == 1536
    assert ["dimensions" in request.body for request in provider.requests] == [True, False, False]


async def test_a_size_that_the_model_does_not_have_is_said_with_its_remedy(
    embedder: OpenAIEmbedder, provider: OpenAILookalike
) -> None:
    provider.script.add(Fault.bad_request("dimensions is not supported"))
    with pytest.raises(StageFailed, match="vectors of 1536 numbers, not 256: set CANVAS_EMBEDDING_SIZE") as failure:
        await embedder.embed(["text"])
    assert failure.value.kind == "bad_request"


async def test_a_request_that_is_refused_twice_is_a_bad_request(
    embedder: OpenAIEmbedder, provider: OpenAILookalike
) -> None:
    provider.script.add(Fault.bad_request(), times=2)
    with pytest.raises(StageFailed) as failure:
        await embedder.embed(["text"])
    assert failure.value.kind == "bad_request"
    assert len((await embedder.embed(["text"]))[0]) == SIZE


async def test_closing_leaves_the_callers_client_open(embedder: OpenAIEmbedder, client: AsyncOpenAI) -> None:
    await embedder.close()
    assert not client.is_closed()
