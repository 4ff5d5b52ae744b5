"""What happened, for tests and for people who debug: each API request, each webhook attempt.

Both lists are bounded; the oldest records go first.
"""

from collections import deque
from datetime import datetime

from msgspec import Struct, field

# A benchmark's minute at 700 calls/min times 24 minutes; about 10 MB.
KEPT = 20_000


class RequestRecord(Struct):
    """One request under /api; `agent` is the agent's key, `status` 0 means that the connection was cut."""

    at: datetime
    method: str
    path: str
    query: str
    status: int
    agent: str | None
    cost: int
    milliseconds: float
    fault: str | None = None


class WebhookRecord(Struct):
    """One attempt to deliver a webhook.

    `outcome`: delivered (2xx), failed (will be tried again), given_up (the last try failed), dropped (a fault swallowed
    it before the first try), unusable (the rule can't be sent: bad URL or headers). `status` is None without an answer.
    """

    at: datetime
    delivery: int
    rule_id: int
    ticket_id: int
    event: str
    attempt: int
    url: str
    status: int | None
    outcome: str
    body: str
    error: str | None = None


class EventLog(Struct):
    """The two logs of one look-alike."""

    requests: deque[RequestRecord] = field(default_factory=lambda: deque(maxlen=KEPT))
    webhooks: deque[WebhookRecord] = field(default_factory=lambda: deque(maxlen=KEPT))

    def clear(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self.webhooks.clear()
