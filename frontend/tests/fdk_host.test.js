// Freshdesk as the host of the sidebar: what it is asked, what comes late, and what it never answers.

import assert from "node:assert/strict";
import { beforeEach, test } from "vitest";

import { bounded, invoked, jsonOf, messageOf } from "../app/scripts/freshdesk/fdk_calls.js";
import { baseOf, fdkHost } from "../app/scripts/freshdesk/fdk_host.js";
import { openPage } from "./document.js";
import { lookAlike, problem, until } from "./look_alike.js";
import { IPARAMS, platform } from "./platform.js";

beforeEach(() => openPage());
const never = () => new Promise(() => {});
const minted = { status: 200, json: { token: "t1", expires_in: 900, host: "acme.freshdesk.com", agent_id: 42, admin: false } };

test("it knows account, agent and language, and which ticket is open", async () => {
  const desk = platform();
  const host = await fdkHost(desk.client);
  assert.deepEqual(host.identity(), { host: "acme.freshdesk.com", agent: "42" });
  assert.equal(host.language(), "ko");
  assert.equal(host.base, "https://canvas.example.com");
  assert.equal(host.settings().backend, IPARAMS.backend);
  const opened = [];
  host.onActivated(async () => opened.push(await host.ticketId()));
  desk.fire("app.activated");
  await until(() => opened.length === 1);
  desk.ticket = "8";
  desk.fire("app.activated");
  await until(() => opened.length === 2);
  assert.deepEqual(opened, [7, 8]);
});

test("an activation before anybody listens is not lost", async () => {
  const desk = platform();
  const starting = fdkHost(desk.client);
  desk.fire("app.activated");
  const host = await starting;
  let heard = 0;
  host.onActivated(() => (heard += 1));
  assert.equal(heard, 1);
  assert.equal(await host.ticketId(), 7);
});

test("a ticket that is left for another closes nothing, one that is left for good does", async () => {
  const desk = platform();
  const host = await fdkHost(desk.client);
  const heard = [];
  host.onDeactivated(() => heard.push("deactivated"));
  desk.fire("app.activated");
  desk.fire("app.deactivated");
  desk.fire("app.activated");
  desk.fire("app.deactivated");
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ["deactivated"]);
  assert.equal(host.ticketId(), null);
});

test("what the agent does to the ticket is told, and an unknown event costs nothing", async () => {
  const names = [];
  const on = (name, listener) => {
    if (name === "ticket.forward") throw new Error("unknown event");
    names.push([name, listener]);
  };
  const host = await fdkHost(platform({ changes: { events: { on } } }).client);
  let touched = 0;
  host.onTouched(() => (touched += 1));
  for (const [name, listener] of names) if (name.startsWith("ticket.")) listener();
  assert.ok(touched >= 9);
});

test("a ticket that the platform does not name is asked for again", async () => {
  const desk = platform();
  let failures = 2;
  const named = desk.client.data.get;
  desk.client.data.get = (name) => (name === "ticket" && failures-- > 0 ? Promise.reject("busy") : named(name));
  const host = await fdkHost(desk.client);
  desk.fire("app.activated");
  await assert.rejects(host.ticketId(), { code: "platform" });
  assert.equal(await host.ticketId(), 7);
  desk.ticket = "none";
  desk.fire("app.activated");
  assert.equal(await host.ticketId(), null);
});

test("the key stays with the platform: a template buys a token, which is held in memory alone", async () => {
  const serve = await lookAlike({ "/session?admin=false": [minted] });
  sessionStorage.clear();
  const host = await fdkHost(platform({ serve: serve.url }).client);
  assert.deepEqual(await host.credentials(), { Authorization: "Bearer t1" });
  assert.deepEqual(await host.credentials(), { Authorization: "Bearer t1" });
  assert.equal(serve.requests.length, 1);
  assert.ok(JSON.stringify(serve.requests[0].headers).includes("secret-api-key"));
  assert.equal(sessionStorage.length, 0);
  serve.close();
});

test("a refusal by serve is the same problem as without the platform", async () => {
  const serve = await lookAlike({ "/session": [problem(401, "unauthorized"), { json: {} }], "/init/7": [problem(429, "rate-limited")] });
  const host = await fdkHost(platform({ serve: serve.url }).client);
  await assert.rejects(host.credentials(), { code: "unauthorized", status: 401 });
  await assert.rejects(host.credentials(), { code: "not-json" });
  const { status, body } = await host.template("init", { ticket_id: 7 });
  assert.deepEqual([status, JSON.parse(body).type], [429, "urn:prompt-canvas:rate-limited"]);
  serve.close();
});

test("a reply goes into the editor that is open, else into one that Freshdesk opens", async () => {
  const desk = platform();
  const beside = await fdkHost(desk.client);
  assert.equal(await beside.insertReply("<p>a</p>", { replace: true }), true);
  assert.equal(beside.canReplace, false);
  const inside = await fdkHost(platform({ location: "ticket_conversation_editor", changes: { interface: desk.client.interface } }).client);
  await inside.insertReply("<p>b</p>", { replace: true });
  await inside.notify("error", "no");
  await inside.openModal({ at: 1 });
  assert.deepEqual(desk.calls, [
    ["click", { id: "reply", text: "<p>a</p>" }],
    ["setValue", { id: "editor", text: "<p>b</p>", replace: true, position: "end" }],
    ["showNotify", { type: "danger", title: "Prompt Canvas", message: "no" }],
    ["showModal", { title: "Prompt Canvas", template: "modal.html", data: { at: 1 } }],
  ]);
  const refusing = await fdkHost(platform({ changes: { interface: { trigger: () => Promise.reject({}) } } }).client);
  assert.equal(await refusing.insertReply("x"), false);
});

test("tickets and articles open in a new tab, and messages go to and come from the app's other frames", async () => {
  const window = openPage();
  const opened = [];
  window.open = (...what) => opened.push(what);
  const desk = platform();
  const host = await fdkHost(desk.client);
  host.openTicket(9);
  host.openArticle("7/../../x");
  assert.equal(opened[0][0], "https://acme.freshdesk.com/a/tickets/9");
  assert.equal(opened[1][0], "https://acme.freshdesk.com/a/solutions/articles/NaN");
  assert.equal(opened[0][2], "noopener");
  assert.equal(await host.send({ a: 1 }), true);
  const heard = [];
  host.onMessage((message) => heard.push(message));
  desk.receivers[0]({ helper: { getData: () => ({ message: { b: 2 } }) } });
  assert.deepEqual(heard, [{ b: 2 }]);
  assert.deepEqual(messageOf({ message: 1 }), 1);
});

test("an agent whom nobody names has no memory, and missing settings are a clear problem", async () => {
  const broken = { data: { get: () => Promise.reject(new Error("no")) } };
  const host = await fdkHost(platform({ changes: broken }).client);
  assert.deepEqual(host.identity(), { host: "acme.freshdesk.com", agent: "" });
  await assert.rejects(fdkHost(platform({ iparams: {} }).client), { code: "settings" });
  await assert.rejects(fdkHost(platform({ changes: { iparams: { get: () => Promise.reject("x") } } }).client), { code: "platform" });
});

test("only a page of this machine may name a port", () => {
  assert.equal(baseOf("Canvas.Example.com ", "https:"), "https://canvas.example.com");
  assert.equal(baseOf("127.0.0.1:8080", "http:"), "http://127.0.0.1:8080");
  for (const bad of ["", "https://a.example", "a.example/x", "a b"]) assert.throws(() => baseOf(bad, "https:"), { code: "settings" });
});

test("a call that never ends, and whatever the platform rejects with, is a problem", async () => {
  await assert.rejects(bounded(never, 5), { code: "platform" });
  const rejecting = (error) => ({ request: { invokeTemplate: () => Promise.reject(error) } });
  await assert.rejects(invoked(rejecting({ status: 429 }), "init"), { code: "rate-limited", retryAfterMs: 30_000 });
  await assert.rejects(invoked(rejecting({ status: 429, headers: { "Retry-After": 3 } }), "init"), { retryAfterMs: 3000 });
  await assert.rejects(invoked(rejecting({ status: 502, response: "Bad gateway" }), "init"), { code: "platform", status: 502 });
  for (const odd of [undefined, null, "no", { message: { a: 1 } }, new Error("x")])
    await assert.rejects(invoked(rejecting(odd), "init"), { code: "platform", status: 0 });
  await assert.rejects(invoked({ request: { invokeTemplate: never } }, "init", {}, undefined, 5), { code: "platform" });
  const objects = { request: { invokeTemplate: async (_, { body }) => ({ status: "200", headers: null, response: { got: body } }) } };
  assert.deepEqual(jsonOf(await invoked(objects, "query", {}, { q: 1 })), { got: '{"q":1}' });
  assert.throws(() => jsonOf({ status: 200, headers: {}, body: "<html>" }), { code: "not-json" });
  assert.throws(() => jsonOf({ status: 503, headers: { "retry-after": "2" }, body: "<html>" }), { retryAfterMs: 2000 });
});
