// What is written before the agent's eyes: it becomes the part, the reply or the answer without being drawn anew.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "vitest";

import { translator } from "../app/scripts/texts/texts.js";
import { ANSWER, FULL, REPLY } from "./canvases.js";
import { keyed, openPage, type, wordsOf } from "./document.js";
import { until } from "./look_alike.js";
import { shown } from "./shown.js";

const en = translator("en");
const LONG = "**Hello**,\n\n- install 2.4.1\n- restart [x](https://a.example/)";
/** Heights that jsdom does not know: more words than the folded box has room for. */
const HEIGHTS = { scrollHeight: 300, clientHeight: 138 };

beforeEach(() => openPage());
afterEach(() => {
  for (const name of Object.keys(HEIGHTS)) delete HTMLElement.prototype[name];
});

function written(view, name, text) {
  for (let at = 0; at < text.length; at += 4) view.delta(name, text.slice(at, at + 4));
}

function high() {
  for (const [name, value] of Object.entries(HEIGHTS)) Object.defineProperty(HTMLElement.prototype, name, { value, configurable: true });
}

test("a summary that was written stays in its element, with the focus in it; another one takes its place", () => {
  const { view, part } = shown({ canvas: null });
  const summary = { ...FULL.summary, text: LONG };
  view.skeletons();
  written(view, "summary", LONG);
  const [element, anchor] = [part("summary").querySelector(".pc-text"), part("summary").querySelector("a")];
  anchor.focus();
  view.part("summary", summary);
  view.canvas({ ...FULL, summary }, { etag: '"e1"' });
  assert.equal(part("summary").querySelector(".pc-text"), element);
  assert.equal(document.activeElement, anchor);
  assert.ok(!element.classList.contains("pc-streaming"));
  view.part("summary", FULL.summary);
  assert.notEqual(part("summary").querySelector(".pc-text"), element);
});

test("a long reply that was written is not folded at its end, one that was there already is", () => {
  high();
  const { view, part, key } = shown({ canvas: null });
  written(view, "replies", LONG);
  const element = part("replies").querySelector(".pc-text");
  view.canvas({ ...FULL, replies: [{ ...FULL.replies[0], text: LONG }, FULL.replies[1]] }, { etag: '"e1"' });
  assert.equal(part("replies").querySelector(".pc-reply-text"), element);
  assert.ok(element.classList.contains("pc-all"));
  key("more").click();
  assert.ok(element.classList.contains("pc-folded"));
  assert.equal(key("more").textContent, en("showAll"));
  key("reply-1").click();
  assert.ok(part("replies").querySelector(".pc-reply-text").classList.contains("pc-folded"));
  key("more").click();
  key("tools").click();
  assert.ok(part("replies").querySelector(".pc-reply-text").classList.contains("pc-all"));
  assert.equal(key("more").getAttribute("aria-expanded"), "true");
});

test("a reply on demand stays where it was written", async () => {
  let element;
  const generate = async (_, { on }) => {
    for (const tell of [on.waiting, on.begun, on.cut]) tell();
    on.delta("See [1] ");
    on.reset();
    on.delta("A shor");
    on.delta("ter one.");
    element = document.querySelector(".pc-part-replies .pc-streaming");
    return { result: REPLY, run: "/runs/g1" };
  };
  const { part, key, says } = shown({ actions: { generate } });
  key("tools").click();
  key("shorter").click();
  await says(en("ownReply"));
  assert.equal(part("replies").querySelector(".pc-reply-text"), element);
});

test("an answer's citations are links while it is written, and stay so where its sources stay", async () => {
  const elements = [];
  const asking = (sources) => async (_, { on }) => {
    on.delta("Taken back [1]");
    on.reset();
    on.sources(sources);
    for (const sign of ANSWER.text) on.delta(sign);
    elements.push(document.querySelector(".pc-answer .pc-streaming"));
    return { result: ANSWER, run: "/runs/q1" };
  };
  for (const [sources, same] of [[ANSWER.sources, true], [ANSWER.sources.slice(1), false]]) {
    const { root, key, told } = shown({ actions: { ask: asking(sources) } });
    type(root.querySelector(".pc-question"), "Why?");
    key("ask").click();
    await until(() => told.includes("answer shown /runs/q1"));
    assert.equal(root.querySelector(".pc-answer .pc-text:not(h2)") === elements.pop(), same);
    assert.equal(root.querySelectorAll(".pc-answer .pc-cite").length, 3);
    assert.ok(!wordsOf(root).includes("Taken back"));
    root.remove();
  }
});

test("a part that fails takes its words back, and a stage of an odd name fails none", () => {
  const { view, part } = shown({ canvas: null, show: ["summary"] });
  view.skeletons();
  written(view, "summary", "Half a");
  view.stage({ name: "constructor", error: "odd" });
  assert.ok(wordsOf(part("summary")).includes("Half a"));
  view.stage({ name: "summarize", error: "refused" });
  assert.match(wordsOf(part("summary")), /the model declined/);
  view.skeletons();
  view.delta("summary", "Anew");
  assert.match(wordsOf(part("summary")), /Anew/);
  view.canvas({ ...FULL, language: "no tag!" }, { etag: '"e1"' });
  assert.equal(part("summary").querySelector(".pc-body").lang, "");
});

test("a long resolution is unfolded and folded again, and a refused question says what helps", async () => {
  const { Problem } = await import("../app/scripts/serve/problem.js");
  const refusals = [{ status: 401, type: "urn:prompt-canvas:unauthorized" }, { status: 400, title: "Odd thing" }];
  const ask = () => Promise.reject(new Problem(refusals.shift()));
  const { root, key, says } = shown({ actions: { ask } });
  key("solved-301").click();
  assert.equal(key("solved-301").textContent, en("showLess"));
  key("solved-301").click();
  assert.equal(key("solved-301").textContent, en("showAll"));
  type(root.querySelector(".pc-question"), "Why?");
  key("ask").click();
  await says(en("advice_unauthorized"));
  keyed(root, "again").click();
  await says("The server said: Odd thing");
});
