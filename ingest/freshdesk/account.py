"""What an account tells about itself when it is connected: whose key this is, its languages, statuses, plan and limit.

Only the key itself must be good (`/agents/me` is open to every agent). The rest may be refused to an agent who is no
admin, or be absent on older accounts, and has a default then.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from shared.errors import FreshdeskInaccessible, FreshdeskRejected, FreshdeskUnavailable
from shared.tenants import GLOBAL_SCOPE, Account

LIMIT_HEADER = "x-ratelimit-total"


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What could be read; the fields are those of `shared.tenants.Tenant`, `languages` empty where it is not said."""

    agent_id: int
    ticket_scope: int
    languages: list[str]
    statuses: dict[int, str]
    account: Account | None
    calls_a_minute: int | None


class Reads(Protocol):
    """The part of the Freshdesk client that is needed here."""

    async def look(self, path: str) -> tuple[Any, Mapping[str, str]]:
        """The answer to a GET below `/api/v2`, and its headers."""


async def read_account(freshdesk: Reads) -> AccountFacts:
    """Read an account with an agent's key, in four calls.

    Raises:
        FreshdeskRefused, FreshdeskInaccessible: this is no agent's key.
        FreshdeskUnavailable, FreshdeskLimited: try again.
    """
    agent, headers = await freshdesk.look("/agents/me")
    if not isinstance(agent, dict) or not isinstance(agent.get("id"), int):
        raise FreshdeskUnavailable("Freshdesk did not say whose key this is")
    languages = _languages(await _optional(freshdesk, "/settings/helpdesk"))
    contact = agent.get("contact")
    return AccountFacts(
        agent_id=agent["id"],
        ticket_scope=_number(agent.get("ticket_scope")) or GLOBAL_SCOPE,
        # An agent's own language is a better guess than none.
        languages=languages or _texts([contact.get("language") if isinstance(contact, dict) else None]),
        statuses=_statuses(await _optional(freshdesk, "/ticket_fields")),
        account=_account(await _optional(freshdesk, "/account")),
        calls_a_minute=_number(headers.get(LIMIT_HEADER)),
    )


async def _optional(freshdesk: Reads, path: str) -> Any:
    try:
        answer, _ = await freshdesk.look(path)
    except (FreshdeskInaccessible, FreshdeskRejected):
        return None
    return answer


def _account(answer: Any) -> Account | None:
    if not isinstance(answer, dict):
        return None
    return Account(
        account_id=_number(answer.get("account_id")) or 0,
        name=str(answer.get("account_name") or answer.get("organisation_name") or "")[:100],
        plan=str(answer.get("tier_type") or "")[:100],
        data_center=str(answer.get("data_center") or "")[:100],
        timezone=str(answer.get("timezone") or "")[:100],
    )


def _languages(answer: Any) -> list[str]:
    """The primary language first, then those that are supported beside it."""
    if not isinstance(answer, dict):
        return []
    supported = answer.get("supported_languages")
    return _texts([answer.get("primary_language"), *(supported if isinstance(supported, list) else [])])


def _statuses(fields: Any) -> dict[int, str]:
    """The agents' labels of statuses by number: `{"2": ["Open", "Being Processed"]}` is [agents', customers']."""
    for field in fields if isinstance(fields, list) else []:
        choices = field.get("choices") if isinstance(field, dict) and field.get("name") == "status" else None
        if isinstance(choices, dict):
            found = {_number(number): _label(labels) for number, labels in choices.items()}
            return {number: label for number, label in found.items() if number and label}
    return {}


def _label(labels: Any) -> str:
    first = labels[0] if isinstance(labels, list) and labels else labels
    return first if isinstance(first, str) else ""


def _texts(values: list[Any]) -> list[str]:
    return list(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def _number(value: Any) -> int | None:
    """A whole number, also from the decimals ("700.0") that Freshdesk's headers carry."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
