"""`canvas demo`: a helpdesk look-alike and everything of ours in one process, seeded, precomputed, and shown on a page.

Nothing here takes a short cut: the tenant is registered with its API key, the webhook rules go through the automations
API, and the tickets come in by the same backfill that a real account uses.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from shlex import quote

import msgspec
from pydantic import SecretStr
from rich.console import Console

from deploy.backfill_progress import BackfillResult, watch_backfill
from deploy.demo.desk_client import DeskClient
from deploy.demo.helpdesk import Helpdesk, HelpdeskSettings, running_helpdesk
from deploy.demo.installed import Account, installed
from deploy.process import forever
from deploy.settings import AllSettings
from deploy.up import Running, everything
from ingest.freshdesk.client import freshdesk_http
from ingest.registration import install_webhooks, register_tenant
from shared.tasks import beside

DOMAIN = "demo.freshdesk.com"
ADMIN_KEY = "demo-key"
AGENT_KEY = "demo-agent-key"
ADMIN_TOKEN = "demo-admin"  # noqa: S105 - guards the switches of a look-alike, not data
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 30, 60))
SAVE_EVERY_S = 2.0

console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Demo:
    """A running demo: where it answers, the look-alike behind it, and what the start had to compute."""

    url: str
    helpdesk_url: str
    helpdesk: Helpdesk
    running: Running
    seeded: BackfillResult


async def demo(settings: AllSettings) -> None:
    """Run the demo until cancelled, and say in a few lines what runs where."""
    console.print("Starting a helpdesk with 300 tickets; the first start reads and computes them all …")
    async with running_demo(settings) as started:
        _say(settings, started)
        try:
            await forever()
        finally:
            console.print("Stopping …")


@asynccontextmanager
async def running_demo(settings: AllSettings) -> AsyncIterator[Demo]:
    """The demo as a context: helpdesk, everything of ours, the desk; seeded and precomputed when it yields."""
    folder = settings.shared.data_dir
    helpdesk = load_helpdesk(folder / "helpdesk.json")
    async with AsyncExitStack() as stack:
        helpdesk_url = await stack.enter_async_context(running_helpdesk(helpdesk))
        http = await stack.enter_async_context(freshdesk_http())
        await stack.enter_async_context(_saving(helpdesk, folder))
        shared = settings.shared.model_copy(update={"freshdesk_urls": {DOMAIN: helpdesk_url}})
        client = DeskClient(helpdesk_url, AGENT_KEY, ADMIN_TOKEN, http)
        parts = installed(replace(settings, shared=shared), Account(DOMAIN, ADMIN_KEY), client, http)
        settings, mounted = await stack.enter_async_context(parts)
        async with everything(settings, mounted) as started:
            await _connect(started)
            seeded = await watch_backfill(started.worker, DOMAIN)
            yield Demo(started.url, helpdesk_url, helpdesk, started, seeded)


def load_helpdesk(saved: Path) -> Helpdesk:
    """The helpdesk as it was left in this data folder, or freshly seeded with the ids 1 to 300."""
    settings = HelpdeskSettings(
        domain=DOMAIN,
        api_keys={ADMIN_KEY: "admin", AGENT_KEY: "olivia"},
        plan=None,
        admin_token=ADMIN_TOKEN,
        webhook_retry_delays=RETRY_DELAYS,
    )
    with as_file(files("deploy.demo").joinpath("data")) as data:
        helpdesk = Helpdesk.from_seed(data, settings, datetime.now(UTC))
    if saved.exists():
        helpdesk.restore(msgspec.json.decode(saved.read_bytes()))
    return helpdesk


async def _connect(started: Running) -> None:
    """Register the tenant as a newcomer would, and point the helpdesk's rules at this process."""
    freshdesk = started.worker.freshdesk_with(DOMAIN, SecretStr(ADMIN_KEY))
    tenant, _ = await register_tenant(started.worker, freshdesk, DOMAIN, ADMIN_KEY)
    await install_webhooks(started.worker, freshdesk, tenant, started.url)


@asynccontextmanager
async def _saving(helpdesk: Helpdesk, folder: Path) -> AsyncIterator[None]:
    """Keep what happens in the helpdesk in the data folder, so that the next start goes on from there."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        async with beside(_save_changes(helpdesk, folder / "helpdesk.json")):
            yield
    finally:
        _save(helpdesk, folder / "helpdesk.json")


async def _save_changes(helpdesk: Helpdesk, file: Path) -> None:
    saved = -1
    while True:
        if helpdesk.changed != saved:
            saved = helpdesk.changed
            _save(helpdesk, file)
        await asyncio.sleep(SAVE_EVERY_S)


def _save(helpdesk: Helpdesk, file: Path) -> None:
    draft = file.with_suffix(".tmp")
    draft.write_bytes(msgspec.json.encode(helpdesk.snapshot()))
    draft.replace(file)


def _say(settings: AllSettings, started: Demo) -> None:
    seeded = started.seeded
    seconds, counts = seeded.took.total_seconds(), seeded.counts
    if counts.tickets:
        rate = counts.computed / seconds
        console.print(f"{counts.computed} tickets precomputed in {seconds:.1f} s ({rate:.1f} a second)")
    else:
        console.print(f"{counts.current} tickets were precomputed already")
    if counts.waiting:
        console.print(f"{counts.waiting} tickets wait for their turn or another attempt (that happens by itself)")
    if counts.dead:
        console.print(f"{counts.dead} tickets were given up: canvas dead list {DOMAIN}")
    models = ", ".join(started.running.worker.router.models.names("summary"))
    redis = "outside Redis" if settings.shared.redis_url else f"Valkey in {settings.shared.data_dir}/redis"
    vectors = "outside Qdrant" if settings.ingest.qdrant_url else f"vectors in {settings.shared.data_dir}/vectors"
    console.print(f"Helpdesk look-alike  {started.helpdesk_url}  ({DOMAIN}, keys {ADMIN_KEY} and {AGENT_KEY})")
    console.print(f"Stores               {redis}, {vectors}")
    console.print(f"Models               {models}; {started.running.worker.embedder.name}")
    console.print(
        f"A Canvas             curl -H 'X-Freshdesk-Domain: {DOMAIN}' -H 'X-Freshdesk-API-Key: {ADMIN_KEY}' "
        f"{started.url}/init/300"
    )
    urls = msgspec.json.encode({DOMAIN: started.helpdesk_url}).decode()
    console.print(
        f"Commands             CANVAS_DATA_DIR={quote(str(settings.shared.data_dir))} "
        f"CANVAS_FRESHDESK_URLS={quote(urls)} canvas tenant show {DOMAIN}"
    )
    console.print(f"[bold]Open the desk        {started.url}/desk[/bold]   (Ctrl-C stops everything)")
