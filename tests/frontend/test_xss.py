"""More than 200 ways to make a page run or load what it should only show, wherever serve's answers hold text.

`vectors.json` lists them by class. Each stands in subjects, names, resolutions, words, article titles, snippets,
addresses, summaries, replies, sources, answers, stages and problems; the app runs in a real Chromium over canned
answers. None may run, none may load anything, and the page may hold no element or attribute that it does not make
itself.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, expect

from tests.deploy.demo.browser import CHROMIUM, HOW_TO_GET_IT, WATCHER, chromium
from tests.frontend.canned import Answer, Canned, canned_serve
from tests.frontend.states import ANSWER, EN, REPLY, hit, refusal, run

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=HOW_TO_GET_IT)
CLASSES: dict[str, list[str]] = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))
VECTORS = [vector for vectors in CLASSES.values() for vector in vectors]
ALL = "\n".join(VECTORS)
FORMS = ("{}", "**{}**", "- {0}\n- **{0}**", "`{0}`\n\n1. {0}", "[{}](https://a.example/)", "[a]({})")
"""The Markdown that replies may use, which goes into the editor as markup."""
HOME = "https://acme.freshdesk.com/"
LISTENS = "window.desk && desk.listeners['app.activated']?.length > 0"
INTRUDERS = """() => {
    const tags = new RegExp("^(MAIN|DIV|SECTION|HEADER|H[123]|P|SPAN|A|BUTTON|[UO]L|LI|STRONG|CODE|D[LTD]|" +
        "DETAILS|SUMMARY|TEXTAREA|INPUT)$");
    const own = /^(class|id|lang|hidden|role|title|href|target|rel|type|rows|maxlength|placeholder)$/;
    const named = /^(value|start|tabindex|data-(key|kind|stage|focus)|aria-[a-z]+)$/;
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {
        const { tagName, attributes } = element;
        const odd = [...attributes].filter(({ name, value }) =>
            (!own.test(name) && !named.test(name)) || (name === "id" && !/^(sidebar|pc-[a-z]+)$/.test(value)) ||
            (name === "type" && !/^(button|search)$/.test(value)) ||
            (name === "href" && !/^https?:$/.test(element.protocol)));
        if (!tags.test(tagName) || odd.length)
            found.push(`${tagName} ${odd.map(({ name, value }) => `${name}=${value}`)}`);
    }
    const leaves = document.createElement("template");
    leaves.innerHTML = [...desk.inserted, ...(window.copied ?? [])].join("");
    const taken = { P: [], BR: [], UL: [], OL: ["start"], LI: [], STRONG: [], CODE: [], A: ["href"] };
    for (const element of leaves.content.querySelectorAll("*")) {
        const names = [...element.attributes].map(({ name }) => name);
        const safe = element.tagName !== "A" || /^https?:$/.test(element.protocol);
        if (String(names) !== String(taken[element.tagName]) || !safe) found.push(element.outerHTML);
    }
    if (Object.prototype.polluted !== undefined) found.push("Object.prototype.polluted");
    return found;
}"""
PRESS_EVERY_REPLY = """async (count) => {
    const press = (key) => document.querySelector(`[data-key="${key}"]`).click();
    for (let number = 0; number < count; number += 1) (press(`reply-${number}`), press("insert"), press("copy"));
    for (const button of document.querySelectorAll('[data-key^="link-"], [data-key^="text-"]')) button.click();
    await new Promise((resolve) => setTimeout(resolve));
}"""
CLIPBOARD = """
    window.copied = [];
    navigator.clipboard.write = async ([item]) => window.copied.push(await (await item.getType("text/html")).text());
"""
AS_AN_EDITOR = """async () => {
    const editor = document.createElement("div");
    editor.innerHTML = [...desk.inserted, ...window.copied].join("");
    document.body.append(editor);
    for (const element of editor.querySelectorAll("*:not(a)")) element.click();
    await new Promise((resolve) => setTimeout(resolve, 50));
    editor.remove();
}"""
"""Puts what was inserted and copied into the page as markup, as Freshdesk's editor does."""


@pytest.fixture(scope="module")
async def serve() -> AsyncIterator[Canned]:
    """One server for the file."""
    async with canned_serve() as canned:
        yield canned


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the file."""
    expect.set_options(timeout=15_000)
    async with chromium() as started:
        yield started


@pytest.fixture
async def page(browser: Browser, serve: Canned) -> AsyncIterator[Page]:
    """The app without a ticket; whatever runs, is asked of a foreign host, or should not be there fails the test."""
    serve.reset()
    foreign: list[str] = []

    def noted(request: Request) -> None:
        if not request.url.startswith("http://127.0.0.1:"):
            foreign.append(request.url)

    context = await browser.new_context(viewport={"width": 340, "height": 720}, locale="en-GB")
    context.on("request", noted)
    page = await context.new_page()
    await page.add_init_script(WATCHER)
    await page.add_init_script(CLIPBOARD)
    await page.goto(serve.url)
    await page.wait_for_function(LISTENS)
    yield page
    assert await page.evaluate(INTRUDERS) == []
    assert await page.evaluate("window.ran") == []
    assert foreign == []
    assert page.url == serve.url
    await context.close()


def hostile() -> dict[str, Any]:
    """A Canvas with each vector in each of its texts."""
    numbered = list(enumerate(VECTORS, 1000))
    return EN | {
        "status": VECTORS[0],
        "language": VECTORS[1],
        "summary": {"text": ALL, "problem": ALL, "tried": ALL, "next_step": ALL, "sentiment": VECTORS[2]},
        "similar_tickets": [
            {"ticket_id": number, "subject": vector, "status": vector, "score": 0.5, "resolution": vector * 3,
             "url": vector, "why": {"terms": [vector]}, "count": 1}
            for number, vector in numbered
        ],
        "solutions": [
            {"article_id": number, "title": vector, "url": vector if number % 2 else HOME, "snippet": vector,
             "public": True, "cited": 1}
            for number, vector in numbered
        ],
        "replies": [
            {"text": form.format(vector), "tone": vector, "sources": [vector, f"ticket:{vector}"]}
            for vector, form in zip(VECTORS, cycle(FORMS), strict=False)
        ],
        "provenance": {
            "models": {"summary": ALL, "replies": ALL, VECTORS[3]: ALL},
            "tokens": {"input": 1, "output": 1},
            "cost": 0.1,
            "stages": [{"name": vector, "ms": 1.0, "error": vector} for vector in VECTORS],
        },
        "incident": {"count": 9, "first_seen": VECTORS[4], "last_seen": VECTORS[4], "tickets": [1, 2, 3]},
        "freshness": {"covers": 3, "covers_until": "2026-06-01T09:58:00Z"},
    }  # fmt: skip


async def opened(page: Page, ticket: int = 7) -> None:
    await page.evaluate("(id) => desk.open(id)", ticket)


def test_there_are_more_than_two_hundred_of_them() -> None:
    assert len(VECTORS) == len(set(VECTORS)) > 200


async def test_what_would_run_or_be_added_is_noticed(page: Page) -> None:
    await page.evaluate("document.querySelector('main').innerHTML = '<img src=x onerror=pwned(1)>'")
    await page.wait_for_function("window.ran.length === 1")
    assert len(await page.evaluate(INTRUDERS)) == 1
    await page.reload()


async def test_a_hostile_canvas_is_text_and_so_is_what_goes_into_the_editor(page: Page, serve: Canned) -> None:
    serve.answers["/init/7"] = [hit(hostile())]
    await opened(page)
    await expect(page.locator(".pc-pager button")).to_have_count(len(VECTORS))
    await page.evaluate(PRESS_EVERY_REPLY, len(VECTORS))
    assert await page.evaluate("desk.inserted.length") >= len(VECTORS)
    await page.wait_for_function("(count) => window.copied.length === count", arg=len(VECTORS))
    marked = "".join(await page.evaluate("[...desk.inserted, ...copied]"))
    assert {*re.findall(r"<(\w+)", marked)} == {"p", "br", "ul", "ol", "li", "strong", "code", "a"}
    await page.evaluate(AS_AN_EDITOR)
    assert "<script>pwned(1)</script>" in await page.locator("main").inner_text()


async def test_a_hostile_run_is_text(page: Page, serve: Canned) -> None:
    events: list[tuple[str, Any]] = [("stage", {"name": vector, "ms": 1, "error": vector}) for vector in VECTORS]
    events += [("stage", {"name": "recommend", "ms": 1, "error": ALL})]
    events += [("summary.delta", {"text": f"{vector}\n"}) for vector in VECTORS]
    held = asyncio.Event()
    canvas = hostile()
    parts = [("summary", canvas["summary"]), ("similar", canvas["similar_tickets"]), ("solutions", canvas["solutions"])]
    last = [
        *parts,
        ("replies", canvas["replies"]),
        ("error", {"type": ALL, "title": ALL, "detail": ALL, "status": 400}),
    ]
    serve.answers["/init/7"] = [run(*events, held=held, after=last), refusal(400, ALL)]
    await opened(page)
    await expect(page.locator(".pc-part-summary")).to_contain_text("https://[::1]/")
    assert await page.evaluate(INTRUDERS) == []
    held.set()
    await expect(page.locator(".pc-pager button")).to_have_count(len(VECTORS))


async def test_a_hostile_problem_is_text(page: Page, serve: Canned) -> None:
    body = {"type": f"urn:prompt-canvas:{VECTORS[0]}", "title": ALL, "detail": ALL, "status": 400}
    serve.answers["/init/7"] = [Answer(body, 400)]
    await opened(page)
    await expect(page.locator(".pc-problem")).to_contain_text("<script>pwned(1)</script>")


async def test_a_hostile_answer_and_a_hostile_reply_are_text(page: Page, serve: Canned) -> None:
    sources = [
        {"number": number, "kind": kind, "title": vector, "url": vector, "snippet": vector, "public": False}
        for number, (vector, kind) in enumerate(zip(VECTORS, ["image", "attachment", "x"] * 99, strict=False), 1)
    ]
    cited = "\n".join(f"{vector} [{number}]" for number, vector in enumerate(VECTORS[:99], 1))
    text = f"{cited}\n\n{ALL}"
    answer = ANSWER | {"text": text, "sources": sources, "language": VECTORS[0], "intent": VECTORS[1]}
    deltas = [("answer.delta", {"text": vector}) for vector in VECTORS]
    serve.answers["/init/7"] = [hit()]
    serve.answers["/query/stream"] = [run(("sources", sources), *deltas, ("answer", answer), ("done", {}))]
    reply = REPLY | {"text": ALL, "tone": VECTORS[0], "language": VECTORS[1], "sources": VECTORS}
    serve.answers["/generate_reply/stream"] = [run(("reply", reply), ("done", {}))]
    await opened(page)
    await page.locator(".pc-question").fill(ALL.replace("\0", ""))
    await page.locator('[data-key="ask"]').click()
    await expect(page.locator(".pc-sources li")).to_have_count(len(sources))
    await page.locator('[data-key="tools"]').click()
    await page.locator('[data-key="shorter"]').click()
    await expect(page.locator(".pc-pager button")).to_have_count(3)
    await page.evaluate("""document.querySelector('[data-key="insert"]').click()""")
    await page.wait_for_function("desk.inserted.length === 1")
