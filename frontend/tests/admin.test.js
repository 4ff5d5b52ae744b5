// The administration page: starts a backfill, watches it over whatever the line does, and says why not.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "vitest";

import { keyed, openPage, placed, type, wordsOf } from "./document.js";
import { lookAlike, problem, stream, until } from "./look_alike.js";
import { platform } from "./platform.js";

openPage();
const { mayAdminister, start, wordsOf: wordsOfProblem } = await import("../app/admin/admin.js");
const { Problem } = await import("../app/scripts/serve/problem.js");
const closing = [];
const minted = { status: 200, json: { token: "t1", expires_in: 900, host: "acme.freshdesk.com", agent_id: 42, admin: true } };
const SETTINGS = { language: null, tone: null, forbidden_phrases: [], similar_days: null };
const RUN = {
  id: "b1", state: "running", working: true, error: "", tickets: 100, prepared: 40, unprepared: 1, missing: 0, computed: 30, waiting: 2, dead: 1,
  unreached: 0, current: 5, articles: 7, tokens: 12_345, cost: 0.0123, per_s: 2.34, left_s: 5400, calls_minute: 30, calls_limit: 50,
  started_ms: 1_780_000_000_000, ended_ms: 0,
}; // prettier-ignore
const progress = (changes = {}) => ({ ...RUN, ...changes });

beforeEach(() => openPage("", { url: "http://app.example/admin.html" }));
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** The page in Freshdesk, over a serve of scripted answers; `direct: false` has a browser that may not ask it. */
async function opened(routes, { direct = true, ...options } = {}) {
  const serve = await lookAlike({ "/session?admin=true": [minted], "/settings": [{ json: SETTINGS }], "/ingest/latest": [problem(404, "backfill-missing")], ...routes });
  closing.push(serve.close);
  const backend = direct ? serve.url.replace("http://", "") : "127.0.0.1:9";
  const desk = platform({ serve: serve.url, ...options });
  desk.client.iparams.get = async () => ({ backend, language: "en", ...options.iparams });
  const root = placed();
  await start(root, { client: Promise.resolve(desk.client) });
  const shows = (words) => until(() => wordsOf(root).includes(words), `${words} in ${wordsOf(root)}`);
  const press = (text) => [...root.querySelectorAll("fw-button")].find((button) => button.textContent === text).click();
  return { serve, desk, root, shows, press };
}

test("a backfill is started as it was chosen, and followed to its end", async () => {
  const events = [
    ["1-0", "progress", progress()],
    ["2-0", "progress", progress({ state: "done", computed: 97, prepared: 99, ended_ms: RUN.started_ms + 60_000 })],
    ["3-0", "done", {}],
  ];
  const { serve, root, shows, press } = await opened({ "/ingest": [{ status: 202, json: progress({ state: "queued", working: false }) }], "/ingest/b1": [stream(events)] });
  await shows("acme.freshdesk.com");
  type(root.querySelector("#start-since"), "2026-01-01");
  type(root.querySelector("#start-budget"), "12,50");
  root.querySelector('input[name="solutions"]').checked = false;
  press("Start");
  await until(() => serve.requests.some(({ path }) => path === "/ingest"));
  const body = JSON.parse(serve.requests.find(({ path }) => path === "/ingest").body);
  assert.deepEqual([body.data_types, body.budget_usd], [["tickets"], 12.5]);
  assert.match(body.date_range.since, /^202[56]-/);
  await until(() => root.querySelector(".pill-good"), wordsOf(root));
  await until(() => root.querySelectorAll(".card-earlier tbody tr").length === 1);
  assert.match(wordsOf(root), /100/);
});

test("what can't be started says why, at its field", async () => {
  const { serve, root, press } = await opened({});
  type(root.querySelector("#start-since"), "2026-02-01");
  type(root.querySelector("#start-until"), "2026-01-01");
  type(root.querySelector("#start-budget"), "much");
  press("Start");
  assert.equal(document.activeElement, root.querySelector("#start-until"));
  assert.equal(root.querySelector("#start-budget").getAttribute("aria-invalid"), "true");
  for (const name of ["tickets", "solutions"]) root.querySelector(`input[name="${name}"]`).checked = false;
  press("Start");
  assert.ok(root.querySelector("#start-types-error").textContent);
  assert.ok(!serve.requests.some(({ path }) => path === "/ingest"));
});

test("one that goes on is found again, paused, resumed, and cancelled after a second word", async () => {
  const paused = progress({ state: "paused" });
  const { serve, root, shows, press } = await opened({
    "/ingest/latest": [{ json: progress({ working: false }) }],
    "/ingest/b1": [stream([["1-0", "progress", progress({ working: false })]], { hold: true })],
    "/ingest/b1/pause": [{ json: paused }],
    "/ingest/b1/resume": [{ json: progress() }],
    "/ingest/b1/cancel": [{ json: progress({ state: "cancelled" }) }],
  });
  const orders = () => serve.requests.filter(({ method, path }) => method === "POST" && path.startsWith("/ingest/")).map(({ path }) => path);
  await shows("Pause");
  press("Pause");
  await shows("Resume");
  press("Resume");
  await until(() => orders().length === 2);
  await shows("Pause");
  const cancel = root.querySelectorAll(".orders fw-button")[1];
  cancel.focus();
  cancel.click();
  assert.equal(orders().length, 2);
  await shows("Press once more");
  cancel.click();
  await until(() => orders().length === 3);
  assert.deepEqual(orders(), ["/ingest/b1/pause", "/ingest/b1/resume", "/ingest/b1/cancel"]);
});

test("a refused press is said, and the page stays", async () => {
  const { root, shows, press } = await opened({ "/ingest": [problem(409, "backfill-running"), problem(429, "rate-limited", { "Retry-After": "7" })] });
  press("Start");
  await until(() => root.querySelector(".said-bad"), wordsOf(root));
  assert.match(wordsOf(root), /backfill-running/);
  press("Start");
  await shows("7");
});

test("settings that differ are shown, and sent by a press", async () => {
  const server = { ...SETTINGS, tone: "formal" };
  const { serve, root, shows } = await opened({ "/settings": [{ json: server }, { json: { ...SETTINGS, language: "en", tone: "friendly" } }] }, { iparams: { tone: "friendly" } });
  await until(() => root.querySelector("tr.differs"));
  keyed(root, "apply").click();
  await until(() => serve.requests.some(({ method }) => method === "PUT"));
  await until(() => !root.querySelector("tr.differs"));
  assert.equal(JSON.parse(serve.requests.find(({ method }) => method === "PUT").body).tone, "friendly");
  await shows("friendly");
});

test("where the browser may not ask, templates do, and progress is polled", async () => {
  const { serve, root, shows } = await opened(
    { "/ingest/latest": [{ json: progress() }], "/ingest/b1": [{ json: progress({ state: "done", computed: 100 }) }] },
    { direct: false },
  );
  await shows("100");
  await until(() => root.querySelector(".pill-good"), wordsOf(root));
  assert.ok(serve.requests.every(({ headers }) => !headers.authorization));
});

test("an agent, and a key that is no admin's, are told why not", async () => {
  const agent = { loggedInUser: { id: 1, abilities: ["view_tickets"], contact: { language: "ko" } } };
  assert.match(wordsOf((await opened({}, { user: agent, iparams: { language: "auto" } })).root), /관리자/);
  const { root, serve } = await opened({ "/session?admin=true": [problem(403, "forbidden")] });
  assert.match(wordsOf(root), /no admin's/);
  assert.deepEqual(serve.requests.map(({ path }) => path), ["/session?admin=true"]);
  assert.equal(mayAdminister({ abilities: ["manage_account"] }), true);
  assert.equal(mayAdminister(null), true);
});

test("what fails at the start can be tried again", async () => {
  const { root, shows } = await opened({ "/session?admin=true": [problem(401, "unauthorized"), minted] });
  assert.ok(root.querySelector(".problem"));
  keyed(root, "retry").click();
  await shows("acme.freshdesk.com");
  const broken = placed();
  await start(broken, { client: Promise.reject(new Problem({ type: "platform" })) });
  assert.ok(broken.querySelector(".problem"));
});

test("a backfill that has ended is shown and remembered, though nobody watched it", async () => {
  const ended = progress({ state: "done", computed: 100 });
  const { root, serve, shows } = await opened({ "/ingest/latest": [{ json: ended }] });
  await until(() => root.querySelector(".card-earlier .pill-good"), wordsOf(root));
  await shows("100");
  assert.ok(!serve.requests.some(({ path }) => path === "/ingest/b1"));
});

test("a server that is away for a moment is waited for, one that knows of no backfill is believed", async () => {
  const waiting = await opened({ "/ingest/latest": [{ json: progress() }], "/ingest/b1": [problem(503, "store-unavailable")] });
  await waiting.shows("Connection lost");
  assert.ok(waiting.root.querySelector(".card-now"));
  const { root } = await opened({ "/ingest/latest": [{ json: progress() }], "/ingest/b1": [problem(404, "backfill-missing")] });
  await until(() => root.querySelector(".problem"), wordsOf(root));
});

test("a key whose session has no admin's rights is told so", async () => {
  const { root } = await opened({ "/session?admin=true": [{ status: 200, json: { ...minted.json, admin: false } }] });
  assert.match(wordsOf(root), /no admin's/);
});

test("every problem has words", () => {
  for (const [status, type] of [[401, "unauthorized"], [403, "forbidden"], [429, ""], [503, ""], [400, ""], [0, "settings"], [0, "platform"]]) // prettier-ignore
    assert.match(wordsOfProblem(new Problem({ status, type: type && (status ? `urn:prompt-canvas:${type}` : type) }))[0], /^problem_\w+$/);
  // What the platform can't reach is serve.
  assert.equal(wordsOfProblem(new Problem({ status: 504, type: "platform" }))[0], "problem_network");
});
