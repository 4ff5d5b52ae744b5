// The cards of the parts, in their order: which of them stand on the page, as grey bars, with words, or with the reason
// why there are none.

import { el, refill } from "../elements/dom.js";
import { GrowingMarkdown } from "../elements/markdown.js";
import { quiet, skeleton } from "../elements/pieces.js";

export const PARTS = ["summary", "replies", "similar", "solutions"];
/** As many bars as nearly fill the place that a part usually takes (`--pc-usual` in the style sheet), as far as it is seen. */
const SKELETON_LINES = { summary: 9, replies: 14, similar: 6, solutions: 3 };

/** Cards by part; those that are not in `show` never appear. */
export class Cards {
  #sections;
  #show;
  /** Texts of parts that are being written. */
  #growing = {};
  element;

  /** `thumbs(name)` are those that stand in a part's head. */
  constructor({ show, thumbs }) {
    this.#show = show;
    this.#sections = Object.fromEntries(PARTS.map((name) => [name, section(name, thumbs(name))]));
    this.element = el("div", { class: "pc-parts" }, PARTS.map((name) => this.#sections[name].element));
  }

  /** `{element, title, head, body}` of a part. */
  of(name) {
    return this.#sections[name];
  }

  /** Whether the agent's account wants to see a part. */
  wants(name) {
    return this.#show.includes(name);
  }

  /** A part is there: show its card. */
  reveal(name) {
    const { element } = this.#sections[name];
    element.hidden = !this.wants(name);
    element.removeAttribute("aria-busy");
  }

  hide(name) {
    delete this.#growing[name];
    this.#sections[name].element.hidden = true;
  }

  /** Another ticket: what comes next is new, begins at the top, and is nothing of the old that has moved. */
  away() {
    for (const name of PARTS) this.hide(name);
    void this.element.offsetHeight; // so that the browser has seen them go
    document.documentElement.scrollTop = 0;
  }

  /** The next words of a part's text. */
  write(name, words) {
    this.#growing[name] ??= this.#begin(name);
    this.#growing[name].write(words);
  }

  /** What was written of a part, word by word, or null. */
  grown(name) {
    return this.#growing[name] ?? null;
  }

  #begin(name) {
    const growing = new GrowingMarkdown(el("div", { class: "pc-text pc-streaming" }));
    const { element } = growing;
    refill(this.#sections[name].body, name === "replies" ? el("div", { class: "pc-reply" }, element) : element);
    return growing;
  }

  /** Something will be there. */
  skeleton(name) {
    delete this.#growing[name];
    const { element, head, body } = this.#sections[name];
    element.hidden = !this.wants(name);
    element.setAttribute("aria-busy", "true");
    refill(head);
    refill(body, skeleton(SKELETON_LINES[name]));
  }

  /** Nothing will be there. */
  fail(name, words) {
    const { head, body } = this.#sections[name];
    delete this.#growing[name];
    this.reveal(name);
    refill(head);
    refill(body, quiet(words));
  }

  /** The language in which the parts are written. */
  speak(language) {
    for (const { body } of Object.values(this.#sections)) body.lang = language;
  }
}

/** A part's card: title, what stands beside it, the thumbs, and the body. */
export function section(name, thumbs) {
  const title = el("h2", { id: `pc-${name}` });
  const head = el("span", { class: "pc-head" });
  const body = el("div", { class: "pc-body" });
  const attributes = { class: `pc-part pc-part-${name}`, "aria-labelledby": `pc-${name}`, hidden: true };
  const header = el("header", {}, title, head, thumbs.buttons);
  return { element: el("section", attributes, header, thumbs.reasons, body), title, head, body };
}

/** Let an element's border light up: something in it has changed. */
export function flash(element) {
  element.classList.remove("pc-changed");
  void element.offsetWidth; // restarts the animation
  element.classList.add("pc-changed");
}

/** A language as an element may name it; what is no tag names none. */
export function tagOf(language) {
  return /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(language) ? language : "";
}
