"""The Freshdesk app in its frame in Chromium, over the demo's desk: from `app.activated` to words that are painted.

The frame has an origin of its own, as in Freshdesk. Browser, desk and server share the machine's cores.
"""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, BrowserContext, Frame, Page

from shared.settings import Settings
from tests.bench.figures import Budget, Figure, at_most, percentile
from tests.bench.lab import Lab
from tests.bench.processes import free_port
from tests.bench.tickets import new_tickets
from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, chromium

TICKETS = range(5, 305, 10)
"""30 of the demo's 300."""
NEW_TICKETS = 10
FIRST_MS, SECOND_MS, WORDS_MS, SHIFT = 300, 100, 150, 0.05
DEBOUNCE_S = 60.0
"""A ticket that is opened right after it was made has no Canvas: no webhook's run is there first."""
UNLIMITED = {"CANVAS_LIMIT_SESSIONS": "0"}
"""Each new tab takes a token, and no agent opens thirty in half a minute."""
PROBE = Path(__file__).parents[1] / "sidebar_probe.js"
FRAME = "/app/index.html"
PAINTED = "(count) => openings.length >= count && openings.at(-1).painted && document.querySelector('.pc-light.pc-hit')"
TELL = "({ at, painted, events, shift }) => ({ at, painted, events, shift })"
WAIT_MS = 20_000


@dataclass(frozen=True)
class Opening:
    """One ticket in the sidebar: ms from `app.activated` to painted words, events as name and ms, layout shift."""

    painted_ms: float
    events: list[tuple[str, float]]
    shift: float


async def measure(lab: Lab) -> list[Figure]:
    """Milliseconds, median and p95 of 30 views each; the worst layout shift; and the words of a miss."""
    if CHROMIUM is None:
        return [Figure(name="sidebar, views measured", figure=0, unit="views", note=HOW_TO_GET_IT)]
    async with _desk(lab) as url, chromium() as browser:
        fresh = [await _in_a_new_tab(browser, url, ticket) for ticket in TICKETS]
        async with _tab(browser) as page:
            await _opened(page, url, TICKETS[-1] + 1)
            # The first one does not count: it fetches the app.
            first = [await _switched(page, ticket) for ticket in TICKETS]
            second = [await _switched(page, ticket) for ticket in TICKETS]
            misses = [await _miss(page, url, body) for body in new_tickets(NEW_TICKETS)]
    known = [*fresh, *first, *second]
    return [
        *_painted("first view, new tab", fresh, FIRST_MS, "the token's round trip and the app's start included"),
        *_painted("first view", first, FIRST_MS),
        *_painted("second view", second, SECOND_MS, "from memory"),
        _worst("layout shift, ready", known, at_most(SHIFT)),
        *_words(misses),
        _worst("layout shift, miss", misses, None, "; skeletons keep the place that parts usually need"),
    ]


@asynccontextmanager
async def _desk(lab: Lab) -> AsyncIterator[str]:
    """The demo on a copy of its folder; yields its address."""
    furnished = await lab.furnish()
    folder = shutil.copytree(furnished.folder, lab.new_folder("sidebar"), dirs_exist_ok=True)
    settings = Settings(data_dir=folder, debounce_s=DEBOUNCE_S)
    async with lab.child("demo", settings, port=free_port(), variables=UNLIMITED) as child:
        await child.said()
        yield child.url


@asynccontextmanager
async def _tab(browser: Browser) -> AsyncIterator[Page]:
    """A tab with an empty profile, in which the sidebar is watched."""
    context: BrowserContext = await browser.new_context(locale="en-GB", viewport={"width": 1360, "height": 820})
    try:
        await context.add_init_script(path=PROBE)
        yield await context.new_page()
    finally:
        await context.close()


async def _in_a_new_tab(browser: Browser, url: str, ticket: int) -> Opening:
    async with _tab(browser) as page:
        return await _opened(page, url, ticket)


async def _opened(page: Page, url: str, ticket: int) -> Opening:
    """Load the desk at a ticket."""
    await page.goto(f"{url}/desk#/tickets/{ticket}")
    await page.frame_locator("#app").locator(".pc-header").wait_for()
    return await _seen(_sidebar(page), 1)


async def _switched(page: Page, ticket: int) -> Opening:
    """Go to another ticket in the same tab."""
    frame = _sidebar(page)
    count = await frame.evaluate("openings.length")
    await page.evaluate("(id) => { location.hash = `#/tickets/${id}` }", ticket)
    return await _seen(frame, count + 1)


async def _miss(page: Page, url: str, body: dict[str, object]) -> Opening:
    """A customer writes in, and an agent opens the ticket before its Canvas is there."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        words = {"subject": body["subject"], "text": str(body["description"])[:2000]}
        created = await http.post("/desk/api/tickets", json=words)
    return await _switched(page, int(created.raise_for_status().json()["id"]))


async def _seen(frame: Frame, count: int) -> Opening:
    await frame.wait_for_function(PAINTED, arg=count, timeout=WAIT_MS)
    told: dict[str, Any] = await frame.evaluate(f"({TELL})(openings.at(-1))")
    began = told["at"]
    events = [(str(name), at - began) for name, at in told["events"]]
    return Opening(told["painted"] - began, events, told["shift"])


def _sidebar(page: Page) -> Frame:
    [frame] = [frame for frame in page.frames if frame.url.endswith(FRAME)]
    return frame


def _painted(name: str, openings: Sequence[Opening], limit: float, note: str = "") -> list[Figure]:
    return _both(f"sidebar, {name}", [opening.painted_ms for opening in openings], limit, note)


def _words(misses: Sequence[Opening]) -> list[Figure]:
    streamed = [opening for opening in misses if opening.events]
    since_first = [opening.painted_ms - opening.events[0][1] for opening in streamed]
    note = f"{len(streamed)} streams; summaries are extracted, no model writes them"
    return _both("sidebar, miss, serve's first event to words", since_first, WORDS_MS, note)


def _both(name: str, values: Sequence[float], limit: float, note: str) -> list[Figure]:
    budget = at_most(limit)
    return [
        Figure(name=f"{name}, median", figure=percentile(values, 50), unit="ms", budget=budget, note=note),
        Figure(name=f"{name}, p95", figure=percentile(values, 95), unit="ms", budget=budget),
    ]


def _worst(name: str, openings: Sequence[Opening], budget: Budget | None, note: str = "") -> Figure:
    worst = max(opening.shift for opening in openings)
    said = f"of {len(openings)} openings{note}"
    return Figure(name=f"sidebar, {name}, worst", figure=worst, unit="", budget=budget, note=said)
