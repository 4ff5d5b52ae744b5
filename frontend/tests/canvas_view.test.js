// What an agent sees of a Canvas: the view over a real DOM, and what it asks of the page that hosts it.

import assert from "node:assert/strict";
import { beforeEach, test } from "vitest";

import { translator } from "../app/scripts/texts/texts.js";
import { FULL, INCIDENT } from "./canvases.js";
import { keyed, openPage, type, wordsOf } from "./document.js";
import { until } from "./look_alike.js";
import { shown } from "./shown.js";

const [en, ko] = [translator("en"), translator("ko")];

beforeEach(() => {
  openPage();
  navigator.clipboard = { writeText: async () => {} };
});

test("a whole Canvas is on the page, and it is counted as shown", () => {
  const { root, told, part, view } = shown();
  for (const words of ["every night", "Nightly restarts", "Install 2.4.1", "Router restarts, model X1", "Firmware 2.4.1", "install 2.4.1."])
    assert.ok(wordsOf(root).includes(words), words);
  assert.equal(part("summary").querySelector("strong").textContent, "every night");
  assert.ok(wordsOf(part("summary")).includes(en("sentiment_urgent")));
  assert.ok(wordsOf(part("replies")).includes(en("extractiveReplies")));
  assert.ok(view.filled);
  for (const entry of ["summary shown", "similar shown 301", "solution shown 82", "reply shown 0"]) assert.ok(told.includes(entry), `${entry} in ${told}`);
});

test("the same Canvas again changes nothing, another one only its parts", () => {
  const { view, part, key } = shown();
  const title = key("ticket-301");
  view.canvas(FULL, { etag: '"e1"' });
  assert.ok(part("similar").contains(title));
  view.canvas({ ...FULL, summary: { ...FULL.summary, text: "It holds." } }, { etag: '"e2"', newer: 2 });
  assert.ok(part("similar").contains(title));
  assert.ok(part("summary").classList.contains("pc-changed"));
  assert.ok(wordsOf(part("summary")).includes("It holds."));
});

test("everything is said anew in the other language, and the focus stays", () => {
  const { view, root, key } = shown({ canvas: { ...FULL, incident: INCIDENT, status: "partial" } });
  key("copy").focus();
  view.setLanguage("ko");
  assert.equal(root.lang, "ko");
  for (const name of ["similar", "solutions", "replies", "copy", "status_partial"]) assert.ok(wordsOf(root).includes(ko(name)), name);
  assert.equal(document.activeElement.dataset.key, "copy");
  view.problem("problem_network", "advice_network", {}, true);
  view.setLanguage("en");
  assert.ok(wordsOf(root).includes(en("problem_network")));
});

test("words come as they are written, and are taken back when another writer begins", () => {
  const { view, root, part } = shown({ canvas: null });
  view.skeletons();
  assert.equal(part("summary").getAttribute("aria-busy"), "true");
  view.say("stream", "waiting");
  view.stage({ name: "fetch", ms: 3 });
  view.delta("summary", "The rou");
  view.delta("summary", "ter.");
  assert.ok(wordsOf(part("summary")).includes("The router."));
  view.reset("summary");
  assert.ok(!wordsOf(root).includes("The router."));
  view.delta("summary", "Again.");
  view.reset();
  assert.ok(!wordsOf(root).includes("Again."));
  view.stage({ name: "similar", error: "timeout" });
  assert.ok(wordsOf(part("similar")).includes("it took too long"));
  view.part("summary", FULL.summary);
  view.delta("summary", "late words");
  assert.ok(!wordsOf(root).includes("late words"));
  assert.equal(part("summary").hasAttribute("aria-busy"), false);
  view.finish();
});

test("a part that failed says why, an empty one that there is nothing", () => {
  const stages = [{ name: "recommend", ms: 5, error: "budget" }, { name: "embed", ms: 5, error: "down" }]; // prettier-ignore
  const { part } = shown({ canvas: { ...FULL, replies: [], similar_tickets: [], status: "partial", provenance: { ...FULL.provenance, stages } } });
  assert.ok(wordsOf(part("replies")).includes("the tokens allowed are used up"));
  assert.match(wordsOf(part("similar")), /This part could not be made\.$/);
  const empty = shown({ canvas: { ...FULL, summary: null, replies: [], similar_tickets: [], solutions: [], no_replies: "answered" } });
  for (const text of ["noSummary", "noSimilar", "noSolutions", "noReplies_answered"]) assert.ok(wordsOf(empty.root).includes(en(text)), text);
});

test("an incident leads to its tickets, and a degraded Canvas says so", () => {
  const { root, key, did } = shown({ canvas: { ...FULL, incident: INCIDENT, status: "degraded" } });
  key("incident-8").click();
  assert.deepEqual(did, ["ticket 8"]);
  assert.ok(wordsOf(root).includes(en("status_degraded")));
  assert.ok(root.querySelector(".pc-made").textContent.includes("claude-haiku-4-5"));
});

test("a problem stands in the place of what is not there, and its button asks again", () => {
  const { view, root, part, key, did } = shown({ canvas: null });
  view.problem("problem_limited", "advice_limited", { seconds: 7, until: Date.now() + 7000 }, true);
  assert.match(wordsOf(root), /Too many requests.*7/);
  assert.ok(part("summary").hidden);
  key("retry").click();
  assert.deepEqual(did, ["retry"]);
  view.canvas(FULL, { etag: '"e1"' });
  assert.ok(root.querySelector(".pc-problem").hidden);
  view.clear();
  view.empty();
  assert.ok(wordsOf(root).includes(en("problem_none")));
  assert.ok(!wordsOf(root).includes("every night"));
  view.forget();
  view.direct(false);
  assert.equal(view.translate("hit", { ms: "1 ms" }), en("hit", { ms: "1 ms" }));
});

test("tickets and articles open where the page can, links and words go into the reply", async () => {
  const { part, key, did, told } = shown();
  key("ticket-301").click();
  key("article-81").click();
  key("solved-301").click();
  assert.ok(part("similar").querySelector(".pc-all"));
  key("link-81").click();
  key("text-81").click();
  await until(() => told.filter((entry) => entry === "solution inserted 81").length === 2);
  assert.deepEqual(did.slice(0, 2), ["ticket 301", "article 81"]);
  assert.match(did[2][0], /<a href="https:\/\/acme\.freshdesk\.com/);
  assert.equal(did[3][0], "<p>Ends unwanted restarts.</p>");
  assert.equal(keyed(part("solutions"), "link-82"), undefined);
});

test("similar tickets are filtered by status, language and words", async () => {
  const { root, part, key } = shown();
  const count = () => part("similar").querySelectorAll("li").length;
  assert.equal(count(), 4);
  key("filter-solved").click();
  assert.equal(count(), 2);
  key("filter-all").click();
  const field = part("similar").querySelector("input");
  type(field, "x3");
  assert.equal(count(), 1);
  type(field, "nothing like it");
  assert.ok(wordsOf(root).includes(en("noneLeft")));
  key("filter-reset").click();
  assert.equal(count(), 4);
  assert.equal(document.activeElement, field);
});

test("a filter that is not shown, as so few tickets are left, leaves nothing out", () => {
  const { view, part, key } = shown();
  key("filter-solved").click();
  view.canvas({ ...FULL, similar_tickets: FULL.similar_tickets.slice(1) }, { etag: '"e2"' });
  assert.ok(part("similar").querySelector(".pc-filter").hidden);
  assert.equal(part("similar").querySelectorAll("li").length, 3);
});

test("who has pressed the button of a problem goes on at the head of what takes its place", () => {
  const { view, root, key } = shown({ canvas: null });
  view.problem("problem_limited", "advice_limited", {}, true);
  key("retry").focus();
  view.canvas(FULL, { etag: '"e1"' });
  assert.equal(document.activeElement, root.querySelector(".pc-header"));
  key("copy").focus();
  view.canvas(FULL, { etag: '"e1"' });
  assert.equal(document.activeElement, key("copy"));
});

test("what the page can't do has no button", () => {
  const { root } = shown({ actions: { insert: null, ask: null, generate: null, openTicket: null, openArticle: null }, canvas: { ...FULL, incident: INCIDENT } });
  for (const name of ["insert", "tools", "link-81", "incident-8"]) {
    const found = keyed(root, name);
    assert.ok(!found || found.localName === "span", name);
  }
  assert.ok(root.querySelector(".pc-ask").hidden);
  assert.equal(root.querySelector('a[data-key="ticket-301"]').href, FULL.similar_tickets[0].url);
});

test("parts that the settings leave out are not there", () => {
  const { part, root, told } = shown({ show: ["summary", "replies"] });
  assert.ok(!wordsOf(root).includes("Router restarts, model"));
  assert.ok(part("similar")?.hidden ?? true);
  assert.ok(root.querySelector(".pc-ask")?.hidden ?? true);
  assert.ok(!told.some((entry) => entry.startsWith("similar")));
});

test("thumbs are told for the part, with a reason after a thumb down", () => {
  const { part, told } = shown();
  keyed(part("summary"), "thumb-down").click();
  keyed(part("summary"), "outdated").click();
  keyed(part("similar"), "thumb-up").click();
  for (const entry of ["summary down", "summary rejected outdated", "similar up"]) assert.ok(told.includes(entry), `${entry} in ${told}`);
});
