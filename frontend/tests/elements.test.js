// The small pieces that make elements: text stays text, the focus stays where the agent is, buttons say what they did.

import assert from "node:assert/strict";
import { beforeEach, test } from "vitest";

import { copyText } from "../app/scripts/elements/clipboard.js";
import { el, keepFocus, link, refill } from "../app/scripts/elements/dom.js";
import { snippet } from "../app/scripts/elements/pieces.js";
import { kitOf } from "../app/scripts/view/part_kit.js";
import { Thumbs } from "../app/scripts/work/thumbs.js";
import { translator } from "../app/scripts/texts/texts.js";
import { keyed, openPage, placed, wordsOf } from "./document.js";
import { until } from "./look_alike.js";

beforeEach(() => openPage());
const t = translator("en");

test("strings become text, and attributes are left out where they say nothing", () => {
  const made = el("p", { class: "x", hidden: true, title: null, lang: undefined, "data-a": false, tabindex: 0 }, "<b>", null, false, ["c"]);
  assert.equal(made.outerHTML, '<p class="x" hidden="" tabindex="0">&lt;b&gt;c</p>');
});

test("a link leads to http(s) alone, and the page's own way is taken for a plain click only", () => {
  assert.equal(link("javascript:x", "a").localName, "span");
  assert.equal(link("not an address", "a").localName, "span");
  const opened = [];
  const anchor = link("https://a.example/", "a", { class: "k" }, () => opened.push(1));
  const click = (options) => anchor.dispatchEvent(new MouseEvent("click", { cancelable: true, bubbles: true, ...options }));
  placed(anchor);
  assert.equal(click({}), false);
  for (const options of [{ ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { altKey: true }, { button: 1 }]) click(options);
  assert.equal(opened.length, 1);
  assert.match(anchor.rel, /noopener noreferrer/);
});

test("what arrives leaves the focus on the same thing, else in the same part", () => {
  const part = placed(el("button", { "data-key": "a" }), el("button", { "data-key": "b" }));
  keyed(part, "b").focus();
  refill(part, el("button", { "data-key": "b" }), el("button", { "data-key": "c" }));
  assert.equal(document.activeElement, keyed(part, "b"));
  refill(part, el("button", { "data-key": "c" }), el("button", { "data-key": "d", "data-focus": true }));
  assert.equal(document.activeElement, keyed(part, "d"));
  refill(part, el("p", {}, "words"));
  assert.equal(document.activeElement, part);
  refill(part, "more");
  assert.equal(document.activeElement, part);
  document.activeElement.blur();
  refill(part, el("button", { "data-key": "a" }));
  assert.equal(document.activeElement, document.body);
});

test("two lines of a text are shown where it needs more, as it is measured at each width", () => {
  const watched = new Map();
  globalThis.ResizeObserver = class {
    constructor(told) {
      this.observe = (target) => watched.set(target, () => told([{ target }]));
      this.unobserve = (target) => watched.delete(target);
    }
  };
  const [words, more] = snippet("고객이 겪은 문제의 해결 방법입니다.", "k", { t });
  const part = placed(words, more);
  const sized = (scrollHeight, clientHeight) => {
    Object.assign(measured, { scrollHeight, clientHeight });
    watched.get(words)();
  };
  const measured = {};
  for (const name of ["scrollHeight", "clientHeight"]) Object.defineProperty(words, name, { get: () => measured[name] });
  assert.ok(more.hidden);
  sized(60, 40);
  assert.ok(!more.hidden);
  more.click();
  sized(60, 60);
  assert.ok(!more.hidden && words.matches(".pc-all"));
  more.click();
  sized(40, 40);
  assert.ok(more.hidden);
  part.remove();
  sized(0, 0);
  assert.equal(watched.size, 0);
  delete globalThis.ResizeObserver;
});

test("text is copied by the clipboard, else by the old way, and it is said where neither may", async () => {
  const copied = [];
  navigator.clipboard = { writeText: async (text) => copied.push(text) };
  assert.equal(await copyText("a"), true);
  assert.deepEqual(copied, ["a"]);
  navigator.clipboard = { writeText: () => Promise.reject(new Error("not allowed")) };
  document.execCommand = () => copied.push(document.querySelector("textarea").value) > 0;
  assert.equal(await copyText("b"), true);
  document.execCommand = () => false;
  assert.equal(await copyText("c"), false);
  assert.deepEqual(copied, ["a", "b"]);
  assert.equal(document.querySelector("textarea"), null);
});

test("where an editor may take it, what is copied is HTML too", async () => {
  const copied = [];
  globalThis.ClipboardItem = class {
    constructor(types) {
      copied.push(...Object.entries(types));
    }
  };
  navigator.clipboard = { write: async () => {}, writeText: async (text) => copied.push(text) };
  assert.equal(await copyText("a", "<p>a</p>"), true);
  assert.deepEqual(copied.map(([type, blob]) => `${type} ${blob.size}`), ["text/plain 1", "text/html 8"]);
  navigator.clipboard.write = () => Promise.reject(new Error("not allowed"));
  const set = {};
  document.execCommand = () => {
    const event = new Event("copy", { cancelable: true });
    event.clipboardData = { setData: (type, text) => (set[type] = text) };
    document.querySelector("textarea").dispatchEvent(event);
    return event.defaultPrevented;
  };
  assert.equal(await copyText("a", "<p>a</p>"), true);
  assert.deepEqual(set, { "text/plain": "a", "text/html": "<p>a</p>" });
  delete globalThis.ClipboardItem;
});

test("what stays in its place is not moved, and what moves keeps the focus", () => {
  const part = placed(el("button", { "data-key": "a" }), el("button", { "data-key": "b" }));
  const [one, two] = part.children;
  two.focus();
  refill(part, "words", one, el("i"), two, "end");
  assert.equal(part.innerHTML, 'words<button data-key="a"></button><i></i><button data-key="b"></button>end');
  assert.equal(document.activeElement, two);
  keepFocus(part, () => refill(part, el("p", {}, two), one));
  assert.equal(document.activeElement, two);
});

test("thumbs say once what was said, and ask why after a thumb down", () => {
  const told = [];
  const thumbs = new Thumbs((entry) => told.push(entry));
  placed(thumbs.buttons, thumbs.reasons);
  assert.ok(thumbs.buttons.hidden);
  thumbs.show({ kind: "reply", item: 0 }, t);
  const thumb = (way) => keyed(thumbs.buttons, `thumb-${way}`);
  thumb("up").click();
  thumb("up").click();
  assert.equal(thumb("up").getAttribute("aria-pressed"), "true");
  assert.ok(thumbs.reasons.hidden);
  thumb("down").focus();
  thumb("down").click();
  thumb("down").click();
  assert.ok(thumbs.reasons.hidden);
  thumb("down").click();
  assert.ok(!thumbs.reasons.hidden);
  assert.match(wordsOf(thumbs.reasons), /What was wrong\?.*Outdated/);
  keyed(thumbs.reasons, "outdated").click();
  assert.ok(thumbs.reasons.hidden);
  assert.equal(document.activeElement, thumb("down"));
  assert.deepEqual(
    told.map(({ action, reason }) => [action, reason]),
    [["up", undefined], ["down", undefined], ["rejected", "outdated"]], // prettier-ignore
  );
  thumbs.show({ kind: "reply", item: 1 }, t);
  assert.equal(thumb("down").getAttribute("aria-pressed"), "false");
  thumbs.show({ kind: "reply", item: 0 }, t);
  assert.equal(thumb("down").getAttribute("aria-pressed"), "true");
  thumbs.forget();
  assert.ok(thumbs.buttons.hidden);
});

function kitWith(actions, told = []) {
  const tell = (entry) => told.push(entry);
  return { kit: kitOf({ actions, ticketId: 7, t, tell, announce: (text) => told.push(text), language: "en" }), told };
}

test("questions and replies are about the open ticket", async () => {
  const { kit } = kitWith({ ask: async (body, options) => [body, options], generate: null });
  assert.deepEqual(await kit.actions.ask({ question: "q" }, 1), [{ question: "q", ticket_id: 7 }, 1]);
  assert.ok(!kit.actions.generate);
});

test("a button says what it did, and then itself again", async () => {
  const inserted = [];
  const { kit, told } = kitWith({ insert: async (html, { text }) => inserted.push([html, text]) > 0 });
  const button = el("button", {}, "Insert");
  await kit.put(button, { text: "a & b" }, { kind: "solution", item: 3 });
  assert.deepEqual(inserted, [["<p>a &#38; b</p>", "a & b"]]);
  assert.deepEqual(told, [t("inserted"), { kind: "solution", item: 3, action: "inserted" }]);
  assert.equal(button.textContent, t("inserted"));
  await until(() => button.textContent === "Insert");
  const refused = kitWith({ insert: async () => false });
  await refused.kit.put(button, { text: "a" }, { kind: "solution" });
  assert.deepEqual(refused.told, [t("notAllowed")]);
  // Pressed again before it has its name back, it still gets that.
  let go;
  const slow = kitWith({ insert: () => new Promise((resolve) => (go = resolve)) }).kit.put(button, { text: "a" }, {});
  await until(() => button.textContent === "Insert");
  go(true);
  await slow;
  await until(() => button.textContent === "Insert");
  navigator.clipboard = { writeText: async () => {} };
  assert.equal(await kit.copy("x", button), true);
});

test("the focus is not taken from the page around the frame, whatever the frame had last", () => {
  const part = placed(el("button", { "data-key": "a" }));
  const old = keyed(part, "a");
  old.focus();
  document.hasFocus = () => false;
  refill(part, el("button", { "data-key": "a" }));
  assert.notEqual(document.activeElement, keyed(part, "a"));
  delete document.hasFocus;
});
