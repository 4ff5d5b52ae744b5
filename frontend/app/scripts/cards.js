// The cards of the parts, in their order: which of them stand on the page, as grey bars, with words, or with the reason
// why there are none.

import { el, refill } from "./dom.js";
import { section } from "./frame.js";
import { quiet, skeleton } from "./parts.js";

export const PARTS = ["summary", "replies", "similar", "solutions"];
const SKELETON_LINES = { summary: 5, replies: 6, similar: 6, solutions: 3 };

/** Cards by part; those that are not in `show` never appear. */
export class Cards {
  #sections;
  #show;
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
    this.#sections[name].element.hidden = true;
  }

  /** Another ticket: what comes next is new, begins at the top, and is nothing of the old that has moved. */
  away() {
    for (const name of PARTS) this.hide(name);
    void this.element.offsetHeight; // so that the browser has seen them go
    document.documentElement.scrollTop = 0;
  }

  /** Something will be there. */
  skeleton(name) {
    const { element, head, body } = this.#sections[name];
    element.hidden = !this.wants(name);
    element.setAttribute("aria-busy", "true");
    refill(head);
    refill(body, skeleton(SKELETON_LINES[name]));
  }

  /** Nothing will be there. */
  fail(name, words) {
    const { head, body } = this.#sections[name];
    this.reveal(name);
    refill(head);
    refill(body, quiet(words));
  }

  /** The language in which the parts are written. */
  speak(language) {
    for (const { body } of Object.values(this.#sections)) body.lang = language;
  }
}
