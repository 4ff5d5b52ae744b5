"""One Freshdesk account: whether its key opens, what it may do, the plan and its limit, and the clock over there."""

from collections.abc import Mapping
from typing import Any

from deploy.doctor.case import Case
from deploy.doctor.clock import ahead_of_ours, of_clock
from deploy.doctor.finding import Finder, Finding
from deploy.doctor.rules import of_rules
from deploy.doctor.webhooks import of_webhooks
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.limits import Reported, reported
from shared.errors import (
    CanvasError,
    FreshdeskInaccessible,
    FreshdeskLimited,
    FreshdeskRefused,
    FreshdeskRejected,
    StartupError,
)
from shared.tenants import GLOBAL_SCOPE, Tenant

OK = 200
FEW_CALLS = 0.1
SMALLEST_PLAN = 50


async def of_account(case: Case, tenant: Tenant) -> list[Finding]:
    """All about one account; with `case.calls` Freshdesk is asked, in at most six calls of the account's limit."""
    finder = Finder("freshdesk", tenant.host)
    found, readable = _credentials(case, tenant, finder)
    if not readable or not case.calls:
        return found
    freshdesk = case.freshdesk(tenant)
    try:
        agent, headers = await freshdesk.look("/agents/me")
    except CanvasError as error:
        return [*found, _no_answer(error, finder)]
    found += _agent(agent if isinstance(agent, dict) else {}, finder)
    found += _limit(reported(OK, headers), finder)
    ahead_s = ahead_of_ours(headers)
    found += [] if ahead_s is None else of_clock(finder, "Freshdesk's clock", ahead_s)
    found.append(await _plan(freshdesk, tenant, finder))
    found += await of_rules(case, tenant, freshdesk)
    return [*found, *await of_webhooks(case, tenant, freshdesk)]


def _credentials(case: Case, tenant: Tenant, finder: Finder) -> tuple[list[Finding], bool]:
    """Whether the stored key and secrets can be read, and by which master key."""
    remedy = f"put the old key back into CANVAS_MASTER_KEYS (or master.key), or `canvas tenant add {tenant.host}`"
    if case.registry is None:
        return [finder.problem("credentials", f"The key of {tenant.host} can't be read: no master key", remedy)], False
    try:
        current = case.registry.is_current(tenant)
    except StartupError:
        text = f"No master key decrypts the credentials of {tenant.host}"
        return [finder.problem("credentials", text, remedy)], False
    if not current:
        text = "The credentials are encrypted by an older master key"
        return [finder.warning("credentials", text, "run `canvas tenant reencrypt` before it is taken away")], True
    if tenant.valid_secrets > 1:
        text = "Two webhook secrets are valid: a rotation was not finished"
        return [finder.warning("credentials", text, f"`canvas tenant rotate-secret {tenant.host} --finish`")], True
    return [finder.ok("credentials", "The stored credentials can be read")], True


def _no_answer(error: CanvasError, finder: Finder) -> Finding:
    host = finder.host
    if isinstance(error, FreshdeskRefused):
        text = f"{host} refuses the stored API key: no ticket of it is computed any more"
        return finder.problem("freshdesk-key", text, f"`canvas tenant add {host}` with a key that works")
    if isinstance(error, FreshdeskInaccessible | FreshdeskRejected):
        text = f"{host} does not let this key look at its own agent"
        return finder.problem("freshdesk-key", text, "use the key of a full-time or occasional agent, no collaborator")
    if isinstance(error, FreshdeskLimited):
        text = f"The calls of {host} are used up at the moment"
        return finder.warning("freshdesk-limit", text, "see which other apps use the account's API; try again")
    remedy = "see Freshdesk's status page, and this machine's DNS and way to the internet"
    return finder.problem(error.code, f"{host}: {error.detail}", remedy)


def _agent(agent: Mapping[str, Any], finder: Finder) -> list[Finding]:
    if agent.get("ticket_scope", GLOBAL_SCOPE) == GLOBAL_SCOPE:
        return [finder.ok("freshdesk-key", f"The key is agent {agent.get('id')}'s, who sees all tickets")]
    seen = "the tickets of its groups" if agent.get("ticket_scope") == 2 else "its own tickets"
    text = f"The key's agent sees only {seen}: others get no Canvas and are never found as similar"
    return [finder.problem("freshdesk-scope", text, f"`canvas tenant add {finder.host}` with the key of an admin")]


def _limit(said: Reported, finder: Finder) -> list[Finding]:
    if said.total is None:
        return [finder.ok("freshdesk-limit", "Freshdesk names no limit of calls")]
    left = said.total if said.remaining is None else said.remaining
    text = f"{left:,} of {said.total:,} calls a minute are left"
    if left < FEW_CALLS * said.total:
        remedy = "see which other apps use the account's API: the limit is shared by all of them"
        return [finder.warning("freshdesk-limit", text, remedy)]
    if said.total <= SMALLEST_PLAN:
        return [finder.warning("freshdesk-limit", f"{text}: little", "a larger plan has 100 to 700; updates come late")]
    return [finder.ok("freshdesk-limit", text)]


async def _plan(freshdesk: FreshdeskClient, tenant: Tenant, finder: Finder) -> Finding:
    try:
        account, _ = await freshdesk.look("/account")
    except CanvasError:
        account = None
    plan = account.get("tier_type") if isinstance(account, dict) else tenant.account and tenant.account.plan
    return finder.ok("freshdesk-plan", f"Plan: {plan or 'not said to this key'}"[:100])
