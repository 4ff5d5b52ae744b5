"""What somebody sees who plays with the demo's desk: its page in a real Chromium, over eight tickets.

Every test ends with a look at what the page should never do: run injected code, break its own rules about scripts,
complain in the console, or ask another origin for anything.
"""

import asyncio
import html
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Locator, expect

from deploy.demo.helpdesk import Fault
from deploy.demo.helpdesk.helpdesk import utc_now
from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, DeskPage, desk_page
from tests.deploy.demo.hostile import ALL, INSERT_EVERY_REPLY, INTRUDERS, VECTORS, hostile_canvas
from tests.deploy.demo.labels import not_in
from tests.deploy.demo.small_desk import CHANNEL, SOLVED_EN, SOLVED_KO, SSO_KO, WIFI_EN
from tests.faults import desk as agents_do
from tests.faults import silent_ticket, updated_at, worker_of
from tests.waiting import wait_until
from tests.world import Account

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)

AT_ONCE = re.compile(r"^At once, in (<1 ms|\d+ ms|\d+\.\d s)$")
READ_TICKET = "/api/v2/tickets/"
FEW_RUNS = 6


@pytest.fixture
def desk(served_desk: Account) -> Iterator[Account]:
    """The desk; its helpdesk gets back the usual clock, and no faults."""
    yield served_desk
    served_desk.helpdesk.clock = utc_now
    served_desk.helpdesk.faults.clear()


@pytest.fixture
def url(desk: Account) -> str:
    return str(desk.canvas.base_url).rstrip("/")


@pytest.fixture
async def page(browser: Browser, url: str) -> AsyncIterator[DeskPage]:
    """An English tab; what it complains about and the test has not forgiven fails the test."""
    async with desk_page(browser, url) as opened:
        yield opened
        assert await opened.ran() == []
        assert opened.complaints == []


def runs(desk: Account, ticket_id: int) -> int:
    """How many runs have read a ticket so far."""
    path = f"{READ_TICKET}{ticket_id}"
    asked = [entry for entry in desk.helpdesk.log.requests if (entry.method, entry.path) == ("GET", path)]
    return len([entry for entry in asked if entry.agent == "admin"])


def hold_runs(desk: Account) -> None:
    """From now on Freshdesk does not say what is in a ticket, until the faults are cleared."""
    desk.helpdesk.faults.add(Fault("delay", path=READ_TICKET, method="GET", seconds=60))


async def test_the_list_shows_every_ticket_and_finds_them_by_their_words(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    for ticket_id in range(1, 9):
        await expect(page.row(ticket_id)).to_be_visible()
    await expect(page.row(WIFI_EN)).to_contain_text("Wi-Fi not stable")
    await expect(page.row(SSO_KO)).to_contain_text("박민수")
    await page.page.get_by_role("searchbox").fill("모아워크 오류")
    await expect(page.row(WIFI_EN)).to_be_hidden()
    await expect(page.row(SSO_KO)).to_be_visible()
    await page.page.get_by_role("searchbox").fill("no such words")
    await expect(page.page.get_by_text("No ticket matches.")).to_be_visible()


async def test_a_computed_ticket_is_painted_at_once(page: DeskPage) -> None:
    await page.open(SSO_KO)
    await expect(page.light("hit")).to_be_visible()
    await page.row(WIFI_EN).click()
    await expect(page.status).to_have_text(AT_ONCE)
    await expect(page.part("summary")).to_contain_text("drops again and again")
    await expect(page.part("similar")).to_contain_text("Wi-Fi drops every hour")
    await expect(page.part("solutions")).to_contain_text("When the Wi-Fi drops every hour")
    await expect(page.part("replies")).to_contain_text("set the channel to 36")
    await expect(page.app.locator(".pc-progress ol")).to_be_hidden()
    await expect(page.subject).to_have_text("Wi-Fi not stable")


async def test_a_new_ticket_and_its_canvas_appear_without_a_reload(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    await expect(page.subject).to_have_text("Wi-Fi not stable")
    await page.page.get_by_role("button", name="New ticket", exact=True).click()
    await page.page.wait_for_url(re.compile(r"#/tickets/(?!7$)\d+$"))
    ticket_id = int(page.page.url.rpartition("/")[2])
    await expect(page.row(ticket_id)).to_have_attribute("aria-current", "page")
    await expect(page.messages).to_have_count(1)
    await expect(page.light("hit")).to_be_visible()
    await expect(page.part("summary")).to_contain_text("Problem:")
    await expect(page.app.locator(".pc-part[aria-busy]")).to_have_count(0)
    assert page.loads == 1


async def test_a_written_ticket_that_is_not_opened_is_ready_when_it_is(page: DeskPage, desk: Account) -> None:
    await page.open(WIFI_EN)
    await page.page.get_by_role("button", name="Choose or write a new ticket").click()
    chooser = page.page.get_by_role("dialog")
    await chooser.get_by_role("textbox", name="Subject").fill("Fan is loud")
    await chooser.get_by_role("textbox", name="Message").fill("The fan of the router is loud since Friday.")
    await chooser.get_by_label("Open it at once").uncheck()
    await chooser.get_by_role("button", name="Create").click()
    row = page.page.locator("#tickets a", has_text="Fan is loud")
    await expect(row).to_have_attribute("data-fresh", "")
    ticket_id = int(str(await row.get_attribute("href")).rpartition("/")[2])
    await desk.hit(ticket_id)
    await row.click()
    await expect(page.status).to_have_text(AT_ONCE)
    await expect(page.part("summary")).to_contain_text("The fan of the router is loud")


async def test_a_ticket_that_is_opened_before_its_webhook_streams(page: DeskPage, desk: Account) -> None:
    ticket_id = await silent_ticket(desk, "Printer lost the Wi-Fi")
    hold_runs(desk)
    await page.open(ticket_id)
    await expect(page.status).to_have_text("Nothing stored yet — being prepared")
    await expect(page.light("stream")).to_be_visible()
    await expect(page.app.locator(".pc-progress ol")).to_be_visible()
    await expect(page.app.locator(".pc-part[aria-busy] .pc-skeleton")).to_have_count(4)
    desk.helpdesk.faults.clear()
    await expect(page.part("summary")).to_contain_text("The printer is offline since Monday")
    await expect(page.status).to_have_text(re.compile(r"^Prepared in .+$"))
    await expect(page.app.locator(".pc-progress ol")).to_be_hidden()
    await expect(page.app.locator(".pc-skeleton")).to_have_count(0)
    await expect(page.part("replies").get_by_role("button", name="Insert")).to_be_visible()
    await expect(page.subject).to_have_text("Printer lost the Wi-Fi")


async def test_an_open_ticket_follows_its_changes_by_itself_and_leaves_focus_and_draft_alone(
    page: DeskPage, desk: Account
) -> None:
    ticket_id = await desk.create_ticket("Repeater is slow", "The repeater is slow since Monday.")
    await desk.hit(ticket_id)
    await page.open(ticket_id)
    await expect(page.messages).to_have_count(1)
    await expect(page.light("hit")).to_be_visible()
    await page.box.fill("My draft")
    made = page.app.locator(".pc-made summary")
    await made.focus()
    # Not by the page's buttons: the page has to notice, and then to wait for the webhook's run.
    await desk.agent_replies(ticket_id, "Please move the repeater next to the kitchen door and restart it.")
    await expect(page.messages).to_have_count(2)
    await expect(page.part("summary")).to_contain_text("next to the kitchen door")
    await expect(made).to_be_focused()
    await expect(page.part("replies")).to_contain_text("the customer has not written since")
    await expect(page.box).to_have_value("My draft")
    await page.page.get_by_role("button", name="Customer replies").click()
    await expect(page.messages).to_have_count(3)
    await expect(page.part("summary")).to_contain_text("The customer waits for an answer")
    await expect(page.light("hit")).to_be_visible()


async def test_two_changes_within_a_second_are_both_seen(page: DeskPage, desk: Account) -> None:
    # Freshdesk cuts times to the second, so the second change does not show in the list.
    moment = datetime.now(UTC) + timedelta(seconds=30)  # so that every look is in its second
    desk.helpdesk.clock = lambda: moment
    ticket_id = await desk.create_ticket("Antenna is loose", "The left antenna of the router is loose.")
    await desk.hit(ticket_id)
    await page.open(ticket_id)
    await expect(page.messages).to_have_count(1)
    await desk.agent_replies(ticket_id, "Please turn the antenna to the right until it clicks.")
    await expect(page.messages).to_have_count(2)
    await expect(page.part("summary")).to_contain_text("until it clicks")
    await agents_do(desk, ticket_id, "purge")


async def test_twenty_updates_at_once_cost_few_runs_and_end_with_the_newest_state(
    page: DeskPage, desk: Account
) -> None:
    ticket_id = await desk.create_ticket("Signal is weak", "The signal in the attic is weak.")
    await desk.hit(ticket_id)
    await page.open(ticket_id)
    await expect(page.messages).to_have_count(1)
    before = runs(desk, ticket_id)
    await page.page.get_by_role("button", name="20 updates at once").click()
    await expect(page.page.get_by_role("status").filter(has_text="20 updates in")).to_be_visible()
    await expect(page.messages).to_have_count(6)
    await desk.helpdesk.webhooks.settled()
    canvas = await desk.hit(ticket_id)
    assert datetime.fromisoformat(canvas["revision"]) == updated_at(desk.helpdesk, ticket_id)
    newest = canvas["summary"]["text"].split("\n")[-1]
    await expect(page.part("summary")).to_contain_text(newest)
    await expect(page.light("hit")).to_be_visible()
    assert 1 <= runs(desk, ticket_id) - before <= FEW_RUNS


async def test_a_recommended_reply_is_inserted_and_sent(page: DeskPage, desk: Account) -> None:
    ticket_id = await desk.create_ticket("Wi-Fi drops", "The router drops the Wi-Fi every hour.")
    await desk.hit(ticket_id)
    await page.open(ticket_id)
    await expect(page.messages).to_have_count(1)
    await page.part("replies").get_by_role("button", name="Insert").click()
    await expect(page.box).to_have_value(re.compile(re.escape(CHANNEL)))
    await expect(page.box).to_be_focused()
    await page.page.get_by_role("button", name="Send").click()
    await expect(page.messages).to_have_count(2)
    await expect(page.messages.last).to_contain_text(CHANNEL)
    await expect(page.page.locator("#ticket .message").last).to_have_class(re.compile("agent"))
    await expect(page.box).to_have_value("")
    await expect(page.page.get_by_role("status").filter(has_text="Sent")).to_be_visible()
    assert CHANNEL in desk.helpdesk.state.tickets[ticket_id].conversations[-1].body_text


async def test_articles_and_similar_tickets_open_beside_the_ticket(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    async with page.page.context.expect_page() as opened:
        await page.part("solutions").get_by_text("When the Wi-Fi drops every hour").click()
    article = await opened.value
    await expect(article.get_by_role("dialog")).to_contain_text("update its firmware and choose channel 36")
    async with page.page.context.expect_page() as opened:
        await page.part("replies").get_by_role("button", name=f"Ticket #{SOLVED_EN}").click()
    ticket = await opened.value
    await expect(ticket.locator("#ticket .head h2")).to_have_text("Wi-Fi drops every hour")
    await expect(page.subject).to_have_text("Wi-Fi not stable")


async def test_the_back_button_shows_the_ticket_before_at_once(page: DeskPage) -> None:
    await page.open(WIFI_EN)
    await page.row(SOLVED_EN).click()
    await expect(page.subject).to_have_text("Wi-Fi drops every hour")
    await page.page.go_back()
    await expect(page.subject).to_have_text("Wi-Fi not stable")
    await expect(page.status).to_have_text(AT_ONCE)


async def test_the_keyboard_opens_a_ticket_and_a_refresh_leaves_the_focus_where_it_is(
    page: DeskPage, desk: Account
) -> None:
    ticket_id = await desk.create_ticket("Cable is too short", "The cable of the router is too short.")
    await desk.hit(ticket_id)
    newer = await desk.create_ticket("Lamp is red", "The lamp of the router is red.")
    await page.open(WIFI_EN)
    await expect(page.row(ticket_id)).to_be_visible()
    focused = page.page.locator("#tickets a:focus")
    await page.page.get_by_role("searchbox").focus()
    while await focused.get_attribute("href") != f"#/tickets/{ticket_id}" if await focused.count() else True:
        await page.page.keyboard.press("Tab")
    await page.page.keyboard.press("Enter")
    await expect(page.subject).to_have_text("Cable is too short")
    await expect(page.row(ticket_id)).to_be_focused()
    # A change in a later second moves the ticket's row to the top of the list.
    await wait_until(lambda: utc_now() > updated_at(desk.helpdesk, newer) + timedelta(seconds=1))
    await desk.agent_replies(ticket_id, "We send you a longer cable today.")
    await expect(page.page.locator("#tickets li").first).to_have_attribute("data-id", str(ticket_id))
    await expect(page.part("summary")).to_contain_text("a longer cable")
    await expect(page.row(ticket_id)).to_be_focused()


async def test_quick_switching_leaves_the_right_canvas_and_one_stream(page: DeskPage, desk: Account) -> None:
    tickets = [await silent_ticket(desk, f"Machine {number} is broken") for number in range(10)]
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    hold_runs(desk)
    for ticket_id in tickets:
        await page.switch(ticket_id)
    await expect(page.light("stream")).to_be_visible()
    await wait_until(lambda: [request.url.rpartition("/")[2] for request in page.streams] == [str(tickets[-1])])
    # The old ticket's pane takes no words meanwhile.
    await expect(page.page.locator("#ticket")).to_have_attribute("inert", "")
    desk.helpdesk.faults.clear()
    await expect(page.subject).to_have_text("Machine 9 is broken")
    await expect(page.light("hit")).to_be_visible()
    await expect(page.part("summary")).to_contain_text("The printer is offline since Monday")
    await expect(page.page.locator("#tickets [aria-current]")).to_have_attribute("href", f"#/tickets/{tickets[-1]}")
    # Its own list: the other tickets' lists name this one. (The stored one goes on changing with its neighbours' runs.)
    await expect(page.part("similar").locator(".pc-title").first).to_be_visible()
    await expect(page.part("similar")).not_to_contain_text("Machine 9 is broken")
    await wait_until(lambda: not page.streams)


async def test_a_ticket_that_is_not_there_says_so(page: DeskPage, desk: Account) -> None:
    await page.open(WIFI_EN)
    await expect(page.light("hit")).to_be_visible()
    await page.switch(987_654)
    await expect(page.app.locator(".pc-problem")).to_contain_text("There is no such ticket")
    await expect(page.page.locator("#ticket")).to_have_text("This ticket can't be opened: the helpdesk answered 404")
    await expect(page.app.locator(".pc-part:visible")).to_have_count(0)
    page.forgive(r"status of 404.*/(tickets|init)/987654")
    await page.switch(WIFI_EN)
    await expect(page.status).to_have_text(AT_ONCE)
    await expect(page.app.locator(".pc-problem")).to_be_hidden()


@pytest.mark.parametrize(
    ("change", "gone", "said"),
    [("delete", "deleted", "This ticket was deleted"), ("spam", "spam", "This ticket is marked as spam")],
)
async def test_a_ticket_that_was_removed_says_how(
    page: DeskPage, desk: Account, change: str, gone: str, said: str
) -> None:
    ticket_id = await desk.create_ticket("You have won", "You have won a prize. Click here.")
    await desk.hit(ticket_id)
    await page.open(ticket_id)
    await expect(page.status).to_have_text(AT_ONCE)
    await page.switch(WIFI_EN)
    await expect(page.subject).to_have_text("Wi-Fi not stable")
    await agents_do(desk, ticket_id, change)
    await desk.until_gone(ticket_id)
    # What the page remembers of it is taken away again.
    await page.switch(ticket_id)
    await expect(page.app.locator(".pc-problem")).to_contain_text(said)
    await expect(page.page.locator("#ticket .gone")).to_have_text(gone)
    await expect(page.app.locator(".pc-part:visible")).to_have_count(0)
    page.forgive(r"status of 410")


async def both_languages(page: DeskPage, shown: Locator) -> None:
    """Whatever is shown now changes its language with the page, there and back; the app's frame is loaded anew."""
    assert await not_in(page, "en") == []
    for name, language in (("한국어", "ko"), ("English", "en")):
        await page.page.get_by_role("button", name=name).click()
        await expect(page.page.locator("html")).to_have_attribute("lang", language)
        await expect(page.app.locator(f".pc[lang={language}]")).to_be_visible()
        await expect(shown).to_be_visible()
        assert await not_in(page, language) == []


async def test_a_ticket_and_its_canvas_change_the_language_of_every_label(page: DeskPage) -> None:
    await page.open()
    for ticket_id, subject in ((SOLVED_EN, "Wi-Fi drops every hour"), (SOLVED_KO, "SSO 로그인이"), (WIFI_EN, "Wi-Fi")):
        await page.switch(ticket_id)
        await expect(page.subject).to_contain_text(subject)
        await expect(page.light("hit")).to_be_visible()
        await page.app.locator(".pc-made").evaluate("(details) => { details.open = true }")
        await both_languages(page, page.light("hit"))


async def test_progress_and_messages_change_their_language_too(page: DeskPage, desk: Account) -> None:
    ticket_id = await silent_ticket(desk)
    await page.open(987_654)
    await expect(page.app.locator(".pc-problem")).to_be_visible()
    await expect(page.page.locator("#ticket")).to_contain_text("can't be opened")
    await both_languages(page, page.app.locator(".pc-problem"))
    page.forgive(r"status of 404")
    hold_runs(desk)
    await page.switch(ticket_id)
    await expect(page.light("stream")).to_be_visible()
    await both_languages(page, page.light("stream"))


async def test_dialogs_speak_the_pages_language(page: DeskPage, desk: Account) -> None:
    await page.open(WIFI_EN)
    for language in ("ko", "en"):
        await page.page.locator(f"#languages [data-language={language}]").click()
        await page.page.locator("#choose-ticket").click()
        await expect(page.page.locator("#chooser")).to_be_visible()
        assert await not_in(page, language) == []
        await page.page.keyboard.press("Escape")
        await show_article(page, next(iter(desk.helpdesk.state.articles)))
        assert await not_in(page, language) == []
        await page.page.keyboard.press("Escape")


async def test_the_browsers_language_counts_until_somebody_chooses(browser: Browser, url: str) -> None:
    async with desk_page(browser, url, locale="ko-KR") as page:
        await page.open(SSO_KO)
        await expect(page.part("replies").get_by_role("button", name="답변란에 넣기")).to_be_visible()
        await expect(page.status).to_have_text(re.compile(r"^바로 표시, .+ ms$"))
        assert await not_in(page, "ko") == []
        await page.page.get_by_role("button", name="English").click()
        await page.page.reload()
        await expect(page.part("replies").get_by_role("button", name="Insert")).to_be_visible()
        assert page.complaints == []


async def show_article(page: DeskPage, article_id: int) -> None:
    """Go where the app's links to an article lead."""
    await page.page.evaluate("(id) => { location.hash = `#/solutions/articles/${id}` }", article_id)
    await expect(page.page.locator("#article")).to_be_visible()


async def intruders(page: DeskPage) -> list[str]:
    """Elements that nobody but an attacker would put there, in the desk or in the app."""
    return [found for frame in (page.page.main_frame, page.app_frame) for found in await frame.evaluate(INTRUDERS)]


def words(text: str) -> str:
    return " ".join(text.split())


async def hostile_ticket(desk: Account, number: int, vector: str) -> int:
    """A vector as subject, requester, markup and text of the first message, and in both sides' answers."""
    body = {"subject": vector, "name": vector, "email": f"{number}@evil.example", "status": 2, "priority": 1}
    body["description"] = f"<p>The export is slow. {vector}</p><p>{html.escape(vector)}</p>"
    created = await desk.freshdesk.post("/api/v2/tickets", json=body)
    assert created.status_code == 201, created.text
    ticket_id = int(created.json()["id"])
    await desk.agent_replies(ticket_id, f"Please send us the file. {vector} {html.escape(vector)}")
    return ticket_id


async def test_nothing_that_people_write_runs(page: DeskPage, desk: Account) -> None:
    tickets = await asyncio.gather(*(hostile_ticket(desk, *numbered) for numbered in enumerate(VECTORS)))
    await desk.helpdesk.webhooks.settled()
    await asyncio.gather(*map(desk.hit, tickets))
    await page.open(WIFI_EN)
    for ticket_id, vector in zip(tickets, VECTORS, strict=True):
        await expect(page.row(ticket_id)).to_contain_text(words(vector))
        await page.switch(ticket_id)
        await expect(page.subject).to_have_text(words(vector))
        await expect(page.page.locator("#ticket .head")).to_contain_text(words(vector))
        await expect(page.light("hit")).to_be_visible()
        await expect(page.part("replies")).to_contain_text("the customer has not written since")
    assert await intruders(page) == []


async def test_nothing_that_a_stream_brings_runs(page: DeskPage, desk: Account) -> None:
    desk.helpdesk.faults.add(Fault("webhook_drop", count=2))
    ticket_id = await hostile_ticket(desk, 99, words(ALL)[:250])
    await page.open(ticket_id)
    await expect(page.light("hit")).to_be_visible()
    await expect(page.messages).to_have_count(2)
    assert await intruders(page) == []


async def test_nothing_that_a_model_or_an_article_says_runs(
    page: DeskPage, desk: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_id = await silent_ticket(desk)
    article = next(iter(desk.helpdesk.state.articles.values()))
    monkeypatch.setattr(article, "title", ALL)
    monkeypatch.setattr(article, "description_text", ALL)
    await worker_of(desk).canvases.put(desk.host, hostile_canvas(ticket_id, article.id), 1)
    await page.open(ticket_id)
    await expect(page.messages).to_have_count(1)
    for part in ("similar", "solutions"):
        await expect(page.part(part).locator("li .pc-title")).to_have_text([words(vector) for vector in VECTORS])
    await page.app.locator(".pc-made summary").click()
    await show_article(page, article.id)
    await expect(page.page.locator("#article h2")).to_have_text(words(ALL))
    await expect(page.page.locator("#article .words")).to_have_text(words(ALL))
    assert await intruders(page) == []
    await page.page.keyboard.press("Escape")
    await page.app_frame.evaluate(INSERT_EVERY_REPLY)
    await expect(page.box).to_have_value("\n\n".join(VECTORS))
    await page.page.get_by_role("button", name="Send").click()
    await expect(page.messages).to_have_count(2)
    await expect(page.messages.last).to_contain_text(words(ALL)[:200])
    assert await intruders(page) == []
