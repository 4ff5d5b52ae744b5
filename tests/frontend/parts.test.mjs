// What the parts of a Canvas say: texts of elements, over as much of a document as they need.

import assert from "node:assert/strict";
import { test } from "node:test";

import { IncidentLine } from "../../frontend/app/scripts/frame.js";
import * as parts from "../../frontend/app/scripts/parts.js";
import { translator } from "../../frontend/app/scripts/texts.js";

class Element {
  children = [];
  attributes = {};
  listeners = {};
  hidden = false;

  constructor(tag) {
    this.tag = tag;
  }

  setAttribute = (name, value) => (this.attributes[name] = value);
  addEventListener = (name, listener) => (this.listeners[name] = listener);
  append = (...children) => this.children.push(...children);
  replaceChildren = (...children) => (this.children = children);
  contains = () => false;

  get text() {
    return this.children.map((child) => child.text ?? String(child)).join(" ");
  }

  find(tag) {
    return this.children.flatMap((child) => (child.find ? [...(child.tag === tag ? [child] : []), ...child.find(tag)] : []));
  }
}

globalThis.document = { createElement: (tag) => new Element(tag) };
const kit = (language, actions = {}) => ({ t: translator(language), language, actions });
const said = (elements) =>
  elements
    .filter(Boolean)
    .map((element) => element.text)
    .join(" ")
    .replace(/\s+/g, " ");
const TICKET = { ticket_id: 12, subject: "Blank pages", status: "Closed", score: 0.91, resolution: "Clean it.", url: "" };
const INCIDENT = { count: 9, first_seen: "2026-06-01T10:00:00Z", last_seen: "2026-06-01T11:00:00Z", tickets: [8, 7, 6, 5, 4, 3, 2, 1] };

test("a similar ticket says what both have in common, how many are like it, and what solved it", () => {
  const why = { terms: ["e-421", "blank"], other_language: true, answered: true };
  const shown = said(parts.similarPart([{ ...TICKET, why, count: 3 }], kit("en")));
  for (const text of ["91 % alike", "In both: e-421, blank", "other language", "3 tickets like this", "Clean it."])
    assert.ok(shown.includes(text), `${text} in ${shown}`);
});

test("one that has no word in common is alike in meaning, and an entry of an older server has no reason", () => {
  assert.ok(said(parts.similarPart([{ ...TICKET, why: {}, count: 1 }], kit("ko"))).includes("의미가 비슷함"));
  const older = said(parts.similarPart([TICKET], kit("en")));
  assert.ok(older.includes("Blank pages"));
  assert.ok(!older.includes("tickets like this"));
});

test("an article says that agents have linked it", () => {
  const article = { article_id: 7, title: "Heads", url: "", snippet: "", public: true, cited: 4 };
  assert.ok(said(parts.solutionsPart([article], kit("en"))).includes("linked in 4 similar answers"));
  assert.ok(!said(parts.solutionsPart([{ ...article, cited: 0 }], kit("en"))).includes("linked"));
});

test("where there is no reply the reason stands in its place, in both languages", () => {
  const texts = new Set();
  for (const language of ["en", "ko"])
    for (const why of ["", "answered", "no_ground", "withheld", undefined])
      texts.add(said(parts.noRepliesPart(why, kit(language))));
  assert.equal(texts.size, 8);
  assert.ok(![...texts].some((text) => text.includes("noReplies")));
});

test("an incident says how many tickets since when, and leads to the newest of them", () => {
  const opened = [];
  const line = new IncidentLine();
  line.show(INCIDENT, kit("en", { openTicket: (id) => opened.push(id) }));
  assert.ok(!line.element.hidden);
  assert.match(line.element.text, /9 tickets about this since .*26.* #8 .*#4 and 3 more/s);
  const [first] = line.element.find("button");
  first.listeners.click();
  assert.deepEqual(opened, [8]);
  line.show(INCIDENT, kit("ko"));
  assert.match(line.element.text, /같은 내용의 티켓 9건/);
  assert.equal(line.element.find("button").length, 0);
  line.show(null, kit("ko"));
  assert.ok(line.element.hidden);
});
