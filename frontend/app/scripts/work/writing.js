// Words that are being written on demand, as they come, and one line about what is going on meanwhile.

import { el } from "../elements/dom.js";
import { GrowingMarkdown } from "../elements/markdown.js";
import { skeleton } from "../elements/pieces.js";

const SKELETON_LINES = 3;

/** One request on its way: `signal` ends it, `on` hears its events (see asked.js), `element` shows it. */
export class Writing {
  #abort = new AbortController();
  #line = el("p", { class: "pc-meta pc-doing" });
  #blank = skeleton(SKELETON_LINES);
  /** What has been written. */
  grown;
  /** What an answer rests on, as soon as that is known, and what was cited of it by then. */
  #sources = [];
  #cited = new Map();
  element = el("div", { class: "pc-writing", "aria-busy": "true" });

  /** `doing` is the key of what is said before the first word; `cite(source or null)` makes a citation. */
  constructor(t, doing, cite = () => null) {
    const found = (number) => this.#sources.find((source) => source.number === number) ?? null;
    const citing = (number) => (this.#cited.set(number, JSON.stringify(found(number))), cite(found(number)));
    const text = el("div", { class: "pc-text pc-streaming", hidden: true });
    this.grown = new GrowingMarkdown(text, { cite: citing });
    this.element.append(text, this.#blank, this.#line);
    this.#line.textContent = t(doing);
    this.on = {
      delta: (text) => this.#delta(text),
      reset: () => this.#reset(),
      sources: (found) => {
        this.#sources = found;
        this.#line.textContent = t("sourcesFound", { count: found.length });
      },
      cut: () => (this.#line.textContent = t("cut")),
      waiting: () => (this.#line.textContent = t("no_worker")),
      begun: () => (this.#line.textContent = t(doing)),
    };
  }

  /** What was written, where it cites the same as these sources are; else null. */
  grownFrom(sources) {
    const same = (number, told) => JSON.stringify(sources.find((source) => source.number === number) ?? null) === told;
    return [...this.#cited].every(([number, told]) => same(number, told)) ? this.grown : null;
  }

  get signal() {
    return this.#abort.signal;
  }

  stop() {
    this.#abort.abort();
  }

  #delta(text) {
    this.grown.write(text);
    this.grown.element.hidden = false;
    this.#blank.hidden = true;
    this.#line.textContent = "";
  }

  #reset() {
    this.grown.reset();
    this.#cited.clear();
    this.grown.element.hidden = true;
    this.#blank.hidden = false;
  }
}
