"""The ticket list hides more than it shows."""

from typing import Any

import pytest

from tests.deploy.demo.helpdesk.account import START, Account

EVER = {"updated_since": "2000-01-01T00:00:00Z"}


async def ids(account: Account, **query: Any) -> list[int]:
    answer = await account.agent.get("/tickets", params=query)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


async def test_without_updated_since_only_the_last_30_days_are_listed_newest_first(reading: Account) -> None:
    assert await ids(reading) == [5, 4, 3, 2]
    assert await ids(reading, **EVER) == [5, 4, 3, 2, 1]


async def test_updated_since_is_inclusive(reading: Account) -> None:
    updated = (await reading.agent.get("/tickets/1")).json()["updated_at"]
    assert updated.endswith("Z")
    assert 1 in await ids(reading, updated_since=updated)
    later = updated.replace("Z", "+00:00")[:-7] + "1+00:00"
    assert 1 not in await ids(reading, updated_since=later)


async def test_deleted_and_spam_tickets_appear_under_their_filters_only(account: Account) -> None:
    await account.admin.delete("/tickets/3")
    await account.house.put("/_desk/tickets/4/spam")
    assert await ids(account, **EVER) == [5, 2, 1]
    assert await ids(account, filter="deleted") == [3]
    assert await ids(account, filter="spam") == [4]


async def test_filters_by_agent_requester_and_company(reading: Account) -> None:
    assert await ids(reading, filter="new_and_my_open") == [5, 2]
    assert await ids(reading, filter="watching") == []
    assert await ids(reading, email="MINSU@example.co.kr") == [3]
    korean = (await reading.agent.get("/tickets/3")).json()
    assert await ids(reading, requester_id=korean["requester_id"]) == [3]
    acme = (await reading.agent.get("/tickets/2?include=company")).json()["company"]
    assert acme["name"] == "Acme"
    assert await ids(reading, company_id=acme["id"]) == [2]


async def test_the_order_can_be_chosen(reading: Account) -> None:
    assert await ids(reading, **EVER, order_by="updated_at", order_type="asc") == [1, 2, 3, 4, 5]
    assert (await ids(reading, order_by="status", order_type="asc"))[-1] == 4
    assert (await ids(reading, order_by="due_by", order_type="asc"))[-1] == 5, "no due time comes last"


async def test_a_link_header_leads_to_the_last_page(reading: Account) -> None:
    seen: list[int] = []
    url: Any = "/tickets?per_page=2&updated_since=2000-01-01T00:00:00Z"
    while url:
        answer = await reading.agent.get(url)
        seen += [row["id"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert seen == [5, 4, 3, 2, 1]


async def test_rows_have_a_description_only_when_it_is_included(reading: Account) -> None:
    row = (await reading.agent.get("/tickets")).json()[0]
    assert "description" not in row
    assert "requester" not in row
    row = (await reading.agent.get("/tickets?include=description,requester,stats")).json()[0]
    assert row["description_text"] == "Hello,\nthe en-new leaks."
    assert row["requester"]["email"] == "ann@example.com"
    assert "closed_at" in row["stats"]


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("page=301", "page", "invalid_value"),
        ("page=0", "page", "invalid_value"),
        ("per_page=101", "per_page", "invalid_value"),
        ("include=conversations", "include", "invalid_value"),
        ("order_by=subject", "order_by", "invalid_value"),
        ("updated_since=yesterday", "updated_since", "invalid_value"),
        ("email=nobody@example.com", "email", "invalid_value"),
        ("colour=red", "colour", "invalid_field"),
    ],
)
async def test_a_wrong_parameter_is_named(reading: Account, query: str, field: str, code: str) -> None:
    answer = await reading.agent.get(f"/tickets?{query}")
    assert answer.status_code == 400
    assert answer.json()["description"] == "Validation failed"
    error = answer.json()["errors"][0]
    assert (error["field"], error["code"]) == (field, code)


async def test_page_300_is_the_last(reading: Account) -> None:
    assert (await reading.agent.get("/tickets?page=300")).json() == []
    refused = await reading.agent.get("/tickets?page=301")
    assert "beyond the 300th page" in refused.json()["errors"][0]["message"]


async def test_search_knows_fields_but_no_text(reading: Account) -> None:
    async def search(query: str) -> Any:
        return (await reading.agent.get("/search/tickets", params={"query": query})).json()

    found = await search("\"(status:3 OR status:5) AND tag:'leak'\"")
    assert (found["total"], [row["id"] for row in found["results"]]) == (2, [4, 1])
    assert (await search('"agent_id:null"'))["total"] == 1
    assert (await search(f"\"created_at:>'{START:%Y-%m-%d}'\""))["total"] == 1
    assert (await search('"subject:leak"'))["errors"][0]["field"] == "query"
    assert (await search("status:3"))["errors"][0]["code"] == "invalid_value"
