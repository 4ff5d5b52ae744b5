"""Whether the rules really fire: the time of the last webhook against what has changed in Freshdesk since.

Every new ticket fires the rule for creations; what other automations change fires none. So a ticket that was made after
the last webhook is proof, one that was only changed is a hint.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.doctor.case import Case
from deploy.doctor.finding import Finder, Finding
from ingest.freshdesk.client import FreshdeskClient
from ingest.last_webhook import last_webhook
from shared.errors import CanvasError
from shared.tenants import Tenant

GRACE = timedelta(minutes=2)
"""A webhook may be on its way, and its time is kept to ten seconds."""
LOOK_BACK = timedelta(days=1)


async def of_webhooks(case: Case, tenant: Tenant, freshdesk: FreshdeskClient) -> list[Finding]:
    """The time of the last webhook, and what it should have told since."""
    finder = Finder("freshdesk", tenant.host)
    last, now = await last_webhook(case.redis.state, tenant.host), datetime.now(UTC)
    since = max(now - LOOK_BACK, tenant.created_at, last or tenant.created_at)
    try:
        rows, _ = await freshdesk.look(f"/tickets?updated_since={since:%Y-%m-%dT%H:%M:%SZ}&per_page=100")
    except CanvasError as error:
        return [finder.warning(error.code, f"The ticket list can't be read: {error.detail}", "try again")]
    listed = rows if isinstance(rows, list) else []
    window = (since + (GRACE if last else timedelta()), now - GRACE)
    created = sum(_within(row, "created_at", *window) for row in listed)
    changed = sum(_within(row, "updated_at", *window) for row in listed)
    when = "No webhook has come in 30 days" if last is None else f"The last webhook came {_ago(now - last)} ago"
    if created:
        text = f"{when}, and {created} tickets were made since: the rules do not reach us"
        remedy = f"see the rules above and the way to CANVAS_PUBLIC_URL; `canvas reconcile {tenant.host}` meanwhile"
        return [finder.problem("webhooks", text, remedy)]
    if changed:
        text = f"{when}, and {changed} tickets changed since: by automations alone, or the rules do not fire"
        return [finder.warning("webhooks", text, "change a ticket by hand and run this again after two minutes")]
    return [finder.ok("webhooks", f"{when}, and nothing has changed since")]


def _within(row: Any, name: str, first: datetime, last: datetime) -> bool:
    try:
        return first < datetime.fromisoformat(row[name]) < last
    except (KeyError, TypeError, ValueError):
        return False


def _ago(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
