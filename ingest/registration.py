"""Make a Freshdesk account a tenant: check its key, store it encrypted, and install the webhook rules.

A webhook secret is stored as a keyed hash only, so it is shown or installed once, when it is made. A new one works
before the rules carry it, and an old one until they all carry the new one.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from ingest.context import ReceiverContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.webhooks import SECRET_HEADER
from shared.errors import BadInput, FreshdeskInaccessible, FreshdeskRefused, FreshdeskRejected, Unauthorized
from shared.tenants import Language, Tenant, parse_host
from shared.vault import new_secret

VALID_SECRETS = 2
MOST_SECRETS = 10
"""While an installation does not succeed, no secret is dropped that a rule may still carry."""
CREATION, UPDATES = 1, 4
RULE_NAME = "Prompt Canvas"
# Ids only: an unquoted or badly escaped placeholder would break the JSON, and no text leaves Freshdesk this way.
CONTENT = '{"ticket_id":"{{ticket.id}}","event":"{{triggered_event}}"}'
AGENT_OR_REQUESTER = 3
UPDATE_EVENTS: list[dict[str, Any]] = [
    {"field_name": "reply_sent"},
    {"field_name": "note_type", "value": "--"},
    {"field_name": "ticket_action", "value": "update"},
    {"field_name": "status", "from": "--", "to": "--"},  # a merge closes its tickets, and announces no more than that
    {"field_name": "ticket_action", "value": "delete"},
    {"field_name": "ticket_action", "value": "marked_spam"},
]

log = structlog.get_logger()


async def register_tenant(
    context: ReceiverContext, freshdesk: FreshdeskClient, host: str, api_key: str
) -> tuple[Tenant, str | None]:
    """Check a key with Freshdesk and store the tenant; returns it with its webhook secret if that is new.

    Registering again replaces the key and leaves the secrets alone: the rules in Freshdesk carry them.

    Raises:
        BadInput: not a Freshdesk host.
        Unauthorized: Freshdesk refuses the key.
        FreshdeskUnavailable, FreshdeskLimited: try again.
    """
    host = parse_host(host)
    try:
        agent = await freshdesk.agent()
    except (FreshdeskRefused, FreshdeskInaccessible) as error:
        raise Unauthorized(f"{host} does not accept this API key") from error
    old = await context.tenants.get(host)
    secret = None if old else new_secret()
    tenant = Tenant(
        host=host,
        api_key=context.vault.encrypt(api_key, host),
        webhook_hashes=[context.vault.keyed_hash(secret, host)] if secret else old.webhook_hashes if old else [],
        language=await _language(freshdesk),
        agent_id=int(agent["id"]),
        created_at=old.created_at if old else datetime.now(UTC),
        statuses=await freshdesk.status_names(),
    )
    await context.tenants.put(tenant)
    await context.ledger.replay(host)  # what failed for the old key is tried with the new one
    log.info("tenant registered", host=host, agent=tenant.agent_id)
    return tenant, secret


async def install_webhooks(
    context: ReceiverContext, freshdesk: FreshdeskClient, tenant: Tenant, public_url: str
) -> list[str]:
    """Create or repair the two automation rules with a new secret; returns what was done, one line a rule.

    Raises:
        BadInput: the key's agent is no admin, so that the rules have to be made by hand.
    """
    secret = new_secret()
    hashes = [context.vault.keyed_hash(secret, tenant.host), *tenant.webhook_hashes][:MOST_SECRETS]
    # Stored first: from here on all of them work, whichever the rules carry.
    await context.tenants.put(msgspec.structs.replace(tenant, webhook_hashes=hashes))
    done = []
    try:
        for rule_type, label in ((CREATION, "created"), (UPDATES, "updated")):
            rule = rule_body(rule_type, webhook_url(public_url, tenant.host), secret)
            existing = [old["id"] for old in await freshdesk.rules(rule_type) if old.get("name") == rule["name"]]
            await freshdesk.put_rule(rule_type, rule, existing[0] if existing else None)
            done.append(f"{'repaired' if existing else 'created'} the rule for tickets that are {label}")
    except (FreshdeskInaccessible, FreshdeskRejected) as error:
        if not done:
            await context.tenants.put(tenant)  # no rule carries the new secret
        raise BadInput("This API key may not write automation rules: use an admin's key") from error
    # Both rules carry the new one now; the last one stays, for what Freshdesk still repeats.
    await context.tenants.put(msgspec.structs.replace(tenant, webhook_hashes=hashes[:VALID_SECRETS]))
    return done


def webhook_url(public_url: str, host: str) -> str:
    """Where Freshdesk sends a tenant's webhooks."""
    return f"{public_url.rstrip('/')}/webhooks/freshdesk/{host}"


def rule_body(rule_type: int, url: str, secret: str) -> dict[str, Any]:
    """An automation rule as the API takes it: 1 for creation, 4 for updates (by agents and requesters)."""
    action = {
        "field_name": "trigger_webhook",
        "request_type": "POST",
        "url": url,
        "content_type": "JSON",
        "content_layout": "2",
        "content": CONTENT,
        "custom_headers": {SECRET_HEADER: secret},
    }
    rule: dict[str, Any] = {"name": RULE_NAME, "active": True, "conditions": [], "actions": [action]}
    if rule_type == UPDATES:
        rule |= {"performer": {"type": AGENT_OR_REQUESTER}, "events": UPDATE_EVENTS}
    return rule


async def _language(freshdesk: FreshdeskClient) -> Language:
    return "ko" if (await freshdesk.helpdesk_language()).lower().startswith("ko") else "en"
