"""What calls cost, and what answers say about the limit."""

from datetime import timedelta

import httpx
import pytest

from ingest.freshdesk.limits import Cost, Reported, cost_of, reported


@pytest.mark.parametrize(
    ("method", "path", "params", "cost"),
    [
        ("GET", "/tickets/7", {"include": "conversations,requester"}, Cost(3)),
        ("GET", "/tickets/7", {}, Cost(1)),
        ("GET", "/tickets/archived/7", {}, Cost(1)),
        ("GET", "/tickets/7/conversations", {"page": "1"}, Cost(1)),
        ("GET", "/tickets", {"page": "1"}, Cost(1, ticket_list=True)),
        ("GET", "/tickets", {"include": "stats,requester"}, Cost(5, ticket_list=True)),
        ("POST", "/tickets", {}, Cost(1)),
        ("GET", "/agents/me", {}, Cost(1)),
    ],
)
def test_an_include_costs_one_credit_on_a_ticket_and_two_on_the_list(
    method: str, path: str, params: dict[str, str], cost: Cost
) -> None:
    assert cost_of(method, path, params) == cost


@pytest.mark.parametrize("name", ["X-RateLimit-", "X-Ratelimit-", "x-ratelimit-"])
def test_headers_are_read_in_any_case_and_as_decimals(name: str) -> None:
    headers = httpx.Headers({f"{name}Total": "700.0", f"{name}Remaining": "12.0", f"{name}Used-CurrentRequest": "3"})
    assert reported(200, headers) == Reported(total=700, remaining=12, used=3, blocked_for=None)


@pytest.mark.parametrize("broken", ["", "many", "-1", "nan", "inf", "1e300", "0x10", "7,000"])
def test_a_header_that_is_no_sane_number_is_as_good_as_missing(broken: str) -> None:
    headers = {"x-ratelimit-total": broken, "x-ratelimit-remaining": broken, "x-ratelimit-used-currentrequest": broken}
    assert reported(200, headers) == Reported(total=None, remaining=None, used=None, blocked_for=None)


def test_an_account_without_calls_is_still_asked_one_at_a_time() -> None:
    assert reported(403, {"x-ratelimit-total": "0.0"}).total == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("-5", 1), ("", 30), ("soon", 30), ("nan", 30), ("99999999", 3600), ("0.25", 1)],
)
def test_a_refusal_lasts_as_long_as_it_says_within_reason(header: str, seconds: float) -> None:
    assert reported(429, {"retry-after": header}).blocked_for == timedelta(seconds=seconds)
    assert reported(200, {"retry-after": header}).blocked_for is None
