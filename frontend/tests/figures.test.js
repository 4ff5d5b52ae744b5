// The figures of a backfill, and the list of earlier ones, as the administration page has them.

import assert from "node:assert/strict";
import { test } from "vitest";

import { earlierRuns, remember } from "../app/admin/earlier.js";
import { barsOf, figuresOf, lookOf, money, span } from "../app/admin/figures.js";
import { ADMIN_TEXTS } from "../app/admin/texts.js";
import { translator } from "../app/scripts/texts/texts.js";

const t = translator("en", ADMIN_TEXTS);
const RUN = {
  id: "b1", state: "running", tickets: 10, prepared: 12, unprepared: 1, missing: 1, computed: 3, waiting: 0, dead: 1, unreached: 1, current: 0,
  articles: 2, tokens: 1234, cost: 0.0123, per_s: 12.4, left_s: -1, calls_minute: 5, calls_limit: 0, started_ms: 0, ended_ms: 9,
}; // prettier-ignore

test("bars never go beyond their end, and a state has a look", () => {
  assert.deepEqual(barsOf(RUN).map(({ done }) => done), [10, 5]);
  assert.deepEqual([lookOf("done"), lookOf("listing")], ["good", "busy"]);
});

test("what goes on has a pace and time left, what has ended its times", () => {
  const going = Object.fromEntries(figuresOf(RUN, t, "en"));
  assert.equal(going.pace, t("paceValue", { count: "12" }));
  assert.equal(going.left, t("unknown"));
  assert.equal(going.calls, t("callsOpen", { count: "5" }));
  assert.equal(going.articles, "2");
  assert.ok(!("waiting" in going) && !("began" in going));
  const ended = Object.fromEntries(figuresOf({ ...RUN, state: "done", started_ms: 1_780_000_000_000, ended_ms: 1_780_000_060_000 }, t, "en"));
  assert.ok(!("pace" in ended) && "began" in ended && "ended" in ended);
});

test("amounts and durations as people say them", () => {
  assert.deepEqual([money(0.0123, "en"), money(0, "en"), money(12.5, "en")], ["$0.0123", "$0.00", "$12.50"]);
  const said = [span(40, t), span(720, t), span(12_000, t)];
  assert.deepEqual(said, [t("seconds", { count: 40 }), t("minutes", { count: 12 }), t("hours", { hours: 3, minutes: 20 })]);
});

test("earlier backfills are remembered once each, and a store that fails has none", async () => {
  let kept = { runs: [null, { id: 5 }, { id: "b0" }] };
  const client = { db: { get: async () => kept, set: async (_, value) => (kept = value) } };
  assert.deepEqual(await earlierRuns(client), [{ id: "b0" }]);
  await remember(client, RUN);
  await remember(client, { ...RUN, state: "done" });
  assert.deepEqual(kept.runs.map(({ id, state }) => `${id} ${state}`), ["b1 done", "b0 undefined"]);
  const failing = { db: { get: () => Promise.reject(new Error("no key")), set: () => Promise.reject(new Error("full")) } };
  assert.deepEqual(await earlierRuns(failing), []);
  await remember(failing, RUN);
  assert.deepEqual(await earlierRuns({ db: { get: async () => ({}) } }), []);
});
