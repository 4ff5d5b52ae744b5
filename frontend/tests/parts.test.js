// What the parts of a Canvas say, and what their buttons do.

import assert from "node:assert/strict";
import { test } from "vitest";

import { translator } from "../app/scripts/texts/texts.js";
import { freshnessLine } from "../app/scripts/view/freshness.js";
import { IncidentLine } from "../app/scripts/view/incident.js";
import { similarItem } from "../app/scripts/view/similar.js";
import { solutionsPart } from "../app/scripts/view/solutions.js";
import { noRepliesPart } from "../app/scripts/work/reply_parts.js";
import { openPage, wordsOf } from "./document.js";

openPage();
const kit = (language, actions = {}) => ({ t: translator(language), language, actions });
const said = wordsOf;
const TICKET = { ticket_id: 12, subject: "Blank pages", status: "Closed", score: 0.91, resolution: "Clean it.", url: "" };
const INCIDENT = { count: 9, first_seen: "2026-06-01T10:00:00Z", last_seen: "2026-06-01T11:00:00Z", tickets: [8, 7, 6, 5, 4, 3, 2, 1] };

test("a similar ticket says what both have in common, how many are like it, and what solved it", () => {
  const why = { terms: ["e-421", "blank"], other_language: true, answered: true };
  const shown = said([similarItem({ ...TICKET, why, count: 3 }, kit("en"))]);
  assert.ok(!/%|91|Best match/.test(shown), shown);
  assert.ok(said([similarItem({ ...TICKET, why }, kit("en"), { best: true })]).includes("Best match"));
  for (const text of ["e-421, blank", "other language", "3 tickets like this", "Clean it."])
    assert.ok(shown.includes(text), `${text} in ${shown}`);
});

test("one that has no word in common is alike in meaning, and an entry of an older server has no reason", () => {
  assert.ok(said([similarItem({ ...TICKET, why: {}, count: 1 }, kit("ko"))]).includes("의미가 비슷함"));
  const older = said([similarItem(TICKET, kit("en"))]);
  assert.ok(older.includes("Blank pages"));
  assert.ok(!older.includes("tickets like this"));
});

test("an article says that agents have linked it", () => {
  const article = { article_id: 7, title: "Heads", url: "", snippet: "", public: true, cited: 4 };
  assert.ok(said(solutionsPart([article], kit("en"))).includes("linked in 4 similar answers"));
  assert.ok(!said(solutionsPart([{ ...article, cited: 0 }], kit("en"))).includes("linked"));
});

test("where there is no reply the reason stands in its place, in both languages", () => {
  const texts = new Set();
  for (const language of ["en", "ko"])
    for (const why of ["", "answered", "no_ground", "withheld", undefined])
      texts.add(said(noRepliesPart(why, kit(language))));
  assert.equal(texts.size, 8);
  assert.ok(![...texts].some((text) => text.includes("noReplies")));
});

test("an incident says how many tickets since when, and leads to the newest of them", () => {
  const opened = [];
  const line = new IncidentLine();
  line.show(INCIDENT, kit("en", { openTicket: (id) => opened.push(id) }));
  assert.ok(!line.element.hidden);
  assert.match(wordsOf(line.element), /9 tickets about this since .*26.* #8 .*#4 and 3 more/s);
  line.element.querySelector("button").click();
  assert.deepEqual(opened, [8]);
  const [first] = line.element.children;
  line.show({ ...INCIDENT }, kit("en"));
  assert.equal(line.element.firstChild, first, "the same is not said again");
  line.show(INCIDENT, kit("ko"));
  assert.match(wordsOf(line.element), /같은 내용의 티켓 9건/);
  assert.equal(line.element.querySelectorAll("button").length, 0);
  line.show(null, kit("ko"));
  assert.ok(line.element.hidden);
});

test("a public article can be put into the reply, one for agents alone can't", () => {
  const put = [];
  const able = { ...kit("en", { insert: () => true }), put: (...what) => put.push(what.slice(1)) };
  const article = { article_id: 7, title: "A & B", url: "https://a.example/7", snippet: "Do it.", public: true, cited: 0 };
  const buttons = solutionsPart([article], able)[0].querySelectorAll("button");
  for (const button of buttons) button.click();
  assert.deepEqual(put, [
    [
      { text: "A & B: https://a.example/7", html: '<p><a href="https://a.example/7">A &#38; B</a></p>' },
      { kind: "solution", item: 7 },
    ],
    [{ text: "Do it.", html: undefined }, { kind: "solution", item: 7 }],
  ]);
  assert.equal(solutionsPart([{ ...article, public: false }], able)[0].querySelectorAll(".pc-buttons button").length, 0);
});

test("one line says what a Canvas covers, how old it is, and what is not in it yet", () => {
  const now = Date.parse("2026-06-01T12:00:40Z");
  const canvas = { generated_at: "2026-06-01T12:00:00Z", freshness: { covers: 3, covers_until: "2026-06-01T11:58:00Z" } };
  const line = freshnessLine(canvas, { newer: 2, now }, translator("en"), "en");
  assert.match(line, /^messages up to .*58.* · made 40s ago · 2 newer not in it yet$/);
  assert.equal(freshnessLine({ ...canvas, freshness: undefined }, { now }, translator("ko"), "ko"), "40초 전 갱신");
  assert.equal(freshnessLine(null, {}, translator("en"), "en"), "");
});
