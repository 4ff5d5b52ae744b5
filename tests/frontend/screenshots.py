"""`python -m tests.frontend.screenshots [STATE]...`: pictures of the sidebar's states for the documentation.

They come from canned answers and a clock that stands still, so that a picture changes when the sidebar does. All lie in
`frontend/screenshots/`; a whole run deletes what it makes no more, and writes the gallery into frontend/README.md.
"""

import asyncio
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from playwright.async_api import ViewportSize, expect

from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, chromium
from tests.frontend.canned import canned_serve
from tests.frontend.gallery import STATES, take
from tests.frontend.scene import Scene, scene

FRONTEND = Path(__file__).parents[2] / "frontend"
FOLDER = FRONTEND / "screenshots"
README = FRONTEND / "README.md"
HEADING = "## Every state"
ROW = 4
LOW: ViewportSize = {"width": 340, "height": 400}
"""Where there is only a message; everything else is as high as the tab."""
WHOLE = "--disable-partial-raster"
"""What is painted piece by piece has slightly other corners at each run."""
STILL = "main *, main *::before, main *::after { caret-color: transparent !important; transition: none !important; }"
BELOW = {".pc-part-replies": ("tools", "writing", "editing"), ".pc-part-similar": ("filtered",)}
"""What is to be seen of these states lies further down."""
SCROLL = "(part) => scrollTo(0, part ? document.querySelector(part).offsetTop - 8 : 0)"
ENGLISH: dict[str, str] = {
    "ready": "A ready Canvas",
    "refreshing": "A newer one is on its way",
    "streaming": "Nothing stored: it comes as it is made",
    "skeletons": "What will be there",
    "incident": "One of many about the same",
    "partial": "A part could not be made",
    "degraded": "No model was available",
    "empty": "Nothing was found",
    "answered": "A question and its answer",
    "unanswered": "A question that failed",
    "tools": "What can be asked of a reply",
    "writing": "A reply is being written",
    "editing": "A reply is being edited",
    "feedback": "What was wrong?",
    "filtered": "No similar ticket is left",
    "blocked": "By way of Freshdesk",
    "cut": "The line is cut",
    "no_worker": "No worker is running",
    "stands_by": "The server has gone: what was there stays",
    "opening": "The first moment",
    "no_ticket": "No ticket is open",
    "unauthorized": "401",
    "forbidden": "403",
    "missing": "404",
    "deleted": "410",
    "limited": "429",
    "unavailable": "503",
    "offline": "Offline",
    "unreachable": "The server can't be reached",
    "platform": "Freshdesk does not answer the app",
    "wide": "The wide view",
}
"""In light, with what each shows; these states are looked at by everybody who reads the documentation."""
KOREAN: dict[str, str] = {
    "ready": "A ready Canvas",
    "streaming": "Nothing stored: it comes as it is made",
    "answered": "A question and its answer",
    "tools": "What can be asked of a reply",
    "limited": "429",
}
"""In dark."""


async def main(wanted: Iterable[str]) -> None:
    """Make the pictures of these states, or of all."""
    FOLDER.mkdir(exist_ok=True)
    names = set(wanted) or {*ENGLISH, *KOREAN}
    expect.set_options(timeout=15_000)
    made: list[Path] = []
    async with chromium(WHOLE) as browser, canned_serve() as serve:
        for captions, language, scheme in LOOKS:
            async with scene(browser, serve, language, scheme) as shown:
                await shown.page.add_style_tag(content=STILL)
                # In the order of the states: see there.
                made += [await _picture(shown, name) for name in STATES if name in captions and name in names]
    sys.stdout.write(f"{len(made)} pictures, {sum(file.stat().st_size for file in made) / 1000:.0f} KB\n")
    if not wanted:
        for stray in {*FOLDER.glob("*.png")} - {*made}:
            stray.unlink()
        README.write_text(with_gallery(README.read_text("utf-8")), "utf-8")


LOOKS: tuple[tuple[dict[str, str], Literal["en", "ko"], Literal["light", "dark"]], ...] = (
    (ENGLISH, "en", "light"),
    (KOREAN, "ko", "dark"),
)


async def _picture(shown: Scene, name: str) -> Path:
    await take(shown, name)
    page = shown.page
    if await page.locator("#sidebar .pc-problem:visible").count() and name != "wide":
        await page.set_viewport_size(LOW)
    await page.mouse.move(0, 0)
    part = next((part for part, names in BELOW.items() if name in names), None)
    await page.evaluate(SCROLL, part)
    file = FOLDER / file_name(name, shown.korean)
    await page.screenshot(path=file, animations="disabled")
    return file


def file_name(name: str, korean: bool) -> str:
    """A picture's file."""
    return f"{name}-ko-dark.png" if korean else f"{name}.png"


def with_gallery(text: str) -> str:
    """The document with the gallery as it is now, in its place or at the end."""
    found = re.search(rf"^{HEADING}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        return f"{text.rstrip()}\n\n{gallery()}"
    rest = text[found.end() :]
    return text[: found.start()] + gallery() + (f"\n{rest}" if rest else "")


def gallery() -> str:
    """The table of all pictures."""
    lines = [HEADING, "", "By `python -m tests.frontend.screenshots`, from canned answers.", ""]
    shown = [(name, caption, False) for name, caption in ENGLISH.items()]
    shown += [(name, f"{caption}, in Korean and dark", True) for name, caption in KOREAN.items()]
    for start in range(0, len(shown), ROW):
        row = [*shown[start : start + ROW], *[None] * ROW][:ROW]
        captions = [cell[1] if cell else "" for cell in row]
        images = [f"![{cell[1]}](screenshots/{file_name(cell[0], cell[2])})" if cell else "" for cell in row]
        if not start:
            lines += [_cells(captions), _cells(["---"] * ROW), _cells(images)]
        else:
            lines += [_cells(f"**{caption}**" if caption else "" for caption in captions), _cells(images)]
    return "\n".join(lines) + "\n"


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit(HOW_TO_GET_IT)
    asyncio.run(main(sys.argv[1:]))
