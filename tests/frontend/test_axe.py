"""axe-core finds nothing to object to in any state of the sidebar, light and dark, in English and Korean."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Route, expect

from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, DeskPage, desk_page
from tests.deploy.demo.hostile import hostile_canvas
from tests.deploy.demo.small_desk import SOLVED_EN, WIFI_EN
from tests.faults import silent_ticket, worker_of
from tests.world import Account

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text("utf-8")
# What lies half under the question box for the moment is in the way of nobody: it scrolls.
CHECK = """async () => {
    const box = document.querySelector(".pc-ask");
    box.style.position = "static";
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run("#sidebar", { runOnly: tags });
    box.style.position = "";
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}"""


async def violations(page: DeskPage) -> list[str]:
    """What axe objects to, with the elements."""
    if not await page.app_frame.evaluate("'axe' in window"):
        await page.app_frame.evaluate(AXE)
    found: list[str] = await page.app_frame.evaluate(CHECK)
    return found


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "ko-KR")])
async def test_no_state_of_the_sidebar_keeps_anybody_out(
    browser: Browser, served_desk: Account, scheme: Literal["light", "dark"], locale: str
) -> None:
    hostile = await silent_ticket(served_desk, f"Odd {scheme}")
    await worker_of(served_desk).canvases.put(served_desk.host, hostile_canvas(hostile, 1), 1)
    async with desk_page(browser, str(served_desk.canvas.base_url).rstrip("/"), locale, scheme) as page:
        await page.open(WIFI_EN)
        await expect(page.light("hit")).to_be_visible()
        found = {"hit": await violations(page)}
        await page.key("tools").click()
        await page.app.locator(".pc-part-replies [data-key=thumb-down]").click()
        await page.app.locator(".pc-question").fill("Why does the Wi-Fi drop?")
        await page.page.keyboard.press("Enter")
        await expect(page.app.locator(".pc-sources")).to_be_visible()
        found["tools, reasons, answer"] = await violations(page)
        await page.key("edit").click()
        found["editing"] = await violations(page)
        await page.switch(hostile)
        await expect(page.app.locator(".pc-chip.pc-partial")).to_be_visible()
        found["partial"] = await violations(page)
        await page.switch(987_654)
        await expect(page.app.locator(".pc-problem")).to_be_visible()
        found["missing"] = await violations(page)
        await page.page.route("**/init/**", _never)
        await page.switch(SOLVED_EN)
        await expect(page.light("busy")).to_be_visible()
        found["opening"] = await violations(page)
        assert found == {state: [] for state in found}


async def _never(_: Route) -> None:
    """An answer that does not come."""
