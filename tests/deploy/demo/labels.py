"""The page's own words, told apart from those of tickets, articles and models, and the tables that they come from."""

import re
from typing import Any

from playwright.async_api import Frame

from tests.deploy.demo.browser import DeskPage

COLLECT = """() => {
    const others = `.words, .pc-text, .pc-snippet, .pc-title, .pc-terms, .subject, .who, .language, .domain,
        .by b, .head h2, .head span:not(.priority, .gone), .pc-facts dd, #samples span, #article h2, #languages,
        textarea`;
    const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const [text, element] = [walker.currentNode.data.trim(), walker.currentNode.parentElement];
        const shown = visible(element.closest("select") ?? element);
        if (text && shown && !element.closest(others)) found.push(text);
    }
    for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
        if (!visible(element) || element.closest("#languages, .pc-title")) continue;
        for (const name of ["aria-label", "title", "placeholder"])
            if (element.getAttribute(name)) found.push(element.getAttribute(name));
    }
    return [document.title, ...found];
}"""
TABLES = """async () => {
    const [desk, sidebar] = [await import("/desk/static/texts.js"), await import("/desk/app/scripts/texts/texts.js")];
    return [...Object.values(desk.DESK_TEXTS), ...Object.values(sidebar.TEXTS)];
}"""
HANGUL = re.compile("[가-힣]")
WORD = re.compile("[A-Za-z]{3}")
IN_BOTH = {"Prompt Canvas"}
FACTS = re.compile(r"[\w.-]+ \d+ ms( · [\w.-]+ \d+ ms)*|\$[\d.]+|[\w./-]*e5-small")
"""What the page says in no language: times of stages, costs, names of models."""


async def labels(frame: Frame) -> list[str]:
    """All words that a page itself shows, tooltips and names for screen readers included."""
    found: list[str] = await frame.evaluate(COLLECT)
    return found


async def not_in(page: DeskPage, language: str) -> list[str]:
    """Labels that are not in this language ("ko" or "en"): the other language's texts, and texts of no table."""
    tables: list[dict[str, str]] = await page.page.evaluate(TABLES)
    other = "en" if language == "ko" else "ko"
    wrong = [re.compile(_pattern(text[other])) for text in tables if text[other] != text[language]]
    right = [re.compile(_pattern(text[language])) for text in tables]
    shown = [*await labels(page.page.main_frame), *await labels(page.app_frame)]
    found = [label for label in shown if label not in IN_BOTH and not FACTS.fullmatch(label)]
    return [
        label
        for label in found
        if (any(map(_matches(label), wrong)) and not any(map(_matches(label), right))) or _foreign(label, language)
    ]


def _matches(label: str) -> Any:
    return lambda pattern: pattern.fullmatch(label)


def _pattern(text: str) -> str:
    return ".+".join(re.escape(part) for part in re.split(r"\{\w+\}", text))


def _foreign(label: str, language: str) -> bool:
    """Whether its letters alone show that it can't be of this language."""
    if language == "en":
        return bool(HANGUL.search(label))
    return bool(WORD.search(label)) and not HANGUL.search(label)
