// The wide view: what the sidebar shows is in the modal too, and what is done there the sidebar does.

import assert from "node:assert/strict";
import { beforeEach, test } from "vitest";

import { Problem } from "../app/scripts/serve/problem.js";
import { CanvasView } from "../app/scripts/view/canvas_view.js";
import { ViewRecord } from "../app/scripts/wide/view_record.js";
import { overheard, WideView } from "../app/scripts/wide/wide_view.js";
import { ANSWER, FULL, REPLY } from "./canvases.js";
import { keyed, openPage, placed, press, type, wordsOf } from "./document.js";
import { until } from "./look_alike.js";
import { platform } from "./platform.js";

openPage();
const { startIn, startModal } = await import("../app/scripts/modal.js");

beforeEach(() => openPage());

/** A sidebar's view and its modal, as two instances of the app that reach each other through the platform. */
async function both(actions = {}, canvas = FULL) {
  const heard = [];
  const sidebar = { receivers: [], sent: [] };
  const modal = platform();
  const clone = (message) => structuredClone(message);
  const host = {
    send: async (message) => modal.receivers.forEach((receive) => receive({ helper: { getData: () => ({ message: clone(message) }) } })),
    onMessage: (listener) => sidebar.receivers.push(listener),
    openModal: async (data) => (sidebar.data = clone(data)),
  };
  modal.client.instance.send = async ({ message }) => {
    sidebar.sent.push(message);
    sidebar.receivers.forEach((receive) => receive(clone(message)));
  };
  let closed = 0;
  modal.client.instance.close = () => (closed += 1);
  const all = {
    retry: () => heard.push("retry"),
    tell: (entry) => heard.push(`${entry.kind} ${entry.action}`),
    insert: async (html, { text }) => heard.push(`insert ${text}`) > 0,
    share: (kind) => heard.push(`share ${kind}`),
    ...actions,
  };
  const wide = new WideView({ host, actions: all });
  const own = new CanvasView(placed(), { language: "en", actions: all });
  const view = overheard(own, (method, args) => wide.tell(method, args));
  view.open(7);
  if (canvas) view.canvas(canvas, { etag: '"e1"' });
  await wide.open({ language: "en", show: null });
  modal.client.instance.context = async () => ({ location: "modal", modalData: sidebar.data });
  const root = placed();
  await startModal(root, modal.client);
  const shows = (words) => until(() => wordsOf(root).includes(words), `${words} in ${wordsOf(root)}`);
  return { view, root, heard, shows, sidebar, modal, closed: () => closed, key: (name) => keyed(root, name), wide };
}

test("the modal shows at once what the sidebar shows, and what comes while it is open", async () => {
  const { view, root, shows } = await both();
  assert.ok(wordsOf(root).includes("every night"));
  view.canvas({ ...FULL, summary: { ...FULL.summary, text: "It holds." } }, { etag: '"e2"' });
  await shows("It holds.");
  assert.equal(view.translate("copy"), "Copy");
  assert.ok(view.filled);
});

test("words of a run that goes on are in the modal too", async () => {
  const { view, shows, root } = await both({}, null);
  view.skeletons();
  view.stage({ name: "fetch", ms: 3 });
  view.delta("summary", "The rou");
  view.delta("summary", "ter.");
  await shows("The router.");
  view.reset("summary");
  view.delta("summary", "Again.");
  await shows("Again.");
  assert.ok(!wordsOf(root).includes("The router."));
  view.part("summary", FULL.summary);
  await shows("every night");
});

test("a reply that is inserted in the modal goes by the sidebar, and the modal makes way", async () => {
  const { key, heard, closed } = await both();
  key("insert").click();
  await until(() => closed() === 1);
  assert.ok(heard.includes("insert Hello,\n\ninstall 2.4.1."), heard.join());
  await until(() => heard.includes("reply inserted"));
});

test("questions and replies are asked through the sidebar, with their words as they come", async () => {
  const ask = async (_, { on }) => {
    on.delta("Firm");
    on.waiting();
    return { result: ANSWER, run: "/runs/q1" };
  };
  const { root, key, shows, heard } = await both({ ask, generate: () => Promise.reject(new Problem({ status: 429, type: "urn:prompt-canvas:rate-limited" })) });
  type(root.querySelector(".pc-question"), "Why?");
  key("ask").click();
  await shows("Read the log");
  await until(() => heard.includes("share answer"));
  key("tools").click();
  key("shorter").click();
  await shows("Too many requests");
});

test("what is stopped in the modal is stopped in the sidebar, as is everything when it closes", async () => {
  const signals = [];
  const generate = (_, { signal }) => new Promise((_resolve, reject) => signals.push(signal) && signal.addEventListener("abort", () => reject(signal.reason)));
  const { key, sidebar } = await both({ generate, ask: generate });
  key("tools").click();
  key("shorter").click();
  await until(() => signals.length === 1);
  key("stop").click();
  await until(() => signals[0].aborted);
  key("shorter").click();
  await until(() => signals.length === 2);
  dispatchEvent(new Event("pagehide"));
  await until(() => signals[1].aborted);
  assert.equal(sidebar.sent.at(-1).pc, "bye");
});

test("what is not offered is not done, and a lost bundle is made up for", async () => {
  const { sidebar, view, root, shows, wide } = await both();
  const answers = [];
  for (const receive of sidebar.receivers) receive({ pc: "act", id: "x", name: "constructor", args: [] });
  for (const receive of sidebar.receivers) receive({ pc: "nothing" }, answers);
  for (const receive of sidebar.receivers) receive({ pc: "hello", number: 99 });
  view.shared("reply", { reply: REPLY, run: "/runs/g9" });
  await until(() => root.querySelectorAll(".pc-pager button").length === 3);
  for (const receive of sidebar.receivers) receive({ pc: "bye" });
  view.canvas({ ...FULL, summary: { ...FULL.summary, text: "Unseen." } }, { etag: '"e3"' });
  await wide.open({ language: "en", show: null });
  assert.ok(JSON.stringify(sidebar.data.calls).includes("Unseen."));
  await shows("every night");
});

test("what reaches the modal out of turn is asked for anew, and what is none of its own leaves it as it is", async () => {
  const { sidebar, modal, root } = await both();
  const [receive] = modal.receivers;
  for (const message of [{ pc: "nothing" }, {}, null, { pc: "done", id: "nobody's", value: 1 }, { pc: "on", id: "nobody's" }]) receive({ message });
  receive({ message: { pc: "calls", number: 50, calls: [["say", "bad", "cut", {}]] } });
  assert.equal(sidebar.sent.at(-1).pc, "hello");
  assert.ok(wordsOf(root).includes("every night") && !wordsOf(root).includes("Connection lost"));
  receive({ message: { pc: "calls", number: 50, calls: [["clear"], ["constructor"]] } });
  assert.ok(!wordsOf(root).includes("every night"));
});

test("Escape closes the modal, unless it is pressed in a box with words", async () => {
  const { root, closed } = await both({ ask: async () => ({}) });
  type(root.querySelector(".pc-question"), "Half a quest");
  press(root.querySelector(".pc-question"), "Escape");
  press(root, "a");
  assert.equal(closed(), 0);
  press(root, "Escape");
  assert.equal(closed(), 1);
});

test("what a view shows is kept as the newest call of each kind", () => {
  const state = new ViewRecord();
  for (const [method, ...args] of [
    ["open", 7], ["say", "busy", "opening"], ["skeletons"], ["stage", { name: "fetch" }], ["delta", "summary", "a"], ["delta", "summary", "b"],
    ["say", "stream", "waiting"], ["part", "replies", []],
  ]) state.apply(method, args); // prettier-ignore
  const kinds = () => state.snapshot().map(([method]) => method);
  assert.deepEqual(kinds().sort(), ["delta", "open", "part", "say", "skeletons", "stage"]);
  assert.deepEqual(state.snapshot().find(([method]) => method === "delta"), ["delta", "summary", "ab"]);
  state.apply("reset", []);
  assert.ok(!kinds().includes("delta") && !kinds().includes("stage"));
  state.apply("problem", ["a", "b", {}, true]);
  state.apply("canvas", [FULL, {}]);
  assert.deepEqual(kinds().sort(), ["canvas", "open", "say"]);
  state.apply("clear");
  assert.deepEqual(kinds(), []);
});

test("Escape closes the modal, unless it is meant for a box in which something is written", async () => {
  const { root, closed, key } = await both();
  const escape = (element) => element.dispatchEvent(new document.defaultView.KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  const question = root.querySelector(".pc-question");
  type(question, "half a question");
  escape(question);
  assert.equal(closed(), 0);
  escape(key("copy"));
  assert.equal(closed(), 1);
});

test("a modal without the platform's client says so in its place, and a mistake of ours stands in the console", async () => {
  const root = placed();
  assert.equal(await startIn(root, Promise.reject(new Problem({ type: "platform" }))), null);
  assert.match(wordsOf(root), /Freshdesk does not answer the app/);
  const odd = { get backend() { throw new TypeError("ours"); } }; // prettier-ignore
  await assert.rejects(startIn(placed(), Promise.resolve(platform({ iparams: odd }).client)), TypeError);
});
