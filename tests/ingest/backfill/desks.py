"""A helpdesk with some of the demo's tickets, and one Prompt Canvas over look-alikes of the providers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.up import everything
from ingest.context import WorkerContext
from ingest.registration import register_tenant
from ingest.settings import IngestSettings
from shared.backfill import BackfillCounts, BackfillOptions, BackfillProgress
from shared.models import Canvas
from shared.settings import Settings
from shared.tenants import Tenant
from tests.lookalikes import AnthropicLookalike, OpenAILookalike
from tests.waiting import wait_until
from tests.world import ACME, ADMIN_KEY, all_settings, desk_settings

DEMO = Path(__file__).parents[3] / "deploy" / "demo" / "data"
EVERYTHING = BackfillOptions()


def some_tickets(folder: Path, count: int) -> Path:
    """A seed with so many of the demo's tickets, two in three of them English, and all of its articles."""
    folder.mkdir()
    for name in ("agents.json", "articles.json"):
        (folder / name).write_bytes((DEMO / name).read_bytes())
    for language, share in (("en", 2 * count // 3), ("ko", count - 2 * count // 3)):
        lines = (DEMO / f"tickets.{language}.jsonl").read_text("utf-8").splitlines(keepends=True)
        (folder / f"tickets.{language}.jsonl").write_text("".join(lines[:share]), "utf-8")
    return folder


@dataclass
class Desk:
    """What a test needs of it."""

    worker: WorkerContext
    tenant: Tenant
    claude: AnthropicLookalike
    gpt: OpenAILookalike
    helpdesk: Helpdesk
    ingest: IngestSettings

    @property
    def progress(self) -> BackfillProgress:
        return BackfillProgress(self.worker.redis.state, ACME)

    async def backfill(self, options: BackfillOptions = EVERYTHING, seconds: float = 60) -> BackfillCounts:
        """Do one to its end."""
        await self.progress.want(options)
        return await self.ended(seconds)

    async def ended(self, seconds: float = 60) -> BackfillCounts:
        """Wait for its end."""
        found: list[BackfillCounts] = []

        async def over() -> bool:
            found.append(await self.progress.read())
            return found[-1].state in {"done", "failed", "over_budget", "cancelled", "paused"}

        await wait_until(over, seconds=seconds)
        return found[-1]

    async def canvas(self, ticket_id: int) -> Canvas:
        stored = await self.worker.canvases.get(ACME, ticket_id)
        assert stored is not None
        return msgspec.json.decode(stored.body, type=Canvas)


@dataclass
class Outside:
    """What stays when Prompt Canvas is started again."""

    helpdesk: Helpdesk
    url: str
    claude: AnthropicLookalike
    gpt: OpenAILookalike


@asynccontextmanager
async def outside(seed: Path) -> AsyncIterator[Outside]:
    """A helpdesk and both providers."""
    helpdesk = Helpdesk.from_seed(seed, desk_settings(ACME), datetime.now(UTC))
    async with running_helpdesk(helpdesk) as url, AnthropicLookalike() as claude, OpenAILookalike() as gpt:
        yield Outside(helpdesk, url, claude, gpt)


@asynccontextmanager
async def inside(settings: Settings, out: Outside, **ingest: Any) -> AsyncIterator[Desk]:
    """One Prompt Canvas; embeddings are OpenAI's look-alike's, which take no time."""
    settings = settings.model_copy(update={"freshdesk_urls": {ACME: out.url}})
    given = IngestSettings(
        anthropic_api_key=SecretStr("any"),
        anthropic_base_url=out.claude.base_url,
        openai_api_key=SecretStr("any"),
        openai_base_url=out.gpt.base_url,
        **ingest,
    )
    async with everything(all_settings(settings, given)) as running:
        worker, key = running.worker, ADMIN_KEY + ACME
        tenant = await worker.tenants.get(ACME)
        if tenant is None:
            tenant, _ = await register_tenant(worker, worker.freshdesk_with(ACME, SecretStr(key)), ACME, key)
        yield Desk(worker, tenant, out.claude, out.gpt, out.helpdesk, given)


@asynccontextmanager
async def desk(settings: Settings, seed: Path, **ingest: Any) -> AsyncIterator[Desk]:
    """Both."""
    async with outside(seed) as out, inside(settings, out, **ingest) as made:
        yield made
