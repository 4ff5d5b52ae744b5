"""The three wires of the LLM writers, each against its provider's look-alike."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import httpx2
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic import SecretStr

from ingest.settings import IngestSettings
from ingest.writers.anthropic import AnthropicWriter, anthropic_client
from ingest.writers.call import Limits
from ingest.writers.llm import LlmWriter
from ingest.writers.openai import OpenAIWriter, openai_client
from tests.lookalikes import AnthropicLookalike, OpenAILookalike

KEY = "look-alike-key-59c1"
Name = Literal["anthropic", "responses", "chat"]
WIRES: tuple[Name, ...] = ("anthropic", "responses", "chat")


@dataclass
class Wire:
    """A look-alike and a client of it. `hasty` gives up on silence after 0.3 s."""

    name: Name
    fake: AnthropicLookalike | OpenAILookalike
    client: AsyncAnthropic | AsyncOpenAI

    def writer(self, *, limit: timedelta = Limits().whole, hasty: bool = False) -> LlmWriter:
        client = self.client.with_options(timeout=httpx2.Timeout(5, read=0.3)) if hasty else self.client
        limits = Limits(whole=limit)
        if isinstance(client, AsyncAnthropic):
            return AnthropicWriter(client, "claude-haiku-5-5", limits)
        return OpenAIWriter(client, "gpt-6-luna", "chat" if self.name == "chat" else "responses", limits)


@asynccontextmanager
async def opened(name: Name) -> AsyncIterator[Wire]:
    """The wire, with the client that the settings give."""
    if name == "anthropic":
        async with AnthropicLookalike(api_key=KEY) as fake:
            settings = IngestSettings(anthropic_api_key=SecretStr(KEY), anthropic_base_url=fake.base_url)
            async with anthropic_client(settings) as client:
                yield Wire(name, fake, client)
    else:
        async with OpenAILookalike(api_key=KEY, cache_minimum=128) as other:
            settings = IngestSettings(openai_api_key=SecretStr(KEY), openai_base_url=other.base_url)
            async with openai_client(settings) as openai:
                yield Wire(name, other, openai)
