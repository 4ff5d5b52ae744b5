"""Viewing, creating and changing tickets and those who write them."""

from typing import Any

import pytest

from tests.deploy.demo.helpdesk.account import Account


async def test_a_view_embeds_what_is_included_and_ten_conversations_at_most(reading: Account) -> None:
    plain = (await reading.agent.get("/tickets/2")).json()
    assert not {"conversations", "requester", "company", "stats"} & set(plain)
    full = (await reading.agent.get("/tickets/2?include=conversations,requester,company,stats")).json()
    assert [entry["body_text"] for entry in full["conversations"]] == [f"Message {n}" for n in range(10)]
    assert set(full["requester"]) == {"id", "name", "email", "mobile", "phone"}
    assert full["company"]["name"] == "Acme"
    assert full["stats"]["requester_responded_at"] == "2026-05-13T00:00:00Z"
    assert full["description"].startswith("<div>Hello,<br>")
    assert full["description_text"] == "Hello,\nthe en-long leaks."
    assert full["created_at"] == "2026-05-11T13:00:00Z"


async def test_a_created_ticket_is_there_with_its_contact(account: Account) -> None:
    body = {"email": "new@example.com", "name": "Nia New", "subject": "Broken", "description": "<p>Hi</p>"}
    made = await account.agent.post("/tickets", json=body | {"custom_fields": {"cf_product": "Kettle"}})
    assert made.status_code == 201
    ticket = made.json()
    assert made.headers["location"] == f"https://demo.freshdesk.com/api/v2/tickets/{ticket['id']}"
    assert (ticket["id"], ticket["status"], ticket["priority"], ticket["source"]) == (6, 2, 1, 2)
    assert (await account.agent.get("/tickets/6")).json() == ticket
    contact = (await account.agent.get(f"/contacts/{ticket['requester_id']}")).json()
    assert (contact["name"], contact["email"]) == ("Nia New", "new@example.com")


async def test_every_change_moves_updated_at(account: Account) -> None:
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "/tickets/5", {"priority": 4}),
        ("PUT", "/tickets/5", {"subject": "Other"}),
        ("POST", "/tickets/5/reply", {"body": "<p>Hello</p>"}),
        ("POST", "/tickets/5/notes", {"body": "internal"}),
    ]
    seen = {(await account.agent.get("/tickets/5")).json()["updated_at"]}
    for method, path, body in changes:
        account.clock.advance(seconds=1)
        before = account.helpdesk.changed
        assert (await account.agent.request(method, path, json=body)).is_success
        assert account.helpdesk.changed > before
        seen.add((await account.agent.get("/tickets/5")).json()["updated_at"])
    assert len(seen) == 1 + len(changes)


async def test_solving_and_reopening_shows_in_the_stats(account: Account) -> None:
    await account.agent.put("/tickets/5", json={"status": 4})
    stats = (await account.agent.get("/tickets/5?include=stats")).json()["stats"]
    assert (stats["resolved_at"], stats["closed_at"]) == ("2026-06-01T09:00:00Z", None)
    account.clock.advance(minutes=5)
    await account.agent.put("/tickets/5", json={"status": 2})
    stats = (await account.agent.get("/tickets/5?include=stats")).json()["stats"]
    assert (stats["resolved_at"], stats["reopened_at"]) == (None, "2026-06-01T09:05:00Z")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"colour": "red"}, "colour", "invalid_field"),
        ({"priority": "high"}, "priority", "datatype_mismatch"),
        ({"priority": True}, "priority", "datatype_mismatch"),
        ({"status": 9}, "status", "invalid_value"),
        ({"type": "Rant"}, "type", "invalid_value"),
        ({"tags": [1]}, "tags", "datatype_mismatch"),
        ({"custom_fields": {"cf_colour": "red"}}, "cf_colour", "invalid_field"),
        ({"responder_id": 1}, "responder_id", "invalid_value"),
        ({"requester_id": 1}, "requester_id", "invalid_value"),
        ({"description": ""}, "description", "missing_field"),
        ({"email": None}, "email", "datatype_mismatch"),
    ],
)
async def test_a_wrong_field_is_named(reading: Account, body: dict[str, Any], field: str, code: str) -> None:
    good = {"email": "ann@example.com", "subject": "s", "description": "d"}
    answer = await reading.agent.post("/tickets", json=good | body)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [answer.json()["errors"][0]]
    error = answer.json()["errors"][0]
    assert (error["field"], error["code"]) == (field, code)


async def test_a_second_contact_with_the_same_address_is_a_conflict(account: Account) -> None:
    made = await account.agent.post("/contacts", json={"name": "Zoe", "email": "zoe@example.com"})
    assert made.status_code == 201
    again = await account.agent.post("/contacts", json={"name": "Zoe II", "email": "ZOE@example.com"})
    assert again.status_code == 409
    assert again.json()["errors"][0]["code"] == "duplicate_value"


async def test_contacts_are_found_by_filter_and_prefix_until_they_are_deleted(account: Account) -> None:
    found = (await account.agent.get("/contacts?email=minsu@example.co.kr")).json()
    assert [contact["name"] for contact in found] == ["박민수"]
    assert (await account.agent.get("/contacts/autocomplete?term=ann")).json()[0]["name"] == "Ann Able"
    path = f"/contacts/{found[0]['id']}"
    assert (await account.agent.put(path, json={"phone": "02-1"})).json()["phone"] == "02-1"
    assert (await account.agent.delete(path)).status_code == 204
    assert (await account.agent.put(path, json={"phone": "02-2"})).status_code == 405
    assert (await account.agent.get("/contacts?email=minsu@example.co.kr")).json() == []
    assert len((await account.agent.get("/contacts?state=deleted")).json()) == 1
