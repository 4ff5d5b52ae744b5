"""The app's pages for admins, in a real Chromium: settings are checked before they are kept, a backfill is steered."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Frame, FrameLocator, expect

from shared.tenant_settings import TenantSettings
from shared.tenants import Tenant
from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, DeskPage, desk_page
from tests.faults import worker_of
from tests.frontend.test_axe import AXE
from tests.waiting import wait_until
from tests.world import ADMIN_KEY, Account

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)

CHECK = """async () => {
    const roots = [document, ...[...document.querySelectorAll("fw-button")].map((button) => button.shadowRoot)];
    const moving = roots.flatMap((root) => root?.getAnimations() ?? []);
    await Promise.allSettled(moving.map(({ finished }) => finished));
    return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`);
}"""
"""A button that is changing its colour has too little contrast for a moment."""
PAGES = {"full_page_app": "admin.html", "install": "iparams.html"}


@pytest.fixture
async def page(browser: Browser, served_desk: Account, locale: str) -> AsyncIterator[DeskPage]:
    async with desk_page(browser, str(served_desk.canvas.base_url).rstrip("/"), locale) as opened:
        await opened.open()
        yield opened
        assert opened.complaints == []


async def opened(page: DeskPage, location: str) -> tuple[FrameLocator, Frame]:
    """A page of the app in its frame: where elements are looked for, and where JavaScript is evaluated."""
    button = page.page.locator(f'[data-page="{location}"]')
    await expect(button).not_to_be_empty()  # from then on the desk listens
    await button.click()
    shown = page.page.frame_locator("#app-page iframe")
    await shown.locator("main fw-button.hydrated:visible").first.wait_for()
    [frame] = [frame for frame in page.page.frames if frame.url.endswith(PAGES[location])]
    return shown, frame


async def barred(frame: Frame) -> list[str]:
    """What axe objects to, and what makes the narrowest page scroll sideways."""
    if not await frame.evaluate("'axe' in window"):
        await frame.evaluate(AXE)
    found: list[str] = []
    for _ in range(3):  # a button may begin to change its colour while axe looks; what is wrong stays so
        found = await frame.evaluate(CHECK)
        if not found:
            break
    width = "document.body.style.width = '280px', document.body.scrollWidth"
    wide: int = await frame.evaluate(width)
    await frame.evaluate("document.body.removeAttribute('style')")
    return found + [f"{wide} px wide"] * (wide > 280)


def settings_of(backend: str, host: str) -> dict[str, Any]:
    """What the install page hands to the platform after the steps of the test below."""
    return {
        "backend": backend,
        "freshdesk_domain": host,
        "api_key": ADMIN_KEY + host,
        "language": "auto",
        "tone": "formal",
        "forbidden_phrases": "guaranteed\n100 %",
        "search_period_days": "",
        "show": "summary,similar,solutions,replies,ask",
        "__meta": {"secure": ["api_key"]},
    }


@pytest.mark.parametrize("locale", ["en-GB"])
async def test_settings_are_checked_with_the_server_before_they_are_kept(page: DeskPage, served_desk: Account) -> None:
    shown, frame = await opened(page, "install")
    backend, domain, key = (shown.locator(f"#{name}") for name in ("backend", "freshdesk_domain", "api_key"))
    await expect(domain).to_have_value(served_desk.host)
    await expect(key).to_have_value("")
    here = await backend.input_value()
    assert await frame.evaluate("validate()") is False
    await expect(key).to_be_focused()
    await backend.fill("https://canvas.example.com/x")
    await expect(shown.locator("#backend-error")).not_to_be_empty()
    await backend.fill(here)
    await expect(shown.locator("#backend-error")).to_be_empty()
    await key.fill("a-wrong-key-of-nobody")
    await key.press("Tab")
    await expect(shown.locator(".told-bad")).to_contain_text(f"canvas tenant add {served_desk.host}")
    assert await frame.evaluate("validate()") is False
    assert await barred(frame) == []
    await expect(shown.locator(".told-bad")).to_be_visible()
    await key.fill(ADMIN_KEY + served_desk.host)
    await key.press("Tab")
    await expect(shown.locator(".told-good")).to_contain_text(served_desk.host)
    await shown.locator("#tone").select_option("formal")
    await shown.locator("#forbidden_phrases").fill("guaranteed\n\n guaranteed \n100 %")
    assert await frame.evaluate("validate()") is True
    assert await frame.evaluate("postConfigs()") == settings_of(here, served_desk.host)
    assert await barred(frame) == []
    tenants = worker_of(served_desk).tenants

    async def there_too() -> bool:
        """On the server, which applies them."""
        settings = (await tenants.require(served_desk.host)).settings
        return (settings.tone, settings.forbidden_phrases) == ("formal", ["guaranteed", "100 %"])

    await wait_until(there_too)
    await tenants.update(served_desk.host, lambda tenant: with_settings(tenant, TenantSettings()))


@pytest.mark.parametrize("locale", ["ko-KR"])
async def test_an_admin_brings_tickets_in_and_sends_the_settings(page: DeskPage, served_desk: Account) -> None:
    shown, frame = await opened(page, "full_page_app")
    state = shown.locator(".card-now .pill")
    await expect(state).to_have_class("pill pill-good")
    await shown.locator("summary").click()
    await shown.locator("[name=reindex]").check()
    await shown.locator("[name=solutions]").uncheck()
    await shown.locator("[name=budget]").fill("much")
    await shown.locator("[data-key=begin]").click()
    await expect(shown.locator("[name=budget]")).to_be_focused()
    await expect(shown.locator("#start-budget-error")).not_to_be_empty()
    assert await barred(frame) == []
    await shown.locator("[name=budget]").fill("$2.50")
    await shown.locator("[data-key=begin]").click()
    rows = shown.locator(".card-earlier tbody tr")
    await expect(rows).to_have_count(2)
    await expect(state).to_have_class("pill pill-good")
    await expect(shown.locator(".card-now progress")).to_have_count(2)
    tenants = worker_of(served_desk).tenants
    await tenants.update(served_desk.host, lambda tenant: with_settings(tenant, TenantSettings(tone="formal")))
    await page.page.reload()
    shown, frame = await opened(page, "full_page_app")
    await expect(shown.locator(".differs")).to_have_count(1)
    assert await barred(frame) == []
    await shown.locator("[data-key=apply]").click()
    await expect(shown.locator(".differs")).to_have_count(0)
    assert (await tenants.require(served_desk.host)).settings.tone is None


def with_settings(tenant: Tenant, settings: TenantSettings) -> Tenant:
    return msgspec.structs.replace(tenant, settings=settings)


async def test_the_sidebars_template_brings_no_admins_token_whatever_a_page_sends_with_it(served_desk: Account) -> None:
    sent: dict[str, Any] = {"context": {"admin": "true"}, "body": '{"admin": true}', "installing": True}
    opened: dict[str, int] = {}
    for name in ("session", "admin_session"):
        answer = await served_desk.canvas.post(f"/desk/api/app/templates/{name}", json=sent)
        said = msgspec.json.decode(answer.json()["resolved"]["response"])
        token = {"Authorization": f"Bearer {said['token']}"}
        opened[name] = (await served_desk.canvas.get("/settings", headers=token)).status_code
        assert said["admin"] is (opened[name] == 200)
    assert opened == {"session": 403, "admin_session": 200}
