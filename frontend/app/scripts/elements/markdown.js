// The little Markdown that models may use: paragraphs, lists, and what `inline` knows. The one renderer of what models
// write: whole, or word by word. Of words that come, each line's part that is settled is made once and stays; only the
// end that is not is drawn anew, so that the cost does not grow with the text, and no sign shows up to vanish again.

import { el } from "./dom.js";
import { asIfEnded, inline } from "./inline.js";

/** The start of a list's item. */
const ITEM = /^\s{0,6}(?:[-*•]|(\d{1,3})[.)])\s+(?=\S)/;
/** The start of a line that may still become an item, or is blank. */
const UNDECIDED = /^\s*$|^\s{0,6}(?:[-*•]|\d{1,3}[.)]?)\s*$/;

/** Elements of a text; `cite` as for `inline`. */
export function markdown(text, options = {}) {
  const growing = new GrowingMarkdown(el("div"), options);
  growing.write(text);
  growing.end();
  return [...growing.element.childNodes];
}

/**
 * A text in an element with these attributes: where it was written word by word (`grown`, or null), in that one, so that
 * nothing moves and no focus is lost when its last word has come.
 */
export function textElement(text, attributes, { grown = null, cite = null } = {}) {
  if (grown?.text.trim() !== text.trim()) return el("div", attributes, markdown(text, { cite }));
  grown.end();
  for (const [name, value] of Object.entries(attributes)) grown.element.setAttribute(name, value);
  return grown.element;
}

/** A text that is being written, in `element`, which has to be empty. */
export class GrowingMarkdown {
  element;
  /** All that was written. */
  text = "";
  #options;
  /** The paragraph or list that is open, and where the line's words go. */
  #block = null;
  #place = null;
  /** What of the line is not settled; `#fresh`: not even what kind of line it is. */
  #rest = "";
  #fresh = true;
  /** How `#rest` is shown meanwhile. */
  #meanwhile = [];

  constructor(element = el("div"), { cite = null } = {}) {
    this.element = element;
    this.#options = { cite };
  }

  /** The next words. */
  write(text) {
    this.text += text;
    this.#clear();
    const [first, ...lines] = text.split("\n");
    this.#add(first);
    for (const line of lines) {
      this.#endLine();
      this.#add(line);
    }
    if (this.#fresh) return;
    this.#meanwhile = asIfEnded(this.#rest, this.#options);
    this.#place.append(...this.#meanwhile);
  }

  /** No more words: what has no end stays the text that it is. */
  end() {
    this.#clear();
    this.#endLine();
  }

  /** Take all back. */
  reset() {
    this.element.replaceChildren();
    this.#meanwhile = [];
    this.text = this.#rest = "";
    this.#fresh = true;
    this.#block = null;
  }

  #clear() {
    for (const node of this.#meanwhile) node.remove();
    this.#meanwhile = [];
  }

  #add(words) {
    this.#rest += words;
    if (this.#fresh && !this.#decided(words)) return;
    this.#fresh = false;
    const { nodes, rest } = inline(this.#rest, { ...this.#options, whole: false });
    this.#settle(nodes);
    this.#rest = rest;
  }

  /** Find out what kind of line this is; false where that needs more words. Space alone never tells. */
  #decided(words) {
    if (!/\S/.test(words) || UNDECIDED.test(this.#rest)) return false;
    this.#open(ITEM.exec(this.#rest));
    return true;
  }

  #endLine() {
    const line = this.#rest.replace(/\r$/, "");
    if (this.#fresh && !line.trim()) this.#block = null;
    else {
      if (this.#fresh) this.#open(null);
      this.#settle(inline(line, this.#options).nodes);
    }
    this.#rest = "";
    this.#fresh = true;
  }

  /** A line begins, of an item or of a paragraph. */
  #open(item) {
    if (!item) return this.#openParagraph();
    const [start, number] = item;
    const tag = number === undefined ? "UL" : "OL";
    if (this.#block?.tagName !== tag) this.#openBlock(tag === "OL" ? el("ol", { start: Number(number) }) : el("ul"));
    this.#place = el("li");
    this.#block.append(this.#place);
    this.#rest = this.#rest.slice(start.length);
  }

  #openParagraph() {
    if (this.#block?.tagName === "P") return this.#settle(["\n"]);
    this.#openBlock(el("p"));
    this.#place = this.#block;
  }

  #openBlock(element) {
    this.#block = element;
    this.element.append(element);
  }

  /** Put there to stay; text goes on in the same node. */
  #settle(nodes) {
    for (const node of nodes) {
      const last = this.#place.lastChild;
      if (typeof node === "string" && last?.nodeType === Node.TEXT_NODE) last.appendData(node);
      else this.#place.append(node);
    }
  }
}
