"""`Retry-After` as services send it: seconds, milliseconds or a date; not trusted beyond reason (RFC 9110, 10.2.3).

A date is of the service's clock, which may differ from ours: where the answer has its own `Date`, that is its now.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(hours=1)
"""Whoever asks for more is asked again after this; a broken header must not park a ticket for years."""


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long to wait, at most an hour; None where the header is missing or makes no sense."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return timedelta(seconds=min(max(seconds, 0.0), LONGEST.total_seconds()))
    moment = _moment(headers.get("retry-after", ""))
    if moment is None:
        return None
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    return min(max(moment - now, timedelta()), LONGEST)


def _moment(date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):  # a year of twenty digits is the latter
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
