// The sidebar's start in Freshdesk, and what drives it there: the platform's events, the browser's, and the clock.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "vitest";

import { lookForNews } from "../app/scripts/canvas/news.js";
import { mountSidebar } from "../app/scripts/mount.js";
import { translator } from "../app/scripts/texts/texts.js";
import { ANSWER, FULL, REPLY } from "./canvases.js";
import { keyed, openPage, placed, type, wordsOf } from "./document.js";
import { hit, lookAlike, MemoryStorage, problem, stream, unchanged, until } from "./look_alike.js";
import { platform } from "./platform.js";

openPage();
const { start } = await import("../app/scripts/app.js");
const { fdkClient } = await import("../app/scripts/freshdesk/fdk_calls.js");
const closing = [];
const minted = { status: 200, json: { token: "t1", expires_in: 900, host: "acme.freshdesk.com", agent_id: 42, admin: false } };
const summary = (text) => ({ summary: { text, problem: "", tried: "", next_step: "", sentiment: "neutral" } });

beforeEach(() => openPage("", { url: "http://app.example/index.html" }));
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** The app in its frame, over a serve of scripted answers. */
async function started(routes, options = {}) {
  const serve = await lookAlike({ "/session": [minted], "/feedback": [{ status: 204 }], ...routes });
  const desk = platform({ serve: serve.url, ...options });
  desk.client.iparams.get = async () => ({ backend: serve.url.replace("http://", ""), language: "en", ...options.iparams });
  const root = placed();
  const storage = new MemoryStorage();
  const app = await start(root, { client: Promise.resolve(desk.client), storage });
  closing.push(() => (app?.sidebar.close(), serve.close()));
  const shows = (words) => until(() => wordsOf(root).includes(words), `${words} in ${wordsOf(root)}`);
  return { serve, desk, root, storage, shows, ...app };
}

test("the ticket that the platform names is shown, and the next one after it", async () => {
  const { desk, shows, serve } = await started({
    "/init/7": [hit(summary("Seven is broken."))],
    "/init/8": [hit({ ticket_id: 8, ...summary("Eight is slow.") })],
  });
  desk.fire("app.activated");
  await shows("Seven is broken.");
  desk.ticket = 8;
  desk.fire("app.deactivated");
  desk.fire("app.activated");
  await shows("Eight is slow.");
  assert.ok(!wordsOf(document.body).includes("Seven"));
  assert.ok(serve.requests.filter(({ path }) => path.startsWith("/init")).every(({ headers }) => headers.authorization === "Bearer t1"));
  assert.ok(!serve.requests.some(({ path, headers }) => path.startsWith("/init") && headers["x-freshdesk-api-key"]));
});

test("a ticket that is left shows nothing, and a late name of an earlier one changes nothing", async () => {
  const { desk, shows } = await started({ "/init/7": [hit(summary("Seven."))], "/init/8": [hit({ ticket_id: 8, ...summary("Eight.") })] });
  let name;
  const quick = desk.client.data.get;
  desk.client.data.get = (what) => (what === "ticket" ? new Promise((resolve) => (name = resolve)) : quick(what));
  desk.fire("app.activated");
  const late = name;
  desk.client.data.get = quick;
  desk.ticket = 8;
  desk.fire("app.activated");
  await shows("Eight.");
  late({ ticket: { id: 7 } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(!wordsOf(document.body).includes("Seven"));
  desk.fire("app.deactivated");
  await until(() => !wordsOf(document.body).includes("Eight."));
});

test("a platform that can't name the ticket is said, and asked again by the button", async () => {
  const { desk, root, shows } = await started({ "/init/7": [hit(summary("Seven."))] });
  const quick = desk.client.data.get;
  desk.client.data.get = () => Promise.reject(new Error("busy"));
  desk.fire("app.activated");
  await shows("Freshdesk does not answer the app");
  desk.client.data.get = quick;
  root.querySelector('[data-key="retry"]').click();
  await shows("Seven.");
});

test("a hidden tab holds what it counted no longer, and one that is seen again asks again", async () => {
  const { desk, serve, shows } = await started({ "/init/7": [hit(summary("Seven.")), unchanged] });
  desk.fire("app.activated");
  await shows("Seven.");
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  await until(() => serve.requests.some(({ path }) => path === "/feedback"));
  assert.match(serve.requests.find(({ path }) => path === "/feedback").body, /"kind":"summary"/);
  Object.defineProperty(document, "hidden", { value: false, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  const asked = () => serve.requests.filter(({ path }) => path === "/init/7").length;
  const before = asked();
  dispatchEvent(new Event("online"));
  await until(() => asked() > before);
  desk.fire("ticket.sendReply");
  await until(() => asked() > before + 1);
  dispatchEvent(new Event("pagehide"));
});

test("what can't start says so in the sidebar's own place", async () => {
  const root = placed();
  assert.equal(await start(root, { client: fdkClient(undefined, 50), storage: null }), null);
  assert.match(wordsOf(root), /Freshdesk does not answer the app/);
  const other = placed();
  assert.equal(await start(other, { client: Promise.resolve(platform({ iparams: {} }).client), storage: null }), null);
  assert.match(wordsOf(other), /The app is not set up/);
  assert.equal(await fdkClient({ initialized: async () => "client" }), "client");
  assert.equal(await fdkClient({ initialized: Promise.resolve("client") }), "client");
  await assert.rejects(fdkClient({ initialized: () => new Promise(() => {}) }, 5), { code: "platform" });
});

test("where the browser may not call serve, the platform brings the Canvas", async () => {
  const serve = await lookAlike({ "/session": [minted], "/init/7": [hit(summary("By the platform."))] });
  closing.push(serve.close);
  const desk = platform({ serve: serve.url, iparams: { backend: "127.0.0.1:9", language: "en" } });
  const root = placed();
  const app = await start(root, { client: Promise.resolve(desk.client), storage: null });
  closing.push(() => app.sidebar.close());
  desk.fire("app.activated");
  await until(() => wordsOf(root).includes("By the platform."), wordsOf(root));
});

test("a host without a platform has no template, and may name its ticket at once", async () => {
  const serve = await lookAlike({ "/init/7": [hit(summary("Seven."))] });
  closing.push(serve.close);
  const listeners = {};
  const host = {
    template: null,
    credentials: () => ({}),
    language: () => "ko",
    settings: () => ({}),
    identity: () => ({ host: "h", agent: "1" }),
    ticketId: () => 7,
    onActivated: (listener) => (listeners.activated = listener),
    onDeactivated: () => {},
    onTouched: () => {},
  };
  const root = placed();
  const { sidebar } = mountSidebar(root, host, { base: serve.url });
  closing.push(() => sidebar.close());
  listeners.activated();
  await until(() => wordsOf(root).includes("Seven."));
  assert.equal(root.lang, "ko");
});

test("news of the open Canvas wake the sidebar up, once for each, and nobody looks unseen", async () => {
  const { hidden } = document;
  const asked = [];
  const answers = [{ kind: "unchanged" }, { kind: "unchanged", stale: true }, { kind: "unchanged", stale: true }, { kind: "canvas" }];
  const api = { blocked: false, init: async (ticketId, { etag }) => (asked.push([ticketId, etag]), answers.shift() ?? Promise.reject(new Error("gone"))) };
  let open = { ticketId: 7, etag: "1" };
  let news = 0;
  const stop = lookForNews({ api, open: () => open, news: () => (news += 1), everyMs: 3 });
  await until(() => asked.length >= 5);
  assert.equal(news, 2);
  assert.equal(hidden, false);
  open = null;
  const before = asked.length;
  await new Promise((resolve) => setTimeout(resolve, 15));
  assert.ok(asked.length <= before + 1);
  stop();
});

test("what is pressed in the sidebar is done by Freshdesk or asked of serve", async () => {
  const { root, desk, shows, serve } = await started({
    "/init/7": [hit({ ...FULL, ticket_id: 7 })],
    "/query/stream": [stream([["1-0", "answer", ANSWER], ["2-0", "done", {}]], { run: "/runs/q1" })], // prettier-ignore
    "/generate_reply/stream": [stream([["1-0", "reply", REPLY], ["2-0", "done", {}]], { run: "/runs/g1" })], // prettier-ignore
  }, { iparams: { tone: "formal" } });
  const opened = [];
  window.open = (address) => opened.push(address);
  desk.fire("app.activated");
  await shows("every night");
  keyed(root, "ticket-301").click();
  keyed(root, "article-81").click();
  assert.deepEqual(opened, ["https://acme.freshdesk.com/a/tickets/301", "https://acme.freshdesk.com/a/solutions/articles/81"]);
  keyed(root, "insert").click();
  await until(() => desk.calls.some(([action]) => action === "click"));
  type(root.querySelector(".pc-question"), "Why?");
  keyed(root, "ask").click();
  await shows("Firmware 2.4.1 ends it");
  keyed(root, "tools").click();
  keyed(root, "in-ko").click();
  await shows("A shorter one.");
  const asked = serve.requests.find(({ path }) => path === "/generate_reply/stream");
  assert.deepEqual([JSON.parse(asked.body).tone, JSON.parse(asked.body).language], ["formal", "ko"]);
  keyed(root, "wide").click();
  await until(() => desk.calls.some(([action]) => action === "showModal"));
});

test("a platform that thinks long about the ticket leaves no other one's Canvas there", async () => {
  const { root, desk, shows } = await started({ "/init/7": [hit(summary("Seven."))] });
  desk.fire("app.activated");
  await shows("Seven.");
  desk.client.data.get = () => new Promise(() => {});
  desk.fire("app.activated");
  await until(() => !wordsOf(root).includes("Seven."));
});

test("the page's own place is filled by itself, and its button starts anew", async () => {
  openPage('<main id="sidebar"></main>');
  globalThis.app = { initialized: Promise.reject(new Error("no client")) };
  assert.equal(await start(document.getElementById("sidebar")), null);
  let reloaded = 0;
  globalThis.location = { reload: () => (reloaded += 1) };
  keyed(document.body, "retry").click();
  assert.equal(reloaded, 1);
  delete globalThis.app;
  // A browser that forbids storage keeps nothing, and a mistake of ours belongs into the console.
  Object.defineProperty(globalThis, "sessionStorage", { get: () => assert.fail("forbidden"), configurable: true });
  const odd = { get backend() { throw new TypeError("ours"); } }; // prettier-ignore
  await assert.rejects(start(placed(), { client: Promise.resolve(platform({ iparams: odd }).client) }), TypeError);
  // Without a serve there is no token: the sidebar starts all the same, and says so as soon as a ticket is opened.
  assert.ok(await start(placed(), { client: Promise.resolve(platform().client) }));
});

test("a refused ticket is a clear state in the sidebar", async () => {
  const { desk, shows } = await started({ "/init/7": [problem(404, "ticket-missing")] });
  desk.fire("app.activated");
  await shows(translator("en")("problem_missing"));
});
