"""An account and a worker that computes nothing by itself: what a pass marks stays to be seen."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from pydantic import SecretStr

from deploy.demo.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import Ticket
from ingest.context import WorkerContext, worker_context
from ingest.reconciler.loop import reconcile_tenant
from ingest.settings import IngestSettings
from shared.reconcile_state import ReconcileSchedule, ReconcileState
from shared.settings import Settings
from tests.parts import desks
from tests.world import ACME

UNUSED = IngestSettings(
    embeddings="openai", openai_api_key=SecretStr("unused"), openai_base_url="http://127.0.0.1:9/v1"
)
"""Nothing is embedded here, and the local model takes a second to load."""


@dataclass
class Quiet:
    """An account without webhooks and a worker's context; `second` is that of another worker process."""

    desk: Helpdesk
    context: WorkerContext
    second: WorkerContext

    def write(self, number: int, updated_at: datetime) -> None:
        """A ticket with this number that was last changed at this time."""
        found = self.desk.state.tickets.get(number)
        if found is None:
            requester = self.desk.contact_by_email("mina@example.com") or self.desk.add_contact(
                "Mina", "mina@example.com"
            )
            found = Ticket(number, "Printer", "<p>Offline</p>", "Offline", requester.id, updated_at, updated_at)
            self.desk.state.tickets[number] = found
        found.updated_at = updated_at
        self.desk.touch()

    def crowd(self, numbers: Sequence[int], since: datetime, step: timedelta) -> None:
        """Many tickets, each changed so much later than the one before."""
        for place, number in enumerate(numbers):
            self.write(number, since + place * step)

    async def reconcile(self, context: WorkerContext | None = None) -> ReconcileState | None:
        """Do a pass now."""
        context = context or self.context
        await ReconcileSchedule(context.redis.state).ask(ACME)
        return await reconcile_tenant(context, ACME)

    async def due(self) -> set[int]:
        """The tickets that are due."""
        found = await self.context.redis.state.zrange(f"pc:{{{ACME}}}:due", 0, -1)
        return {int(ticket) for ticket in found}

    def list_calls(self) -> list[str]:
        """The queries of the calls of the ticket list so far."""
        return [entry.query for entry in self.desk.log.requests if entry.path == "/api/v2/tickets"]

    async def registered(self, ago: timedelta) -> None:
        """Let the account have been registered so long ago, as the desk's clock says."""
        tenant = await self.context.tenants.get(ACME)
        assert tenant is not None
        await self.context.tenants.put(msgspec.structs.replace(tenant, created_at=self.desk.clock() - ago))


@asynccontextmanager
async def quiet_account(settings: Settings) -> AsyncIterator[Quiet]:
    """One account whose webhooks never come, registered an hour ago; nobody computes what becomes due."""
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(desks(settings))
        context = await stack.enter_async_context(worker_context(place.settings, UNUSED))
        made = Quiet(place.acme, context, replace(context))
        await made.registered(timedelta(hours=1))
        yield made
