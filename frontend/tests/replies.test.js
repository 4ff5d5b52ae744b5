// What an agent does with replies, and what it has written.

import assert from "node:assert/strict";
import { beforeEach, test } from "vitest";

import { Problem } from "../app/scripts/serve/problem.js";
import { FULL, REPLY } from "./canvases.js";
import { openPage, press, type, wordsOf } from "./document.js";
import { until } from "./look_alike.js";
import { shown } from "./shown.js";

beforeEach(() => {
  openPage();
  navigator.clipboard = { writeText: async () => {} };
});

test("a reply is inserted, copied, edited, undone, and paged", async () => {
  const { part, key, did, told } = shown();
  key("insert").click();
  await until(() => told.includes("reply inserted 0"));
  assert.deepEqual(did[0], ["<p>Hello,</p><p>install 2.4.1.</p>", { replace: false, text: "Hello,\n\ninstall 2.4.1." }]);
  key("copy").click();
  await until(() => told.includes("reply copied 0"));
  key("edit").click();
  const box = part("replies").querySelector("textarea.pc-edit");
  assert.equal(document.activeElement, box);
  type(box, "My own words.");
  press(box, "Escape");
  assert.equal(document.activeElement, key("edit"));
  assert.ok(wordsOf(part("replies")).includes("My own words."));
  assert.ok(told.includes("reply edited 0"));
  key("edit").click();
  key("undo").click();
  assert.ok(!wordsOf(part("replies")).includes("My own words."));
  key("reply-1").click();
  assert.equal(key("reply-1").getAttribute("aria-pressed"), "true");
  assert.ok(told.includes("reply shown 1"));
});

test("what an agent writes survives a newer Canvas", () => {
  const { view, part, key } = shown();
  key("edit").click();
  type(part("replies").querySelector(".pc-edit"), "Half a sent");
  view.canvas({ ...FULL, replies: [{ text: "Another one.", tone: "", sources: [] }] }, { etag: '"e2"' });
  assert.equal(part("replies").querySelector(".pc-edit").value, "Half a sent");
  press(part("replies").querySelector(".pc-edit"), "Enter", { ctrlKey: true });
  assert.ok(wordsOf(part("replies")).includes("Half a sent"));
});

test("a reply is written anew as wished, while its words come, and stands beside the old ones", async () => {
  const asked = [];
  let go;
  const generate = (body, { on, signal }) => {
    asked.push([body, signal]);
    on.delta("A sho");
    on.reset();
    on.delta("A shorter");
    return new Promise((resolve) => (go = () => resolve({ result: REPLY, run: "/runs/g1" })));
  };
  const { part, key, told, did } = shown({ actions: { generate } });
  key("tools").click();
  key("shorter").click();
  await until(() => wordsOf(part("replies")).includes("A shorter"));
  assert.equal(document.activeElement, key("stop"));
  go();
  await until(() => told.includes("generated_reply shown /runs/g1"));
  assert.deepEqual([asked[0][0].draft, asked[0][0].ticket_id], ["Hello,\n\ninstall 2.4.1.", 7]);
  assert.ok(wordsOf(part("replies")).includes("A shorter one."));
  key("replace").click();
  await until(() => did.length === 1);
  assert.equal(did[0][1].replace, true);
  type(part("replies").querySelector(".pc-wishes"), "Say sorry.");
  key("write").click();
  key("stop").click();
  assert.ok(asked[1][1].aborted);
  assert.equal(asked[1][0].instructions, "Say sorry.");
  for (const name of ["tone-formal", "in-ko", "in-customer", "regenerate"]) {
    key(name).click();
    key("stop").click();
  }
  assert.deepEqual(asked.slice(2).map(([{ tone, language }]) => tone ?? language), ["formal", "ko", "customer", "brief"]);
});

test("a reply that is written anew is not hidden by an edit of the same words; the focus is where it was", async () => {
  const same = { ...FULL.replies[0], degraded: false };
  const { part, key } = shown({ actions: { generate: async () => ({ result: same, run: "/runs/g2" }) } });
  key("edit").click();
  type(part("replies").querySelector(".pc-edit"), "My own words.");
  key("done").click();
  key("tools").click();
  key("regenerate").focus();
  key("regenerate").click();
  await until(() => part("replies").textContent.includes("written on request"));
  assert.ok(!wordsOf(part("replies")).includes("My own words."));
  assert.equal(document.activeElement, key("regenerate"));
  key("reply-0").click();
  assert.ok(wordsOf(part("replies")).includes("My own words."));
});

test("a reply that can't be written says why", async () => {
  const generate = () => Promise.reject(new Problem({ status: 429, type: "urn:prompt-canvas:rate-limited", retryAfterMs: 7000 }));
  const { says, key } = shown({ actions: { generate }, canvas: { ...FULL, replies: [] } });
  key("tools").click();
  key("write").click();
  await says("Too many requests");
});

const newer = (count) => Array.from({ length: count }, (_, index) => ({ text: `Newer ${index}.`, tone: "", sources: [] }));

test("the reply that is read stays where a newer Canvas has more of them, or fewer", async () => {
  const { view, part, key, told } = shown({ actions: { generate: async () => ({ result: REPLY, run: "/runs/g1" }) } });
  key("tools").click();
  key("shorter").click();
  await until(() => told.includes("generated_reply shown /runs/g1"));
  for (const count of [4, 0, 1]) {
    view.canvas({ ...FULL, replies: newer(count) }, { etag: `"n${count}"` });
    assert.ok(wordsOf(part("replies")).includes("A shorter one."), `of ${count}`);
  }
  view.canvas({ ...FULL, replies: [...newer(2), FULL.replies[1]] }, { etag: '"e3"' });
  key("reply-2").click();
  view.canvas(FULL, { etag: '"e4"' });
  assert.equal(key("reply-1").getAttribute("aria-pressed"), "true");
});

test("who comes back to a ticket reads the reply that was read, however many there are by now", async () => {
  const { view, part, key, told } = shown({ actions: { generate: async () => ({ result: REPLY, run: "/runs/g1" }) } });
  key("tools").click();
  key("shorter").click();
  await until(() => told.includes("generated_reply shown /runs/g1"));
  view.clear();
  view.open(8);
  view.canvas({ ...FULL, ticket_id: 8 }, { etag: '"b1"' });
  assert.ok(wordsOf(part("replies")).includes("install 2.4.1."));
  view.clear();
  view.open(7);
  view.canvas({ ...FULL, replies: newer(5) }, { etag: '"e2"' });
  assert.ok(wordsOf(part("replies")).includes("A shorter one."));
});

test("an answer out of shape ends in words, not in a reply that is written for ever", async (context) => {
  const logged = [];
  const { error } = console;
  console.error = (what) => logged.push(what.message);
  context.onTestFinished(() => (console.error = error));
  const { says, key } = shown({ actions: { generate: () => Promise.reject(new TypeError("odd")) } });
  key("tools").click();
  key("shorter").click();
  await says("Not available at the moment");
  assert.deepEqual(logged, ["odd"]);
  assert.ok(key("copy"));
});
