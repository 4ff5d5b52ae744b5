"""Faults can be switched on while the account is served."""

import asyncio
from time import perf_counter

import httpx
import pytest

from tests.deploy.demo.helpdesk.account import Account, Receiver
from tests.deploy.demo.helpdesk.test_webhooks import events_of, webhook


async def test_the_next_calls_get_429_or_5xx_and_then_all_is_well(account: Account) -> None:
    await account.fault("rate_limit", count=1, retry_after=7)
    refused = await account.agent.get("/tickets/1")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    await account.fault("error", count=2, status=503)
    statuses = [(await account.agent.get("/tickets/1")).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]


async def test_html_comes_where_json_is_due(account: Account) -> None:
    await account.fault("html", count=1)
    answer = await account.agent.get("/tickets/1")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<html>" in answer.content


async def test_a_cut_connection_breaks_off_in_the_middle_of_the_body(account: Account) -> None:
    await account.fault("cut", count=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await account.agent.get("/tickets/1")
    assert (await account.agent.get("/tickets/1")).status_code == 200
    assert [(r.status, r.fault) for r in account.helpdesk.log.requests] == [(0, "cut"), (200, None)]


async def test_a_delay_ends_when_faults_are_cleared(account: Account) -> None:
    await account.fault("delay", count=1, seconds=0.05)
    began = perf_counter()
    assert (await account.agent.get("/tickets/1")).status_code == 200
    assert perf_counter() - began >= 0.05
    await account.fault("delay", seconds=30, path="/api/v2/tickets/2")
    assert (await account.agent.get("/tickets/1")).status_code == 200
    pending = asyncio.create_task(account.agent.get("/tickets/2"))
    while not account.helpdesk.faults.waiting:
        await asyncio.sleep(0)
    assert (await account.house.delete("/_admin/faults")).status_code == 204
    assert (await pending).status_code == 200


async def test_a_share_of_calls_fails_and_the_same_seed_fails_the_same_ones(account: Account) -> None:
    async def statuses() -> list[int]:
        return [(await account.agent.get("/tickets/1")).status_code for _ in range(40)]

    await account.fault("error", share=0.3, method="GET")
    account.helpdesk.faults.random.seed(7)
    first = await statuses()
    assert 4 <= first.count(500) <= 20
    account.helpdesk.faults.random.seed(7)
    assert await statuses() == first


async def test_webhooks_can_be_dropped_doubled_and_shuffled(account: Account, receiver: Receiver) -> None:
    await account.rule(1, actions=[webhook(receiver, content={"event": "{{ticket.id}}"})])
    await account.fault("webhook_drop", count=1)
    await account.fault("webhook_double", count=1)
    await account.new_ticket()
    assert await events_of(account, receiver) == []
    assert account.helpdesk.log.webhooks[-1].outcome == "dropped"
    await account.house.delete("/_admin/faults")
    await account.fault("webhook_double", count=1)
    await account.new_ticket()
    assert await events_of(account, receiver) == ["7", "7"]
    await account.fault("webhook_shuffle")
    made = [str(await account.new_ticket()) for _ in range(4)]
    arrived = await events_of(account, receiver)
    assert arrived != made
    assert sorted(arrived, key=int) == made


async def test_faults_need_the_house_token_and_a_known_kind(account: Account) -> None:
    assert (await account.house.post("/_admin/faults", json={"kind": "earthquake"})).status_code == 400
    assert (await account.admin.post(f"{account.url}/_admin/faults", json={"kind": "cut"})).status_code == 401
