"""What an agent does in the sidebar, in a real Chromium over the demo's desk: asks, edits, has replies written, rates.

The desk's server counts what the agent did: that is where these tests look for it.
"""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Request, Route, expect

from shared.feedback import Feedback
from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, DeskPage, desk_page
from tests.deploy.demo.hostile import VECTORS
from tests.deploy.demo.labels import not_in
from tests.deploy.demo.small_desk import CHANNEL, SSO_KO, WIFI_EN
from tests.faults import worker_of
from tests.waiting import wait_until
from tests.world import Account

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)


@pytest.fixture
def desk(served_desk: Account) -> Account:
    """The desk that all tests share."""
    return served_desk


@pytest.fixture
async def page(browser: Browser, desk: Account) -> AsyncIterator[DeskPage]:
    """An English tab; what it complains about and the test has not forgiven fails the test."""
    async with desk_page(browser, str(desk.canvas.base_url).rstrip("/")) as opened:
        yield opened
        assert await opened.ran() == []
        assert opened.complaints == []


async def told(desk: Account) -> list[tuple[str, str, str]]:
    """Kind, action and reason of all feedback so far."""
    feedback = Feedback(worker_of(desk).redis.state)
    return [(kept.given.kind, kept.given.action, kept.given.reason) async for kept in feedback.since(desk.host)]


async def until_told(desk: Account, *wanted: tuple[str, str, str]) -> None:
    async def all_told() -> bool:
        return set(wanted) <= set(await told(desk))

    await wait_until(all_told)


async def test_the_browser_asks_with_a_token_and_never_with_the_key(page: DeskPage) -> None:
    sent: list[tuple[str, dict[str, str]]] = []
    page.page.on("request", lambda request: sent.append((request.url, request.headers)))
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    asked = [headers for url, headers in sent if "/init/" in url]
    assert asked
    assert all(headers["authorization"].startswith("Bearer ") for headers in asked)
    assert not [url for url, headers in sent if "x-freshdesk-api-key" in headers or urlsplit(url).path == "/session"]
    await expect(page.app.locator(".pc-age")).to_contain_text("messages up to")


async def test_a_question_is_answered_with_sources_and_rated(page: DeskPage, desk: Account) -> None:
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    await page.key("type-tickets").click()
    await page.app.get_by_role("textbox", name="Ask a question").fill("Why does the Wi-Fi drop every hour?")
    await page.page.keyboard.press("Enter")
    answer = page.app.locator(".pc-answer")
    await expect(answer.locator(".pc-sources li")).not_to_have_count(0)
    await expect(answer.locator(".pc-cite").first).to_be_visible()
    assert await not_in(page, "en") == []
    await answer.get_by_role("button", name="This did not help").click()
    await answer.get_by_role("button", name="Incomplete").click()
    await until_told(desk, ("answer", "shown", ""), ("answer", "down", ""), ("answer", "rejected", "incomplete"))
    await answer.get_by_role("button", name="Close the answer").click()
    await expect(answer).to_be_hidden()
    await expect(page.app.locator(".pc-question")).to_be_focused()


async def test_a_reply_is_edited_and_inserted(page: DeskPage, desk: Account) -> None:
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    await page.key("edit").click()
    box = page.app.locator(".pc-edit")
    await expect(box).to_be_focused()
    await box.fill("My own words.")
    await page.page.keyboard.press("Escape")
    await expect(page.key("edit")).to_be_focused()
    await page.key("insert").click()
    await expect(page.box).to_have_value("My own words.")
    await page.key("tools").click()
    # Freshdesk lets an app replace what stands in the editor from the editor's own frame alone.
    await expect(page.key("replace")).to_have_count(0)
    await until_told(desk, ("reply", "shown", ""), ("reply", "edited", ""), ("reply", "inserted", ""))


@pytest.mark.parametrize(("ticket", "name", "words"), [(WIFI_EN, "shorter", CHANNEL), (SSO_KO, "tone-formal", "SSO")])
async def test_a_reply_is_written_on_demand(page: DeskPage, desk: Account, ticket: int, name: str, words: str) -> None:
    await page.open(ticket)
    await expect(page.light("hit")).to_be_visible()
    pages = page.app.locator(".pc-pager button")
    before = await pages.count() or 1
    await page.key("tools").click()
    assert await not_in(page, "en") == []
    await page.key(name).click()
    await expect(pages).to_have_count(before + 1)
    await expect(pages.last).to_have_attribute("aria-pressed", "true")
    await page.key("thumb-up").nth(1).click()
    await until_told(desk, ("generated_reply", "shown", ""), ("generated_reply", "up", ""))
    # The focus is still in the box that the button was in.
    assert await page.app_frame.evaluate("document.activeElement !== document.body")


TROUBLES = [
    (401, "unauthorized", "Prompt Canvas does not know you"),
    (403, "forbidden", "You may not see this"),
    (429, "rate-limited", "Too many requests at the moment"),
    (503, "store-unavailable", "Not available at the moment"),
]


@pytest.mark.parametrize(("status", "code", "said"), TROUBLES)
async def test_each_refusal_is_a_clear_state_and_ends_by_itself(
    page: DeskPage, status: int, code: str, said: str
) -> None:
    refused = [0]

    async def refuse(route: Route, request: Request) -> None:
        if "/init/" in request.url and refused[0] < 2:
            refused[0] += 1
            body = f'{{"type":"urn:prompt-canvas:{code}","title":"{code}","status":{status}}}'
            await route.fulfill(status=status, body=body, headers={"Retry-After": "1"})
        else:
            await route.continue_()

    await page.page.route("**/init/**", refuse)
    await page.open(WIFI_EN)
    problem = page.app.locator(".pc-problem")
    await expect(problem).to_contain_text(said)
    assert await not_in(page, "en") == []
    if status < 429:
        refused[0] = 2
        await problem.get_by_role("button", name="Try again").click()
    await expect(page.light("hit")).to_be_visible()
    await expect(problem).to_be_hidden()
    page.forgive(rf"status of {status}")


async def test_offline_is_said_and_over_as_soon_as_the_line_is_back(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    await page.page.context.set_offline(True)
    await page.switch(SSO_KO)
    await expect(page.app.locator(".pc-problem")).to_contain_text("You are offline")
    await page.page.context.set_offline(False)
    await expect(page.light("hit")).to_be_visible()
    await expect(page.part("summary")).to_contain_text("SSO")
    page.forgive(r"ERR_INTERNET_DISCONNECTED")


RENDER = """async (vectors) => {
    const { GrowingMarkdown, markdown } = await import("./scripts/elements/markdown.js");
    const { htmlOf, linkHtml, paragraphsOf } = await import("./scripts/elements/html.js");
    const root = document.createElement("div");
    document.body.append(root);
    for (const vector of vectors) {
        root.append(...markdown(vector), ...markdown(`- **${vector}**\\n1. [${vector}](${vector})\\n\\`${vector}\\``));
        const growing = new GrowingMarkdown();
        root.append(growing.element);
        for (const sign of `**${vector}**\\n- ${vector}`) growing.write(sign);
        const listed = htmlOf(`**${vector}**\\n- ${vector}`);
        for (const html of [htmlOf(vector), listed, linkHtml(vector, vector), paragraphsOf(vector)])
            if (/<(?!\\/?(p|br|a|ul|ol|li|strong|code)\\b)|<a(?! href="https?:)/.test(html)) window.pwned(html);
    }
    const found = [...root.querySelectorAll("*")].filter((element) =>
        !["DIV", "P", "UL", "OL", "LI", "STRONG", "CODE", "A", "SPAN"].includes(element.tagName) ||
        (element.tagName === "A" && new URL(element.href).protocol !== "https:") ||
        [...element.attributes].some(({ name }) => name.startsWith("on") || name === "style"));
    root.remove();
    return found.map((element) => element.outerHTML);
}"""
SCHEMES = ("javascript:", "JaVaScRiPt:", "java\tscript:", "\x01javascript:", "data:text/html,", "vbscript:", "blob:",
           "file:///", "http://evil.example/", "//evil.example/", "https://user:pw@evil.example/",
           "https://1.2.3.4/")  # fmt: skip
FORMS = ("[a]({})", "![a]({})", "<{}>", "[a]( {} )", "**[a]({})**", "[![x]({})](https://a.example)", "[1]: {}",
         '<a href="{}">x</a>', '<img src="{}">', "`{}`", "- [a]({}\"onmouseover=pwned(1))", "[a]({}'onclick=pwned(1))",
         '<svg><a xlink:href="{}">')  # fmt: skip


async def test_two_hundred_ways_to_run_code_stay_text(page: DeskPage) -> None:
    vectors = [*VECTORS, *(form.format(f"{scheme}pwned(1)") for scheme in SCHEMES for form in FORMS)]
    vectors += [f"**{vector}**" for vector in VECTORS]
    assert len(vectors) >= 200
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    assert await page.app_frame.evaluate(RENDER, vectors) == []
