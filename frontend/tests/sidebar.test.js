// What an agent sees when a ticket is opened, changes, or can't be had: the sidebar against scripted answers of serve.

import assert from "node:assert/strict";
import { afterEach, test } from "vitest";

import { CanvasApi } from "../app/scripts/serve/api.js";
import { Sidebar } from "../app/scripts/canvas/sidebar.js";
import { CANVAS, hit, lookAlike, problem, RecordingView, stale, stream, unchanged, until } from "./look_alike.js";

const WAITS = { look: [5, 5, 5, 5], again: [0, 1, 1], retry: [5, 5] };
const opened = [];

async function sidebarOver(routes) {
  const serve = await lookAlike(routes);
  const view = new RecordingView();
  const api = new CanvasApi({ base: serve.url, credentials: () => ({ "X-Freshdesk-API-Key": "key" }) });
  const sidebar = new Sidebar({ api, view, waits: WAITS });
  opened.push({ serve, sidebar });
  const saw = (line) => until(() => view.told.includes(line), `${line} in ${view.told}`);
  return { ...serve, view, sidebar, saw };
}

afterEach(() => {
  for (const { serve, sidebar } of opened.splice(0)) {
    sidebar.close();
    serve.close();
  }
});

test("a hit is painted at once, with the credential that the host page gives", async () => {
  const { sidebar, saw, requests } = await sidebarOver({ "/init/7": [hit()] });
  sidebar.open(7);
  await saw("say hit");
  await saw("canvas 7 It is broken.");
  assert.equal(requests.length, 1);
  assert.equal(requests[0].headers["x-freshdesk-api-key"], "key");
  assert.match(requests[0].headers.accept, /text\/event-stream/);
});

test("a ticket that was seen before is painted from memory, and asked for by its ETag", async () => {
  const { sidebar, view, saw, requests } = await sidebarOver({
    "/init/7": [hit(), unchanged],
    "/init/8": [hit({ ticket_id: 8 })],
  });
  sidebar.open(7);
  await saw("say hit");
  sidebar.open(8);
  await saw("canvas 8 It is broken.");
  view.told.length = 0;
  sidebar.open(7);
  assert.ok(view.told.includes("canvas 7 It is broken."), "before any answer");
  await saw("say hit");
  assert.equal(requests.at(-1).headers["if-none-match"], '"2"');
});

test("a stale Canvas is painted at once, and replaced when its run is done", async () => {
  const fresh = hit({ summary: { ...CANVAS.summary, text: "It works." } });
  const events = [
    ["1-0", "started", {}],
    ["2-0", "summary", { text: "It works." }],
    ["3-0", "done", {}],
  ];
  const { sidebar, view, saw } = await sidebarOver({
    "/init/7": [stale({}, "/runs/r9"), fresh],
    "/runs/r9": [stream(events)],
  });
  sidebar.open(7);
  await saw("say refreshed");
  const seen = view.told.filter((line) => !line.startsWith("clear"));
  const order = ["canvas 7 It is broken.", "say refreshing", "part summary", "canvas 7 It works.", "say refreshed"];
  assert.deepEqual(
    seen.filter((line) => order.includes(line)),
    order,
  );
});

test("a miss streams its parts, then the stored Canvas is fetched", async () => {
  const events = [
    ["1-0", "queued", {}],
    ["2-0", "started", { attempt: 1 }],
    ["3-0", "stage", { name: "fetch", ms: 3 }],
    ["4-0", "summary.delta", { text: "It is " }],
    ["5-0", "summary.delta", { text: "broken." }],
    ["6-0", "summary", { text: "It is broken." }],
    ["7-0", "similar", []],
    ["8-0", "solutions", []],
    ["9-0", "reply.delta", { text: "Hello" }],
    ["10-0", "replies", []],
    ["11-0", "done", {}],
  ];
  const { sidebar, view, saw, requests } = await sidebarOver({ "/init/7": [stream(events), hit()] });
  sidebar.open(7);
  await saw("say streamed");
  assert.deepEqual(view.words, { summary: "It is broken.", replies: "Hello" });
  for (const line of ["skeletons", "stage fetch", "part summary", "part similar", "part solutions", "part replies"])
    assert.ok(view.told.includes(line), line);
  assert.deepEqual(
    requests.map((request) => request.path),
    ["/init/7", "/init/7"],
  );
});

test("a cut stream goes on from the last event, and nothing is shown twice", async () => {
  const first = stream(
    [
      ["1-0", "started", {}],
      ["2-0", "summary.delta", { text: "It is " }],
    ],
    { cut: true },
  );
  const rest = stream([
    ["3-0", "summary.delta", { text: "broken." }],
    ["4-0", "done", {}],
  ]);
  const { sidebar, view, saw, requests } = await sidebarOver({ "/init/7": [first, hit()], "/runs/r1": [rest] });
  sidebar.open(7);
  await saw("say streamed");
  assert.ok(view.told.includes("say cut"));
  assert.equal(view.words.summary, "It is broken.");
  assert.equal(requests.find((request) => request.path === "/runs/r1").headers["last-event-id"], "2-0");
});

test("reset takes back one part, or all of them", async () => {
  const events = [
    ["1-0", "summary.delta", { text: "half" }],
    ["2-0", "reply.delta", { text: "of" }],
    ["3-0", "reset", { part: "reply" }],
    ["4-0", "summary.delta", { text: " more" }],
    ["5-0", "reset", { attempt: 2 }],
    ["6-0", "summary.delta", { text: "whole" }],
    ["7-0", "done", {}],
  ];
  const { sidebar, view, saw } = await sidebarOver({ "/init/7": [stream(events), hit()] });
  sidebar.open(7);
  await saw("say streamed");
  assert.deepEqual(
    view.told.filter((line) => line.startsWith("reset")),
    ["reset replies", "reset all"],
  );
  assert.deepEqual(view.words, { summary: "whole" });
});

test("a run that left its ticket due is followed by the next one", async () => {
  const events = (data) => stream([["1-0", "done", data]]);
  const { sidebar, saw, requests } = await sidebarOver({
    "/init/7": [stale({}, "/runs/r1"), stale({}, "/runs/r2"), hit({ status: "partial" })],
    "/runs/r1": [events({ stale: true })],
    "/runs/r2": [events({})],
  });
  sidebar.open(7);
  await saw("say refreshed");
  assert.deepEqual(
    requests.map((request) => request.path),
    ["/init/7", "/runs/r1", "/init/7", "/runs/r2", "/init/7"],
  );
});

test("a ticket that stays due for ever is not followed for ever", async () => {
  const { sidebar, saw, requests } = await sidebarOver({
    "/init/7": [stale({}, "/runs/r1")],
    "/runs/r1": [stream([["1-0", "done", { stale: true }]])],
  });
  sidebar.open(7);
  await saw("say behind");
  assert.equal(requests.filter((request) => request.path === "/runs/r1").length, WAITS.again.length + 1);
});

test("a late answer for the ticket left behind is discarded", async () => {
  let answer;
  const late = new Promise((resolve) => (answer = resolve));
  const { sidebar, view, saw, requests } = await sidebarOver({
    "/init/7": [late],
    "/init/8": [hit({ ticket_id: 8 })],
  });
  sidebar.open(7);
  await until(() => requests.length === 1);
  sidebar.open(8);
  await saw("say hit");
  answer(hit());
  await sidebar.open(8);
  assert.ok(!view.told.some((line) => line.startsWith("canvas 7")), `${view.told}`);
});

test("a stream of the ticket left behind is closed", async () => {
  const held = stream([["1-0", "started", {}]], { hold: true });
  const { sidebar, view, saw } = await sidebarOver({ "/init/7": [held], "/init/8": [hit({ ticket_id: 8 })] });
  sidebar.open(7);
  await saw("skeletons");
  sidebar.open(8);
  await saw("say hit");
  assert.equal(view.told.at(-1), "say hit");
});

test("a ticket that is gone says so, and offers no retry", async () => {
  const { sidebar, saw, requests } = await sidebarOver({ "/init/7": [problem(410, "ticket-deleted")] });
  sidebar.open(7);
  await saw("problem problem_deleted final");
  assert.equal(requests.length, 1);
});

test("a run that finds the ticket missing says so in its stream", async () => {
  const missing = { type: "urn:prompt-canvas:ticket-missing", title: "There is no such ticket", status: 404 };
  const { sidebar, saw } = await sidebarOver({ "/init/7": [stream([["1-0", "error", missing]])] });
  sidebar.open(7);
  await saw("problem problem_missing final");
});

test("a wrong credential is said, and not tried again", async () => {
  const { sidebar, saw, requests } = await sidebarOver({ "/init/7": [problem(401, "unauthorized")] });
  sidebar.open(7);
  await saw("problem problem_unauthorized retry");
  assert.equal(requests.length, 1);
});

test("what may pass is tried again by itself", async () => {
  const { sidebar, saw } = await sidebarOver({ "/init/7": [problem(503, "store-unavailable"), hit()] });
  sidebar.open(7);
  await saw("say retrying");
  await saw("say hit");
});

test("a Canvas on the page stays there when a refresh fails", async () => {
  const failed = { type: "urn:prompt-canvas:freshdesk-unavailable", title: "Freshdesk does not answer", status: 503 };
  const { sidebar, view, saw } = await sidebarOver({
    "/init/7": [stale({}, "/runs/r1")],
    "/runs/r1": [stream([["1-0", "error", failed]])],
  });
  sidebar.open(7);
  await saw("say problem_freshdesk");
  assert.ok(view.filled);
  assert.ok(!view.told.some((line) => line.startsWith("problem ")));
});

test("a changed ticket is looked at until its Canvas has followed", async () => {
  const newer = hit({ revision: "2026-06-01T10:05:00Z", summary: { ...CANVAS.summary, text: "New." } });
  const { sidebar, saw } = await sidebarOver({ "/init/7": [hit(), unchanged, unchanged, newer] });
  sidebar.open(7);
  await saw("say hit");
  sidebar.touch("2026-06-01T10:05:00Z");
  await saw("say changed");
  await saw("canvas 7 New.");
  await saw("say updated");
});

test("no server at all is a calm message", async () => {
  const { sidebar, saw, close } = await sidebarOver({});
  close();
  sidebar.open(7);
  await saw("problem problem_network retry");
});

test("a Canvas that its run has stored is shown before the run ends", async () => {
  const held = stream([["1-0", "started", {}], ["2-0", "canvas", { etag: '"x"' }]], { hold: true });
  const { sidebar, saw, requests } = await sidebarOver({ "/init/7": [held, hit()] });
  sidebar.open(7);
  await saw("canvas 7 It is broken.");
  assert.equal(requests.at(-1).headers.accept, "application/json");
});

test("twenty tickets in a row leave the last one's stream alone open", async () => {
  const routes = Object.fromEntries(
    Array.from({ length: 20 }, (_, ticket) => [`/init/${ticket}`, [stream([["1-0", "started", {}]], { hold: true })]]),
  );
  const { sidebar, view, open } = await sidebarOver(routes);
  for (let ticket = 0; ticket < 20; ticket += 1) {
    sidebar.open(ticket);
    await until(() => open.size > 0);
  }
  await until(() => [...open].join() === "/init/19", "one stream");
  await until(() => view.told.includes("skeletons"));
  sidebar.suspend();
  await until(() => open.size === 0);
  sidebar.touch();
  sidebar.resume();
  await until(() => [...open].join() === "/init/19");
});

test("what a refused agent has seen is forgotten, on the page too", async () => {
  const { sidebar, view, saw } = await sidebarOver({ "/init/7": [hit(), problem(401, "unauthorized"), hit()] });
  sidebar.open(7);
  await saw("say hit");
  sidebar.retry();
  await saw("problem problem_unauthorized retry");
  view.told.length = 0;
  sidebar.open(7);
  assert.ok(!view.told.some((line) => line.startsWith("canvas")));
});
