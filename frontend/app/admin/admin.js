// The administration page in Freshdesk: starts a backfill, watches it, and compares settings. Who may not do that is told
// why not. What goes on is found again whenever the page is opened; it does not need the page.

import { el, refill } from "../scripts/elements/dom.js";
import { bounded, fdkClient } from "../scripts/freshdesk/fdk_calls.js";
import { baseOf } from "../scripts/freshdesk/fdk_host.js";
import { Problem } from "../scripts/serve/problem.js";
import { sleep } from "../scripts/serve/stream.js";
import { preferredLanguage, translator } from "../scripts/texts/texts.js";
import { AdminApi, POLL_MS } from "./admin_api.js";
import { button, card, earlierTable, ProgressCard, settingsTable } from "./cards.js";
import { earlierRuns, remember } from "./earlier.js";
import { ENDED } from "./figures.js";
import { StartCard } from "./start_card.js";
import { ADMIN_TEXTS } from "./texts.js";
import { differing, settingsOf } from "./wanted.js";

const AGAIN_MS = 15_000;
const NAMED = ["unauthorized", "settings", "platform"];
const SECOND_MS = 1000;

/** Whether Freshdesk says of an agent that they are no admin; where it says nothing, the server decides alone. */
export function mayAdminister(user) {
  const abilities = user?.loggedInUser?.abilities ?? user?.abilities;
  if (!Array.isArray(abilities) || !abilities.length) return true;
  return abilities.some((ability) => /admin|manage_account/.test(String(ability)));
}

/** Keys and values of the texts that tell a problem. */
export function wordsOf(problem) {
  const name = nameOf(problem);
  const seconds = Math.max(1, Math.ceil(problem.retryAfterMs / SECOND_MS));
  return [`problem_${name}`, `advice_${name}`, { title: problem.title || problem.message, seconds }];
}

function nameOf(problem) {
  if (problem.code === "platform" && problem.status >= 500) return "network";
  if (NAMED.includes(problem.code)) return problem.code;
  if (problem.status === 403) return "key";
  if (problem.status === 429) return "limited";
  return problem.transient ? "network" : "other";
}

/** The page in `root`. */
export class AdminPage {
  #root;
  #client;
  #t;
  #language;
  #api;
  #iparams;
  #progress;
  #start;
  #settings;
  #earlier;
  #said = el("p", { class: "said", role: "status" });
  #watching = new AbortController();
  #again = null;
  /** Of the backfill that is shown. */
  #id = "";

  constructor(root, client, { iparams, language, api }) {
    this.#root = root;
    this.#client = client;
    this.#iparams = iparams;
    this.#language = language;
    this.#t = translator(language, ADMIN_TEXTS);
    this.#api = api;
  }

  /** Ask who it is and what goes on, and show it. */
  async open() {
    clearTimeout(this.#again);
    try {
      const { admin, host } = await this.#api.holder();
      if (!admin) return this.#refuse(new Problem({ status: 403, type: "forbidden" }));
      const latest = await this.#api.latest();
      this.#build(host);
      this.#shown(latest);
      this.#compare();
      this.#goOn(latest);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** What has ended is remembered, even where nobody watched; what goes on is watched. */
  #goOn(latest) {
    if (!latest) return this.#listEarlier();
    return ENDED.includes(latest.state) ? this.#ended(latest) : this.#watch(latest.id);
  }

  #build(domain) {
    const t = this.#t;
    this.#progress = new ProgressCard({ t, language: this.#language, steer: (order) => this.#steer(order) });
    this.#start = new StartCard({ t, domain, start: (wanted) => this.#begin(wanted) });
    this.#settings = card("settings", t("settings"));
    this.#earlier = card("earlier", t("earlier"));
    const cards = [this.#progress, this.#start, this.#settings, this.#earlier].map(({ element }) => element);
    refill(this.#root, ...headOf(t), this.#said, ...cards);
  }

  async #begin(wanted) {
    await this.#try(async () => {
      const begun = await this.#api.start(wanted);
      this.#say(this.#t("started"));
      this.#shown(begun);
      this.#watch(begun.id);
    });
  }

  async #steer(order) {
    await this.#try(async () => this.#shown(await this.#api.steer(this.#id, order)));
    if (order === "resume") this.#watch(this.#id);
  }

  /** What an admin's press of a button has led to; a failure is said, and the page stays. */
  async #try(work) {
    this.#say("");
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const [title, advice, values] = wordsOf(error);
      this.#say(`${this.#t(title)}. ${this.#t(advice, values)}`, "bad");
    }
  }

  #shown(progress) {
    this.#id = progress?.id ?? "";
    this.#progress.show(progress);
    this.#start.allow(!progress || ENDED.includes(progress.state));
  }

  /** Follow a backfill to its end, over whatever cuts. */
  async #watch(id) {
    this.#watching.abort();
    const { signal } = (this.#watching = new AbortController());
    const onCut = () => this.#progress.how(this.#t("reconnecting"));
    let how = this.#t("live");
    const onPolling = () => (how = this.#t("polled", { seconds: POLL_MS / SECOND_MS }));
    const look = async () => {
      for await (const progress of this.#api.watch(id, { signal, onCut, onPolling })) {
        this.#progress.how(how);
        this.#shown(progress);
        if (ENDED.includes(progress.state)) await this.#ended(progress);
      }
    };
    const failed = (error) => {
      if (signal.aborted) return false;
      if (isTransient(error)) onCut();
      else this.#refuse(error);
      return isTransient(error);
    };
    while (!(await look().then(yes, (error) => !failed(error)))) await sleep(AGAIN_MS, signal).catch(() => {});
  }

  async #ended(progress) {
    this.#say("");
    await remember(this.#client, progress);
    this.#listEarlier();
  }

  async #listEarlier() {
    const runs = await earlierRuns(this.#client);
    refill(this.#earlier.body, earlierTable(runs, this.#t, this.#language));
  }

  async #compare() {
    const app = settingsOf(this.#iparams);
    await this.#try(async () => this.#settled(app, await this.#api.settings()));
  }

  #settled(app, server, said = "") {
    const t = this.#t;
    const differs = differing(app, server);
    const send = button(t("apply"), (pressed) => this.#apply(app, pressed), { color: "primary", key: "apply" });
    refill(
      this.#settings.body,
      el("p", { class: "hint", role: "status" }, said || t(differs.length ? "settingsOther" : "settingsSame")),
      settingsTable(app, server, differs, t),
      differs.length ? el("div", { class: "orders" }, send) : null,
    );
  }

  async #apply(app, pressed) {
    pressed.loading = true;
    await this.#try(async () => this.#settled(app, await this.#api.choose(app), this.#t("applied")));
    pressed.loading = false;
  }

  #say(text, look = "good") {
    this.#said.className = text ? `said said-${look}` : "said";
    this.#said.textContent = text;
  }

  #refuse(error) {
    if (!(error instanceof Problem)) throw error;
    const [title, advice, values] = wordsOf(error);
    this.#api.blocked = false;
    clearTimeout(this.#again);
    showProblem(this.#root, this.#t, [title, advice, values], () => this.open());
    if (error.transient) this.#again = setTimeout(() => this.open(), Math.max(AGAIN_MS, error.retryAfterMs));
  }
}

const yes = () => true;
/** A stream that breaks is a TypeError of the browser. */
const isTransient = (error) => error.transient ?? error instanceof TypeError;

function headOf(t) {
  return [el("h1", {}, t("title")), el("p", { class: "lead" }, t("lead"))];
}

function showProblem(root, t, [title, advice, values], retry) {
  const again = retry && button(t("retry"), retry, { color: "primary", key: "retry" });
  const text = [el("h2", {}, t(title)), el("p", {}, t(advice, values))];
  refill(root, ...headOf(t), el("section", { class: "card problem", role: "alert" }, ...text, again));
}

/** The app's settings, who looks at the page, and in which language. */
async function surroundings(fdk) {
  const [iparams, user] = await Promise.all([
    bounded(() => fdk.iparams.get()),
    bounded(() => fdk.data.get("loggedInUser")).catch(() => null),
  ]);
  const theirs = user?.loggedInUser?.contact?.language;
  const wishes = [iparams?.language, theirs, ...navigator.languages].map((wish) => String(wish ?? ""));
  return { iparams: iparams ?? {}, user, language: preferredLanguage(wishes) };
}

/** Start the page; what can't start says so. */
export async function start(root, { client = fdkClient() } = {}) {
  let t = translator(preferredLanguage(), ADMIN_TEXTS);
  refill(root, ...headOf(t), el("p", { class: "hint", role: "status" }, t("loading")));
  try {
    const fdk = await client;
    const { iparams, user, language } = await surroundings(fdk);
    document.documentElement.lang = language;
    t = translator(language, ADMIN_TEXTS);
    document.title = t("title");
    if (!mayAdminister(user)) return showProblem(root, t, ["problem_agent", "advice_agent"], null);
    const api = new AdminApi({ client: fdk, base: baseOf(iparams.backend) });
    await new AdminPage(root, fdk, { iparams, language, api }).open();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(root, t, wordsOf(error), () => location.reload());
  }
}

const root = document.getElementById("admin");
if (root) start(root);
