"""`canvas tenant …` as an operator meets it: real processes against a look-alike account, and what they say."""

import base64
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.demo.helpdesk.limits import RateLimiter
from ingest.context import receiver_context
from ingest.erasure import look
from shared import keys
from shared.settings import Settings
from shared.tenant_settings import TenantSettings
from shared.tenants import Tenant
from tests.deploy.forking import Forking
from tests.deploy.test_cli import run
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, SEED, World, desk_settings

PUBLIC = "https://canvas.example.com"


@dataclass
class Shell:
    """A shell on the machine of an installation."""

    machine: Forking
    settings: Settings
    desk: Helpdesk
    freshdesk_url: str

    async def canvas(self, *arguments: str, stdin: str = "", code: int = 0, **variables: str) -> str:
        """Run `canvas tenant …` to its end; what it has printed."""
        assert self.settings.redis_url is not None
        environment = {
            "CANVAS_LOG_LEVEL": "error",
            "REDIS_URL": self.settings.redis_url.get_secret_value(),
            "CANVAS_DATA_DIR": str(self.settings.data_dir),
            "CANVAS_FRESHDESK_URLS": json.dumps({ACME: self.freshdesk_url}),
            **variables,
        }
        arguments = ("tenant", *arguments)
        done = await self.machine.canvas([*arguments], self.settings.data_dir, environment, stdin)
        said = done.out + done.err
        assert done.code == code, said
        assert "Traceback" not in said
        return said

    async def add(self, key: str = ADMIN_KEY + ACME) -> str:
        return await self.canvas("add", ACME, stdin=f"{key}\n")

    async def tenant(self) -> Tenant:
        async with receiver_context(self.settings) as context:
            return await context.tenants.require(ACME)


@pytest.fixture
async def shell(settings: Settings, machine: Forking) -> AsyncIterator[Shell]:
    desk = Helpdesk.from_seed(SEED, desk_settings(ACME), datetime.now(UTC))
    desk.limits = RateLimiter({"total": 700}, desk.clock)
    async with running_helpdesk(desk) as url:
        yield Shell(machine, settings, desk, url)


def line_of(said: str, label: str) -> str:
    """What stands behind a label."""
    found = re.search(rf"^{re.escape(label)} +(.*?)\s*$", said, re.MULTILINE)
    assert found, said
    return found[1]


async def test_an_account_is_added_shown_and_listed(shell: Shell) -> None:
    agent = shell.desk.agent_of_key(AGENT_KEY + ACME)
    assert agent is not None
    agent.ticket_scope = 3
    said = await shell.canvas("add", ACME, FRESHDESK_API_KEY=AGENT_KEY + ACME)
    assert "sees only its own tickets" in said
    secret = re.search(r"Webhook secret +(\S+)", said)
    assert secret
    assert said.count(secret[1]) == 3  # and in the bodies of both rules
    assert '"content": "{\\"ticket_id\\":\\"{{ticket.id}}\\",\\"event\\":\\"{{triggered_event}}\\"}"' in said

    said = await shell.canvas("add", ACME, "--api-key", "-", stdin=f"{ADMIN_KEY + ACME}\n")
    assert "sees only" not in said
    assert "stay as they are" in said
    said = await shell.canvas("show", ACME)
    assert line_of(said, "rate limit") == "700 calls a minute"
    assert line_of(said, "plan") == "enterprise"
    assert line_of(said, "languages") == "en, ko"
    assert "2 Open" in line_of(said, "statuses")
    assert line_of(said, "valid secrets") == "1"
    assert line_of(said, "encrypted by") == "the first master key"
    assert line_of(said, "masked") == "card, national_id, secret"
    assert line_of(said, "last webhook") == "none in 30 days"
    for hidden in (ADMIN_KEY + ACME, AGENT_KEY + ACME, secret[1]):
        assert hidden not in said
    assert ACME in await shell.canvas("list")
    [row] = json.loads(await shell.canvas("list", "--json"))["tenants"]
    assert (row["host"], row["account"]["plan"], row["due"], row["dead"]) == (ACME, "enterprise", 0, 0)
    plain = await shell.canvas("show", ACME, "--json", CANVAS_PUBLIC_URL=PUBLIC)
    shown = json.loads(plain)
    assert (shown["statuses"]["2"], shown["last_webhook"]) == ("Open", None)
    assert shown["webhook_url"] == f"{PUBLIC}/webhooks/freshdesk/{ACME}"
    assert [hidden for hidden in ("api_key", "webhook_secrets", secret[1]) if hidden in plain] == []


async def test_a_list_cuts_no_host_and_says_when_there_is_none(shell: Shell) -> None:
    assert "canvas tenant add HOST" in await shell.canvas("list")
    await shell.add()
    assert shell.settings.redis_url is not None
    url, folder = shell.settings.redis_url.get_secret_value(), str(shell.settings.data_dir)
    narrow = await run(shell.settings.data_dir, "tenant", "list", COLUMNS="40", REDIS_URL=url, CANVAS_DATA_DIR=folder)
    [_, row] = narrow.out.splitlines()
    assert row.split()[:3] == [ACME, "en", "enterprise"]


async def test_a_key_that_is_refused_or_absent_adds_nothing(shell: Shell, redis: Redis) -> None:
    said = await shell.canvas("add", ACME, stdin="wrong-key\n", code=1)
    assert f"{ACME} does not accept this API key" in said
    assert "wrong-key" not in said
    assert "FRESHDESK_API_KEY" in await shell.canvas("add", ACME, code=1)
    assert "yourcompany.freshdesk.com" in await shell.canvas("add", "acme", stdin="k\n", code=2)
    assert f"canvas tenant add {ACME}" in await shell.canvas("show", ACME, code=1)
    assert not await redis.exists(keys.tenant(ACME))


async def test_webhooks_are_installed_left_alone_repaired_and_rotated(shell: Shell) -> None:
    await shell.add()
    assert "HTTPS" in await shell.canvas("install-webhooks", ACME, "--public-url", "http://localhost", code=1)
    for wrong in (f"{PUBLIC}/?from=freshdesk", "https://canvas example.com"):
        assert PUBLIC in await shell.canvas("install-webhooks", ACME, "--public-url", wrong, code=1)
    install = ("install-webhooks", ACME, "--public-url", f" {PUBLIC}/ ")
    assert (await shell.canvas(*install)).count("created:") == 2
    assert (await shell.canvas(*install, "--data", str(shell.settings.data_dir))).count("unchanged:") == 2

    said = await shell.canvas("rotate-secret", ACME, CANVAS_PUBLIC_URL=PUBLIC)
    assert said.count("repaired:") == 2
    assert line_of(await shell.canvas("show", ACME), "valid secrets") == "2, a rotation is not finished"
    assert "Dropped 1 old secret" in await shell.canvas("rotate-secret", ACME, "--finish")

    await shell.add(AGENT_KEY + ACME)
    said = await shell.canvas("rotate-secret", ACME, "--public-url", PUBLIC)
    assert "use an admin's key" in said
    shown = re.search(r"^(\S{43})$", said, re.MULTILINE)
    assert shown
    assert shown[1] in await shell.canvas("rotate-secret", ACME)
    async with receiver_context(shell.settings) as context:
        assert context.tenants.webhook_secrets(await shell.tenant())[0] == shown[1]


async def test_settings_are_set_shown_unset_and_checked(shell: Shell) -> None:
    await shell.add()
    guide = shell.settings.data_dir / "guide.txt"
    guide.write_text("존댓말을 씁니다.\n", "utf-8")
    said = await shell.canvas(
        "set", ACME, "--language", "ko", "--tone", "formal", "--style-guide", str(guide), "--forbid", "환불 불가",
        "--forbid", "as an AI", "--similar-days", "365", "--redact", "default,email", "--daily-tokens", "100000",
        "--model", "summary=anthropic/claude-haiku-5-5,openai/gpt-5.4-mini", "--model", "reply=openai/gpt-5.4-mini",
        ANTHROPIC_API_KEY="any", OPENAI_API_KEY="any",
    )  # fmt: skip
    assert line_of(said, "similar tickets") == "created in the last 365 days"
    assert line_of(said, "model summary") == "anthropic/claude-haiku-5-5, openai/gpt-5.4-mini"
    chosen = (await shell.tenant()).settings
    assert chosen == TenantSettings(
        language="ko",
        tone="formal",
        style_guide="존댓말을 씁니다.",
        forbidden_phrases=["환불 불가", "as an AI"],
        similar_days=365,
        redact=frozenset({"card", "national_id", "secret", "email"}),
        models={"summary": ["anthropic/claude-haiku-5-5", "openai/gpt-5.4-mini"], "reply": ["openai/gpt-5.4-mini"]},
        daily_token_budget=100_000,
    )
    for wrong, hint in (
        (["--similar-days", "0"], "days back"),
        (["--redact", "names"], "choose among"),
        (["--model", "summary=gpt"], "provider/model"),
        (["--model", "summary=foo/bar"], "the provider 'foo' is not set up here"),
        (["--model", "reply=extractive,openai/gpt"], "never be asked"),
        ([], "Name what to set"),
        (["--language", "en", "--tone", "brief", "--unset", "language"], "Both set and unset: language"),
    ):
        assert hint in await shell.canvas("set", ACME, *wrong, code=1)
    assert (await shell.tenant()).settings == chosen
    await shell.canvas(
        "set", ACME, "--unset", "similar-days", "--unset", "model", "--unset", "forbid", "--redact", "none"
    )
    after = (await shell.tenant()).settings
    assert (after.similar_days, after.models, after.forbidden_phrases, after.redact) == (None, {}, [], frozenset())
    assert (after.language, after.style_guide) == (chosen.language, chosen.style_guide)


async def test_the_master_key_is_changed_without_a_new_webhook_secret(shell: Shell) -> None:
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    await shell.canvas("add", ACME, stdin=f"{ADMIN_KEY + ACME}\n", CANVAS_MASTER_KEYS=old)
    shown = await shell.canvas("show", ACME, CANVAS_MASTER_KEYS=f"{new},{old}")
    assert line_of(shown, "encrypted by") == "an older one: canvas tenant reencrypt"
    assert "no master key decrypts" in await shell.canvas("reencrypt", code=1, CANVAS_MASTER_KEYS=new)
    assert "enough now" in await shell.canvas("reencrypt", CANVAS_MASTER_KEYS=f"{new},{old}")
    shown = await shell.canvas("show", ACME, CANVAS_MASTER_KEYS=new)
    assert line_of(shown, "encrypted by") == "the first master key"
    install = ("install-webhooks", ACME, "--public-url", PUBLIC)
    assert (await shell.canvas(*install, CANVAS_MASTER_KEYS=new)).count("created:") == 2


async def test_a_tenant_is_removed_by_the_workers_that_run_and_the_table_proves_it(
    small_world: World, settings: Settings, redis: Redis, machine: Forking
) -> None:
    acme, worker = small_world.acme, small_world.running.worker
    await acme.hit(await acme.create_ticket("Printer is offline", "Since Monday."))
    shell = Shell(machine, settings, acme.helpdesk, worker.settings.freshdesk_url(ACME))
    assert "nothing was changed" in await shell.canvas("remove", ACME, stdin="other.freshdesk.com\n", code=1)
    assert await redis.exists(keys.tenant(ACME))

    said = await shell.canvas("remove", ACME, "--watch", "1", stdin=f"{ACME}\n")
    table = dict(re.findall(r"^([a-z][a-z ]*?) +(\d+ +\d+)$", said, re.MULTILINE))
    assert table["canvas"].split() == ["1", "0"]
    assert table["vectors"].split() == ["1", "0"]
    assert table["tenant"].split() == ["1", "0"]
    assert {row.split()[1] for row in table.values()} == {"0"}
    assert f"Nothing of {ACME} is left" in said
    assert not await look(worker, ACME)
    assert [key async for key in redis.scan_iter(match=f"*{ACME}*")] == []
    assert f"canvas tenant add {ACME}" in await shell.canvas("show", ACME, code=1)


async def test_without_a_worker_the_command_erases_by_itself(shell: Shell, redis: Redis) -> None:
    await shell.add()
    await redis.set(keys.canvas(ACME, 1), b"x", ex=60)
    said = await shell.canvas("remove", ACME, "--yes", "--watch", "0")
    assert f"Nothing of {ACME} is left" in said
    assert "is not connected" in await shell.canvas("remove", ACME, "--yes", "--watch", "0")
    assert [key async for key in redis.scan_iter(match=f"*{ACME}*")] == []
