"""The demo in small: its desk in front of eight tickets in two languages, with everything of ours behind it."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from deploy.backfill_progress import watch_backfill
from deploy.demo.desk_client import DeskClient
from deploy.demo.helpdesk import Helpdesk, running_helpdesk
from deploy.demo.installed import Account as Installation
from deploy.demo.installed import installed
from deploy.up import Running, everything
from ingest.freshdesk.client import freshdesk_http
from ingest.registration import install_webhooks, register_tenant
from serve.settings import ServeSettings
from shared.settings import Settings
from tests.deploy.demo.helpdesk.seed import said, ticket
from tests.world import ACME, ADMIN_KEY, ADMIN_TOKEN, AGENT_KEY, SEED, Account, World, all_settings, desk_settings

CHANNEL = "Please open 192.168.0.1, choose Wireless and set the channel to 36. After a restart the Wi-Fi stays up."
CERTIFICATE = "관리자 설정의 SSO 화면에서 새 SAML 인증서를 올려 주시면 401 오류 없이 로그인하실 수 있습니다."


def english(key: str, age_hours: float, subject: str, text: str, **more: Any) -> dict[str, Any]:
    return ticket(key, age_hours, product="Router X1", subject=subject, description_html=f"<div>{text}</div>",
                  agent="jisoo", **more)  # fmt: skip


def korean(key: str, age_hours: float, subject: str, text: str, **more: Any) -> dict[str, Any]:
    requester = {"name": "박민수", "email": "minsu@example.co.kr"}
    return english(key, age_hours, subject, text, language="ko", requester=requester, **more) | {"product": "모아워크"}


# Ids count from the oldest: 1 and 2 are solved and answer 5 to 8.
ENGLISH = [
    english("en-1", 900, "Wi-Fi drops every hour", "The router drops the Wi-Fi every hour since the update.",
            status=4, conversations=[said("reply", 2, CHANNEL, "jisoo"), said("customer", 5, "That helped, thanks!")]),
    english("en-3", 700, "Invoice for March is missing", "I can't find the invoice for March, order 1234."),
    english("en-5", 60, "Router loses Wi-Fi", "Our Wi-Fi is gone every hour. I restarted the router X1 twice."),
    english("en-7", 20, "Wi-Fi not stable", "The Wi-Fi of the router drops again and again. It began on Monday."),
]  # fmt: skip
KOREAN = [
    korean("ko-2", 800, "SSO 로그인이 401 오류로 실패합니다", "어제부터 SSO 로그인을 하면 401 오류가 나옵니다.",
           status=4, conversations=[said("reply", 2, CERTIFICATE, "jisoo"), said("customer", 5, "해결되었습니다.")]),
    korean("ko-4", 600, "3월 세금계산서를 찾을 수 없어요", "3월분 세금계산서가 보이지 않습니다. 다시 보내 주세요."),
    korean("ko-6", 50, "로그인할 수 없어요", "SSO로 로그인하면 401 에러가 떠요. 브라우저를 바꿔도 똑같습니다."),
    korean("ko-8", 10, "SSO 401 오류", "오늘 아침부터 SSO 로그인 화면에서 401 오류가 나고 있습니다."),
]  # fmt: skip
OPEN = ServeSettings().model_copy(update={"limit_sessions": 0})
"""Every tab mints a session, and a file of tests opens more tabs in a minute than any agent."""
SOLVED_EN, SOLVED_KO, WIFI_EN, SSO_KO = 1, 2, 7, 8


def write_seed(folder: Path) -> Path:
    """The seed's files; agents and articles are those of the small world."""
    folder.mkdir()
    for name in ("agents.json", "articles.json"):
        (folder / name).write_bytes((SEED / name).read_bytes())
    for name, lines in (("tickets.en.jsonl", ENGLISH), ("tickets.ko.jsonl", KOREAN)):
        (folder / name).write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), "utf-8")
    return folder


@asynccontextmanager
async def small_desk(folder: Path) -> AsyncIterator[Account]:
    """A running desk whose tickets are computed; `account.canvas.base_url` is where its page lies, below `/desk`."""
    desk = Helpdesk.from_seed(write_seed(folder / "seed"), desk_settings(ACME), datetime.now(UTC))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running_helpdesk(desk))
        http = await stack.enter_async_context(freshdesk_http())
        client = DeskClient(url, AGENT_KEY + ACME, ADMIN_TOKEN, http)
        settings = all_settings(Settings(data_dir=folder / "data", freshdesk_urls={ACME: url}), serve=OPEN)
        app = installed(settings, Installation(ACME, ADMIN_KEY + ACME), client, http)
        settings, mounted = await stack.enter_async_context(app)
        running = await stack.enter_async_context(everything(settings, mounted))
        await _connect(running)
        yield await _account(stack, running, desk, url)


async def _connect(running: Running) -> None:
    freshdesk = running.worker.freshdesk_with(ACME, SecretStr(ADMIN_KEY + ACME))
    tenant, _ = await register_tenant(running.worker, freshdesk, ACME, ADMIN_KEY + ACME)
    await install_webhooks(running.worker, freshdesk, tenant, running.url)
    await watch_backfill(running.worker, ACME)


async def _account(stack: AsyncExitStack, running: Running, desk: Helpdesk, url: str) -> Account:
    key = AGENT_KEY + ACME
    credential = {"X-Freshdesk-Domain": ACME, "X-Freshdesk-API-Key": key}
    freshdesk = httpx.AsyncClient(base_url=url, auth=(key, "X"), timeout=20, trust_env=False)
    canvas = httpx.AsyncClient(base_url=running.url, headers=credential, timeout=20, trust_env=False)
    for client in (freshdesk, canvas):
        await stack.enter_async_context(client)
    world = World.__new__(World)
    world.running = running
    account = Account(host=ACME, key=key, helpdesk=desk, freshdesk=freshdesk, canvas=canvas, world=world)
    world.acme = world.other = account
    return account
