"""What breaks while a ticket is open is said, and mended by the sidebar itself where it can be.

By the page's own clock (scene.py), so that minutes pass at once. Refusals one by one: test_states.py, test_work.py.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT
from tests.frontend.canned import Answer, Canned, canned_serve
from tests.frontend.scene import Scene, scene
from tests.frontend.states import EN, hit, refusal, run, stages
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)
STEP_MS = 500
PAUSES_S = (1, 3, 8, 20, 60, 120, 120)
"""Between one try and the next, as waits.js has them."""


@pytest.fixture(scope="module")
async def serve() -> AsyncIterator[Canned]:
    """One server for the file."""
    async with canned_serve() as canned:
        yield canned


@pytest.fixture
async def shown(browser: Browser, serve: Canned) -> AsyncIterator[Scene]:
    """A sidebar in English in which no ticket is open yet; no exception may be left over."""
    async with scene(browser, serve, "en", "light") as opened:
        errors: list[str] = []
        opened.page.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        assert errors == []


async def passes_until(shown: Scene, selector: str, words: str) -> None:
    """Let the page's time pass until something says these words."""

    async def said() -> bool:
        await shown.pass_by(STEP_MS)
        return words in " ".join(await shown.page.locator(selector).all_inner_texts())

    await wait_until(said)


async def test_a_network_lost_in_mid_stream_is_said_and_the_run_goes_on_when_it_is_back(shown: Scene) -> None:
    gone = asyncio.Event()
    shown.serve.answers["/runs/r1"] = [run(("summary", EN["summary"]), ("done", {}))]
    first = run(*stages(), ("summary.delta", {"text": "The router"}), held=gone, cut=True)
    await shown.open(first, hit())
    await expect(shown.page.locator(".pc-part-summary")).to_contain_text("The router")
    await shown.page.context.set_offline(True)
    gone.set()
    await expect(shown.page.locator(".pc-status [role=status]")).to_have_text("Connection lost — trying again")
    for _ in range(4):
        await shown.pass_by(STEP_MS)
    # What has come is kept meanwhile.
    await expect(shown.page.locator(".pc-part-summary")).to_contain_text("The router")
    assert "GET /runs/r1" not in shown.serve.calls
    await shown.page.context.set_offline(False)
    await passes_until(shown, ".pc-part-replies", "Hello Mina")
    await expect(shown.page.locator(".pc-light.pc-hit")).to_be_visible()
    assert shown.serve.calls.count("GET /runs/r1") <= 1


async def test_a_backend_that_restarts_in_mid_stream_is_waited_for(shown: Scene) -> None:
    shown.serve.answers["/runs/r1"] = [refusal(502, "http-502"), refusal(503, "starting"), refusal(404, "run-missing")]
    await shown.open(run(("summary.delta", {"text": "The router"}), cut=True), hit())
    await expect(shown.page.locator(".pc-status [role=status]")).to_have_text("Connection lost — trying again")
    await passes_until(shown, ".pc-part-summary", "2 o'clock")
    await expect(shown.page.locator(".pc-light.pc-hit")).to_be_visible()


@pytest.mark.parametrize("where", ["init", "resume"])
async def test_a_token_that_has_expired_is_renewed_without_a_word(shown: Scene, where: str) -> None:
    minted = shown.serve.calls.count("POST /template/session")
    fresh = {"token": "t2", "expires_in": 900, "host": "acme.freshdesk.com", "agent_id": 5, "admin": False}
    shown.serve.answers["/template/session"] = [Answer(fresh)]
    refused = refusal(401, "unauthorized")
    if where == "init":
        await shown.open(refused, hit())
    else:
        shown.serve.answers["/runs/r1"] = [refused, run(("done", {}))]
        await shown.open(run(("summary.delta", {"text": "The router"}), cut=True), hit())
    await passes_until(shown, ".pc-part-summary", "2 o'clock")
    assert shown.serve.calls.count("POST /template/session") == minted + 1
    await expect(shown.page.locator(".pc-problem")).to_be_hidden()


async def test_a_wall_that_is_taken_down_is_noticed_within_a_minute(shown: Scene) -> None:
    shown.serve.walled = True
    shown.serve.answers["/template/init"] = [hit()]
    await shown.page.evaluate("desk.open(101)")
    await shown.sees(".pc-roundabout", ".pc-part-solutions:not([hidden])")
    shown.serve.walled = False
    shown.ticket += 1
    await shown.page.evaluate("desk.open(102)")
    await wait_until(lambda: shown.serve.calls.count("POST /template/init") == 2)
    await shown.pass_by(61_000)
    shown.ticket += 1
    await shown.ready()
    await expect(shown.page.locator(".pc-roundabout")).to_have_count(0)
    assert shown.serve.calls.count("POST /template/init") == 2


async def test_a_server_that_is_away_is_asked_again_for_as_long_as_the_ticket_is_open(shown: Scene) -> None:
    await shown.open(*(refusal(503, "store-unavailable") for _ in PAUSES_S), hit())
    for seconds in PAUSES_S:
        await expect(shown.page.locator(".pc-problem")).to_contain_text("Not available at the moment")
        await expect(shown.page.locator(".pc-problem .pc-count")).to_have_text(f"Next try in {seconds} s")
        await shown.pass_by(seconds * 1000)
    await expect(shown.page.locator(".pc-part-summary")).to_contain_text("2 o'clock")
    await expect(shown.page.locator(".pc-problem")).to_be_hidden()
