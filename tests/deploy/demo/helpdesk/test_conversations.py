"""Who said what: pages, replies, notes and the customer's own words."""

from tests.deploy.demo.helpdesk.account import Account


async def test_conversations_come_in_pages_of_30_or_up_to_100(reading: Account) -> None:
    first = await reading.agent.get("/tickets/2/conversations")
    assert len(first.json()) == 30
    second = await reading.agent.get(first.links["next"]["url"])
    assert len(second.json()) == 5
    assert "link" not in second.headers
    assert len((await reading.agent.get("/tickets/2/conversations?per_page=100")).json()) == 35
    assert (await reading.agent.get("/tickets/2/conversations?per_page=101")).status_code == 400
    assert (await reading.agent.get("/tickets/77/conversations")).status_code == 404


async def test_kinds_of_conversation_are_told_apart_by_their_flags(reading: Account) -> None:
    reply, note, customer = (await reading.agent.get("/tickets/1/conversations")).json()
    flags = ("incoming", "private", "source", "category")
    assert [reply[name] for name in flags] == [False, False, 0, 3]
    assert [note[name] for name in flags] == [False, True, 2, 2]
    assert [customer[name] for name in flags] == [True, False, 0, 1]
    assert (reply["support_email"], note["support_email"]) == ("support@demo.freshdesk.com", None)
    assert customer["from_email"] == "ann@example.com"
    assert (reply["body"], reply["body_text"]) == ("<div>Please descale it.</div>", "Please descale it.")


async def test_an_agent_replies_and_takes_notes(account: Account) -> None:
    made = await account.agent.post("/tickets/5/reply", json={"body": "<p>Try <b>this</b></p>", "cc_emails": ["a@b.c"]})
    assert made.status_code == 201
    assert made.json()["replied_to"] == ["ann@example.com"]
    assert made.json()["body_text"] == "Try this"
    note = (await account.agent.post("/tickets/5/notes", json={"body": "hm"})).json()
    public = (await account.agent.post("/tickets/5/notes", json={"body": "hm", "private": False})).json()
    assert (note["private"], public["private"]) == (True, False)
    assert (await account.agent.post("/tickets/5/reply", json={})).json()["errors"][0]["code"] == "missing_field"
    stats = (await account.agent.get("/tickets/5?include=stats")).json()["stats"]
    assert stats["first_responded_at"] == "2026-06-01T09:00:00Z"


async def test_notes_can_be_changed_and_replies_can_not(account: Account) -> None:
    note = (await account.agent.post("/tickets/5/notes", json={"body": "old"})).json()
    changed = await account.agent.put(f"/conversations/{note['id']}", json={"body": "<p>new</p>"})
    assert (changed.json()["body_text"], changed.json()["last_edited_at"]) == ("new", "2026-06-01T09:00:00Z")
    assert (await account.agent.delete(f"/conversations/{note['id']}")).status_code == 204
    assert (await account.agent.get("/tickets/5/conversations")).json() == []
    reply = (await account.agent.post("/tickets/5/reply", json={"body": "said is said"})).json()
    assert (await account.agent.put(f"/conversations/{reply['id']}", json={"body": "x"})).status_code == 405


async def test_a_customers_answer_opens_a_solved_ticket_again(account: Account) -> None:
    answer = await account.house.post("/_desk/tickets/1/customer_reply", json={"body": "<p>It leaks again</p>"})
    assert answer.status_code == 201
    assert answer.json()["ticket"]["status"] == 2
    said = (await account.agent.get("/tickets/1/conversations")).json()[-1]
    assert said == answer.json()["conversation"]
    assert (said["incoming"], said["body_text"]) == (True, "It leaks again")


async def test_a_customers_answer_needs_the_house_token(account: Account) -> None:
    assert (await account.admin.post("/_desk/tickets/1/customer_reply", json={"body": "x"})).status_code == 404
    wrong = {"authorization": "Bearer wrong"}
    path = "/_desk/tickets/1/customer_reply"
    assert (await account.house.post(path, json={"body": "x"}, headers=wrong)).status_code == 401
    assert (await account.house.get("/_admin/log", headers=wrong)).status_code == 401
