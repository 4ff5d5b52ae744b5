// Replies that were written before the agent's eyes are neither made anew nor folded up at their last word: nothing moves.
// What the agent has unfolded stays so, too, however often the reply is drawn.

/** Of one ticket. */
export class GrownTexts {
  #grown = new Map();
  #open = new Set();

  /** A `GrowingMarkdown` (or null) that the agent has seen. */
  saw(grown) {
    const text = grown?.text.trim();
    if (!text || this.#grown.get(text) === grown) return;
    this.#grown.set(text, grown);
    this.#open.add(text);
  }

  /** The one with this text, or null. */
  as(text) {
    return this.#grown.get(text.trim()) ?? null;
  }

  /** How a text is folded, as `foldLongReply` takes it. */
  folding(text) {
    const name = text.trim();
    return { open: this.#open.has(name), opened: (open) => (open ? this.#open.add(name) : this.#open.delete(name)) };
  }

  clear() {
    this.#grown.clear();
    this.#open.clear();
  }
}
