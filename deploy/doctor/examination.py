"""The whole examination: what needs no Redis beside what does, each check with its own deadline."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import msgspec
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from deploy.data_folder import check_format
from deploy.doctor.account import of_account
from deploy.doctor.case import Case
from deploy.doctor.contradictions import of_settings
from deploy.doctor.examining import Check, examine
from deploy.doctor.finding import PARTS, Finder, Finding
from deploy.doctor.machine import of_machine
from deploy.doctor.models import models_of, of_breakers, of_models
from deploy.doctor.public_url import of_public_url
from deploy.doctor.redis_server import named, of_redis, same_server
from deploy.doctor.vectors import of_embedder, of_folder, of_server
from deploy.doctor.workers import of_workers
from deploy.embedded_valkey import embedded_valkey
from deploy.settings import AllSettings
from ingest.embeddings.protocol import Embedder
from ingest.freshdesk.budget import CallBudget
from ingest.freshdesk.client import freshdesk_http
from ingest.providers import open_embedder
from shared.errors import BadInput, StartupError
from shared.redis import redis_clients
from shared.tenants import Tenant, TenantRegistry
from shared.vault import Vault

REDIS_WITHIN_S = 6.0
ACCOUNT_WITHIN = timedelta(seconds=45)
"""Six calls, one after the other; an account that is out of calls says so within five seconds."""
redis = Finder("redis")


async def examination(settings: AllSettings, host: str | None = None, *, calls: bool = True) -> list[Finding]:
    """All findings, in the order of the parts; of one account where `host` is given.

    Raises:
        BadInput: `host` is not connected.
    """
    alone = [
        Check("The machine", Finder("machine"), lambda: asyncio.to_thread(of_machine, settings)),
        Check("The settings", Finder("settings"), lambda: asyncio.to_thread(of_settings, settings)),
    ]
    found, of_rest = await asyncio.gather(examine(alone), _rest(settings, host, calls=calls))
    return sorted([*found, *of_rest], key=lambda finding: (PARTS.index(finding.part), finding.host))


async def _rest(settings: AllSettings, host: str | None, *, calls: bool) -> list[Finding]:
    """What needs Redis; without it, what is left."""
    async with AsyncExitStack() as stack:
        try:
            case = await stack.enter_async_context(_opened(settings, calls=calls))
        except StartupError as error:
            remedy = "start it, or correct REDIS_URL; workers, accounts and webhooks can't be looked at without it"
            absent = [redis.problem("redis", error.detail, remedy)]
            return [*absent, *await examine([_models(settings, (), calls=calls), *_outward(settings, (), calls=calls)])]
        if host is not None and host not in [tenant.host for tenant in case.tenants]:
            raise BadInput(f"{host} is not connected: run `canvas tenant add {host}` first")
        chosen = replace(case, tenants=tuple(each for each in case.tenants if host in {None, each.host}))
        return await examine(_checks(chosen))


def _checks(case: Case) -> list[Check]:
    settings, tenants = case.settings, case.tenants
    checks = [
        Check("Redis", redis, lambda: of_redis(case.redis.state, named(settings.shared), holds_state=True)),
        Check("The workers", Finder("workers"), lambda: _workers(case)),
        _models(settings, tenants, calls=case.calls),
        Check("The breakers", Finder("models"), lambda: _breakers(case)),
        *_outward(settings, tenants, calls=case.calls),
        *(Check(tenant.host, Finder("freshdesk", tenant.host), _account(case, tenant), ACCOUNT_WITHIN)
          for tenant in tenants),
    ]  # fmt: skip
    if case.redis.cache is not case.redis.state:
        checks.insert(1, Check("The cache", redis, lambda: _cache(case)))
    if not tenants:
        checks.append(Check("The accounts", Finder("freshdesk"), _no_account))
    return checks


def _models(settings: AllSettings, tenants: tuple[Tenant, ...], *, calls: bool) -> Check:
    return Check("The models", Finder("models"), lambda: of_models(settings.ingest, tenants, calls=calls))


def _outward(settings: AllSettings, tenants: tuple[Tenant, ...], *, calls: bool) -> list[Check]:
    """What is looked at over the network and needs no Redis."""
    hosts = [tenant.host for tenant in tenants]
    found = [Check("The vectors", Finder("vectors"), lambda: _vectors(settings, hosts, calls=calls))]
    if calls:
        url = settings.deploy.public_url
        found.append(Check("The public address", Finder("settings"), lambda: of_public_url(url, hosts)))
    return found


def _account(case: Case, tenant: Tenant) -> Callable[[], Awaitable[list[Finding]]]:
    return lambda: of_account(case, tenant)


async def _no_account() -> list[Finding]:
    remedy = "connect one: `canvas tenant add yourcompany.freshdesk.com`"
    return [Finder("freshdesk").warning("no-account", "No account is connected yet", remedy)]


async def _workers(case: Case) -> list[Finding]:
    window = timedelta(seconds=case.settings.shared.freshdesk_window_s)
    hosts = [tenant.host for tenant in case.tenants]
    async with open_embedder(case.settings.ingest) as embedder:
        return await of_workers(case.redis.state, hosts, window, embedder.name)


async def _breakers(case: Case) -> list[Finding]:
    models = await models_of(case.settings.ingest, case.tenants)
    return await of_breakers(case.redis.state, models) if models else []


async def _cache(case: Case) -> list[Finding]:
    shared = same_server(await case.redis.state.info("server"), await case.redis.cache.info("server"))
    return [] if shared else await of_redis(case.redis.cache, "REDIS_CACHE_URL", holds_state=False)


async def _vectors(settings: AllSettings, hosts: list[str], *, calls: bool) -> list[Finding]:
    embedder: Embedder
    async with open_embedder(settings.ingest) as embedder:
        found = await of_embedder(embedder) if calls else []
        if settings.ingest.qdrant_url is not None:
            return [*found, *await of_server(settings, embedder, hosts)]
        return [*found, *await asyncio.to_thread(of_folder, settings, embedder)]


@asynccontextmanager
async def _opened(settings: AllSettings, *, calls: bool) -> AsyncIterator[Case]:
    """Redis and what stands in it; a server that is set up badly is opened, too, since that is to be found out.

    Raises:
        StartupError: there is none, or it does not answer soon.
    """
    check_format(settings.shared.data_dir)
    async with AsyncExitStack() as stack:
        shared = settings.shared
        if shared.redis_url is None:
            url = await stack.enter_async_context(embedded_valkey(shared.data_dir))
            shared = shared.model_copy(update={"redis_url": SecretStr(url)})
        try:
            clients = await stack.enter_async_context(redis_clients(shared))
        except ValueError as error:
            raise StartupError("REDIS_URL or REDIS_CACHE_URL is no address such as redis://127.0.0.1:6379/0") from error
        registry = _registry(settings, clients.state)
        tenants = await _answered(clients.state, named(settings.shared))
        budget = CallBudget(clients.state, timedelta(seconds=shared.freshdesk_window_s))
        http = await stack.enter_async_context(freshdesk_http())
        yield Case(settings, clients, registry, tenants, budget, http, calls)


def _registry(settings: AllSettings, state: Redis) -> TenantRegistry | None:
    """The registry, where there are keys: looking must not make the key file, which would hide that it was lost."""
    shared = settings.shared
    if shared.master_keys is None and not (shared.data_dir / "master.key").exists():
        return None
    try:
        return TenantRegistry(state, Vault.from_settings(shared))
    except StartupError:
        return None  # `machine` says so


async def _answered(state: Redis, name: str) -> tuple[Tenant, ...]:
    """The records of all accounts.

    Raises:
        StartupError: it does not answer.
    """
    # Only records are read, for which no key is needed.
    registry = TenantRegistry(state, Vault([bytes(32)]))
    try:
        async with asyncio.timeout(REDIS_WITHIN_S):
            found = [await registry.get(host) for host in await registry.hosts()]
    except (RedisError, OSError, TimeoutError) as error:
        raise StartupError(f"{name} does not answer ({type(error).__name__})") from error
    except msgspec.MsgspecError as error:
        raise StartupError("A tenant's record can't be read: was it written by a newer version?") from error
    return tuple(tenant for tenant in found if tenant is not None)
