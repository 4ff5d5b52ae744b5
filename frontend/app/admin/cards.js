// The parts of the administration page: the backfill that goes on, the form that starts one, the settings, and earlier
// backfills. Each fills an element of its own and calls back; none asks the server.

import { el, refill } from "../scripts/elements/dom.js";
import { barsOf, ENDED, figuresOf, lookOf, moment, money, settledOf } from "./figures.js";

/** A Crayons button. */
export function button(text, press, { color = "secondary", key = "", ...more } = {}) {
  const made = el("fw-button", { color, "data-key": key || null, ...more }, text);
  made.addEventListener("click", () => !made.disabled && press(made));
  return made;
}

/** A card: its element, and what is filled. */
export function card(name, title) {
  const body = el("div", { class: "body" });
  const heading = el("h2", { id: `card-${name}` }, title);
  return { element: el("section", { class: `card card-${name}`, "aria-labelledby": heading.id }, heading, body), body };
}

/** The backfill that goes on, or the last one. */
export class ProgressCard {
  #t;
  #language;
  #steer;
  #state = el("p", { class: "state", role: "status", tabindex: "-1" });
  #how = el("span", { class: "how" });
  #bars = el("div", { class: "bars" });
  #figures = el("dl", { class: "figures" });
  #note = el("p", { class: "note", hidden: true });
  #order = "pause";
  /** What is wrong, or "". */
  #why = "";
  #steerButton;
  #cancelButton;
  #orders;
  #shown = "";

  /** `steer(order)` pauses, resumes or cancels. */
  constructor({ t, language, steer }) {
    this.#t = t;
    this.#language = language;
    this.#steer = steer;
    const { element, body } = card("now", t("now"));
    this.element = element;
    this.body = body;
    // Always the same two, so that whoever has pressed one stays on it.
    this.#steerButton = button(t("pause"), () => this.#steer(this.#order));
    this.#cancelButton = button(t("cancel"), () => this.#cancel());
    this.#cancelButton.addEventListener("focusout", () => this.#doubt(false));
    this.#orders = el("div", { class: "orders" }, this.#steerButton, this.#cancelButton);
    this.show(null);
  }

  /** `progress` is an `IngestProgress`, or null where there is none. */
  show(progress) {
    if (!progress) return refill(this.body, el("p", { class: "hint" }, this.#t("none")));
    if (!this.body.contains(this.#state)) {
      const head = el("div", { class: "head" }, this.#state, this.#how);
      refill(this.body, head, this.#note, this.#bars, this.#figures, this.#orders);
    }
    this.#said(progress);
    refill(this.#bars, ...barsOf(progress).filter(({ all }) => all > 0).map((bar) => this.#bar(bar)));
    const figures = figuresOf(progress, this.#t, this.#language);
    refill(this.#figures, ...figures.map(([key, value]) => el("div", {}, el("dt", {}, this.#t(key)), el("dd", {}, value))));
  }

  /** How it is followed: a text beside the state. */
  how(text) {
    this.#how.textContent = text;
  }

  /** What changes seldom: the state, what is wrong, and the buttons, which keep the focus. */
  #said(progress) {
    const { state, working, error } = progress;
    const shown = JSON.stringify([state, working, error]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    refill(this.#state, el("span", { class: `pill pill-${lookOf(state)}` }, this.#t(`state_${state || "queued"}`)));
    this.#why = this.#noteOf(progress);
    // A worker takes a moment to come: only who waits longer is told that there is none.
    this.#note.classList.toggle("late", !working && state === "queued");
    if (ENDED.includes(state)) this.how("");
    this.#offer(state);
  }

  #noteOf({ state, working, error }) {
    if (state === "failed") return this.#t("failedWhy", { error });
    if (state === "over_budget") return this.#t("overBudget");
    return working || ENDED.includes(state) || state === "paused" ? "" : this.#t("noWorker");
  }

  #offer(state) {
    const ended = ENDED.includes(state);
    if (ended && this.#orders.contains(document.activeElement)) this.#state.focus();
    this.#orders.hidden = ended;
    this.#order = state === "paused" ? "resume" : "pause";
    this.#steerButton.textContent = this.#t(this.#order);
    this.#steerButton.color = state === "paused" ? "primary" : "secondary";
    this.#doubt(false);
  }

  /** Cancelling asks once more, on the button itself. */
  #cancel() {
    if (this.#cancelButton.dataset.sure) return this.#steer("cancel");
    this.#doubt(true);
  }

  #doubt(asking) {
    const pressed = this.#cancelButton;
    if (asking) pressed.dataset.sure = "yes";
    else delete pressed.dataset.sure;
    pressed.color = asking ? "danger" : "secondary";
    pressed.textContent = this.#t(asking ? "cancelSure" : "cancel");
    this.#note.textContent = asking ? this.#t("cancelHint") : this.#why;
    if (asking) this.#note.classList.remove("late");
    this.#note.hidden = !this.#note.textContent;
  }

  #bar({ key, done, all }) {
    const number = (value) => value.toLocaleString(this.#language);
    const said = this.#t("of", { done: number(done), all: number(all) });
    const label = el("span", { id: `bar-${key}` }, this.#t(key));
    const bar = el("progress", { max: all, value: done, "aria-labelledby": label.id });
    return el("div", { class: "bar" }, label, el("span", { class: "count" }, said), bar);
  }
}

/** What the app says beside what the server says. */
export function settingsTable(app, server, differing, t) {
  const row = (name) =>
    el(
      "tr",
      { class: differing.includes(name) ? "differs" : "" },
      el("th", { scope: "row" }, t(`set_${name}`)),
      el("td", {}, settingText(app[name], t)),
      el("td", {}, settingText(server[name], t)),
    );
  const head = ["setting", "inApp", "onServer"].map((key) => el("th", { scope: "col" }, t(key)));
  return scrolling(t("settings"), head, Object.keys(app).map(row));
}

/** A table that is scrolled where it is too wide, by the keyboard too. */
function scrolling(label, head, rows) {
  const table = el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label }, table);
}

function settingText(value, t) {
  const text = Array.isArray(value) ? value.join(" · ") : String(value ?? "");
  return text || t("byDefault");
}

/** Ended backfills that were watched from here, the newest first. */
export function earlierTable(runs, t, language) {
  if (!runs.length) return el("p", { class: "hint" }, t("earlierNone"));
  const number = (value) => Number(value).toLocaleString(language);
  const row = (run) =>
    el(
      "tr",
      {},
      el("td", {}, moment(run.started_ms, language)),
      el("td", {}, el("span", { class: `pill pill-${lookOf(run.state)}` }, t(`state_${run.state}`))),
      el("td", { class: "number" }, number(settledOf(run))),
      el("td", { class: "number" }, number(run.unprepared + run.dead)),
      el("td", { class: "number" }, money(run.cost, language)),
    );
  const numbers = ["settled", "failures", "cost"];
  const look = (key) => (numbers.includes(key) ? "number" : null);
  const head = ["began", "col_state", ...numbers].map((key) => el("th", { scope: "col", class: look(key) }, t(key)));
  return scrolling(t("earlier"), head, runs.map(row));
}
