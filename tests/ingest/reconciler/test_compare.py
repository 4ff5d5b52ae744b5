"""What is news on a list of tickets, and how often the same news is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.freshdesk.listing import ListedTicket
from ingest.reconciler.compare import MARKS, is_news, next_mark
from shared.reconcile_state import Standing, TicketList

REGISTERED = 1_700_000_000_000
CHANGED = REGISTERED + 3_600_000
ROW = ListedTicket(7, datetime.fromtimestamp(CHANGED / 1000, UTC))


def standing(**known: Any) -> Standing:
    unknown: dict[str, Any] = {
        "known": False,
        "revision": None,
        "gone": False,
        "due": False,
        "given_up_ms": None,
        "marked": "",
        "unlisted": None,
    }
    return Standing(**unknown | {"known": bool(known)} | known)


@pytest.mark.parametrize(
    ("which", "known", "expected"),
    [
        ("updated", {}, True),
        ("updated", {"revision": CHANGED - 1000}, True),
        ("updated", {"revision": CHANGED}, False),
        ("updated", {"revision": CHANGED + 1000}, False),
        ("updated", {"revision": CHANGED - 1000, "due": True}, False),
        ("updated", {"revision": CHANGED, "unlisted": CHANGED}, True),
        ("updated", {"revision": CHANGED, "gone": True}, True),
        ("updated", {"revision": CHANGED + 1000, "gone": True}, False),
        # Given up: only what changed afterwards gives it a new life.
        ("updated", {"revision": CHANGED - 1000, "given_up_ms": CHANGED + 60_000}, False),
        ("updated", {"revision": CHANGED - 1000, "given_up_ms": CHANGED + 10_000}, True),
        ("updated", {"revision": CHANGED - 1000, "given_up_ms": CHANGED - 60_000}, True),
        # A ticket of long ago has no record any more, and the audit must not compute all history again.
        ("audit", {}, False),
        ("audit", {"revision": CHANGED - 1000}, True),
        ("deleted", {}, False),
        ("deleted", {"revision": CHANGED}, True),
        ("deleted", {"known": True}, True),
        ("deleted", {"revision": CHANGED, "gone": True}, False),
        ("spam", {"revision": CHANGED, "due": True}, False),
    ],
)
def test_a_row_is_news_where_it_says_more_than_our_record(
    which: TicketList, known: dict[str, Any], expected: bool
) -> None:
    assert is_news(which, ROW, standing(**known), REGISTERED) is expected


def test_a_ticket_from_before_the_registration_is_the_backfills() -> None:
    assert not is_news("updated", ROW, standing(), CHANGED + 1)


def test_the_same_revision_is_marked_a_few_times_and_the_next_one_again() -> None:
    marked, count = "", 0
    while (note := next_mark("updated", ROW, standing(marked=marked))) is not None:
        marked, count = note, count + 1
    assert count == MARKS
    assert next_mark("audit", ROW, standing(marked=marked)) is None
    assert next_mark("deleted", ROW, standing(marked=marked)) is not None
    later = ListedTicket(7, datetime.fromtimestamp(CHANGED / 1000 + 1, UTC))
    assert next_mark("updated", later, standing(marked=marked)) is not None
