// The install page's form: fills itself from what is stored, says while typing what can't be, and tries the connection
// before it is stored. The stored key is kept in memory and never shown.

import { check, saveSettings } from "./check.js";
import * as fields from "./fields.js";
import { translator } from "./texts.js";

const $ = (id) => document.getElementById(id);
const RULES = {
  backend: (text) => fields.backend(text, { local: location.protocol === "http:" }),
  freshdesk_domain: (text) => fields.domain(text),
  search_period_days: (text) => fields.days(text),
  forbidden_phrases: (text) => fields.phrases(text),
};
const CONNECTION = ["backend", "freshdesk_domain", "api_key"];
const TYPED = [...CONNECTION, "search_period_days", "forbidden_phrases"];
/** What is only worth trying again; the admin may store without an answer. */
const UNSURE = ["network", "unknown", "freshdesk", "limited"];
const LOOK = { checking: "asking", checkFirst: "asking", ok: "good", refused: "bad", otherAccount: "bad", notCanvas: "bad" };
/** Half a host name is no mistake yet, while it is being typed. */
const UNFINISHED = ["backendNoHost", "domainForm", "keyForm", "empty"];

/** The form; `client()` resolves to FDK's client or null, `fetch` asks where the platform does not. */
export class InstallForm {
  #client;
  #fetch;
  #language;
  #t;
  #stored = { backend: "", key: "" };
  /** What was found out about which values; another value makes it void. */
  #found = { of: "", state: "", admin: false };
  #turn = 0;
  #touched = new Set();

  constructor({ client, language, fetch = globalThis.fetch.bind(globalThis) }) {
    this.#client = client;
    this.#fetch = fetch;
    this.say(language);
    for (const name of TYPED) {
      $(name).addEventListener("input", () => this.#typed(name));
      $(name).addEventListener("change", () => this.#left(name));
    }
    $("show").addEventListener("change", () => this.#judge("show"));
    $("check").addEventListener("click", () => this.check());
    $("form").addEventListener("submit", (event) => event.preventDefault());
    for (const button of document.querySelectorAll("[data-language]")) {
      button.addEventListener("click", () => this.say(button.dataset.language));
    }
  }

  /** Show everything in that language. */
  say(language) {
    this.#language = language;
    this.#t = translator(language);
    document.documentElement.lang = language;
    document.title = this.#t("title");
    for (const element of document.querySelectorAll("[data-t]")) element.textContent = this.#t(element.dataset.t);
    for (const button of document.querySelectorAll("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    }
    $("check").textContent = this.#t("check");
    $("api_key").placeholder = this.#stored.key ? this.#t("keyKept") : "";
    for (const name of this.#touched) this.#judge(name);
    if (this.#found.state) this.#tell();
  }

  /** Show the stored values again; not the key. */
  fill(stored = {}) {
    const text = (name, fallback = "") => String(stored?.[name] || fallback);
    this.#stored = { backend: text("backend"), key: fields.storedKey(stored?.api_key) };
    for (const name of ["backend", "freshdesk_domain", "forbidden_phrases", "search_period_days"]) $(name).value = text(name);
    $("api_key").value = "";
    $("language").value = oneOf(fields.LANGUAGES, text("language", "auto"));
    $("tone").value = oneOf(fields.TONES, text("tone"));
    if (Number($("search_period_days").value) === 0) $("search_period_days").value = "";
    const shown = text("show", fields.PARTS.join(",")).split(",");
    for (const box of this.#boxes()) box.checked = shown.includes(box.value);
    this.#found = { of: "", state: "", admin: false };
    this.say(this.#language);
  }

  /** What is to be stored. What the backend applies itself is sent there too, as far as the key may. */
  collect() {
    const values = this.#values();
    if (this.#sure() && this.#found.admin) {
      this.#client().then((client) => saveSettings(values, fields.settingsOf(values), { client }));
    }
    return { ...values, __meta: { secure: ["api_key"] } };
  }

  /** Whether it may be stored; if not, the page says why and the focus goes there. */
  valid() {
    const wrong = [...TYPED, "show"].filter((name) => !this.#judge(name));
    if (wrong.length) {
      (wrong[0] === "show" ? this.#boxes()[0] : $(wrong[0])).focus();
      return false;
    }
    if (this.#sure() || $("anyway").checked) return true;
    this.check({ asked: "checkFirst" });
    return false;
  }

  /** Try the connection with what is typed. */
  async check({ asked = "checking" } = {}) {
    if (CONNECTION.filter((name) => !this.#judge(name)).length) return;
    const mine = (this.#turn += 1);
    const values = this.#values();
    this.#found = { of: connectionOf(values), state: asked, admin: false };
    this.#tell();
    const found = await check(values, { client: await this.#client(), fetch: this.#fetch });
    if (mine !== this.#turn) return;
    this.#found = { of: connectionOf(values), ...found };
    this.#tell();
  }

  #typed(name) {
    // A mistake is said once the field was left; that it is mended, at once.
    if (this.#touched.has(name) || $(name).value.length > 3) this.#judge(name, true);
    if (CONNECTION.includes(name) && this.#found.of !== connectionOf(this.#values())) this.#forget();
  }

  #left(name) {
    const field = $(name);
    this.#touched.add(name);
    if (name === "backend" || name === "freshdesk_domain") field.value = fields.bareHost(field.value);
    const { value } = this.#rule(name);
    if (value && name !== "api_key") field.value = value;
    this.#judge(name);
    if (CONNECTION.includes(name)) this.#checkOnce();
  }

  /** Once the connection's fields are complete, it is tried without being asked to. */
  #checkOnce() {
    const complete = CONNECTION.every((each) => this.#rule(each).value);
    if (complete && this.#found.of !== connectionOf(this.#values())) this.check();
  }

  #forget() {
    this.#turn += 1;
    this.#found = { of: "", state: "", admin: false };
    $("told").hidden = $("anyway-line").hidden = true;
    $("anyway").checked = false;
    $("check").loading = false;
  }

  /** Say what is wrong with a field, or that nothing is; returns whether it is right. */
  #judge(name, typing = false) {
    const { problem } = this.#rule(name);
    const early = typing && !this.#touched.has(name) && UNFINISHED.includes(problem);
    if (!early) this.#touched.add(name);
    this.#mark(name, early ? undefined : problem);
    return !problem;
  }

  #mark(name, problem) {
    $(`${name}-error`).textContent = problem ? this.#t(problem) : "";
    $(name).toggleAttribute("data-wrong", Boolean(problem));
    if (name !== "show") $(name).setAttribute("aria-invalid", String(Boolean(problem)));
  }

  #rule(name) {
    if (name === "show") return fields.parts(this.#boxes().filter((box) => box.checked).map((box) => box.value));
    if (name === "api_key") return this.#keyRule();
    return RULES[name]($(name).value);
  }

  /** A stored key goes to where it was meant for, and to no other host. */
  #keyRule() {
    const same = $("backend").value.trim().toLowerCase() === this.#stored.backend;
    const found = fields.key($("api_key").value, { kept: same ? this.#stored.key : "" });
    return found.problem === "empty" && this.#stored.backend ? { problem: "keyAgain" } : found;
  }

  #values() {
    const named = [...TYPED, "show"].map((name) => [name, this.#rule(name).value ?? ""]);
    return { ...Object.fromEntries(named), language: $("language").value, tone: $("tone").value };
  }

  #sure() {
    return this.#found.state === "ok" && this.#found.of === connectionOf(this.#values());
  }

  /** Say how the check goes, or what it has found. */
  #tell() {
    const { state, admin, says = "" } = this.#found;
    const { freshdesk_domain: domain, backend } = this.#values();
    const key = state === "ok" && !admin ? "okNoAdmin" : state;
    const told = $("told");
    told.hidden = false;
    told.className = `told told-${LOOK[key] ?? "unsure"}`;
    told.textContent = this.#t(key, { domain, backend, says });
    $("check").loading = LOOK[key] === "asking";
    $("anyway-line").hidden = !UNSURE.includes(state);
  }

  #boxes() {
    return [...$("show").querySelectorAll("input")];
  }
}

function connectionOf(values) {
  return JSON.stringify(CONNECTION.map((name) => values[name]));
}

function oneOf(known, value) {
  return known.includes(value) ? value : known[0];
}

/** FDK's client, or null where the platform gives none. */
async function fdkClient(app = globalThis.app) {
  try {
    return (await (typeof app?.initialized === "function" ? app.initialized() : app?.initialized)) ?? null;
  } catch {
    return null;
  }
}

const KOREAN = navigator.languages.findIndex((tag) => tag.startsWith("ko"));
const ENGLISH = navigator.languages.findIndex((tag) => tag.startsWith("en"));
const language = KOREAN >= 0 && (ENGLISH < 0 || KOREAN < ENGLISH) ? "ko" : "en";

if (document.getElementById("form")) {
  const client = fdkClient();
  const form = new InstallForm({ client: () => client, language });
  globalThis.installPage.form = form;
  if (globalThis.installPage.stored) form.fill(globalThis.installPage.stored);
}
