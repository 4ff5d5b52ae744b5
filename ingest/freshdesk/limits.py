"""What Freshdesk says about its rate limit, and what a call costs (its rate-limit article and API reference).

A limit is the account's, for all its apps together. Headers come in any case, as decimals ("700.0"), or not at all. A
list of tickets has a limit of its own that no header tells of: it may be refused while the account has calls left.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from ingest.retry_after import retry_after

DEFAULT_RETRY_AFTER = timedelta(seconds=30)
SHORTEST_RETRY_AFTER = timedelta(seconds=1)
"""Freshdesk counts in whole seconds: one that it rounded down to nothing is not over yet."""
MOST_CREDITS = 100_000
"""Fifty times the largest plan; a header that says more is broken."""
TOO_MANY_REQUESTS = 429


class Priority(IntEnum):
    """Who goes first when calls run short; each leaves a share to those before it (see `take_call.lua`)."""

    INTERACTIVE = 0
    """An agent waits: may use every call (but one, beside live tickets), and waits a few seconds for one."""
    LIVE = 1
    """A ticket changed: leaves 5 % to agents, about one look at a ticket where the limit is lowest."""
    BACKFILL = 2
    """History and reconciling: leaves 5 % to agents, to live tickets a look at each that is due (at most 15 %), or
    what they take in the rest of Freshdesk's minute where its beginning was seen, comes evenly spread, and nearly stops
    while live tickets queue."""


@dataclass(frozen=True)
class Cost:
    """What a call is expected to cost: credits of the account's limit, and whether the ticket lists' limit counts."""

    credits: int = 1
    ticket_list: bool = False


@dataclass(frozen=True)
class Reported:
    """What an answer said: credits a window in all, left, and used by this call; None where it did not say."""

    total: int | None
    remaining: int | None
    used: int | None
    blocked_for: timedelta | None
    """How long further calls will be refused, on a 429."""


def cost_of(method: str, path: str, params: Mapping[str, str]) -> Cost:
    """The expected cost: each `include` is one credit more on a single ticket and two more on the ticket list."""
    includes = len([name for name in params.get("include", "").split(",") if name])
    if method == "GET" and path == "/tickets":
        return Cost(1 + 2 * includes, ticket_list=True)
    return Cost(1 + includes)


def reported(status: int, headers: Mapping[str, str]) -> Reported:
    """Read an answer's headers; nothing in them is trusted to be there or to be a number."""
    blocked_for = None
    if status == TOO_MANY_REQUESTS:
        asked = retry_after(headers)
        blocked_for = DEFAULT_RETRY_AFTER if asked is None else max(SHORTEST_RETRY_AFTER, asked)
    total = _credits(headers, "x-ratelimit-total")
    return Reported(
        # An account without any calls is asked now and then whether it has some by now.
        total=None if total is None else max(1, total),
        remaining=_credits(headers, "x-ratelimit-remaining"),
        used=_credits(headers, "x-ratelimit-used-currentrequest"),
        blocked_for=blocked_for,
    )


def _credits(headers: Mapping[str, str], name: str) -> int | None:
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and 0 <= number <= MOST_CREDITS else None
