"""Connecting an account: keys that are wrong, agents who may not, and installations that fail half-way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from redis.asyncio import Redis

from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.demo.helpdesk.faults import Fault
from ingest.context import ReceiverContext, receiver_context
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.registration import RULE_NAME, install_webhooks, register_tenant
from shared import keys
from shared.errors import BadInput, FreshdeskUnavailable, Unauthorized
from shared.settings import Settings
from shared.tenants import Tenant
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, OTHER, SEED, desk_settings

PUBLIC = "https://canvas.example.com"
FAILURES: tuple[Literal["error", "html", "cut"], ...] = ("error", "html", "cut")


@dataclass
class Office:
    """An account that is about to be connected."""

    context: ReceiverContext
    desk: Helpdesk
    http: Any
    url: str

    def client(self, key: str) -> FreshdeskClient:
        return FreshdeskClient(self.http, self.url, key)

    async def register(self, key: str = ADMIN_KEY + ACME, host: str = ACME) -> tuple[Tenant, str | None]:
        return await register_tenant(self.context, self.client(key), host, key)

    async def install(self, key: str = ADMIN_KEY + ACME, public_url: str = PUBLIC) -> list[str]:
        tenant = await self.context.tenants.get(ACME)
        assert tenant is not None
        return await install_webhooks(self.context, self.client(key), tenant, public_url)

    async def accepts(self, secret: str, host: str = ACME) -> bool:
        return self.context.tenants.accepts_webhook(await self.context.tenants.get(host), secret)

    def carried(self) -> list[str]:
        """The secrets that the account's rules send, by the rules' order."""
        return [rule.actions[0]["custom_headers"]["X-Canvas-Secret"] for rule in self.desk.state.rules.values()]


@pytest.fixture
async def office(settings: Settings) -> AsyncIterator[Office]:
    desk = Helpdesk.from_seed(SEED, desk_settings(ACME), datetime.now(UTC))
    async with running_helpdesk(desk) as url, receiver_context(settings) as context, freshdesk_http() as http:
        yield Office(context, desk, http, url)


async def test_a_key_that_freshdesk_refuses_makes_no_tenant(office: Office, redis: Redis) -> None:
    for key in ("wrong", "", ADMIN_KEY, ADMIN_KEY + OTHER, "키", "k" * 5000):
        with pytest.raises(Unauthorized) as refused:
            await office.register(key)
        assert ACME in refused.value.detail
        assert not key or key not in refused.value.detail
    assert await redis.dbsize() == 0


async def test_what_is_no_freshdesk_host_is_refused_before_anyone_is_called(office: Office) -> None:
    for host in ("acme", "https://acme.freshdesk.com", "acme.freshdesk.com:443", "127.0.0.1", "", "a@b"):
        with pytest.raises(BadInput, match=r"yourcompany\.freshdesk\.com"):
            await office.register(host=host)
    assert not office.desk.log.requests


async def test_a_freshdesk_that_fails_is_no_refusal(office: Office, redis: Redis) -> None:
    for kind in FAILURES:
        office.desk.faults.add(Fault(kind))
        with pytest.raises(FreshdeskUnavailable):
            await office.register()
        office.desk.faults.clear()
    assert await redis.dbsize() == 0


async def test_neither_key_nor_secret_can_be_read_from_what_is_stored(office: Office, redis: Redis) -> None:
    _, secret = await office.register()
    assert secret is not None
    stored = await redis.get(keys.tenant(ACME))
    assert (ADMIN_KEY + ACME).encode() not in stored
    assert secret.encode() not in stored
    assert await office.accepts(secret)


async def test_registering_again_replaces_the_key_and_leaves_the_secret(office: Office) -> None:
    first, secret = await office.register(AGENT_KEY + ACME)
    second, none = await office.register()
    assert secret is not None
    assert none is None
    assert await office.accepts(secret)
    assert office.context.tenants.api_key(second) == ADMIN_KEY + ACME
    assert (second.created_at, second.agent_id) == (first.created_at, office.desk.agent_of_key(ADMIN_KEY + ACME).id)  # type: ignore[union-attr]


async def test_an_agent_who_is_no_admin_is_told_whose_key_it_takes(office: Office) -> None:
    await office.register(AGENT_KEY + ACME)
    with pytest.raises(BadInput) as refused:
        await office.install(AGENT_KEY + ACME)
    assert "admin" in refused.value.detail
    assert "\n" not in refused.value.detail
    assert not office.desk.state.rules


async def test_tries_that_install_nothing_take_nothing_from_a_rule_that_was_made_by_hand(office: Office) -> None:
    _, by_hand = await office.register(AGENT_KEY + ACME)
    assert by_hand is not None
    for _ in range(12):
        with pytest.raises(BadInput):
            await office.install(AGENT_KEY + ACME)
    assert await office.accepts(by_hand)


async def test_both_rules_are_made_and_their_secret_is_valid(office: Office) -> None:
    await office.register()
    said = await office.install()
    assert [line.split()[0] for line in said] == ["created", "created"]
    rules = list(office.desk.state.rules.values())
    assert sorted(rule.type for rule in rules) == [1, 4]
    assert all(rule.active for rule in rules)
    assert {rule.actions[0]["url"] for rule in rules} == {f"{PUBLIC}/webhooks/freshdesk/{ACME}"}
    assert len(set(office.carried())) == 1
    assert await office.accepts(office.carried()[0])
    assert not await office.accepts(office.carried()[0], OTHER)


async def test_installing_again_repairs_and_doubles_nothing(office: Office) -> None:
    await office.register()
    await office.install()
    for rule in office.desk.state.rules.values():
        rule.active = False
        rule.actions = [{"field_name": "priority", "value": 4}]
    said = await office.install(public_url="https://moved.example.com/")
    assert [line.split()[0] for line in said] == ["repaired", "repaired"]
    rules = list(office.desk.state.rules.values())
    assert sorted(rule.type for rule in rules) == [1, 4]
    assert all(rule.active and rule.name == RULE_NAME for rule in rules)
    assert {rule.actions[0]["url"] for rule in rules} == {f"https://moved.example.com/webhooks/freshdesk/{ACME}"}


async def test_rules_of_others_are_left_alone(office: Office) -> None:
    await office.register()
    client = office.client(ADMIN_KEY + ACME)
    mine = {"name": "Escalate", "actions": [{"field_name": "priority", "value": 4}]}
    rule_id = (await client.put_rule(1, mine))["id"]
    await office.install()
    await office.install()
    assert office.desk.state.rules[rule_id].actions == mine["actions"]
    assert len(office.desk.state.rules) == 3


async def test_the_last_two_secrets_are_valid_and_a_third_ago_is_not(office: Office) -> None:
    await office.register()
    carried = []
    for _ in range(3):
        await office.install()
        carried.append(office.carried()[0])
    assert [await office.accepts(secret) for secret in carried] == [False, True, True]


@pytest.mark.parametrize("failing", ["/api/v2/automations/1", "/api/v2/automations/4"])
async def test_an_installation_that_fails_half_way_again_and_again_cuts_nobody_off(
    office: Office, failing: str
) -> None:
    await office.register()
    await office.install()
    for _ in range(5):
        office.desk.faults.add(Fault("error", path=failing, method="PUT"))
        with pytest.raises(FreshdeskUnavailable):
            await office.install()
        office.desk.faults.clear()
        assert all([await office.accepts(secret) for secret in office.carried()])
    await office.install()
    assert len(set(office.carried())) == 1
    assert await office.accepts(office.carried()[0])
