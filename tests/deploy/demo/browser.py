"""A real Chromium in front of the desk: how it is started, and a page that writes down whatever it should not do.

The browser is the machine's own; nothing is downloaded. Every page has a profile of its own.
"""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import httpx
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    Frame,
    FrameLocator,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
HOW_TO_GET_IT = "no Chromium on PATH, e.g. `apt-get install chromium fonts-noto-cjk` on Debian"
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WATCHER = """
    window.ran = [];
    window.pwned = (what) => window.ran.push(String(what));
    window.alert = window.confirm = window.prompt = window.pwned;
    addEventListener("securitypolicyviolation", (event) =>
        console.error(`violation of ${event.violatedDirective} by ${event.blockedURI}`));
"""
"""Runs before the page's own scripts: `pwned()` is what injected code calls."""


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """A headless Chromium with an empty profile that is thrown away; its sandbox is on, except for root.

    `more` are arguments beside the usual ones.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=[*QUIET, *more], chromium_sandbox=os.geteuid() != 0
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class DeskPage:
    """The desk in a tab, with the Freshdesk app in its frame. `complaints` are console errors, exceptions, refused code
    and requests to other origins.
    """

    page: Page
    url: str
    frame_url: str
    """The origin of the app's frame."""
    complaints: list[str] = field(default_factory=list)
    loads: int = 0
    streams: set[Request] = field(default_factory=set)
    """Requests to serve that have not ended."""

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", self._exception)
        self.page.on("request", self._request)
        self.page.on("requestfinished", self._ended)
        self.page.on("requestfailed", self._ended)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def _exception(self, error: Error) -> None:
        self.complaints.append(f"exception: {error}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", f"{self.frame_url}/", "data:")):
            self.complaints.append(f"request to {request.url}")
        self.loads += request.is_navigation_request() and request.frame == self.page.main_frame
        if request.url.startswith((f"{self.url}/init/", f"{self.url}/runs/")):
            self.streams.add(request)

    def _ended(self, request: Request) -> None:
        self.streams.discard(request)

    def forgive(self, pattern: str) -> None:
        """Take back complaints that the test has provoked; one at least must be there."""
        left = [complaint for complaint in self.complaints if not re.search(pattern, complaint)]
        assert left != self.complaints
        self.complaints = left

    async def open(self, ticket_id: int | None = None) -> None:
        """Load the desk, at a ticket or as it begins; whatever is clicked from then on is heard."""
        await self.page.goto(f"{self.url}/desk" + (f"#/tickets/{ticket_id}" if ticket_id else ""))
        await expect(self.page.locator("[data-page=install]")).not_to_be_empty()  # labels come last

    async def switch(self, ticket_id: int) -> None:
        """Go to a ticket as a link would, without waiting for anything."""
        await self.page.evaluate("(id) => { location.hash = `#/tickets/${id}` }", ticket_id)

    async def ran(self) -> list[str]:
        """What injected code has called, in the desk or in the app."""
        found: list[list[str]] = [await frame.evaluate("window.ran ?? []") for frame in self.page.frames]
        return [call for calls in found for call in calls]

    @property
    def app(self) -> FrameLocator:
        """The app's sidebar: where its elements are looked for."""
        return self.page.frame_locator("#app")

    @property
    def app_frame(self) -> Frame:
        """The app's sidebar: where JavaScript is evaluated."""
        [found] = [frame for frame in self.page.frames if frame.url.endswith("/app/index.html")]
        return found

    def row(self, ticket_id: int) -> Locator:
        """A ticket's link in the list."""
        return self.page.locator(f'#tickets li[data-id="{ticket_id}"] a')

    def part(self, name: str) -> Locator:
        """The body of one part of the Canvas."""
        return self.app.locator(f".pc-part-{name} .pc-body")

    def key(self, name: str) -> Locator:
        """A button of the app by the name that keeps the focus on it."""
        return self.app.locator(f'[data-key="{name}"]')

    def light(self, kind: str) -> Locator:
        """The app's light where it has this colour."""
        return self.app.locator(f".pc-light.pc-{kind}")

    @property
    def status(self) -> Locator:
        """The app's status line."""
        return self.app.locator(".pc-status [role=status]")

    @property
    def subject(self) -> Locator:
        """The open ticket's subject."""
        return self.page.locator("#ticket .head h2")

    @property
    def messages(self) -> Locator:
        """The open ticket's messages."""
        return self.page.locator("#ticket .message .words")

    @property
    def box(self) -> Locator:
        """Where a reply is written."""
        return self.page.locator("#ticket textarea")


@asynccontextmanager
async def desk_page(
    browser: Browser, url: str, locale: str = "en-GB", color_scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[DeskPage]:
    """A tab with an empty profile, watched; nothing is loaded yet."""
    async with httpx.AsyncClient(trust_env=False) as client:
        [frame_url, *_] = (await client.get(f"{url}/desk/api/config")).json()["app"]["frames"]
    context = await browser.new_context(
        locale=locale, color_scheme=color_scheme, viewport={"width": 1360, "height": 820}
    )
    try:
        await context.add_init_script(WATCHER)
        yield DeskPage(await context.new_page(), url, frame_url)
    finally:
        await context.close()
