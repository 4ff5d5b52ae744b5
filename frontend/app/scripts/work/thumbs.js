// Thumbs up and down beside a suggestion, and the reason after a thumb down. What was said stays on the buttons for as
// long as the same suggestion is shown.

import { el, refill } from "../elements/dom.js";

const REASONS = ["wrong", "outdated", "irrelevant", "incomplete", "tone", "language", "unsafe", "other"];

/** `buttons` stands in a part's head, `reasons` below it; `tell(entry)` hears what the agent says. */
export class Thumbs {
  buttons = el("span", { class: "pc-thumbs", hidden: true });
  reasons = el("div", { class: "pc-reasons", hidden: true });
  #tell;
  #said = new Map();
  #subject = null;
  #asking = false;
  #t = (key) => key;

  constructor(tell) {
    this.#tell = tell;
  }

  /** Show the thumbs of a suggestion `{kind, item?, run?, etag?}`, or none. */
  show(subject, t) {
    if (JSON.stringify(subject) !== JSON.stringify(this.#subject)) this.#asking = false;
    this.#subject = subject;
    this.#t = t;
    this.#render();
  }

  /** Another suggestion has taken the place of this one. */
  forget() {
    this.#said.clear();
    this.#asking = false;
    this.show(null, this.#t);
  }

  #render() {
    this.buttons.hidden = !this.#subject;
    this.reasons.hidden = !this.#subject || !this.#asking;
    if (!this.#subject) return;
    refill(this.buttons, this.#thumb("up"), this.#thumb("down"));
    const reason = (name) => this.#button(this.#t(`reason_${name}`), name, "pc-choice", () => this.#because(name));
    const label = this.#t("whyDown");
    const group = el("div", { class: "pc-choices", role: "group", "aria-label": label }, REASONS.map(reason));
    refill(this.reasons, el("p", { class: "pc-meta" }, label), group);
  }

  #thumb(way) {
    const pressed = this.#said.get(this.#name) === way;
    const attributes = { "aria-label": this.#t(`thumb_${way}`), title: this.#t(`thumb_${way}`) };
    const made = this.#button("", `thumb-${way}`, `pc-thumb pc-thumb-${way}`, () => this.#vote(way), attributes);
    made.setAttribute("aria-pressed", String(pressed));
    return made;
  }

  #button(text, key, style, onclick, attributes = {}) {
    return el("button", { type: "button", class: style, "data-key": key, onclick, ...attributes }, text);
  }

  get #name() {
    return JSON.stringify(this.#subject);
  }

  #vote(way) {
    if (this.#said.get(this.#name) !== way) this.#tell({ ...this.#subject, action: way });
    this.#said.set(this.#name, way);
    // Pressed again, it takes its question back.
    this.#asking = way === "down" && !this.#asking;
    this.#render();
  }

  #because(reason) {
    this.#tell({ ...this.#subject, action: "rejected", reason });
    this.#asking = false;
    this.#render();
    this.buttons.querySelector?.(".pc-thumb-down")?.focus();
  }
}
