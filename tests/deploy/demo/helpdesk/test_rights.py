"""Who may do what: keys, rights, and the answers to calls that make no sense."""

from pathlib import Path

import httpx
import pytest

from tests.deploy.demo.helpdesk.account import Account, open_account

BOSS_ONLY = [
    "/agents",
    "/agents/82000000001",
    "/admin/ticket_fields",
    "/canned_response_folders",
    "/automations/4/rules",
]


async def test_a_call_without_a_known_key_is_401(reading: Account) -> None:
    async with httpx.AsyncClient(base_url=reading.url) as stranger:
        for headers in (
            {},
            {"authorization": "Basic Ym9zcw=="},
            {"authorization": "Bearer boss-key"},
            {"authorization": "Basic %"},
        ):
            answer = await stranger.get("/api/v2/agents/me", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["code"] == "invalid_credentials"


async def test_every_agent_sees_itself(reading: Account) -> None:
    me = (await reading.agent.get("/agents/me")).json()
    assert me["contact"]["email"] == "olivia@helpdesk.example.com"
    assert me["ticket_scope"] == 1


@pytest.mark.parametrize("path", BOSS_ONLY)
async def test_what_is_for_administrators_is_403_for_other_agents(reading: Account, path: str) -> None:
    refused = await reading.agent.get(path)
    assert refused.status_code == 403
    assert refused.json()["code"] == "access_denied"
    assert (await reading.admin.get(path)).status_code == 200


async def test_a_restricted_agent_reaches_its_own_tickets_only(reading: Account) -> None:
    async with httpx.AsyncClient(base_url=f"{reading.url}/api/v2", auth=("rex-key", "X")) as rex:
        assert (await rex.get("/tickets/4")).status_code == 200
        assert (await rex.get("/tickets/1")).status_code == 403
        assert (await rex.get("/tickets/999")).status_code == 404
        assert [row["id"] for row in (await rex.get("/tickets")).json()] == [4]


async def test_a_group_agent_reaches_the_tickets_of_its_groups(account: Account) -> None:
    async with httpx.AsyncClient(base_url=f"{account.url}/api/v2", auth=("gus-key", "X")) as gus:
        assert (await gus.get("/tickets/5")).status_code == 403
        await account.admin.put("/tickets/5", json={"group_id": 7})
        assert (await gus.get("/tickets/5")).status_code == 200


async def test_calls_that_make_no_sense_get_their_own_status(reading: Account) -> None:
    api = reading.admin
    missing = await api.get("/nothing/here")
    assert (missing.status_code, missing.content) == (404, b"")
    assert (await api.get("/tickets/abc")).status_code == 404
    wrong_verb = await api.patch("/tickets/1", json={})
    assert wrong_verb.status_code == 405
    assert wrong_verb.headers["allow"] == "DELETE, GET, PUT"
    assert (await api.get("/tickets/1", headers={"accept": "text/html"})).status_code == 406
    assert (await api.put("/tickets/1", data={"subject": "form"})).status_code == 415
    bad = await api.put("/tickets/1", content=b"{oops", headers={"content-type": "application/json"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_json")


async def test_every_call_is_logged_with_its_agent_and_status(seed_folder: Path) -> None:
    async with open_account(seed_folder) as account:
        await account.agent.get("/tickets/1?include=stats")
        await account.agent.get("/agents")
        log = (await account.house.get("/_admin/log")).json()["requests"]
        assert [(r["path"], r["agent"], r["status"], r["cost"]) for r in log] == [
            ("/api/v2/tickets/1", "olivia", 200, 2),
            ("/api/v2/agents", "olivia", 403, 1),
        ]
