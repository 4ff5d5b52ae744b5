"""`Retry-After` as services send it: seconds, milliseconds or a date; not trusted beyond reason (RFC 9110, 10.2.3)."""

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
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - datetime.now(UTC), timedelta()), LONGEST)
