"""How one look-alike account is set up, and the published rate limits of Freshdesk's plans.

Everything that real accounts differ in, and that Freshdesk leaves undocumented, is a field here, so that a test can ask
for the other answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Budget = Literal["total", "ticket_create", "ticket_update", "ticket_list", "contact_list"]
Counting = Literal["call", "clock", "any"]
"""Which sixty seconds count: they begin with the first call after the last ones, or with the full minute, or any do."""

# Calls a minute of the whole account; source: Freshdesk's rate-limit article. Free accounts have no API at all.
PLANS: dict[str, dict[Budget, int]] = {
    "free": {"total": 0},
    "trial": {"total": 50},
    "growth": {"total": 200, "ticket_create": 80, "ticket_update": 80, "ticket_list": 20, "contact_list": 20},
    "pro": {"total": 400, "ticket_create": 160, "ticket_update": 160, "ticket_list": 100, "contact_list": 100},
    "enterprise": {
        "total": 700,
        "ticket_create": 280,
        "ticket_update": 280,
        "ticket_list": 200,
        "contact_list": 200,
    },
    "addon-1000": {
        "total": 1000,
        "ticket_create": 400,
        "ticket_update": 400,
        "ticket_list": 300,
        "contact_list": 300,
    },
    "addon-2000": {
        "total": 2000,
        "ticket_create": 800,
        "ticket_update": 800,
        "ticket_list": 400,
        "contact_list": 400,
    },
}

# "Once every 30 minutes, 48 calls in total": the first call and 47 retries, about 24 hours.
DOCUMENTED_RETRIES = (timedelta(minutes=30),) * 47


@dataclass(frozen=True)
class HelpdeskSettings:
    """One account of the look-alike."""

    domain: str = "demo.freshdesk.com"
    """The account's full host; it appears in URLs and in `GET /account`, not in routing."""
    api_keys: Mapping[str, str] = field(default_factory=lambda: {"demo-key": "admin", "demo-agent-key": "olivia"})
    """API key -> key of an agent in agents.json; the API key has exactly this agent's rights."""
    plan: str | int | None = "enterprise"
    """A plan's name (see `PLANS`), calls a minute without sub-limits, or None: unlimited and no rate headers."""
    window: timedelta = timedelta(minutes=1)
    """What the plan's calls are counted in: an hour on old accounts (3,000 or 5,000 calls), less in quick tests."""
    counting: Counting = "call"
    """Undocumented which is true."""
    admin_token: str = "demo-admin"  # noqa: S105 - guards switches of a look-alike, not data
    """Bearer token of `/_admin` and `/_desk`, which real accounts don't have."""
    webhook_retry_delays: tuple[timedelta, ...] = DOCUMENTED_RETRIES
    """Waits before the second, third ... call of a webhook that was not answered with 2xx."""
    webhook_timeout: timedelta = timedelta(seconds=15)
    """Freshdesk publishes none; 15 s is what Freshservice documents."""
    language: Literal["ko", "en"] = "en"
    """Primary language of the account: labels of statuses and priorities, also in webhooks."""
    seed: int = 0
    """Seed of every random choice (faults)."""
    deleted_ticket_status: Literal[200, 403, 404] = 200
    """Answer to `GET /tickets/{id}` of a deleted ticket: undocumented, clients have met all three."""
    all_creation_rules: bool = True
    """Account switch "execute all matching rules" on creation; False runs the first matching one only."""
    escape_placeholders: bool = True
    """Whether placeholders inside a typed JSON body are escaped: undocumented, one old capture says yes."""

    def limits(self) -> dict[Budget, int] | None:
        """Calls a minute by budget, or None for an unlimited account.

        Raises:
            ValueError: the plan's name is unknown.

        """
        if self.plan is None:
            return None
        if isinstance(self.plan, int):
            return {"total": self.plan}
        try:
            return PLANS[self.plan]
        except KeyError:
            raise ValueError(f"unknown plan {self.plan!r}; known: {', '.join(PLANS)}") from None
