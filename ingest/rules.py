"""The two automation rules by which Freshdesk tells us of changes: what they say, and whether a rule still says it.

The body holds ids only: an unquoted or badly escaped placeholder would break the JSON, and no text leaves Freshdesk
this way. The secret travels in a header of its own.

Writes with the API count as an agent's, so an integration that answers webhooks with writes can call itself for ever.
Three things keep that from happening here. The rules fire for agents and requesters, never for "System": what other
rules do sends nothing (the reconciler sees it). Prompt Canvas writes nothing into tickets: `FreshdeskClient` has no
method that could. And a webhook only asks for a look at the ticket: where its content is what it was, no model is
called. Freshdesk's rules can name the agents that fire them but leave none out, so the key's own agent is not excluded:
it may well be a person who answers tickets.
"""

from typing import Any, Literal, NamedTuple

from ingest.freshdesk.client import FreshdeskClient
from ingest.webhook_auth import SECRET_HEADER

Outcome = Literal["created", "repaired", "unchanged"]
CREATION, UPDATES = 1, 4
RULE_TYPES = {CREATION: "created", UPDATES: "updated"}
RULE_NAME = "Prompt Canvas"
CONTENT = '{"ticket_id":"{{ticket.id}}","event":"{{triggered_event}}"}'
WEBHOOK_ACTION = "trigger_webhook"
AGENT_OR_REQUESTER = 3
UPDATE_EVENTS: list[dict[str, Any]] = [
    {"field_name": "reply_sent"},
    {"field_name": "note_type", "value": "--"},
    {"field_name": "ticket_action", "value": "update"},
    {"field_name": "status", "from": "--", "to": "--"},  # a merge closes its tickets, and announces no more than that
    {"field_name": "ticket_action", "value": "delete"},
    {"field_name": "ticket_action", "value": "marked_spam"},
]


class RuleReport(NamedTuple):
    """What was done about the rule of one type, and which other rules have our name."""

    rule_type: int
    outcome: Outcome
    duplicates: list[int]

    def lines(self) -> list[str]:
        """The report for a person."""
        said = [f"{self.outcome}: the rule for tickets that are {RULE_TYPES[self.rule_type]}"]
        return said + [
            f"duplicate: rule {number} is named {RULE_NAME!r} too and sends its own webhook: delete it in Freshdesk"
            for number in self.duplicates
        ]


def webhook_url(public_url: str, host: str) -> str:
    """Where Freshdesk sends a tenant's webhooks."""
    return f"{public_url.rstrip('/')}/webhooks/freshdesk/{host}"


def rule_body(rule_type: int, url: str, secret: str) -> dict[str, Any]:
    """An automation rule as the API takes it: 1 for creation, 4 for updates (by agents and requesters)."""
    action = {
        "field_name": WEBHOOK_ACTION,
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


async def put_rule(freshdesk: FreshdeskClient, rule_type: int, url: str, secret: str) -> RuleReport:
    """Create the rule of one type, repair it where it differs from ours, or leave it alone.

    Raises:
        FreshdeskInaccessible, FreshdeskRejected: the key's agent may not.
        FreshdeskUnavailable, FreshdeskLimited: try again.
    """
    wanted = rule_body(rule_type, url, secret)
    named = [rule for rule in await freshdesk.rules(rule_type) if rule.get("name") == RULE_NAME]
    # Of several, the one that calls this installation: another one may use the same account and the same name.
    named.sort(key=lambda rule: url not in [action.get("url") for action in webhooks_of(rule)])
    duplicates = [int(rule["id"]) for rule in named[1:]]
    if not named:
        await freshdesk.put_rule(rule_type, wanted)
        return RuleReport(rule_type, "created", duplicates)
    if says_the_same(named[0], wanted):
        return RuleReport(rule_type, "unchanged", duplicates)
    await freshdesk.put_rule(rule_type, wanted, int(named[0]["id"]))
    return RuleReport(rule_type, "repaired", duplicates)


def says_the_same(found: Any, wanted: Any) -> bool:
    """Whether a rule as Freshdesk returns it says all that ours says; what Freshdesk adds of its own does not count.

    Numbers may come back as text, the names of headers in another case, and lists in another order.
    """
    if isinstance(wanted, dict):
        theirs = {str(name).lower(): value for name, value in found.items()} if isinstance(found, dict) else {}
        return all(says_the_same(theirs.get(name.lower()), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        theirs_listed = found if isinstance(found, list) else []
        return len(theirs_listed) == len(wanted) and all(
            any(says_the_same(item, value) for item in theirs_listed) for value in wanted
        )
    return str(found) == str(wanted)


def webhooks_of(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """The webhook actions of a rule."""
    actions = rule.get("actions")
    found = [action for action in actions if isinstance(action, dict)] if isinstance(actions, list) else []
    return [action for action in found if action.get("field_name") == WEBHOOK_ACTION]


def secrets_sent(rule: dict[str, Any]) -> list[str]:
    """What a rule's webhooks send in our header, as far as Freshdesk shows it."""
    headers = [action.get("custom_headers") for action in webhooks_of(rule)]
    return [
        str(value)
        for each in headers
        if isinstance(each, dict)
        for name, value in each.items()
        if str(name).lower() == SECRET_HEADER.lower()
    ]
