"""A router over two look-alikes, as the settings make it, and what a reader sees of one text."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from redis.asyncio import Redis

from ingest.providers import open_models, rules_of
from ingest.router.breaker import Breaker
from ingest.router.budget import TokenBudget
from ingest.router.generation import Order
from ingest.router.models import TaskName
from ingest.router.router import Reset, Routed, Router
from ingest.settings import IngestSettings
from ingest.writers.call import Limits
from ingest.writers.protocol import Delta
from shared.models import Summary
from tests.ingest.writers.threads import SUMMARIES, document, thread
from tests.lookalikes import AnthropicLookalike, OpenAILookalike, Script

HOST = "acme.freshdesk.com"
CLAUDE, GPT = "anthropic/claude-haiku-5-5", "openai/gpt-5.4-mini"
SUMMARY = SUMMARIES["en"]


@dataclass
class Seen:
    """What a reader saw of one text: what stands there at the end, how often it was taken back, and the result."""

    text: str = ""
    resets: int = 0
    result: Routed[Summary] | None = None

    @property
    def model(self) -> str:
        assert self.result is not None
        return self.result.model

    @property
    def outcomes(self) -> list[str]:
        """How each call ended, in order."""
        assert self.result is not None
        return [f"{call.model.partition('/')[0]} {call.outcome}" for call in self.result.calls]


@dataclass
class Desk:
    """A router and its providers; `claude` is the preferred one."""

    router: Router
    redis: Redis
    claude: AnthropicLookalike
    gpt: OpenAILookalike
    order: Order = field(default_factory=lambda: Order(host=HOST))

    @property
    def calls(self) -> int:
        return len(self.claude.requests) + len(self.gpt.requests)

    async def summary(self, order: Order | None = None, seen: Seen | None = None) -> Seen:
        """Have one summary written."""
        seen = seen or Seen()
        async for chunk in self.router.write(
            "summary", order or self.order, lambda writer: writer.summarize(thread(), "en")
        ):
            if isinstance(chunk, Delta):
                seen.text += chunk.text
            elif isinstance(chunk, Reset):
                seen.text, seen.resets = "", seen.resets + 1
            else:
                seen.result = chunk
        assert seen.result is not None
        assert seen.text == seen.result.value.text
        return seen

    def names(self, task: TaskName = "summary") -> list[str]:
        return self.router.models.names(task)


@asynccontextmanager
async def desk(redis: Redis, **settings: Any) -> AsyncIterator[Desk]:
    """A desk with both keys; `settings` are fields of `IngestSettings`. Both models write a good summary."""
    async with AsyncExitStack() as stack:
        claude = await stack.enter_async_context(AnthropicLookalike(script=Script(default=document(SUMMARY))))
        gpt = await stack.enter_async_context(OpenAILookalike(script=Script(default=document(SUMMARY))))
        ingest = IngestSettings(
            anthropic_api_key=SecretStr("any"),
            anthropic_base_url=claude.base_url,
            openai_api_key=SecretStr("any"),
            openai_base_url=gpt.base_url,
            **settings,
        )
        router = await stack.enter_async_context(routed(ingest, redis))
        yield Desk(router, redis, claude, gpt)


@asynccontextmanager
async def routed(ingest: IngestSettings, redis: Redis) -> AsyncIterator[Router]:
    """A router as a worker opens it."""
    async with open_models(ingest) as models:
        yield Router(models, Breaker(redis), TokenBudget(redis), rules_of(ingest))


async def cooled_down(redis: Redis) -> None:
    """As much time passes as any open breaker waits for its next probe."""
    async for key in redis.scan_iter(match="pc:breaker:*"):
        if await redis.hexists(key, "until"):  # type: ignore[misc]
            await redis.hset(key, "until", "0")  # type: ignore[misc]


def hasty(**more: float) -> dict[str, float]:
    """Settings of a desk that waits less than a second for what never comes; what comes may take longer elsewhere."""
    return {"first_token_s": 0.8, "idle_s": 0.8, "call_s": 1.6, "text_s": 30.0, "outage_wait_s": 0, **more}


def only_the_first_is_hasty(made: Desk) -> Desk:
    """The other model may take its time: a busy machine is no silence."""
    made.router.models.of("summary")[1].limits = Limits()
    return made
