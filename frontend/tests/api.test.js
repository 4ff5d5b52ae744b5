// How serve is asked: with a token that is renewed once, by the platform where the browser may not, and for answers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "vitest";

import { CanvasApi, runOf } from "../app/scripts/serve/api.js";
import { ANSWER, asked } from "../app/scripts/serve/asked.js";
import { Direct } from "../app/scripts/serve/direct.js";
import { Problem, textsOf, valuesOf } from "../app/scripts/serve/problem.js";
import { TEXTS } from "../app/scripts/texts/texts.js";
import { CANVAS, hit, lookAlike, problem, stream } from "./look_alike.js";

async function over(routes, work, options = {}) {
  const serve = await lookAlike(routes);
  const credentials = ({ refused = false } = {}) => ({ Authorization: refused ? "Bearer new" : "Bearer old" });
  try {
    return await work(new CanvasApi({ base: serve.url, credentials, ...options }), serve);
  } finally {
    serve.close();
  }
}

const signal = new AbortController().signal;

test("a token that is refused is renewed once", async () => {
  await over({ "/init/7": [problem(401, "unauthorized"), hit()] }, async (api, { requests }) => {
    assert.equal((await api.init(7)).kind, "canvas");
    assert.deepEqual(requests.map(({ headers }) => headers.authorization), ["Bearer old", "Bearer new"]);
  });
  await over({ "/init/7": [problem(401, "unauthorized")] }, async (api, { requests }) => {
    await assert.rejects(api.init(7), { code: "unauthorized" });
    assert.equal(requests.length, 2);
  });
});

test("what an answer says beside the Canvas is told", async () => {
  const headers = { "Canvas-Newer": "3", "Canvas-Run": "/runs/r1", "Cache-Status": "prompt-canvas; hit; detail=stale" };
  await over({ "/init/7": [hit({}, headers)] }, async (api) => {
    const { newer, run, stale, etag } = await api.init(7);
    assert.deepEqual({ newer, run, stale, etag }, { newer: 3, run: "/runs/r1", stale: true, etag: '"2"' });
  });
  assert.equal(runOf(new Headers({ Location: "https://elsewhere.example/runs/r1" })), "/runs/r1");
  assert.equal(runOf(new Headers({ "Canvas-Run": "@elsewhere.example/runs/r1" }))[0], "/");
  assert.equal(runOf(new Headers()), "");
});

test("an answer that never ends is given up, and so is one that never begins", async () => {
  const server = createServer((request, response) => request.url === "/drip" && response.writeHead(200, { "Content-Type": "application/json" }).write("{"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const direct = new Direct({ base: `http://127.0.0.1:${server.address().port}`, credentials: () => ({}), withinMs: 30 });
  for (const path of ["/drip", "/silent"]) await assert.rejects(direct.send(path, {}), { code: "network", transient: true });
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(direct.send("/drip", {}, abort.signal), { name: "AbortError" });
  server.closeAllConnections();
  server.close();
});

test("where the browser may not call serve, the platform does, and goes on doing so for a while", async () => {
  const calls = [];
  const fetch = async () => (calls.push("direct"), Promise.reject(new TypeError("Failed to fetch")));
  const template = async (name, { ticket_id }) => {
    calls.push(`${name} ${ticket_id}`);
    return { status: 200, headers: { ETag: '"1"' }, body: JSON.stringify(CANVAS) };
  };
  const api = new CanvasApi({ credentials: () => ({}), fetch, template });
  assert.deepEqual((await api.init(7)).canvas, CANVAS);
  await api.init(7);
  assert.deepEqual(calls, ["direct", "init 7", "init 7"]);
});

test("a run behind the platform can't be followed, and its refusals are problems like all others", async () => {
  const fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  const answers = [
    { status: 202, headers: { Location: "/runs/r1" }, body: "{}" },
    { status: 404, headers: {}, body: '{"type":"urn:prompt-canvas:ticket-missing"}' },
  ];
  const api = new CanvasApi({ credentials: () => ({}), fetch, template: async () => answers.shift() ?? Promise.reject({}) });
  const { kind, run } = await api.init(7);
  assert.deepEqual([kind, run], ["run", ""]);
  await assert.rejects(api.init(7), { code: "ticket-missing", status: 404 });
  await assert.rejects(api.init(7), { code: "blocked" });
});

test("a question is streamed, over a cut connection too", async () => {
  const run = { run: "/runs/q1" };
  const first = stream([["1-0", "sources", [{ number: 1 }]], ["2-0", "answer.delta", { text: "Do " }]], { cut: true, ...run });
  const rest = stream([
    ["3-0", "reset", { part: "answer" }],
    ["4-0", "waiting", {}],
    ["5-0", "answer.delta", { text: "this." }],
    ["6-0", "answer", { text: "this." }],
    ["7-0", "done", {}],
  ]);
  await over({ [ANSWER]: [first], "/runs/q1": [rest] }, async (api, { requests }) => {
    const heard = [];
    const on = Object.fromEntries(["delta", "reset", "sources", "cut", "waiting"].map((name) => [name, () => heard.push(name)]));
    const found = await asked(api, ANSWER, { question: "How?" }, { signal, on });
    assert.deepEqual(found, { result: { text: "this." }, run: "/runs/q1" });
    assert.deepEqual(heard, ["sources", "delta", "cut", "reset", "waiting", "delta"]);
    assert.equal(requests[1].headers["last-event-id"], "2-0");
  });
});

test("a question that fails or brings nothing is a problem", async () => {
  const failed = stream([["1-0", "error", { type: "urn:prompt-canvas:stage-failed", status: 502 }]]);
  const empty = stream([["1-0", "done", {}]]);
  await over({ [ANSWER]: [failed, empty, hit(), problem(429, "rate-limited", { "Retry-After": "7" })] }, async (api) => {
    await assert.rejects(asked(api, ANSWER, {}, { signal }), { code: "stage-failed" });
    await assert.rejects(asked(api, ANSWER, {}, { signal }), { code: "no-answer" });
    await assert.rejects(asked(api, ANSWER, {}, { signal }), { code: "not-a-stream" });
    await assert.rejects(asked(api, ANSWER, {}, { signal }), (error) => valuesOf(error).seconds === 7);
  });
});

test("feedback goes as one list", async () => {
  await over({ "/feedback": [{ status: 204 }] }, async (api, { requests }) => {
    await api.feedback([{ id: "1" }]);
    assert.equal(requests[0].path, "/feedback");
  });
});

test("what serve has ended while the line was cut is asked for again, once", async () => {
  const cut = stream([["1-0", "answer.delta", { text: "Install" }]], { cut: true, run: "/runs/q1" });
  const ended = () => stream([["2-0", "error", { type: "urn:prompt-canvas:run-cancelled", status: 410 }]]);
  const routes = { "/query/stream": [cut, stream([["1-0", "answer", { text: "Install it." }], ["2-0", "done", {}]])], "/runs/q1": [ended()] }; // prettier-ignore
  const { signal } = new AbortController();
  await over(routes, async (api) => {
    const heard = [];
    const on = { delta: (text) => heard.push(text), reset: () => heard.push("reset") };
    const { result } = await asked(api, ANSWER, { question: "How?" }, { signal, on });
    assert.deepEqual([result.text, heard], ["Install it.", ["Install", "reset"]]);
  });
  await over({ "/query/stream": [ended(), ended()] }, async (api, { requests }) => {
    const error = await asked(api, ANSWER, {}, { signal }).catch((thrown) => thrown);
    assert.deepEqual([textsOf(error)[0], requests.length], ["problem_network", 2]);
  });
});

test("that the platform can't reach serve is not said to be the platform's fault", () => {
  const told = (status) => textsOf(new Problem({ status, type: "platform" }))[0];
  assert.deepEqual([0, 400, 502, 504].map(told), ["problem_platform", "problem_platform", "problem_network", "problem_network"]);
});

test("every problem has words, in the table", () => {
  const types = ["unauthorized", "forbidden", "ticket-missing", "ticket-deleted", "ticket-spam", "freshdesk-limited", "odd"];
  for (const status of [0, 400, 401, 403, 404, 410, 429, 500, 502, 503])
    for (const type of [...types.map((name) => `urn:prompt-canvas:${name}`), "network", "offline", "blocked", ""])
      for (const key of textsOf(new Problem({ status, type }))) assert.ok(key in TEXTS, key);
});
