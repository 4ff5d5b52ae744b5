"""`Retry-After` in all forms that services send, and in those that nobody should."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ingest.retry_after import LONGEST, retry_after


def date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def test_a_date_is_of_the_services_own_clock() -> None:
    theirs = datetime.now(UTC) + timedelta(hours=5)  # it is five hours ahead of ours
    headers = {"date": date(theirs), "retry-after": date(theirs + timedelta(seconds=30))}
    assert retry_after(headers) == timedelta(seconds=30)
    behind = datetime.now(UTC) - timedelta(days=3)
    assert retry_after({"date": date(behind), "retry-after": date(behind + timedelta(minutes=1))}) == timedelta(
        minutes=1
    )
    assert retry_after({"retry-after": date(behind)}) == timedelta(0)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("99999999", LONGEST),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
        ("Mon, 32 Jan 2026 00:00:00 GMT", None),
        ("120, 120", None),
        ("9" * 400, None),
        ("", None),
    ],
)
def test_what_makes_no_sense_is_as_if_it_was_not_said(said: str, wait: timedelta | None) -> None:
    assert retry_after({"retry-after": said}) == wait
    assert retry_after({"retry-after": "7", "date": said}) == timedelta(seconds=7)
