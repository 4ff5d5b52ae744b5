"""Make a Freshdesk account a tenant, install its webhook rules, and change its secrets without losing a webhook.

A secret is valid from before a rule carries it until no rule does: a rotation adds the new one, puts it into the rules,
and only `finish_rotation` drops the old one.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import structlog

from ingest.context import ReceiverContext
from ingest.erasure import erasure_of
from ingest.freshdesk.account import AccountFacts, read_account
from ingest.freshdesk.client import FreshdeskClient
from ingest.rules import CREATION, RULE_NAME, RULE_TYPES, UPDATES, put_rule, rule_body, secrets_sent, webhook_url
from shared.errors import BadInput, FreshdeskInaccessible, FreshdeskRefused, FreshdeskRejected, Unauthorized
from shared.tenants import Language, Tenant, parse_host
from shared.vault import new_secret

__all__ = [
    "CREATION",
    "RULE_NAME",
    "UPDATES",
    "Rotation",
    "finish_rotation",
    "install_webhooks",
    "register_tenant",
    "rotate_secret",
    "rule_body",
    "webhook_url",
]

log = structlog.get_logger()


async def register_tenant(
    context: ReceiverContext, freshdesk: FreshdeskClient, host: str, api_key: str
) -> tuple[Tenant, str | None]:
    """Check a key with Freshdesk and store the tenant; returns it with its webhook secret if that is new.

    Registering again replaces the key and what the account says about itself. It leaves the secrets alone, since the
    rules in Freshdesk carry them, and the settings.

    Raises:
        BadInput: not a Freshdesk host, or the tenant is being removed at this moment.
        Unauthorized: Freshdesk refuses the key.
        FreshdeskUnavailable, FreshdeskLimited: try again.
    """
    host = parse_host(host)
    try:
        facts = await read_account(freshdesk)
    except (FreshdeskRefused, FreshdeskInaccessible) as error:
        raise Unauthorized(f"{host} does not accept this API key") from error
    erasing = await erasure_of(context, host)
    if erasing is not None and erasing.going_on:
        raise BadInput(f"{host} is being removed: add it again when that is done")
    sealed_key = context.vault.encrypt(api_key, host)
    secret = None
    if await context.tenants.get(host) is None:
        secret = new_secret()
        tenant = _with_facts(_new_tenant(host, sealed_key, context.tenants.seal(host, [secret])), facts)
        await context.tenants.put(tenant)
    else:
        tenant = await context.tenants.update(
            host, lambda old: _with_facts(msgspec.structs.replace(old, api_key=sealed_key), facts)
        )
    await context.ledger.replay(host)  # what failed for the old key is tried with the new one
    log.info("tenant registered", host=host, agent=tenant.agent_id)
    return tenant, secret


def _new_tenant(host: str, sealed_key: bytes, sealed_secrets: list[bytes]) -> Tenant:
    return Tenant(
        host=host,
        api_key=sealed_key,
        webhook_secrets=sealed_secrets,
        language="en",
        agent_id=0,
        created_at=datetime.now(UTC),
        statuses={},
    )


def _with_facts(tenant: Tenant, facts: AccountFacts) -> Tenant:
    """The record with what the account says now; what this key may not read stays as an earlier one has read it."""
    language: Language = "ko" if facts.languages and facts.languages[0].lower().startswith("ko") else "en"
    return msgspec.structs.replace(
        tenant,
        agent_id=facts.agent_id,
        ticket_scope=facts.ticket_scope,
        language=language if facts.languages else tenant.language,
        languages=facts.languages or tenant.languages,
        statuses=facts.statuses or tenant.statuses,
        account=facts.account or tenant.account,
        calls_a_minute=facts.calls_a_minute,
    )


async def install_webhooks(
    context: ReceiverContext, freshdesk: FreshdeskClient, tenant: Tenant, public_url: str
) -> list[str]:
    """Create the two automation rules, or repair them where they differ; what was done, a line or more a rule.

    They carry the newest secret; of a tenant whose secrets nobody can read any more a new one is made first.

    Raises:
        BadInput: the key's agent is no admin, so that the rules have to be made by hand.
    """
    tenant = await context.tenants.update(
        tenant.host, lambda now: now if now.webhook_secrets else _with_new_secret(context, now)
    )
    secret = context.tenants.webhook_secrets(tenant)[0]
    url = webhook_url(public_url, tenant.host)
    try:
        reports = [await put_rule(freshdesk, rule_type, url, secret) for rule_type in RULE_TYPES]
    except (FreshdeskInaccessible, FreshdeskRejected) as error:
        raise BadInput("This API key may not write automation rules: use an admin's key") from error
    return [line for report in reports for line in report.lines()]


class Rotation(NamedTuple):
    """A change of the webhook secret: the new one, and whether it was begun before and goes on."""

    tenant: Tenant
    secret: str
    resumed: bool


async def rotate_secret(context: ReceiverContext, host: str) -> Rotation:
    """Begin to change the webhook secret: from here on the old one and a new one are valid.

    While two are valid this returns the newer of them instead of making a third: a rule may still carry the older one.

    Raises:
        BadInput: the tenant is not registered.
    """
    resumed = False

    def begin(tenant: Tenant) -> Tenant:
        nonlocal resumed
        resumed = bool(tenant.webhook_secrets) and tenant.valid_secrets > 1
        return tenant if resumed else _with_new_secret(context, tenant)

    tenant = await context.tenants.update(host, begin)
    return Rotation(tenant, context.tenants.webhook_secrets(tenant)[0], resumed)


async def finish_rotation(context: ReceiverContext, freshdesk: FreshdeskClient, tenant: Tenant) -> int:
    """Drop all webhook secrets but the newest, and say how many those were.

    Raises:
        BadInput: a rule in Freshdesk still sends an old one, or no newer one was made.
    """
    if not tenant.webhook_secrets:
        raise BadInput(f"No newer secret was made: run `canvas tenant rotate-secret {tenant.host}` first")
    newest = context.tenants.webhook_secrets(tenant)[0]
    for rule_id, sent in await _sent(freshdesk):
        if sent != newest and context.tenants.accepts_webhook(tenant, sent):
            raise BadInput(
                f"Rule {rule_id} in Freshdesk still sends the old secret: put the new one into it, or run "
                f"`canvas tenant install-webhooks {tenant.host} --public-url https://…`"
            )
    dropped = 0

    def finish(now: Tenant) -> Tenant:
        nonlocal dropped
        if now.webhook_secrets[:1] != tenant.webhook_secrets[:1]:
            raise BadInput("Another rotation was begun meanwhile")
        dropped = now.valid_secrets - 1
        return msgspec.structs.replace(now, webhook_secrets=now.webhook_secrets[:1], webhook_hashes=[])

    await context.tenants.update(tenant.host, finish)
    return dropped


async def _sent(freshdesk: FreshdeskClient) -> list[tuple[int, str]]:
    """Each secret that a rule sends, with the rule's id; nothing where the key may not read rules."""
    try:
        rules = [rule for rule_type in RULE_TYPES for rule in await freshdesk.rules(rule_type)]
    except (FreshdeskInaccessible, FreshdeskRejected):
        return []
    return [(int(rule["id"]), sent) for rule in rules for sent in secrets_sent(rule)]


def _with_new_secret(context: ReceiverContext, tenant: Tenant) -> Tenant:
    sealed = context.tenants.seal(tenant.host, [new_secret()])
    return msgspec.structs.replace(tenant, webhook_secrets=[*sealed, *tenant.webhook_secrets])
