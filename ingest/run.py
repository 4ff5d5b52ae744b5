"""One run of one ticket while it goes on: what it has produced so far, and how it tells its log of its stages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import structlog
from redis.exceptions import RedisError

from ingest.content import Contents, Kept
from ingest.context import WorkerContext
from ingest.deferred import DeferredTexts, DeferredTicket
from ingest.finished import Finished
from ingest.recipe import Recipe, voice_of
from ingest.router.deferral import DEFERRED, Deferral
from ingest.router.generation import Order
from ingest.stages import similar
from ingest.stages.writing import Draft
from ingest.stopwatch import Stopwatch
from ingest.thread import Thread
from ingest.writers.protocol import Voice
from shared.due import Claim
from shared.errors import TOMBSTONES, CanvasError, StageFailed
from shared.logs import failure
from shared.run_log import Event, LeaseLost
from shared.tenants import Tenant

log = structlog.get_logger()


@dataclass
class Run:
    """What a run has produced so far; `emit` appends to its log."""

    context: WorkerContext
    tenant: Tenant
    claim: Claim
    watch: Stopwatch = field(default_factory=Stopwatch)
    drafts: list[Draft[Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    reused: set[str] = field(default_factory=set)
    kept: Kept = field(default_factory=Kept)
    finished: Finished = field(default_factory=Finished)
    deferral: Deferral | None = None
    """Takes calls that can wait for a provider's batch; None where none can."""
    read_at: datetime | None = None
    """When Freshdesk was asked for the ticket; None where a backfill has read it."""

    @property
    def order(self) -> Order:
        """On whose behalf texts are written, and how urgently."""
        chosen = self.tenant.settings
        return Order(
            host=self.tenant.host,
            priority="interactive" if self.claim.viewed else "backfill" if self.claim.listed else "live",
            models=chosen.models,
            daily_tokens=chosen.daily_token_budget,
            deferral=self.deferral,
        )

    @cached_property
    def recipe(self) -> Recipe:
        """What makes this tenant's Canvases."""
        return self.context.recipe_of(self.tenant)

    def language(self, thread: Thread) -> str:
        """The language to write in: the tenant's choice, else the ticket's own."""
        return self.tenant.settings.language or thread.language

    @property
    def voice(self) -> Voice:
        """How the tenant wants customers to be spoken to."""
        return voice_of(self.tenant.settings)

    @cached_property
    def since_ms(self) -> int | None:
        """When similar tickets may have been created at the earliest; the same moment for the whole run."""
        return similar.reach(self.tenant.settings.similar_days, datetime.now(UTC))

    async def put_aside(self, thread: Thread, contents: Contents) -> bool:
        """Let calls wait for a batch, where nothing else stands between the ticket and its Canvas; whether any do."""
        if self.deferral is None or not self.deferral.calls or self.failures:
            return False
        if any(kind != DEFERRED for draft in self.drafts for kind in draft.failures):
            return False
        ticket = DeferredTicket(
            ticket_id=thread.ticket_id,
            generation=self.claim.generation,
            language=self.language(thread),
            of=contents.summary + contents.replies,
            calls=list(self.deferral.calls.values()),
        )
        await DeferredTexts(self.context.redis.state, self.claim.host).put(ticket)
        return True

    async def emit(self, event: Event, data: Any) -> None:
        """Append one event to the run's log."""
        await self.context.run_log.append(self.claim, [(event, data)])

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[None]:
        """Time a stage, report it, and swallow its failure: the stages after it see an empty part.

        A ticket that is gone or can't be fetched is no stage's failure and ends the run.
        """
        try:
            with self.watch.stage(name):
                yield
        except StageFailed as error:
            await self._failed(name, error.kind)
        except CanvasError as error:
            self.context.outcomes[name] = "" if error.code in TOMBSTONES else error.code
            raise
        except (LeaseLost, RedisError, OSError):
            # No stage's failure either: the whole run is tried again when the store is back.
            raise
        except Exception as error:  # noqa: BLE001
            # An edge: a bug in one stage must not cost the agent the work of the others.
            log.error("bug in a stage", stage=name, **failure(error))  # noqa: TRY400
            await self._failed(name, "internal")
        else:
            self.context.outcomes[name] = ""
            report = self.watch.reuse(name) if name in self.reused else self.watch.reports[-1]
            await self.emit(Event.STAGE, report)

    async def _failed(self, name: str, kind: str) -> None:
        self.failures.append(kind)
        self.failed.add(name)
        self.context.outcomes[name] = kind
        log.warning("stage failed", host=self.claim.host, ticket=self.claim.ticket_id, stage=name, kind=kind)
        await self.emit(Event.STAGE, self.watch.fail(name, kind))
