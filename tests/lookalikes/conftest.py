"""Both look-alikes, and clients of the SDKs for them that do not retry.

The hasty clients give up 0.5 s after the last byte; they are for what never comes. Other requests may take as long as a
busy machine needs.
"""

from collections.abc import AsyncIterator

import httpx2
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tests.lookalikes import AnthropicLookalike, OpenAILookalike
from tests.lookalikes.openai_calls import Api, Chat, Responses

HASTY = httpx2.Timeout(5, read=0.5)


@pytest.fixture
async def claude() -> AsyncIterator[AnthropicLookalike]:
    async with AnthropicLookalike(cache_minimum=10) as claude:
        yield claude


@pytest.fixture
async def claude_client(claude: AnthropicLookalike) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(api_key="k", base_url=claude.base_url, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def hasty_claude(claude_client: AsyncAnthropic) -> AsyncAnthropic:
    return claude_client.with_options(timeout=HASTY)


@pytest.fixture
async def gpt() -> AsyncIterator[OpenAILookalike]:
    async with OpenAILookalike() as gpt:
        yield gpt


@pytest.fixture
async def gpt_client(gpt: OpenAILookalike) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="k", base_url=gpt.base_url, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def hasty_gpt(gpt_client: AsyncOpenAI) -> AsyncOpenAI:
    return gpt_client.with_options(timeout=HASTY)


@pytest.fixture(params=[Chat(), Responses()], ids=["chat", "responses"])
def api(request: pytest.FixtureRequest) -> Api:
    made: Api = request.param
    return made
