"""What the `canvas tenant` commands open: Redis, the registry, and a Freshdesk client for the tenant's own account."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.data_folder import redis_asked, redis_ready
from deploy.settings import AllSettings
from ingest.context import ReceiverContext, receiver_context
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from shared.errors import BadInput
from shared.settings import Settings
from shared.tenants import Tenant, parse_host

console = Console(soft_wrap=True, highlight=False)
BASE_URL = re.compile(r"https://[^\s/?#@]+(/[^\s?#]*)?")
"""Host, perhaps port and path: no user, query or fragment."""


@dataclass(frozen=True)
class Opened:
    """A registered tenant, and how to reach what is known of it; `shared` are settings whose Redis answers."""

    shared: Settings
    context: ReceiverContext
    tenant: Tenant
    freshdesk: FreshdeskClient


@asynccontextmanager
async def redis_opened(settings: AllSettings) -> AsyncIterator[tuple[Settings, ReceiverContext]]:
    """Redis and the registry.

    Raises:
        StartupError: Redis does not answer.
    """
    async with redis_ready(settings.shared) as shared, receiver_context(shared) as context, redis_asked():
        yield shared, context


@asynccontextmanager
async def tenant_opened(settings: AllSettings, host: str) -> AsyncIterator[Opened]:
    """A registered tenant with a client of its account.

    Raises:
        BadInput: it is not registered.
        StartupError: Redis does not answer, or its key can't be decrypted.
    """
    host = parse_host(host)
    async with redis_opened(settings) as (shared, context), freshdesk_http() as http:
        tenant = await context.tenants.require(host)
        key = SecretStr(context.tenants.api_key(tenant))
        yield Opened(shared, context, tenant, context.freshdesk_over(http, host, key))


def https_address(settings: AllSettings, public_url: str | None) -> str:
    """The address by which Freshdesk reaches us.

    Raises:
        BadInput: none is set, or Freshdesk would not call it.
    """
    url = (public_url or settings.deploy.public_url).strip()
    if not url:
        raise BadInput("Freshdesk needs an address to call: give one with --public-url https://… or CANVAS_PUBLIC_URL")
    if not url.startswith("https://"):
        raise BadInput("Freshdesk calls HTTPS addresses only: give one with --public-url or CANVAS_PUBLIC_URL")
    if not BASE_URL.fullmatch(url):
        # The webhooks' path is put behind it: behind a query or a space Freshdesk would call something else.
        raise BadInput(f"{url!r} is no address to call: give one such as https://canvas.example.com")
    return url


def facts(rows: list[tuple[str, str]]) -> Table:
    """Labels and values, one a line; what a value holds is shown as it is."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, escape(value))
    return table


def moment(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
