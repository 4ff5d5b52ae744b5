// The form that starts a backfill.

import { el } from "../scripts/elements/dom.js";
import { button, card } from "./cards.js";
import { wantedOf } from "./wanted.js";

const TYPES = ["tickets", "solutions"];

/** Asks what to bring in. */
export class StartCard {
  #t;
  #inputs = {};
  #errors = {};
  #begin;
  #busy;

  /** `start(wanted)` resolves when it has been started; `domain` is the account's. */
  constructor({ t, domain, start }) {
    this.#t = t;
    const { element, body } = card("start", t("start"));
    this.element = element;
    this.#begin = button(t("begin"), () => this.#submit(start), { color: "primary", key: "begin" });
    this.#busy = el("p", { class: "hint", hidden: true }, t("oneAtATime"));
    const form = el("form", { novalidate: true }, this.#types(), this.#range(), this.#money(), this.#more());
    form.addEventListener("submit", (event) => event.preventDefault());
    form.append(el("div", { class: "orders" }, this.#begin, this.#busy));
    body.append(el("p", { class: "hint" }, t("startHint", { domain })), form);
  }

  /** Whether one can be started now. */
  allow(may) {
    this.#begin.disabled = !may;
    this.#busy.hidden = may;
  }

  async #submit(start) {
    const { wanted, wrong = {} } = wantedOf(this.#typed());
    for (const [name, error] of Object.entries(this.#errors)) this.#tell(name, error, wrong[name]);
    const [first] = Object.keys(wrong);
    if (first) return this.#field(first).focus();
    this.#begin.loading = true;
    await start(wanted).finally(() => (this.#begin.loading = false));
  }

  #tell(name, error, key) {
    error.textContent = key ? this.#t(key) : "";
    this.#field(name).setAttribute("aria-invalid", String(Boolean(key)));
  }

  #field(name) {
    return this.#inputs[name] ?? this.#inputs[TYPES[0]];
  }

  #typed() {
    const { since, until, budget, reindex, refresh, batch } = this.#inputs;
    return {
      types: TYPES.filter((type) => this.#inputs[type].checked),
      since: since.value,
      until: until.value,
      budget: budget.value,
      reindex: reindex.checked,
      refresh: refresh.checked,
      batch: batch.checked,
    };
  }

  #types() {
    const boxes = TYPES.map((type) => this.#box(type, `type_${type}`, true));
    return el("fieldset", {}, el("legend", {}, this.#t("what")), ...boxes, this.#error("types"));
  }

  #range() {
    const fields = ["since", "until"].map((name) => this.#input(name, { type: "date", min: "2000-01-01", max: "2999-12-31" }));
    return el("div", { class: "row" }, ...fields, el("p", { class: "hint wide" }, this.#t("rangeHint")));
  }

  #money() {
    const field = this.#input("budget", { type: "text", inputmode: "decimal", maxlength: "12", autocomplete: "off" });
    return el("div", { class: "row" }, field, el("p", { class: "hint wide" }, this.#t("budgetHint")));
  }

  #more() {
    const boxes = ["reindex", "refresh", "batch"].map((name) => this.#box(name, name, false));
    return el("details", {}, el("summary", {}, this.#t("more")), ...boxes);
  }

  #box(name, key, checked) {
    const box = (this.#inputs[name] = el("input", { type: "checkbox", name, checked }));
    return el("label", { class: "choice" }, box, el("span", {}, this.#t(key)));
  }

  #input(name, attributes) {
    const error = this.#error(name);
    const id = `start-${name}`;
    this.#inputs[name] = el("input", { id, name, "aria-describedby": error.id, ...attributes });
    return el("div", { class: "field" }, el("label", { for: id }, this.#t(name)), this.#inputs[name], error);
  }

  #error(name) {
    return (this.#errors[name] = el("p", { class: "error", id: `start-${name}-error` }));
  }
}
