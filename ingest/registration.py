"""Make a Freshdesk account a tenant: check its key, store it encrypted, and install the webhook rules.

A webhook secret is stored as a keyed hash only, so it is shown or installed once, when it is made. Two are valid at a
time: a new one works before the rules carry it, and the last one until they all do.
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
) -> tuple[Tenant, str]:
    """Check a key with Freshdesk and store the tenant; returns it with its new webhook secret.

    Registering again replaces the key and keeps the last secret valid.

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
    secret = new_secret()
    tenant = Tenant(
        host=host,
        api_key=context.vault.encrypt(api_key, host),
        webhook_hashes=_with_secret(context, old, host, secret),
        language=await _language(freshdesk),
        agent_id=int(agent["id"]),
        created_at=old.created_at if old else datetime.now(UTC),
        statuses=await freshdesk.status_names(),
    )
    await context.tenants.put(tenant)
    await context.ledger.revive(host)  # what failed for the old key is tried with the new one
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
    hashes = _with_secret(context, tenant, tenant.host, secret)
    # Stored first: from here on both secrets work, whichever the rules carry.
    await context.tenants.put(msgspec.structs.replace(tenant, webhook_hashes=hashes))
    done = []
    try:
        for rule_type, label in ((CREATION, "created"), (UPDATES, "updated")):
            rule = rule_body(rule_type, webhook_url(public_url, tenant.host), secret)
            existing = [old["id"] for old in await freshdesk.rules(rule_type) if old.get("name") == rule["name"]]
            await freshdesk.put_rule(rule_type, rule, existing[0] if existing else None)
            done.append(f"{'repaired' if existing else 'created'} the rule for tickets that are {label}")
    except (FreshdeskInaccessible, FreshdeskRejected) as error:
        raise BadInput("This API key may not write automation rules: use an admin's key") from error
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


def _with_secret(context: ReceiverContext, tenant: Tenant | None, host: str, secret: str) -> list[str]:
    """The keyed hashes that are valid from now on: the new secret's and the last one's."""
    old = tenant.webhook_hashes if tenant else []
    return [context.vault.keyed_hash(secret, host), *old][:VALID_SECRETS]


async def _language(freshdesk: FreshdeskClient) -> Language:
    return "ko" if (await freshdesk.helpdesk_language()).lower().startswith("ko") else "en"
