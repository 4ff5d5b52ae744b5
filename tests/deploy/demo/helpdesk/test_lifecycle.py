"""How tickets end: trash, spam, archive, merge."""

from pathlib import Path

import pytest

from tests.deploy.demo.helpdesk.account import Account, open_account


async def test_a_deleted_ticket_is_readable_and_can_not_be_changed_until_restored(account: Account) -> None:
    assert (await account.agent.delete("/tickets/5")).status_code == 204
    assert (await account.agent.get("/tickets/5")).json()["deleted"] is True
    assert (await account.agent.put("/tickets/5", json={"priority": 3})).status_code == 405
    assert (await account.agent.delete("/tickets/5")).status_code == 405
    assert (await account.agent.post("/tickets/5/notes", json={"body": "x"})).status_code == 405
    assert (await account.agent.put("/tickets/5/restore")).status_code == 204
    assert "deleted" not in (await account.agent.get("/tickets/5")).json()


@pytest.mark.parametrize("status", [403, 404])
async def test_accounts_that_hide_deleted_tickets_can_be_imitated(seed_folder: Path, status: int) -> None:
    async with open_account(seed_folder, deleted_ticket_status=status) as account:
        await account.agent.delete("/tickets/5")
        assert (await account.agent.get("/tickets/5")).status_code == status


async def test_a_spam_ticket_says_so_and_can_not_be_changed(account: Account) -> None:
    await account.house.put("/_desk/tickets/5/spam")
    assert (await account.agent.get("/tickets/5")).json()["spam"] is True
    assert (await account.agent.put("/tickets/5", json={"priority": 3})).status_code == 405
    await account.house.put("/_desk/tickets/5/unspam")
    assert (await account.agent.put("/tickets/5", json={"priority": 3})).status_code == 200


async def test_an_archived_ticket_moves_to_its_own_address(account: Account) -> None:
    await account.house.put("/_desk/tickets/1/archive")
    for path in ("/tickets/1", "/tickets/1/conversations"):
        assert (await account.agent.get(path)).status_code == 404
    archived = (await account.agent.get("/tickets/archived/1?include=conversations")).json()
    assert archived["archived"] is True
    assert len(archived["conversations"]) == 3
    assert len((await account.agent.get("/tickets/archived/1/conversations")).json()) == 3
    assert (await account.agent.get("/tickets/archived/5")).status_code == 404
    again = (await account.house.post("/_desk/tickets/1/customer_reply", json={"body": "Me again"})).json()
    assert (again["ticket"]["id"], again["conversation"]) == (6, None)


async def test_a_purged_ticket_is_gone(account: Account) -> None:
    await account.house.delete("/_desk/tickets/5")
    assert (await account.agent.get("/tickets/5")).status_code == 404


async def test_merging_copies_into_the_primary_and_closes_the_secondary(account: Account) -> None:
    body = {"primary_id": 5, "ticket_ids": [1], "note_in_primary": {"body": "Both leak", "private": False}}
    assert (await account.agent.put("/tickets/merge", json=body)).status_code == 204
    notes = (await account.agent.get("/tickets/5/conversations")).json()
    assert [note["body_text"] for note in notes] == [
        "Hello,\nthe en-old leaks.",
        "Please descale it.",
        "Warranty until May.",
        "That helped, thanks!",
        "Both leak",
    ]
    secondary = (await account.agent.get("/tickets/1?include=conversations")).json()
    assert secondary["status"] == 5
    assert "merged into ticket 5" in secondary["conversations"][-1]["body"]
    listed = (await account.agent.get("/tickets?updated_since=2000-01-01")).json()
    assert [row["id"] for row in listed] == [5, 4, 3, 2]
    landed = (await account.house.post("/_desk/tickets/1/customer_reply", json={"body": "Where am I?"})).json()
    assert landed["ticket"]["id"] == 5
    unknown = await account.agent.put("/tickets/merge", json={"primary_id": 5, "ticket_ids": [99]})
    assert unknown.json()["errors"][0]["field"] == "ticket_ids"
