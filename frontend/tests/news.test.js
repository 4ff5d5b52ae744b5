// Looks for news of the Canvas that rests on the page.

import assert from "node:assert/strict";
import { afterEach, test } from "vitest";

import { lookForNews } from "../app/scripts/canvas/news.js";
import { Problem } from "../app/scripts/serve/problem.js";
import { openPage } from "./document.js";
import { until } from "./look_alike.js";

const UNCHANGED = { kind: "unchanged", stale: false };
let end = () => {};
afterEach(() => end());

/** A lookout over answers in turn, of which the last one stays; `asked` counts the requests, `heard` the news. */
function looking(answers, { open = () => ({ ticketId: 7, etag: '"1"' }), hidden = false } = {}) {
  openPage();
  Object.defineProperty(document, "hidden", { value: hidden });
  const seen = { asked: 0, heard: 0, blocked: false };
  const api = {
    get blocked() {
      return seen.blocked;
    },
    async init() {
      seen.asked += 1;
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  end = lookForNews({ api, open, news: () => (seen.heard += 1), everyMs: 2 });
  return seen;
}

test("a newer Canvas is news, one that holds is none", async () => {
  const seen = looking([UNCHANGED, UNCHANGED, { kind: "canvas", stale: false }, UNCHANGED]);
  await until(() => seen.asked > 5);
  assert.equal(seen.heard, 1);
});

test("a Canvas that stays stale is told of once", async () => {
  const seen = looking([{ kind: "unchanged", stale: true }]);
  await until(() => seen.asked > 4);
  assert.equal(seen.heard, 1);
});

test("trouble is not news, and looking goes on, ever more slowly", async () => {
  const seen = looking([new Error("no line"), new Error("no line"), { kind: "run", stale: false }, UNCHANGED]);
  await until(() => seen.heard === 1);
  end();
  const down = looking([new Error("no line")]);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.ok(down.asked >= 2 && down.asked <= 5, String(down.asked));
});

test("a limit is kept for as long as the server wishes", async () => {
  const seen = looking([new Problem({ status: 429, type: "rate-limited", retryAfterMs: 60_000 }), UNCHANGED]);
  await until(() => seen.asked === 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(seen.asked, 1);
});

test("that a ticket may not be seen any more is told once", async () => {
  const seen = looking([new Problem({ status: 410, type: "urn:prompt-canvas:ticket-deleted" })]);
  await until(() => seen.asked > 3);
  assert.equal(seen.heard, 1);
});

test("what was found out about a ticket that was left meanwhile is no news", async () => {
  const tickets = [{ ticketId: 7, etag: '"1"' }];
  const seen = looking([{ kind: "canvas", stale: false }], { open: () => tickets.shift() ?? null });
  await until(() => seen.asked === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(seen.heard, 0);
});

test("nobody looks for a hidden page, or where nothing rests", async () => {
  for (const options of [{ hidden: true }, { open: () => null }]) {
    const seen = looking([UNCHANGED], options);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(seen.asked, 0);
    end();
  }
});

test("what only the platform can answer is not asked for again", async () => {
  const seen = looking([UNCHANGED]);
  await until(() => seen.asked > 1);
  seen.blocked = true;
  const { asked } = seen;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(seen.asked <= asked + 1);
});
