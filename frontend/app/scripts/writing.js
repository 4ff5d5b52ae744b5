// Words that are being written on demand, as they come, and one line about what is going on meanwhile.

import { el } from "./dom.js";
import { skeleton } from "./parts.js";

const SKELETON_LINES = 3;

/** One request on its way: `signal` ends it, `on` hears its events (see asked.js), `element` shows it. */
export class Writing {
  #abort = new AbortController();
  #words = document.createTextNode("");
  #line = el("p", { class: "pc-meta pc-doing" });
  #text = el("p", { class: "pc-text pc-streaming", hidden: true }, this.#words);
  #blank = skeleton(SKELETON_LINES);
  element = el("div", { class: "pc-writing", "aria-busy": "true" }, this.#text, this.#blank, this.#line);

  /** `doing` is the key of what is said before the first word. */
  constructor(t, doing) {
    this.#line.textContent = t(doing);
    this.on = {
      delta: (text) => this.#delta(text),
      reset: () => this.#reset(),
      sources: (found) => (this.#line.textContent = t("sourcesFound", { count: found.length })),
      cut: () => (this.#line.textContent = t("cut")),
      waiting: () => (this.#line.textContent = t("no_worker")),
      begun: () => (this.#line.textContent = t(doing)),
    };
  }

  get signal() {
    return this.#abort.signal;
  }

  stop() {
    this.#abort.abort();
  }

  #delta(text) {
    this.#words.appendData(text);
    this.#text.hidden = false;
    this.#blank.hidden = true;
    this.#line.textContent = "";
  }

  #reset() {
    this.#words.data = "";
    this.#text.hidden = true;
    this.#blank.hidden = false;
  }
}
