"""What is examined: the settings, and, where they can be had, Redis, the keys and the accounts."""

from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from deploy.settings import AllSettings
from ingest.freshdesk.budget import CallBudget, Calls
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.limits import Priority
from shared.redis import RedisClients
from shared.tenants import Tenant, TenantRegistry


@dataclass(frozen=True)
class Case:
    """One look at an installation. `calls` is False where neither models nor Freshdesk are to be asked.

    `registry` is None where there are no master keys; then no account's key can be read.
    """

    settings: AllSettings
    redis: RedisClients
    registry: TenantRegistry | None
    tenants: tuple[Tenant, ...]
    budget: CallBudget
    http: httpx.AsyncClient
    calls: bool

    def freshdesk(self, tenant: Tenant) -> FreshdeskClient:
        """A client with the account's stored key, whose calls count like all others.

        Raises:
            StartupError: no master key decrypts the stored key.
        """
        if self.registry is None:
            raise RuntimeError("there are no master keys")
        key = SecretStr(self.registry.api_key(tenant))
        calls = Calls(self.budget, tenant.host, Priority.INTERACTIVE)
        url = self.settings.shared.freshdesk_url(tenant.host)
        return FreshdeskClient(self.http, url, key.get_secret_value(), calls)
