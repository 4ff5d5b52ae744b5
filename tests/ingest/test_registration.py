"""Connecting an account: keys that are wrong, agents who may not, rules that were changed, and secrets that are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest
from redis.asyncio import Redis

from deploy.demo.helpdesk import Helpdesk
from deploy.demo.helpdesk.app import create_helpdesk_app
from deploy.demo.helpdesk.faults import Fault
from deploy.demo.helpdesk.runner import serving
from ingest.context import ReceiverContext, receiver_context
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.registration import (
    RULE_NAME,
    finish_rotation,
    install_webhooks,
    register_tenant,
    rotate_secret,
    rule_body,
    webhook_url,
)
from ingest.rules import says_the_same
from shared import keys
from shared.errors import BadInput, FreshdeskUnavailable, Unauthorized
from shared.settings import Settings
from shared.tenant_settings import TenantSettings
from shared.tenants import Account, Tenant
from tests.parts import receiving
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, OTHER, SEED, desk_settings

PUBLIC = "https://canvas.example.com"
FAILURES: tuple[Literal["error", "html", "cut"], ...] = ("error", "html", "cut")


@dataclass
class Refusing:
    """A helpdesk that does not show some of its paths to this key, as real ones do to agents with few rights."""

    app: Any
    paths: dict[str, int] = field(default_factory=dict)

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        status = self.paths.get(scope.get("path", ""))
        if status is None:
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"code":"access_denied","message":"no"}'})


@dataclass
class Office:
    """An account that is about to be connected."""

    context: ReceiverContext
    desk: Helpdesk
    http: Any
    url: str
    refusing: Refusing

    def client(self, key: str) -> FreshdeskClient:
        return FreshdeskClient(self.http, self.url, key)

    async def register(self, key: str = ADMIN_KEY + ACME, host: str = ACME) -> tuple[Tenant, str | None]:
        return await register_tenant(self.context, self.client(key), host, key)

    async def install(self, key: str = ADMIN_KEY + ACME, public_url: str = PUBLIC) -> list[str]:
        tenant = await self.context.tenants.get(ACME)
        assert tenant is not None
        return await install_webhooks(self.context, self.client(key), tenant, public_url)

    async def tenant(self) -> Tenant:
        return await self.context.tenants.require(ACME)

    async def finish(self, key: str = ADMIN_KEY + ACME) -> int:
        return await finish_rotation(self.context, self.client(key), await self.tenant())

    async def accepts(self, secret: str, host: str = ACME) -> bool:
        return self.context.tenants.accepts_webhook(await self.context.tenants.get(host), secret)

    def carried(self) -> list[str]:
        """The secrets that the account's rules send, by the rules' order."""
        return [rule.actions[0]["custom_headers"]["X-Canvas-Secret"] for rule in self.desk.state.rules.values()]


@pytest.fixture
async def office(settings: Settings) -> AsyncIterator[Office]:
    desk = Helpdesk.from_seed(SEED, desk_settings(ACME), datetime.now(UTC))
    refusing = Refusing(create_helpdesk_app(desk))
    async with serving(refusing) as url, receiver_context(settings) as context, freshdesk_http() as http:
        yield Office(context, desk, http, url, refusing)


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
    assert [line.partition(":")[0] for line in said] == ["created", "created"]
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
    assert [line.partition(":")[0] for line in said] == ["repaired", "repaired"]
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


async def test_rules_that_say_what_they_should_are_left_alone(office: Office) -> None:
    _, secret = await office.register()
    await office.install()
    written = [request for request in office.desk.log.requests if request.method in {"PUT", "POST"}]
    said = await office.install()
    assert [line.partition(":")[0] for line in said] == ["unchanged", "unchanged"]
    assert [request for request in office.desk.log.requests if request.method in {"PUT", "POST"}] == written
    assert office.carried() == [secret, secret]  # the one that was shown: it works for rules made by hand, too


async def test_a_second_rule_of_our_name_is_reported_and_the_one_that_calls_us_is_kept(office: Office) -> None:
    await office.register()
    client = office.client(ADMIN_KEY + ACME)
    other = rule_body(1, webhook_url("https://staging.example.com", ACME), "their secret")
    foreign = (await client.put_rule(1, other))["id"]
    await client.put_rule(1, rule_body(1, webhook_url(PUBLIC, ACME), "an older secret"))
    said = await office.install()
    assert [line.partition(":")[0] for line in said] == ["repaired", "duplicate", "created"]
    assert str(foreign) in said[1]
    assert office.desk.state.rules[foreign].actions == other["actions"]


def test_what_freshdesk_writes_in_its_own_way_is_no_difference() -> None:
    wanted = rule_body(4, "https://canvas.example.com/webhooks/freshdesk/acme.freshdesk.com", "secret")
    found = msgspec.json.decode(msgspec.json.encode(wanted))
    found |= {"id": 7, "position": 1, "summary": {"actions": []}, "performer": {"type": "3", "members": None}}
    found["actions"][0] |= {"content_layout": 2, "custom_headers": {"x-canvas-secret": "secret"}, "auth_header": None}
    found["events"].reverse()
    assert says_the_same(found, wanted)
    for change in (
        {"active": False},
        {"performer": {"type": 2}},
        {"events": found["events"][1:]},
        {"conditions": [{"name": "x"}]},
        {"actions": [found["actions"][0] | {"custom_headers": "***"}]},
        {"actions": None},
    ):
        assert not says_the_same(found | change, wanted), change


async def test_rules_do_not_fire_for_what_other_rules_do_and_our_key_changes_no_ticket(office: Office) -> None:
    """The two halves of the guard against a loop: who fires a rule, and what we may do about it."""
    update = rule_body(4, PUBLIC, "secret")
    assert update["performer"] == {"type": 3}  # agents and requesters, without "System"
    writing = {name for name in dir(FreshdeskClient) if name.startswith(("put", "post", "delete", "create", "update"))}
    assert writing == {"put_rule"}


@pytest.mark.parametrize("failing", ["/api/v2/automations/1", "/api/v2/automations/4"])
async def test_an_installation_that_fails_half_way_again_and_again_cuts_nobody_off(
    office: Office, failing: str
) -> None:
    await office.register()
    await office.install()
    for _ in range(5):
        await rotate_secret(office.context, ACME)
        office.desk.faults.add(Fault("error", path=failing, method="PUT"))
        with pytest.raises(FreshdeskUnavailable):
            await office.install()
        office.desk.faults.clear()
        assert all([await office.accepts(secret) for secret in office.carried()])
    await office.install()
    assert len(set(office.carried())) == 1
    assert await office.accepts(office.carried()[0])


# --- What an account tells about itself ---


async def test_what_an_account_says_about_itself_is_kept(office: Office) -> None:
    office.desk.limits = type(office.desk.limits)({"total": 700}, office.desk.clock)
    tenant, _ = await office.register()
    assert tenant.account == Account(
        account_id=820_001, name="acme", plan="enterprise", data_center="US", timezone="London"
    )
    assert (tenant.languages, tenant.language) == (["en", "ko"], "en")
    assert tenant.calls_a_minute == 700
    assert (tenant.statuses[2], tenant.ticket_scope) == ("Open", 1)
    assert await office.tenant() == tenant


async def test_a_key_that_may_not_look_at_the_account_is_good_enough(office: Office) -> None:
    office.refusing.paths = {f"/api/v2/{path}": 403 for path in ("account", "ticket_fields", "settings/helpdesk")}
    tenant, secret = await office.register(AGENT_KEY + ACME)
    assert secret is not None
    assert (tenant.account, tenant.statuses) == (None, {})
    assert (tenant.language, tenant.languages) == ("ko", ["ko"])  # the agent's own
    assert tenant.calls_a_minute is None

    office.refusing.paths = {"/api/v2/account": 404}
    admins, _ = await office.register()
    assert (admins.account, admins.statuses[2], admins.languages) == (None, "Open", ["en", "ko"])

    office.refusing.paths = {"/api/v2/ticket_fields": 403}
    again, _ = await office.register(AGENT_KEY + ACME)
    assert again.statuses == admins.statuses  # what an earlier key has read is not forgotten


async def test_an_agent_who_does_not_see_all_tickets_is_known_as_one(office: Office) -> None:
    agent = office.desk.agent_of_key(AGENT_KEY + ACME)
    assert agent is not None
    agent.ticket_scope = 2
    tenant, _ = await office.register(AGENT_KEY + ACME)
    assert tenant.ticket_scope == 2


async def test_adding_again_leaves_the_settings(office: Office) -> None:
    await office.register()
    chosen = TenantSettings(language="ko", similar_days=30)
    await office.context.tenants.update(ACME, lambda now: msgspec.structs.replace(now, settings=chosen))
    again, _ = await office.register(AGENT_KEY + ACME)
    assert again.settings == chosen


# --- Changing the secret ---


async def test_both_secrets_of_a_rotation_open_the_door_until_it_is_finished(
    office: Office, settings: Settings
) -> None:
    _, old = await office.register()
    await office.install()
    async with receiving(settings) as receiver:

        async def accepted(secret: str | None) -> bool:
            headers = {"X-Canvas-Secret": secret or "", "Content-Type": "application/json"}
            answer = await receiver.client.post(
                f"/webhooks/freshdesk/{ACME}", content=b'{"ticket_id":"7"}', headers=headers
            )
            assert answer.status_code in {202, 401}
            return answer.status_code == 202

        begun = await rotate_secret(office.context, ACME)
        assert not begun.resumed
        assert begun.secret != old
        assert await accepted(old)
        assert await accepted(begun.secret)
        assert (await rotate_secret(office.context, ACME)) == begun._replace(resumed=True)

        with pytest.raises(BadInput, match="still sends the old secret"):
            await office.finish()
        said = await office.install()
        assert [line.partition(":")[0] for line in said] == ["repaired", "repaired"]
        assert set(office.carried()) == {begun.secret}
        assert await office.finish() == 1
        assert await office.finish() == 0
        assert await office.accepts(begun.secret)
        assert not await office.accepts(old or "")
        assert await accepted(begun.secret)
        assert not await accepted("wrong")


async def test_a_rotation_can_be_finished_without_an_admins_key(office: Office) -> None:
    """Whoever put the new secret into the rules by hand says so; nobody can look."""
    _, old = await office.register(AGENT_KEY + ACME)
    begun = await rotate_secret(office.context, ACME)
    assert await office.finish(AGENT_KEY + ACME) == 1
    assert [await office.accepts(secret) for secret in (old or "", begun.secret)] == [False, True]


async def test_secrets_of_an_older_version_stay_valid_until_a_new_one_is_installed_and_the_rotation_finished(
    office: Office,
) -> None:
    await office.register()
    hashes = [office.context.vault.keyed_hash(secret, ACME) for secret in ("older", "oldest")]
    await office.context.tenants.update(
        ACME, lambda now: msgspec.structs.replace(now, webhook_secrets=[], webhook_hashes=hashes)
    )
    assert [await office.accepts(secret) for secret in ("older", "oldest", "none")] == [True, True, False]
    with pytest.raises(BadInput, match="rotate-secret"):
        await office.finish()
    await office.install()
    assert all([await office.accepts(secret) for secret in ("older", "oldest", *office.carried())])
    assert await office.finish() == 2
    assert [await office.accepts(secret) for secret in ("older", office.carried()[0])] == [False, True]
