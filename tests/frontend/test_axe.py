"""axe-core objects to nothing in any state of the sidebar and its wide view, light and dark, English and Korean."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT
from tests.frontend.canned import Canned, canned_serve
from tests.frontend.gallery import STATES, take
from tests.frontend.scene import Scene, scene

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text("utf-8")
# What lies half under the question box for the moment is in the way of nobody: it scrolls.
CHECK = """async () => {
    const box = document.querySelector(".pc-ask");
    box.style.position = "static";
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run("main", { runOnly: tags, resultTypes: ["violations"] });
    box.style.position = "";
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}"""


@pytest.fixture(scope="module")
async def serve() -> AsyncIterator[Canned]:
    """One server for the file."""
    async with canned_serve() as canned:
        yield canned


async def violations(shown: Scene) -> list[str]:
    """What axe objects to, with the elements."""
    if not await shown.frame.evaluate("'axe' in window"):
        # axe waits by timers, which stand still here as the page's clock does.
        await shown.frame.evaluate(f"((setTimeout, clearTimeout) => {{ {AXE} }})(...window.timers)")
    found: list[str] = await shown.frame.evaluate(CHECK)
    return found


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ko", "dark")])
async def test_no_state_of_the_sidebar_keeps_anybody_out(
    browser: Browser, serve: Canned, language: Literal["en", "ko"], scheme: Literal["light", "dark"]
) -> None:
    found = {}
    async with scene(browser, serve, language, scheme) as shown:
        for name in STATES:
            await take(shown, name)
            found[name] = await violations(shown)
    assert found == {name: [] for name in STATES}
