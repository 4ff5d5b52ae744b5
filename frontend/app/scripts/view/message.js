// What stands in the parts' place where there is nothing to show.

import { el, focusedIn, refill } from "../elements/dom.js";
import { button } from "../elements/pieces.js";

/** A calm message where nothing can be shown: what is wrong, what to do, and when it is tried again. */
export class Message {
  #count = el("p", { class: "pc-count", "aria-hidden": "true" });
  element = el("section", { class: "pc-problem", hidden: true });

  /** `kind` is the problem's name, for its picture: the title's key without `problem_`. */
  show(kind, { title, advice, retryText, retry }) {
    const again = retry ? button(retryText, "retry", "pc-primary", retry) : null;
    this.element.dataset.kind = kind;
    refill(this.element, el("h2", {}, title), el("p", {}, advice), this.#count, again);
    this.element.hidden = false;
  }

  count(text) {
    this.#count.textContent = text;
  }

  /** Something takes its place; who was on its button goes on at `next`. */
  hide(next) {
    const left = focusedIn(this.element);
    this.element.hidden = true;
    if (left) next.focus({ preventScroll: true });
  }
}
