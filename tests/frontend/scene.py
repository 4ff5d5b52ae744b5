"""A sidebar over canned answers whose clock stands still, and goes on only where a test lets it.

So no state passes while it is looked at, minutes pass at once, and a picture is the same at every run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from playwright.async_api import Browser, Frame, Locator, Page, ViewportSize, expect

from tests.frontend.canned import Answer, Canned
from tests.frontend.states import EN, KO, hit
from tests.waiting import wait_until

NOW = datetime(2026, 6, 1, 10, 0, 41, tzinfo=UTC)
BEFORE = timedelta(minutes=1)
SIZE: ViewportSize = {"width": 340, "height": 640}
MODAL = "iframe.modal"
LISTENS = "window.desk && desk.listeners['app.activated']?.length > 0"
TIMERS = "window.timers = [setTimeout.bind(window), clearTimeout.bind(window)]"
"""Keeps the browser's own ones for what may not wait for the page's clock."""
STYLE = f"{MODAL} {{ position: fixed; inset: 0; border: 0; background: #fff; }}"
ROUND_TRIP_MS = 38


@dataclass
class Scene:
    """The sidebar in a tab, in one language and one colour scheme, and the server that answers it."""

    page: Page
    serve: Canned
    canvas: dict[str, Any]
    """The Canvas of most states."""
    korean: bool = False
    ticket: int = 100

    @property
    def frame(self) -> Frame:
        """Where the state is to be seen: the sidebar's frame, or the wide view's where that is open."""
        *_, last = self.page.frames
        return last

    def key(self, name: str) -> Locator:
        """A button of the sidebar."""
        return self.page.locator(f'#sidebar [data-key="{name}"]')

    async def sees(self, *selectors: str) -> None:
        """Wait until there is something of each of them."""
        for selector in selectors:
            await expect(self.page.locator(f"#sidebar {selector}").first).to_be_visible()

    async def pass_by(self, ms: int) -> None:
        """Let the page's clock go on."""
        await self.page.clock.run_for(ms)

    async def open(self, *answers: Answer, ticket: int | None = None) -> None:
        """Open another ticket, which is answered with these; the first answer takes 38 ms by the page's clock."""
        self.ticket += 1
        ticket = ticket or self.ticket
        first = answers[0]
        timed = first.events is None and not first.silent and not first.cut
        if timed:
            first.held = asyncio.Event()
        self.serve.answers[f"/init/{ticket}"] = list(answers)
        asked = len(self.serve.calls)
        await self.page.evaluate("(id) => desk.open(id)", ticket)
        if first.held and timed:
            await wait_until(lambda: f"GET /init/{ticket}" in self.serve.calls[asked:])
            await self.pass_by(ROUND_TRIP_MS)
            first.held.set()

    async def ready(self, **changes: Any) -> None:
        """Open a ticket whose Canvas is there."""
        await self.open(hit(self.canvas | changes))
        await self.sees(".pc-part-solutions:not([hidden])", ".pc-light.pc-hit")


@asynccontextmanager
async def scene(
    browser: Browser, serve: Canned, language: Literal["en", "ko"], scheme: Literal["light", "dark"]
) -> AsyncIterator[Scene]:
    """A tab with the sidebar, where no ticket is open yet."""
    serve.reset()
    serve.language = language
    locale = {"en": "en-GB", "ko": "ko-KR"}[language]
    look: Any = {"color_scheme": scheme, "reduced_motion": "reduce"}
    context = await browser.new_context(viewport=SIZE, locale=locale, timezone_id="Asia/Seoul", **look)
    try:
        page = await context.new_page()
        await page.add_init_script(TIMERS)
        await page.clock.install(time=NOW - BEFORE)
        await page.clock.pause_at(NOW)
        await page.goto(serve.url)
        await page.add_style_tag(content=STYLE)
        await page.wait_for_function(LISTENS)
        yield Scene(page, serve, EN if language == "en" else KO, language == "ko")
    finally:
        await context.close()
