"""The two automation rules in Freshdesk: there, active, saying what ours say, to us, with a valid secret."""

from collections.abc import Iterator
from typing import Any

from deploy.doctor.case import Case
from deploy.doctor.finding import Finder, Finding
from ingest.freshdesk.client import FreshdeskClient
from ingest.rules import (
    RULE_NAME,
    RULE_TYPES,
    rule_body,
    says_the_same,
    secrets_sent,
    webhook_url,
    webhooks_of,
)
from shared.errors import CanvasError, FreshdeskInaccessible, FreshdeskRejected
from shared.tenants import Tenant


async def of_rules(case: Case, tenant: Tenant, freshdesk: FreshdeskClient) -> list[Finding]:
    """Both rules; an agent who is no admin can't look at them."""
    finder = Finder("freshdesk", tenant.host)
    found: list[Finding] = []
    for rule_type in RULE_TYPES:
        try:
            rules = await freshdesk.rules(rule_type)
        except (FreshdeskInaccessible, FreshdeskRejected):
            text = "The key is no admin's: the webhook rules can't be looked at, installed or repaired"
            remedy = f"`canvas tenant add {tenant.host}` with an admin's key, or look at the two rules by hand"
            return [*found, finder.warning("freshdesk-admin", text, remedy)]
        except CanvasError as error:
            return [*found, finder.warning(error.code, f"The rules can't be read: {error.detail}", "try again")]
        found += _of_type(case, tenant, rule_type, rules)
    return [finder.ok("freshdesk-admin", "The key may read automation rules"), *found]


def _of_type(case: Case, tenant: Tenant, rule_type: int, rules: list[dict[str, Any]]) -> Iterator[Finding]:
    finder = Finder("freshdesk", tenant.host)
    what = f"The rule for tickets that are {RULE_TYPES[rule_type]}"
    install = f"`canvas tenant install-webhooks {tenant.host}` makes or repairs it"
    ours = [rule for rule in rules if rule.get("name") == RULE_NAME or _calls_us(rule, tenant.host)]
    public_url = case.settings.deploy.public_url
    wanted = webhook_url(public_url, tenant.host) if public_url else ""
    ours.sort(key=lambda rule: (wanted not in _addresses(rule), not rule.get("active")))
    if not ours:
        yield finder.problem("rule-missing", f"{what} is missing: changes come minutes late", install)
        return
    rule = ours[0]
    if not rule.get("active"):
        yield finder.problem("rule-inactive", f"{what} is switched off", f"switch it on in Freshdesk; or {install}")
    elif wanted and wanted not in _addresses(rule):
        yield finder.problem("rule-address", f"{what} calls another address than CANVAS_PUBLIC_URL", install)
    elif not _says_what_ours_says(rule, rule_type):
        yield finder.warning("rule-differs", f"{what} was changed by hand: it may miss changes", install)
    else:
        yield finder.ok("rule", f"{what} is there, active, and says what it should")
    yield from _secret(case, tenant, rule, what, install)
    if len(ours) > 1:
        numbers = ", ".join(str(each.get("id")) for each in ours[1:])
        text = f"{what} has {len(ours) - 1} more beside it (id {numbers}): each sends its own webhook"
        yield finder.warning("rule-duplicate", text, "delete it in Freshdesk, unless another installation uses it")


def _secret(case: Case, tenant: Tenant, rule: dict[str, Any], what: str, install: str) -> Iterator[Finding]:
    """Nothing is said where Freshdesk does not show the header."""
    finder = Finder("freshdesk", tenant.host)
    registry = case.registry
    wrong = [sent for sent in secrets_sent(rule) if registry and not registry.accepts_webhook(tenant, sent)]
    if wrong:
        yield finder.problem(
            "rule-secret", f"{what} sends a secret that is not accepted: its webhooks get 401", install
        )


def _says_what_ours_says(rule: dict[str, Any], rule_type: int) -> bool:
    """Whether it says all that ours says beside address and secret, which are looked at by themselves."""
    [action] = webhooks_of(rule) if len(webhooks_of(rule)) == 1 else [{}]
    wanted = rule_body(rule_type, str(action.get("url")), "")
    ours = {**wanted["actions"][0]}
    del ours["custom_headers"]
    return says_the_same(rule, {**wanted, "name": rule.get("name"), "actions": [ours]})


def _calls_us(rule: dict[str, Any], host: str) -> bool:
    return any(address.endswith(webhook_url("", host)) for address in _addresses(rule))


def _addresses(rule: dict[str, Any]) -> list[str]:
    return [str(action.get("url", "")).rstrip("/") for action in webhooks_of(rule)]
