// The install page: what each field may hold, the connection that is tried, and what is stored in the end.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
import { afterEach, beforeEach, test } from "vitest";

import { check, saveSettings } from "../config/assets/check.js";
import * as fields from "../config/assets/fields.js";
import { TEXTS, translator } from "../config/assets/texts.js";
import { openPage, type, wordsOf } from "./document.js";
import { lookAlike, problem, until } from "./look_alike.js";
import { platform } from "./platform.js";

const PAGE = readFileSync(new URL("../config/iparams.html", import.meta.url), "utf8").match(/<body>([\s\S]*)<\/body>/)[1];
const GOOD = { backend: "canvas.example.com", freshdesk_domain: "acme.freshdesk.com", api_key: "abcdefgh12345678" };
const minted = (changes = {}) => ({ status: 200, json: { token: "t1", host: GOOD.freshdesk_domain, admin: true, ...changes } });
const closing = [];

// A classic script, as the install page loads it: its functions are global.
const SCRIPT = new URL("../config/assets/iparams.js", import.meta.url);
runInThisContext(readFileSync(SCRIPT, "utf8"), { filename: SCRIPT.href });

openPage();
const { InstallForm } = await import("../config/assets/page.js");

beforeEach(() => openPage(PAGE));
afterEach(() => {
  for (const close of closing.splice(0)) close();
});
const $ = (id) => document.getElementById(id);

async function form(answers, { client = true } = {}) {
  const serve = await lookAlike({ "/session": answers, "/settings": [{ json: {} }] });
  closing.push(serve.close);
  const desk = client ? platform({ serve: serve.url }) : null;
  const made = new InstallForm({ client: async () => desk?.client ?? null, language: "en", fetch: () => Promise.reject(new TypeError("CORS")) });
  return { made, serve };
}

function fill(values) {
  for (const [name, text] of Object.entries(values)) {
    type($(name), text);
    $(name).dispatchEvent(new Event("change"));
  }
}

test("what a field may hold, and what is wrong with it else", () => {
  const problems = { "https://a.example": "backendScheme", "a.example/x": "backendPath", "a.example:8000": "backendPort", "10.0.0.1": "backendAddress", "[::1]:80": "backendAddress", a: "backendNoHost", " ": "empty" };
  for (const [text, found] of Object.entries(problems)) assert.equal(fields.backend(text).problem, found, text);
  assert.deepEqual(fields.backend(" Canvas.Example.com"), { value: "canvas.example.com" });
  assert.deepEqual(fields.backend("127.0.0.1:8080", { local: true }), { value: "127.0.0.1:8080" });
  assert.deepEqual([fields.domain("acme"), fields.domain("x.example.com"), fields.domain("")], [{ value: "acme.freshdesk.com" }, { problem: "domainForm" }, { problem: "empty" }]);
  assert.deepEqual([fields.key("short"), fields.key("", { kept: "k" }), fields.key(" abcdefgh ")], [{ problem: "keyForm" }, { value: "k" }, { value: "abcdefgh" }]);
  assert.deepEqual(["", "30", "0", "x"].map((text) => fields.days(text)), [{ value: "" }, { value: "30" }, { problem: "daysForm" }, { problem: "daysForm" }]);
  assert.deepEqual(fields.phrases(" a \n\na\nb"), { value: "a\nb" });
  assert.deepEqual(fields.phrases("x".repeat(300)), { problem: "phrasesLong" });
  assert.deepEqual(fields.phrases(Array.from({ length: 101 }, (_, number) => `p${number}`).join("\n")), { problem: "phrasesMany" });
  assert.deepEqual([fields.parts(["ask", "evil"]), fields.parts([])], [{ value: "ask" }, { problem: "showNone" }]);
  assert.deepEqual(["abcdefgh", "********", 7].map(fields.storedKey), ["abcdefgh", "", ""]);
  assert.equal(fields.bareHost("HTTPS://Canvas.Example.com/x?y"), "canvas.example.com");
  assert.deepEqual(fields.settingsOf({ language: "auto", tone: "", forbidden_phrases: "a\nb", search_period_days: "30" }), { language: null, tone: null, forbidden_phrases: ["a", "b"], similar_days: 30 });
});

test("the connection is judged by what answers, asked by the platform or directly", async () => {
  const rejecting = (error) => ({ request: { invokeTemplate: () => Promise.reject(error) } });
  const answering = (status, body) => ({ request: { invokeTemplate: async () => ({ status, response: JSON.stringify(body) }) } });
  const state = async (client, fetch = () => Promise.reject(new TypeError("CORS"))) => (await check(GOOD, { client, fetch })).state;
  assert.equal(await state(answering(200, minted().json)), "ok");
  assert.equal(await state(answering(200, { ...minted().json, host: "other.freshdesk.com" })), "otherAccount");
  assert.equal(await state(answering(200, "<html>")), "notCanvas");
  assert.equal(await state(rejecting({ status: 502, response: "" })), "network");
  for (const [code, found] of [["unauthorized", "refused"], ["forbidden", "ok"], ["rate-limited", "limited"], ["freshdesk-down", "freshdesk"]]) // prettier-ignore
    assert.equal(await state(rejecting({ status: 403, response: JSON.stringify({ type: `urn:prompt-canvas:${code}` }) })), found);
  assert.equal(await state(null), "unknown");
  assert.equal(await state(rejecting({ status: 400, response: "no such template" }), async () => new Response(JSON.stringify(minted().json))), "ok");
  assert.equal(await saveSettings(GOOD, {}, { client: null }), false);
  assert.equal(await saveSettings(GOOD, {}, { client: answering(200, {}) }), true);
});

test("a filled form is tried, and stored with its key as a secret", async () => {
  const { made, serve } = await form([minted()]);
  assert.equal(made.valid(), false);
  assert.equal(document.activeElement, $("backend"));
  fill({ ...GOOD, backend: "https://Canvas.example.com/", search_period_days: "90", forbidden_phrases: "never say this" });
  await until(() => $("told").classList.contains("told-good"), $("told").className);
  assert.equal($("backend").value, "canvas.example.com");
  assert.equal(made.valid(), true);
  const stored = made.collect();
  assert.deepEqual(stored.__meta, { secure: ["api_key"] });
  assert.deepEqual([stored.backend, stored.api_key, stored.show], [GOOD.backend, GOOD.api_key, "summary,similar,solutions,replies,ask"]);
  await until(() => serve.requests.some(({ method }) => method === "PUT"));
  assert.deepEqual(JSON.parse(serve.requests.find(({ method }) => method === "PUT").body).forbidden_phrases, ["never say this"]);
});

test("a refused key is said, another value makes the check void", async () => {
  const { made } = await form([problem(401, "unauthorized"), problem(403, "forbidden")]);
  fill(GOOD);
  await until(() => $("told").classList.contains("told-bad"), $("told").className);
  assert.equal(made.valid(), false);
  await until(() => $("told").classList.contains("told-unsure"), $("told").className);
  assert.match($("told").textContent, /no admin/);
  type($("api_key"), "another-key-1");
  assert.ok($("told").hidden);
});

test("one that can't be asked is stored where the admin says so", async () => {
  const { made } = await form([minted()], { client: false });
  fill(GOOD);
  await until(() => !$("anyway-line").hidden);
  assert.equal(made.valid(), false);
  await until(() => !$("anyway-line").hidden);
  $("anyway").checked = true;
  assert.equal(made.valid(), true);
});

test("opened again it shows what is stored, but never the key, and wants it again for another server", async () => {
  const { made } = await form([minted()]);
  made.fill({ ...GOOD, language: "ko", tone: "evil", show: "summary" });
  assert.equal($("api_key").value, "");
  assert.equal($("language").value, "ko");
  assert.equal($("tone").value, "");
  assert.deepEqual([...$("show").querySelectorAll("input")].map((box) => box.checked), [true, false, false, false, false]);
  assert.ok(!document.documentElement.outerHTML.includes(GOOD.api_key));
  assert.equal(made.collect().api_key, GOOD.api_key);
  type($("backend"), "other.example.com");
  $("backend").dispatchEvent(new Event("change"));
  made.valid();
  assert.ok($("api_key-error").textContent);
  for (const box of $("show").querySelectorAll("input")) box.checked = false;
  $("show").dispatchEvent(new Event("change"));
  assert.ok($("show-error").textContent);
  $("check").click();
});

test("everything is there in both languages", async () => {
  const { made } = await form([minted()]);
  type($("backend"), "canvas.example.com/y");
  document.querySelector('[data-language="ko"]').click();
  assert.equal(document.title, TEXTS.title.ko);
  assert.equal($("backend-error").textContent, TEXTS.backendPath.ko);
  assert.ok(!wordsOf(document.body).includes("undefined"));
  made.say("en");
  const [filled] = Object.keys(TEXTS).filter((key) => /\{\w+\}/.test(TEXTS[key].ko));
  assert.equal(translator("ko")(filled), TEXTS[filled].ko);
  for (const [key, languages] of Object.entries(TEXTS)) assert.ok(languages.en && languages.ko, key);
});

test("what the platform asks before the form is there is kept for it", async () => {
  const { getConfigs, postConfigs, validate, installPage } = globalThis;
  assert.deepEqual([postConfigs(), validate()], [{}, false]);
  getConfigs({ backend: "early.example.com" });
  const { made } = await form([minted()]);
  installPage.form = made;
  made.fill(installPage.stored);
  assert.equal($("backend").value, "early.example.com");
  getConfigs({ backend: "late.example.com" });
  assert.deepEqual([$("backend").value, postConfigs().backend, validate()], ["late.example.com", "late.example.com", false]);
});
