"""Automation rules and the webhooks that they send."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.deploy.demo.helpdesk.account import Account, Clock, Receiver, make_helpdesk, open_account, served

CHANGED = [{"field_name": "status", "from": "--", "to": "--"}, {"field_name": "priority", "from": "--", "to": 4}]


def webhook(receiver: Receiver, **more: Any) -> dict[str, Any]:
    action = {
        "field_name": "trigger_webhook",
        "request_type": "POST",
        "url": f"{receiver.url}/hook",
        "content_type": "JSON",
        "content_layout": "2",
        "content": {"ticket_id": "{{ticket.id}}", "event": "{{triggered_event}}"},
    }
    return {**action, **more}


async def events_of(account: Account, receiver: Receiver) -> list[str]:
    await account.helpdesk.webhooks.settled()
    events = [message.json["event"] for message in receiver.received]
    receiver.received.clear()
    return events


async def test_a_new_ticket_fires_the_creation_rule(account: Account, receiver: Receiver) -> None:
    action = webhook(receiver, custom_headers={"X-Secret": "s3cret", "X-Name": "지수"})
    await account.rule(1, actions=[action | {"auth_header": {"username": "u", "password": "p"}}])
    number = await account.new_ticket()
    await account.helpdesk.webhooks.settled()
    message = receiver.received.pop()
    assert (message.method, message.path) == ("POST", "/hook")
    assert message.json == {"ticket_id": str(number), "event": "{ticket_action:created}"}
    assert message.headers["content-type"] == "application/json"
    assert (message.headers["x-secret"], message.headers["x-name"]) == ("s3cret", "지수")
    assert message.headers["authorization"] == "Basic dTpw"
    await account.admin.put(f"/tickets/{number}", json={"priority": 4})
    assert await events_of(account, receiver) == []


async def test_simple_content_is_wrapped_and_has_numbers(account: Account, receiver: Receiver) -> None:
    ticked = ["ticket.id", "ticket.status", "ticket.ticket_type", "ticket.requester.name", "triggered_event"]
    content = {name: f"{{{{{name}}}}}" for name in ticked}
    await account.rule(1, actions=[webhook(receiver, content_layout="1", content=content)])
    await account.new_ticket()
    await account.helpdesk.webhooks.settled()
    assert receiver.received[0].json == {
        "freshdesk_webhook": {
            "ticket_id": 6,
            "ticket_status": "Open",
            "ticket_ticket_type": "",
            "ticket_contact_name": "Ann Able",
            "triggered_event": "{ticket_action:created}",
        }
    }


async def test_typed_text_is_sent_as_typed_with_escaped_values(account: Account, receiver: Receiver) -> None:
    typed = '{"id": {{ticket.id}}, "subject": "{{ticket.subject}}", "group": {{ticket.group_id}}}'
    await account.rule(1, actions=[webhook(receiver, content=typed)])
    await account.new_ticket(subject='A "big" leak')
    await account.helpdesk.webhooks.settled()
    # An unquoted placeholder without a value breaks the body: that is what receivers must cope with.
    assert receiver.received[0].body == '{"id": 6, "subject": "A \\"big\\" leak", "group": }'


async def test_bodies_can_be_forms_or_xml(account: Account, receiver: Receiver) -> None:
    content = {"id": "{{ticket.id}}", "subject": "{{ticket.subject}}"}
    form = webhook(receiver, content_type="X-FORM-URLENCODED", content=content)
    xml = webhook(receiver, content_type="XML", content=content, url=f"{receiver.url}/xml/{{{{ticket.id}}}}")
    await account.rule(1, actions=[form, xml])
    await account.new_ticket(subject="<물>")
    await account.helpdesk.webhooks.settled()
    by_path = {message.path: message for message in receiver.received}
    assert parse_qs(by_path["/hook"].body) == {"id": ["6"], "subject": ["<물>"]}
    assert by_path["/hook"].headers["content-type"] == "application/x-www-form-urlencoded"
    assert by_path["/xml/6"].body.endswith("<id>6</id><subject>&lt;물&gt;</subject>")


async def test_an_update_rule_reports_the_first_change_it_waits_for(account: Account, receiver: Receiver) -> None:
    await account.rule(4, performer={"type": 3}, events=CHANGED, actions=[webhook(receiver)])
    await account.admin.put("/tickets/5", json={"priority": 3})
    assert await events_of(account, receiver) == []
    await account.admin.put("/tickets/5", json={"priority": 4})
    assert await events_of(account, receiver) == ["{priority:{from:3,to:4}}"]
    await account.admin.put("/tickets/5", json={"priority": 4, "status": 3, "tags": ["x"]})
    assert await events_of(account, receiver) == ["{status:{from:2,to:3}}"]


async def test_replies_notes_and_deletion_are_events_too(account: Account, receiver: Receiver) -> None:
    waited = [
        {"field_name": "reply_sent"},
        {"field_name": "note_type", "value": "--"},
        {"field_name": "ticket_action", "value": "delete"},
    ]
    await account.rule(4, performer={"type": 3}, events=waited, actions=[webhook(receiver)])
    await account.agent.post("/tickets/5/reply", json={"body": "x"})
    assert await events_of(account, receiver) == ["{reply_sent:sent}"]
    await account.agent.post("/tickets/5/notes", json={"body": "x"})
    assert await events_of(account, receiver) == ["{note_type:private}"]
    await account.house.post("/_desk/tickets/5/customer_reply", json={"body": "x"})
    assert await events_of(account, receiver) == ["{reply_sent:sent}"]
    await account.agent.delete("/tickets/5")
    assert await events_of(account, receiver) == ["{ticket_action:delete}"]


@pytest.mark.parametrize(("performer", "fired"), [(1, ["agent"]), (2, ["customer"]), (3, ["agent", "customer"])])
async def test_a_rule_runs_for_its_performers_only(
    account: Account, receiver: Receiver, performer: int, fired: list[str]
) -> None:
    action = webhook(receiver, content={"event": "{{ticket.latest_public_comment}}"})
    await account.rule(4, performer={"type": performer}, events=[{"field_name": "reply_sent"}], actions=[action])
    await account.agent.post("/tickets/5/reply", json={"body": "agent"})
    await account.helpdesk.webhooks.settled()
    await account.house.post("/_desk/tickets/5/customer_reply", json={"body": "customer"})
    said = await events_of(account, receiver)
    assert [text.split(" : ")[1] for text in said] == fired


async def test_a_rule_can_leave_out_agents_and_tickets(account: Account, receiver: Receiver) -> None:
    boss = (await account.admin.get("/agents/me")).json()["id"]
    high = {"resource_type": "ticket", "field_name": "priority", "operator": "in", "value": [4]}
    await account.rule(
        4,
        performer={"type": 1, "members": [boss]},
        events=[{"field_name": "ticket_action", "value": "update"}],
        conditions=[{"name": "condition_set_1", "match_type": "all", "properties": [high]}],
        actions=[webhook(receiver)],
    )
    await account.agent.put("/tickets/5", json={"priority": 4})
    await account.admin.put("/tickets/4", json={"subject": "low"})
    assert await events_of(account, receiver) == []
    await account.admin.put("/tickets/5", json={"subject": "high"})
    assert await events_of(account, receiver) == ["{ticket_action:update}"]


async def test_no_rule_runs_when_the_requester_is_an_agent(account: Account, receiver: Receiver) -> None:
    await account.rule(1, actions=[webhook(receiver)])
    await account.new_ticket(email="olivia@helpdesk.example.com")
    assert await events_of(account, receiver) == []


async def test_all_matching_update_rules_run_and_inactive_or_deleted_ones_do_not(
    account: Account, receiver: Receiver
) -> None:
    rules = [
        await account.rule(4, performer={"type": 1}, events=CHANGED, actions=[webhook(receiver)]) for _ in range(4)
    ]
    await account.admin.put(f"/automations/4/rules/{rules[0]['id']}", json={"active": False})
    assert (await account.admin.delete(f"/automations/4/rules/{rules[1]['id']}")).status_code == 204
    assert [rule["id"] for rule in (await account.admin.get("/automations/4/rules")).json()] == [
        rule["id"] for rule in rules if rule is not rules[1]
    ]
    await account.admin.put("/tickets/5", json={"status": 3})
    assert len(await events_of(account, receiver)) == 2


async def test_whatever_is_not_2xx_is_tried_again_until_the_schedule_ends(
    seed_folder: Path, receiver: Receiver
) -> None:
    delays = (timedelta(milliseconds=1),) * 2
    async with open_account(seed_folder, webhook_retry_delays=delays) as account:
        await account.rule(1, actions=[webhook(receiver)])
        receiver.statuses += [500, 404]
        await account.new_ticket()
        await account.helpdesk.webhooks.settled()
        log = (await account.house.get("/_admin/log")).json()["webhooks"]
        assert [(w["attempt"], w["status"], w["outcome"]) for w in log] == [
            (1, 500, "failed"),
            (2, 404, "failed"),
            (3, 200, "delivered"),
        ]
        assert len({message.body for message in receiver.received}) == 1
        receiver.statuses += [401] * 3
        await account.new_ticket()
        await account.helpdesk.webhooks.settled()
        assert account.helpdesk.log.webhooks[-1].outcome == "given_up"


async def test_redirects_are_followed(account: Account, receiver: Receiver) -> None:
    await account.rule(1, actions=[webhook(receiver, url=f"{receiver.url}/moved")])
    await account.new_ticket()
    await account.helpdesk.webhooks.settled()
    assert [(message.path, bool(message.body)) for message in receiver.received] == [("/moved", True), ("/hook", True)]
    assert [record.outcome for record in account.helpdesk.log.webhooks] == ["delivered"]


async def test_a_blank_line_among_the_headers_silences_the_rule(account: Account, receiver: Receiver) -> None:
    await account.rule(1, actions=[webhook(receiver, custom_headers="A: 1\n\nB: 2")])
    await account.new_ticket()
    assert await events_of(account, receiver) == []
    assert [record.outcome for record in account.helpdesk.log.webhooks] == ["unusable"]


async def test_webhooks_on_their_way_survive_a_restart(seed_folder: Path, receiver: Receiver) -> None:
    clock = Clock()
    first = make_helpdesk(seed_folder, clock)
    async with served(first, clock) as account:
        receiver.statuses.append(503)
        await account.rule(1, actions=[webhook(receiver)])
        await account.new_ticket()
        while not first.log.webhooks:
            await account.admin.get("/agents/me")
    second = make_helpdesk(seed_folder, clock, webhook_retry_delays=(timedelta(0),))
    second.restore(first.snapshot())
    async with served(second, clock):
        await second.webhooks.settled()
    assert [message.json["ticket_id"] for message in receiver.received] == ["6", "6"]


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        (4, {"actions": []}, "actions"),
        (4, {"events": [{"field_name": "status"}], "performer": {}}, "type"),
        (1, {"performer": {"type": 1}}, "performer"),
        (1, {"actions": [{"field_name": "trigger_webhook", "request_type": "POST", "url": "u"}]}, "content_type"),
        (3, {"actions": [{"field_name": "trigger_webhook", "request_type": "GET", "url": "u"}]}, "actions"),
    ],
)
async def test_a_wrong_rule_is_refused(reading: Account, kind: int, body: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"name": "r", "actions": [{"field_name": "priority", "value": 1}]}
    answer = await reading.admin.post(f"/automations/{kind}/rules", json=good | body)
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
