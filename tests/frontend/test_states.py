"""Each state of the sidebar, as an agent meets it: what is said, what is kept, and how it ends by itself.

The app as it is, in a real Chromium, over canned answers (canned.py): serve answers at another origin, as in Freshdesk.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Error, FrameLocator, Page, expect

from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT
from tests.frontend.canned import Answer, Canned, canned_serve
from tests.frontend.states import ANSWER, EN, KO, REPLY, hit, ready, refusal, run, stages, stale

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)
LISTENS = "window.desk && desk.listeners['app.activated']?.length > 0"
SHIFTS = """new PerformanceObserver((list) => list.getEntries().forEach(({ value, hadRecentInput }) => {
    window.shifts = (window.shifts ?? 0) + (hadRecentInput ? 0 : value);
})).observe({ type: "layout-shift", buffered: true });"""
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Until what was changed is painted, and its shift is told."""
PARTS = "summary", "replies", "similar", "solutions"


@pytest.fixture(scope="module")
async def serve() -> AsyncIterator[Canned]:
    """One server for the file."""
    async with canned_serve() as canned:
        yield canned


@pytest.fixture(scope="module")
async def shared_page(browser: Browser) -> AsyncIterator[Page]:
    """One tab for the file: each test loads the app anew in it."""
    context = await browser.new_context(viewport={"width": 340, "height": 720}, locale="en-GB")
    page = await context.new_page()
    await page.add_init_script(SHIFTS)
    yield page
    await context.close()


@pytest.fixture
async def page(shared_page: Page, serve: Canned) -> AsyncIterator[Page]:
    """The tab, with nothing remembered."""
    serve.reset()
    await shared_page.goto(serve.url.replace("index.html", "styles/images/icon.svg"))
    await shared_page.evaluate("sessionStorage.clear()")
    errors: list[str] = []

    def note(error: Error) -> None:
        errors.append(str(error))

    shared_page.on("pageerror", note)
    yield shared_page
    await shared_page.goto("about:blank")
    shared_page.remove_listener("pageerror", note)
    assert errors == []


async def begin(page: Page, serve: Canned, ticket: int | None = 7) -> None:
    """Load the app, and open a ticket."""
    await page.goto(serve.url)
    await page.wait_for_function(LISTENS)
    if ticket is not None:
        await page.evaluate("(id) => desk.open(id)", ticket)


def status(page: Page) -> Any:
    """The status line."""
    return expect(page.locator(".pc-status [role=status]"))


def problem(page: Page) -> Any:
    """The message in the place of a Canvas."""
    return expect(page.locator(".pc-problem"))


def part(page: Page | FrameLocator, name: str) -> Any:
    """A part's card."""
    return expect(page.locator(f".pc-part-{name}"))


def key(page: Page | FrameLocator, name: str) -> Any:
    """A button by the name that keeps the focus on it."""
    return page.locator(f'[data-key="{name}"]')


async def test_a_ready_canvas_moves_nothing_that_was_there(page: Page, serve: Canned) -> None:
    ready(serve)
    ready(serve, KO, 8)
    await begin(page, serve)
    await part(page, "solutions").to_contain_text("Firmware 2.4.1")
    await page.evaluate("desk.open(8)")
    await part(page, "summary").to_contain_text("새벽")
    await page.evaluate("scrollTo(0, 400)")
    painted = "(desk.open(7), new Promise((done) => requestAnimationFrame(() => done(document.body.innerText))))"
    assert "2 o'clock" in await page.evaluate(painted)
    await status(page).to_contain_text("At once")
    await page.evaluate(TWO_FRAMES)
    assert (await page.evaluate("window.shifts ?? 0")) < 0.05
    assert await page.evaluate("scrollY") == 0


async def test_words_stages_and_parts_come_as_they_are_made(page: Page, serve: Canned) -> None:
    held = asyncio.Event()
    told = [*stages(), ("similar", EN["similar_tickets"]), ("summary.delta", {"text": "The router"})]
    rest = [("summary", EN["summary"]), ("done", {})]
    serve.answers["/init/7"] = [run(("started", {}), *told, held=held, after=rest), hit()]
    await begin(page, serve)
    await part(page, "summary").to_contain_text("The router")
    await expect(page.locator(".pc-progress li.pc-done")).to_have_count(4)
    await expect(page.locator(".pc-stage")).to_have_text("Summarizing")
    await part(page, "similar").to_contain_text("#301")
    await part(page, "replies").to_have_attribute("aria-busy", "true")
    held.set()
    await part(page, "replies").to_contain_text("Hello Mina")
    await expect(page.locator(".pc-progress ol")).to_be_hidden()
    await status(page).to_contain_text("Prepared in")


GROWING = """() => {
    window.texts = [];
    new MutationObserver(() => texts.push(document.querySelector(".pc-parts").textContent))
        .observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
KEPT = """() => {
    const [summary, reply] = ["summary", "replies"].map((name) => document.querySelector(`.pc-part-${name} .pc-text`));
    const [{ top }, { height }] = [summary, reply].map((element) => element.getBoundingClientRect());
    const seen = { summary, reply, top, height };
    if (!window.kept) return (summary.querySelector("a").focus({ preventScroll: true }), window.kept = seen, "noted");
    const same = Object.keys(seen).filter((name) => seen[name] === kept[name]);
    return [...same, document.activeElement.textContent].join(" ");
}"""


async def test_words_grow_without_their_signs_and_stay_when_they_are_all_there(page: Page, serve: Canned) -> None:
    summary = EN["summary"] | {
        "text": "It **restarts** at night, see [the log](https://help.example.com/log) and `E-421`."
    }
    canvas = EN | {"summary": summary}
    reply = canvas["replies"][0]["text"]
    words = [("summary.delta", {"text": summary["text"][at : at + 3]}) for at in range(0, len(summary["text"]), 3)]
    words += [("reply.delta", {"text": reply[at : at + 5]}) for at in range(0, len(reply), 5)]
    held = asyncio.Event()
    parts = [("summary", summary), ("replies", canvas["replies"]), ("done", {})]
    serve.answers["/init/7"] = [run(("started", {}), *words, held=held, after=parts), hit(canvas)]
    await begin(page, serve, None)
    await page.evaluate(GROWING)
    await page.evaluate("desk.open(7)")
    await part(page, "replies").to_contain_text("Your support team")
    assert await page.evaluate(KEPT) == "noted"
    held.set()
    await status(page).to_contain_text("Prepared in")
    assert await page.evaluate(KEPT) == "summary reply top height the log"
    assert not [text for text in await page.evaluate("window.texts") if re.search(r"\*|`|\[", text)]


TOPS = "['replies', 'similar'].map((name) => document.querySelector(`.pc-part-${name}`).getBoundingClientRect().top)"
A_FEW_LINES = 60


async def test_skeletons_take_the_place_that_parts_usually_need(page: Page, serve: Canned) -> None:
    summary, reply, held = EN["summary"], EN["replies"][0], asyncio.Event()
    words = [
        ("summary.delta", {"text": summary["text"]}),
        ("summary", summary),
        ("reply.delta", {"text": reply["text"]}),
    ]
    rest = [("similar", EN["similar_tickets"]), *words, ("replies", [reply]), ("done", {})]
    serve.answers["/init/7"] = [run(("started", {}), held=held, after=rest), hit()]
    await begin(page, serve)
    await part(page, "similar").to_be_visible()
    before = await page.evaluate(TOPS)
    held.set()
    await status(page).to_contain_text("Prepared in")
    after = await page.evaluate(TOPS)
    assert [abs(top - earlier) < A_FEW_LINES for top, earlier in zip(after, before, strict=True)] == [True, True], (
        before,
        after,
    )


async def test_a_stale_canvas_stays_until_its_successor_is_there(page: Page, serve: Canned) -> None:
    held = asyncio.Event()
    newer = EN | {"summary": EN["summary"] | {"text": "It is solved."}, "revision": "2026-06-01T11:00:00Z"}
    serve.answers["/init/7"] = [stale(), hit(newer, "e2")]
    serve.answers["/runs/r1"] = [run(("started", {}), held=held, after=[("done", {})])]
    await begin(page, serve)
    await status(page).to_contain_text("refreshing")
    await expect(page.locator(".pc-age")).to_contain_text("2 newer not in it yet")
    await part(page, "summary").to_contain_text("2 o'clock")
    held.set()
    await part(page, "summary").to_contain_text("It is solved.")
    await status(page).to_contain_text("Refreshed in")


async def test_what_is_missing_says_why_and_the_rest_is_there(page: Page, serve: Canned) -> None:
    failed = EN["provenance"] | {"stages": [{"name": "summarize", "ms": 1, "error": "timeout"}]}
    serve.answers["/init/7"] = [hit(EN | {"status": "partial", "summary": None, "provenance": failed})]
    await begin(page, serve)
    await part(page, "summary").to_contain_text("could not be made: it took too long.")
    await part(page, "replies").to_contain_text("Hello Mina")
    await expect(page.locator(".pc-chip.pc-partial")).to_have_text("incomplete")


EMPTY: dict[str, list[str]] = {"similar_tickets": [], "solutions": [], "replies": []}
NOTHING: dict[str, Any] = {**EMPTY, "summary": None, "no_replies": "no_ground"}


async def test_an_empty_canvas_says_so_part_by_part(page: Page, serve: Canned) -> None:
    serve.answers["/init/7"] = [hit(EN | NOTHING)]
    await begin(page, serve)
    for name, words in zip(PARTS, ("nothing to summarize", "No reply", "No similar", "No article"), strict=True):
        await part(page, name).to_contain_text(words)


async def test_no_ticket_and_then_one(page: Page, serve: Canned) -> None:
    ready(serve)
    await begin(page, serve, None)
    await page.evaluate("desk.emit('app.activated')")
    await problem(page).to_contain_text("No ticket is open")
    await page.evaluate("desk.open(7)")
    await part(page, "summary").to_be_visible()
    await problem(page).to_be_hidden()


async def test_a_limit_counts_down_and_goes_on_by_itself(page: Page, serve: Canned) -> None:
    serve.answers["/init/7"] = [refusal(429, "rate-limited", 2), hit()]
    await begin(page, serve)
    await problem(page).to_contain_text("Too many requests")
    await expect(page.locator(".pc-problem .pc-count")).to_have_text(re.compile("Next try in [12] s"))
    await part(page, "summary").to_be_visible()
    await problem(page).to_be_hidden()


@pytest.mark.parametrize(
    ("status_code", "code", "words", "kept"),
    [(503, "store-unavailable", "trying again", True), (403, "forbidden", "You may not see this", False),
     (410, "ticket-deleted", "This ticket was deleted", False), (401, "unauthorized", "does not know you", False)],
)  # fmt: skip
async def test_what_may_not_be_seen_any_more_goes_and_the_rest_stays(
    page: Page, serve: Canned, status_code: int, code: str, words: str, kept: bool
) -> None:
    serve.answers["/init/7"] = [hit(), refusal(status_code, code)]
    await begin(page, serve)
    await part(page, "summary").to_be_visible()
    await page.evaluate("desk.open(7)")
    await status(page).to_contain_text(words)
    await (part(page, "summary").to_be_visible() if kept else part(page, "summary").to_be_hidden())
    await (problem(page).to_be_hidden() if kept else problem(page).to_contain_text(words))


async def test_a_wall_between_browser_and_serve_is_gone_round_by_the_platform(page: Page, serve: Canned) -> None:
    serve.walled = True
    serve.answers["/template/init"] = [hit()]
    serve.answers["/template/query"] = [Answer(ANSWER)]
    serve.answers["/template/generate_reply"] = [Answer(REPLY)]
    await begin(page, serve)
    await part(page, "summary").to_contain_text("2 o'clock")
    await expect(page.locator(".pc-roundabout")).to_have_text("via Freshdesk")
    await page.locator(".pc-question").fill("How?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".pc-sources li")).to_have_count(2)
    await key(page, "tools").click()
    await key(page, "shorter").click()
    await part(page, "replies").to_contain_text("A shorter one.")
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    while not any(call.endswith("/template/feedback") for call in serve.calls):
        await asyncio.sleep(0.01)
    asked = [call for call in serve.calls if "/query" in call or "/generate" in call]
    assert asked == ["POST /template/query", "POST /template/generate_reply"]


async def test_a_server_that_is_gone_both_ways_is_no_matter_of_rights(page: Page, serve: Canned) -> None:
    serve.walled = True
    serve.answers["/template/init"] = [Answer("Bad gateway", 502), hit()]
    await begin(page, serve)
    await problem(page).to_contain_text("No connection to Prompt Canvas")
    await part(page, "summary").to_contain_text("2 o'clock")


async def test_a_server_that_was_never_reached_is_not_said_to_be_freshdesk(page: Page, serve: Canned) -> None:
    serve.answers["/template/session"] = [Answer("Bad gateway", 502)] * 2 + serve.answers["/template/session"]
    ready(serve)
    await begin(page, serve)
    await problem(page).to_contain_text("No connection to Prompt Canvas")
    await part(page, "summary").to_contain_text("2 o'clock")


async def test_a_stream_that_breaks_is_said_and_goes_on(page: Page, serve: Canned) -> None:
    serve.answers["/init/7"] = [run(("summary.delta", {"text": "The router"}), cut=True), hit()]
    serve.answers["/runs/r1"] = [refusal(503, "store-unavailable"), run(("done", {}))]
    await begin(page, serve)
    await part(page, "summary").to_contain_text("2 o'clock")
    await status(page).to_contain_text("Prepared in")


async def test_a_backend_that_has_forgotten_the_run_is_asked_for_the_canvas(page: Page, serve: Canned) -> None:
    serve.answers["/init/7"] = [run(("summary.delta", {"text": "The router"}), cut=True), hit()]
    serve.answers["/runs/r1"] = [refusal(404, "run-missing")]
    await begin(page, serve)
    await part(page, "summary").to_contain_text("2 o'clock")


FIRMWARE_KO = "설정에서 업데이트를 열고 펌웨어 2.4.1을 설치하시면 증상이 사라집니다. 계속되면 로그를 보내 주세요."
FOLDS = "(name) => [...document.querySelectorAll(name)].map((text) => text.scrollHeight > text.clientHeight + 2)"


async def test_whatever_is_cut_has_a_button_for_the_rest_at_any_width(page: Page, serve: Canned) -> None:
    [similar, *_], [article, *_] = KO["similar_tickets"], KO["solutions"]
    reply = {"text": FIRMWARE_KO * 3, "tone": "formal", "sources": []}
    tickets, articles = [similar | {"resolution": FIRMWARE_KO}], [article | {"snippet": FIRMWARE_KO}]
    ready(serve, KO | {"similar_tickets": tickets, "solutions": articles, "replies": [reply]})
    await page.set_viewport_size({"width": 400, "height": 720})
    await begin(page, serve)
    await expect(key(page, "link-81")).to_be_visible()
    folds = ("more", "solved-301", "read-81")
    for name in folds:
        await expect(key(page, name)).to_be_hidden()
    assert await page.evaluate(FOLDS, ".pc-snippet, .pc-reply-text") == [False, False, False]
    await page.set_viewport_size({"width": 280, "height": 720})
    for name in folds:
        await key(page, name).click()
    assert await page.evaluate(FOLDS, ".pc-snippet, .pc-reply-text") == [False, False, False]
    await page.set_viewport_size({"width": 340, "height": 720})


async def test_who_tries_again_by_the_keyboard_is_not_thrown_out_of_the_sidebar(page: Page, serve: Canned) -> None:
    serve.answers["/init/7"] = [refusal(403, "forbidden"), hit()]
    await begin(page, serve)
    await key(page, "retry").press("Enter")
    await part(page, "summary").to_be_visible()
    await page.keyboard.press("Tab")
    await expect(key(page, "wide")).to_be_focused()


async def test_similar_tickets_are_filtered_by_status_language_and_words(page: Page, serve: Canned) -> None:
    ready(serve)
    await begin(page, serve)
    items = page.locator(".pc-part-similar .pc-items > li")
    await expect(items).to_have_count(4)
    await key(page, "filter-solved").click()
    await expect(items).to_have_count(2)
    await key(page, "filter-all").click()
    await key(page, "filter-words").fill("X2")
    await expect(items).to_have_count(1)
    await expect(page.locator("[role=status].pc-offscreen")).to_have_text("1 of 4 tickets")
    await key(page, "filter-words").fill("nowhere")
    await key(page, "filter-reset").click()
    await expect(items).to_have_count(4)
    await expect(key(page, "filter-words")).to_be_focused()


async def test_what_an_agent_has_begun_is_there_when_the_ticket_is_opened_again(page: Page, serve: Canned) -> None:
    ready(serve)
    ready(serve, KO, 8)
    serve.answers["/generate_reply/stream"] = [run(("reply", REPLY), ("done", {}))]
    await begin(page, serve)
    await key(page, "tools").click()
    await key(page, "shorter").click()
    await part(page, "replies").to_contain_text("A shorter one.")
    await key(page, "reply-0").click()
    await part(page, "replies").to_contain_text("Hello Mina")
    await key(page, "edit").click()
    await page.locator(".pc-edit").fill("My own words.")
    await page.keyboard.press("Escape")
    await page.locator(".pc-question").fill("Half a ques")
    await page.evaluate("desk.open(8)")
    await part(page, "summary").to_contain_text("새벽")
    await expect(page.locator(".pc-question")).to_have_value("")
    await page.evaluate("desk.open(7)")
    await part(page, "replies").to_contain_text("My own words.")
    await expect(page.locator(".pc-question")).to_have_value("Half a ques")
    await expect(page.locator(".pc-pager button")).to_have_count(3)
    await key(page, "undo").click()
    await part(page, "replies").to_contain_text("Hello Mina")


async def test_settings_choose_the_language_the_parts_and_the_tone(page: Page, serve: Canned) -> None:
    ready(serve)
    serve.iparams = {"language": "ko", "show": "summary,replies", "tone": "formal"}
    serve.answers["/generate_reply/stream"] = [run(("reply", REPLY), ("done", {}))]
    await begin(page, serve)
    await part(page, "summary").to_contain_text("요약")
    for hidden in (".pc-part-similar", ".pc-part-solutions", ".pc-ask"):
        await expect(page.locator(hidden)).to_be_hidden()
    await key(page, "tools").click()
    await key(page, "in-ko").click()
    await part(page, "replies").to_contain_text("A shorter one.")
    assert serve.bodies["/generate_reply/stream"][0]["tone"] == "formal"


async def test_the_wide_view_shows_what_the_sidebar_shows_and_works_through_it(page: Page, serve: Canned) -> None:
    held = asyncio.Event()
    rest = [("summary.delta", {"text": " restarts"}), ("done", {})]
    serve.answers["/init/7"] = [run(("summary.delta", {"text": "The router"}), held=held, after=rest), hit()]
    serve.answers["/query/stream"] = [run(("answer", ANSWER), ("done", {}))]
    await begin(page, serve)
    await part(page, "summary").to_contain_text("The router")
    await key(page, "wide").click()
    modal = page.frame_locator("iframe.modal")
    await part(modal, "summary").to_contain_text("The router")
    held.set()
    await part(modal, "replies").to_contain_text("Hello Mina")
    await part(modal, "summary").to_contain_text("2 o'clock")
    await modal.locator(".pc-question").fill("How?")
    await modal.locator(".pc-question").press("Enter")
    await expect(modal.locator(".pc-sources li")).to_have_count(2)
    await expect(page.locator("#sidebar .pc-sources li")).to_have_count(2)
    await modal.locator(".pc-part-replies [data-key=thumb-up]").click()
    await page.evaluate("desk.open(9)")
    await expect(modal.locator(".pc-problem")).to_contain_text("There is no such ticket")
    ready(serve, KO, 8)
    await page.evaluate("desk.open(8)")
    await part(modal, "summary").to_contain_text("새벽")
    await key(modal, "insert").click()
    await page.wait_for_function("desk.inserted.length === 1 && !document.querySelector('iframe.modal')")
