"""Calls a minute of the account: one budget for everything, and sub-limits for four kinds of call.

The minute starts with the first call after the last one ended, or with the clock's; or any sixty seconds count. A call
over a sub-limit is refused although `X-RateLimit-Remaining` still shows credit, which real clients trip over.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from urllib.parse import parse_qs

from deploy.demo.helpdesk.settings import Budget, Counting

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_API = "/api/v2/"


@dataclass(frozen=True)
class Verdict:
    """Whether a call may go on, and the headers that its answer carries."""

    allowed: bool
    headers: tuple[tuple[bytes, bytes], ...]


class RateLimiter:
    """Counts calls; `limits` None means no limit and no headers."""

    def __init__(
        self,
        limits: dict[Budget, int] | None,
        clock: Callable[[], datetime],
        window: timedelta = timedelta(minutes=1),
        *,
        counting: Counting = "call",
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._window = window
        self._counting = counting
        self._started: datetime | None = None
        self._used: dict[Budget, int] = {}
        self._counted: deque[tuple[datetime, Budget, int]] = deque()

    def take(self, cost: int, budget: Budget | None) -> Verdict:
        """Count a call of `cost` credits, also against its sub-limit; a refused call costs nothing."""
        if self._limits is None:
            return Verdict(True, ())
        left = self._forget()
        total = self._limits["total"]
        over = self._used.get("total", 0) + cost > total
        if budget and budget in self._limits:
            over = over or self._used.get(budget, 0) >= self._limits[budget]
        if not over:
            self._add("total", cost)
            if budget:
                self._add(budget, 1)
        used = 0 if over else cost
        remaining = max(0, total - self._used.get("total", 0))
        # Decimals ("700.0") are what live accounts send.
        headers = [
            (b"x-ratelimit-total", b"%d.0" % total),
            (b"x-ratelimit-remaining", b"%d.0" % remaining),
            (b"x-ratelimit-used-currentrequest", b"%d.0" % used),
        ]
        if over:
            headers.append((b"retry-after", b"%d" % max(1, ceil(left.total_seconds()))))
        return Verdict(not over, tuple(headers))

    def count(self) -> None:
        """Count a call that nobody can refuse: a webhook's."""
        if self._limits is not None:
            self._forget()
            self._add("total", 1)

    def _forget(self) -> timedelta:
        """Forget what counts no more; how long until more of it does not."""
        now = self._clock()
        if self._counting == "any":
            while self._counted and now - self._counted[0][0] >= self._window:
                _, budget, cost = self._counted.popleft()
                self._used[budget] -= cost
            return self._counted[0][0] + self._window - now if self._counted else self._window
        if self._started is None or not timedelta() <= now - self._started < self._window:
            by_clock = self._counting == "clock"
            self._started, self._used = now - ((now - EPOCH) % self._window if by_clock else timedelta()), {}
        return self._started + self._window - now

    def _add(self, budget: Budget, cost: int) -> None:
        self._used[budget] = self._used.get(budget, 0) + cost
        if self._counting == "any":
            self._counted.append((self._clock(), budget, cost))


def price(method: str, path: str, query: str) -> tuple[int, Budget | None]:
    """Credits and sub-limit of a call: each include costs 1 on a single ticket and 2 on the ticket list."""
    if not path.startswith(_API):
        return 1, None
    parts = path[len(_API) :].strip("/").split("/")
    match method, parts:
        case "GET", ["tickets"]:
            return 1 + 2 * _includes(query), "ticket_list"
        case "GET", ["tickets", number] if number.isdigit():
            return 1 + _includes(query), None
        case "POST", ["tickets"]:
            return 1, "ticket_create"
        case "PUT", ["tickets", number] if number.isdigit():
            return 1, "ticket_update"
        case "GET", ["contacts"]:
            return 1, "contact_list"
    return 1, None


def _includes(query: str) -> int:
    if "include=" not in query:
        return 0
    return sum(len(value.split(",")) for value in parse_qs(query).get("include", []))
