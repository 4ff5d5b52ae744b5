"""The Freshdesk app in its frame, over the stand-in of FDK's client: boot, tickets, editor, modal, and a platform that
fails. The frame has an origin of its own, so that serve is called across origins, as it is in Freshdesk.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Request, Route, expect

from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, DeskPage, desk_page
from tests.deploy.demo.small_desk import CHANNEL, SOLVED_EN, WIFI_EN
from tests.waiting import wait_until
from tests.world import Account

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)

TWENTY_TIMES = """async (ids) => {
    for (let turn = 0; turn < 20; turn += 1) {
        location.hash = `#/tickets/${ids[turn % ids.length]}`;
        await new Promise((resolve) => setTimeout(resolve, 25));
    }
}"""
CALL = """async ([area, name, ...args]) => {
    const client = await app.initialized();
    return client[area][name](...args).then((result) => ({ result }), (error) => ({ error }));
}"""
SILENT = """(name) => {
    let app;
    Object.defineProperty(window, "app", {
        get: () => app,
        set(given) {
            const client = given.initialized().then((client) => ({
                ...client,
                data: { get: (wanted) => (wanted === name ? window.answers() : client.data.get(wanted)) },
            }));
            app = { initialized: () => client };
        },
    });
}"""


@pytest.fixture
def url(served_desk: Account) -> str:
    return str(served_desk.canvas.base_url).rstrip("/")


@pytest.fixture
async def page(browser: Browser, url: str) -> AsyncIterator[DeskPage]:
    """An English tab; what it complains about and the test has not forgiven fails the test."""
    async with desk_page(browser, url) as opened:
        yield opened
        assert opened.complaints == []


async def called(page: DeskPage, *call: Any) -> Any:
    """What the stand-in answers to a call of the sidebar's client: `{result}` or `{error}`."""
    return await page.app_frame.evaluate(CALL, list(call))


async def test_serve_is_called_from_the_frames_own_origin(page: DeskPage) -> None:
    origins: set[str] = set()

    async def note(request: Request) -> None:
        if "/init/" in request.url:
            origins.add((await request.all_headers())["origin"])

    page.page.on("request", note)
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    await wait_until(lambda: origins == {page.frame_url})
    assert page.frame_url != page.url


async def test_where_the_frames_port_is_out_of_reach_the_desk_serves_the_frame(page: DeskPage) -> None:
    await page.page.route(f"{page.frame_url}/**", lambda route: route.abort())
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    assert page.app_frame.url.startswith(page.url)
    page.forgive("ERR_FAILED")


async def test_twenty_activations_leave_one_stream_and_the_last_tickets_canvas(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    await page.page.evaluate(TWENTY_TIMES, [WIFI_EN, SOLVED_EN])
    await expect(page.subject).to_have_text("Wi-Fi drops every hour")
    await expect(page.part("summary")).to_contain_text("every hour")
    await wait_until(lambda: not page.streams)
    await expect(page.light("hit")).to_be_visible()


async def test_a_late_answer_about_a_former_ticket_is_thrown_away(browser: Browser, url: str) -> None:
    answers = "window.late = []; window.answers = () => new Promise((resolve) => window.late.push(resolve));"
    async with desk_page(browser, url) as page:
        await page.page.add_init_script(f"{answers}; ({SILENT})('ticket')")
        await page.open(WIFI_EN)
        await wait_until(lambda: len(page.page.frames) > 1)
        frame = page.page.frame_locator("#app")
        await expect(frame.locator(".pc")).to_be_visible()
        await page.page.wait_for_function("frames.length > 0")
        await wait_until_asked(page, 1)
        await page.switch(SOLVED_EN)
        await wait_until_asked(page, 2)
        await page.app_frame.evaluate("(ids) => ids.forEach((id, turn) => late[1 - turn]({ ticket: { id } }))",
                                      [SOLVED_EN, WIFI_EN])  # fmt: skip
        await expect(page.light("hit")).to_be_visible()
        await expect(page.part("summary")).to_contain_text("every hour")
        assert page.complaints == []


async def wait_until_asked(page: DeskPage, times: int) -> None:
    """Wait until the sidebar has asked so often which ticket is open."""

    async def asked() -> bool:
        return bool(await page.app_frame.evaluate("(times) => window.late.length >= times", times))

    await wait_until(asked)


@pytest.mark.parametrize(
    "rejection",
    ["undefined", "'odd'", "new Error('odd')", "{ status: 500, response: '{\"a\": 1}' }", "{ message: {} }"],
)
async def test_a_platform_that_fails_is_a_clear_state_with_a_way_out(
    browser: Browser, url: str, rejection: str
) -> None:
    answers = f"window.answers = () => Promise.reject({rejection})"
    async with desk_page(browser, url) as page:
        await page.page.add_init_script(f"{answers}; ({SILENT})('ticket')")
        await page.open(WIFI_EN)
        problem = page.app.locator(".pc-problem")
        await expect(problem).to_contain_text("Freshdesk does not answer the app")
        await page.app_frame.evaluate(f"window.answers = async () => ({{ ticket: {{ id: {WIFI_EN} }} }})")
        await problem.get_by_role("button", name="Try again").click()
        await expect(page.light("hit")).to_be_visible()
        assert page.complaints == []


@pytest.mark.parametrize(
    ("rejected", "said"),
    [
        ({"status": 401, "response": '{"type": "urn:prompt-canvas:unauthorized", "status": 401}'}, "does not know you"),
        ({"status": 429, "response": "Too many requests"}, "Too many requests at the moment"),
        ({"status": 504, "response": "Timeout while processing the request"}, "No connection to Prompt Canvas"),
        ({"message": "Requested function/Request template not found"}, "Freshdesk does not answer the app"),
    ],
)
async def test_a_session_that_the_platform_refuses_is_said(page: DeskPage, rejected: dict[str, Any], said: str) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=200, content_type="application/json", body=json.dumps({"rejected": rejected}))

    await page.page.route("**/templates/*", refuse)
    await page.open(WIFI_EN)
    await expect(page.app.locator(".pc-problem")).to_contain_text(said)


async def test_a_reply_reaches_the_editor_as_words(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    await expect(page.messages).to_have_count(1)
    await page.box.fill("Hello,")
    await page.part("replies").get_by_role("button", name="Insert").click()
    await expect(page.box).to_have_value(re.compile(rf"^Hello,\n\n[^<]*{re.escape(CHANNEL)}"))
    await expect(page.box).to_be_focused()


async def test_the_platform_refuses_what_freshdesk_refuses(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    trigger = ("interface", "trigger")
    assert "error" in await called(page, *trigger, "setValue", {"id": "editor", "text": "x", "replace": True})
    assert "error" in await called(page, *trigger, "showNotify", {"type": "error", "message": "x"})
    assert "error" in await called(page, *trigger, "showModal", {"title": "x" * 31, "template": "modal.html"})
    assert "error" in await called(page, "data", "get", "nothing")
    assert "result" in await called(page, *trigger, "showNotify", {"type": "danger", "message": "Said"})
    await expect(page.page.locator("#toast")).to_have_text("Said")
    iparams = (await called(page, "iparams", "get"))["result"]
    assert "api_key" not in iparams
    assert iparams["backend"] == page.url.removeprefix("http://")
    missing = await called(page, "request", "invokeTemplate", "nothing", {})
    assert missing["error"]["response"] == "Requested function/Request template not found"


async def test_the_small_store_keeps_what_fits(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    assert (await called(page, "db", "get", "a"))["error"] == {"status": 404, "message": "Record not found"}
    await called(page, "db", "set", "a", {"n": 1})
    assert (await called(page, "db", "get", "a"))["result"] == {"n": 1}
    assert "error" in await called(page, "db", "set", "k" * 61, {})
    assert "error" in await called(page, "db", "set", "b", "x" * 41_000)


async def test_the_sidebar_can_be_made_as_narrow_and_as_wide_as_in_freshdesk(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    handle = page.page.get_by_role("separator", name="Width of the sidebar")
    await handle.focus()
    for key, width in (("ArrowLeft", 400), ("ArrowRight", 280)):
        for _ in range(8):
            await page.page.keyboard.press(key)
        await expect(page.page.locator("#sidebar")).to_have_css("width", f"{width}px")
        await expect(page.light("hit")).to_be_visible()
        assert await page.app_frame.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("name", "words"), [("full_page_app", "Start a backfill"), ("install", "Freshdesk domain")])
async def test_the_apps_pages_for_admins_open_in_the_desk(page: DeskPage, name: str, words: str) -> None:
    await page.open(WIFI_EN)
    await page.page.locator(f"[data-page={name}]").click()
    await expect(page.page.frame_locator("#app-page iframe").get_by_text(words).first).to_be_visible()
    await page.page.locator("#app-page").get_by_role("button", name="Close").click()
    await expect(page.page.locator("#app-page")).to_be_hidden()
