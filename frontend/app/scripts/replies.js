// Recommended replies and what an agent does with them: insert, copy, edit, and have written anew, in another tone,
// shorter, in another language, by the agent's own wish. What an agent has begun survives a newer Canvas.

import { el, refill } from "./dom.js";
import { htmlOf } from "./markdown.js";
import * as parts from "./parts.js";
import { textsOf, valuesOf } from "./problem.js";
import { editor, streamed, toolbox } from "./reply_parts.js";

/** The body of the replies' section. */
export class ReplyBox {
  #kit;
  #section;
  #thumbs;
  #given = [];
  #about = {};
  /** Replies that were written on demand: `{reply, run}`. */
  #own = [];
  #edits = new Map();
  #chosen = 0;
  #editing = false;
  #open = false;
  #wishes = "";
  #work = null;
  #problem = null;

  /** `kit()` gives what parts share; `section` is `{element, head, body}`. */
  constructor({ kit, section, thumbs }) {
    this.#kit = kit;
    this.#section = section;
    this.#thumbs = thumbs;
  }

  /** The Canvas's replies; `about`: `{why, note}`, why there is none, and who wrote them. */
  update(replies, about) {
    const editing = this.#editing && this.#current;
    this.#given = replies;
    this.#about = about;
    const kept = editing && this.#entries.findIndex(({ reply }) => reply.text === editing.reply.text);
    if (editing && kept < 0) this.#own.push({ ...editing, run: editing.run ?? "" });
    const last = this.#entries.length - 1;
    this.#chosen = editing ? (kept < 0 ? last : kept) : Math.max(0, Math.min(this.#chosen, last));
    this.render();
  }

  /** Another ticket: stop what is being written, forget what was. */
  clear() {
    this.#work?.abort.abort();
    this.#given = [];
    this.#about = {};
    this.#own = [];
    this.#edits.clear();
    this.#chosen = 0;
    this.#editing = this.#open = false;
    this.#wishes = "";
    this.#work = this.#problem = null;
  }

  /** Draw everything, but never over a box in which the agent writes. */
  render() {
    const kit = this.#kit();
    const entry = this.#current;
    refill(this.#section.head, parts.replyPager(this.#entries, this.#chosen, kit, (index) => this.#choose(index)));
    this.#thumbs.show(entry && !this.#work ? this.#subject(entry) : null, kit.t);
    if (this.#editing && this.#section.body.querySelector(".pc-edit")) return;
    refill(this.#section.body, ...this.#content(entry, kit));
    parts.foldLongReply(this.#section.body, kit);
    if (entry && !this.#work) kit.tell({ ...this.#subject(entry), action: "shown" });
  }

  get #entries() {
    const given = this.#given.map((reply, item) => ({ reply, item }));
    return [...given, ...this.#own];
  }

  get #current() {
    return this.#entries[this.#chosen];
  }

  /** What feedback calls this reply. */
  #subject({ item, run }) {
    return run === undefined ? { kind: "reply", item } : { kind: "generated_reply", run };
  }

  #text({ reply }) {
    return this.#edits.get(reply.text) ?? reply.text;
  }

  #content(entry, kit) {
    if (this.#work) return streamed(this.#work, kit, () => this.#stop());
    const trouble = this.#problem && parts.quiet(kit.t(textsOf(this.#problem)[0], valuesOf(this.#problem)));
    if (!entry) return [...parts.noRepliesPart(this.#about.why, kit), ...this.#tools(null, kit), trouble];
    if (this.#editing) return this.#editor(entry, kit);
    const shown = { ...entry.reply, text: this.#text(entry) };
    const press = (work) => (event) => work.call(this, entry, event.currentTarget);
    const buttons = [
      kit.actions.insert && parts.button(kit.t("insert"), "insert", "pc-primary", press(this.#insert)),
      parts.button(kit.t("copy"), "copy", "", press(this.#copy)),
      parts.button(kit.t("edit"), "edit", "", () => this.#edit()),
    ];
    return [...parts.replyPart(shown, kit, buttons), this.#about.note, ...this.#tools(entry, kit), trouble];
  }

  #editor(entry, kit) {
    const write = (text) => this.#edits.set(entry.reply.text, text);
    return editor(this.#text(entry), kit, { write, done: () => this.#done(entry), undo: () => this.#undo(entry) });
  }

  /** What can be asked for, where the host page can ask. */
  #tools(entry, kit) {
    if (!kit.actions.generate) return [];
    const box = {
      open: this.#open,
      wishes: this.#wishes,
      toggle: () => ((this.#open = !this.#open), this.render()),
      write: (text) => (this.#wishes = text),
      ask: (wish) => this.#generate({ ...wish, ...(wish.draft && { draft: this.#text(entry) }) }),
      replace: entry && kit.actions.insert && kit.actions.canReplace !== false && ((button) => this.#insert(entry, button, { replace: true })),
    };
    return toolbox(entry?.reply, box, kit);
  }

  #choose(index) {
    this.#chosen = index;
    this.#editing = false;
    this.render();
  }

  #edit() {
    this.#editing = true;
    this.render();
    this.#section.body.querySelector(".pc-edit").focus();
  }

  #done(entry) {
    if (this.#text(entry) !== entry.reply.text) this.#kit().tell({ ...this.#subject(entry), action: "edited" });
    this.#leaveEditor();
  }

  #undo(entry) {
    this.#edits.delete(entry.reply.text);
    this.#leaveEditor();
  }

  #leaveEditor() {
    this.#editing = false;
    this.#section.body.querySelector(".pc-edit")?.remove();
    this.render();
    this.#section.body.querySelector('[data-key="edit"]')?.focus();
  }

  async #insert(entry, button, { replace = false } = {}) {
    const [kit, text] = [this.#kit(), this.#text(entry)];
    const done = await kit.did(button, () => kit.actions.insert(htmlOf(text), { replace, text }), "inserted");
    if (done) kit.tell({ ...this.#subject(entry), action: "inserted" });
  }

  async #copy(entry, button) {
    const kit = this.#kit();
    if (await kit.copy(this.#text(entry), button)) kit.tell({ ...this.#subject(entry), action: "copied" });
  }

  /** Have a reply written; `wish`: what `/generate_reply` takes beside the ticket. */
  async #generate(wish) {
    this.#work?.abort.abort();
    const work = (this.#work = { abort: new AbortController(), words: document.createTextNode("") });
    this.#problem = null;
    this.render();
    this.#section.body.querySelector('[data-key="stop"]')?.focus();
    const kit = this.#kit();
    const on = { delta: (text) => work.words.appendData(text), reset: () => (work.words.data = "") };
    try {
      const { result, run } = await kit.actions.generate(wish, { signal: work.abort.signal, on });
      if (this.#work !== work) return;
      this.#own.push({ reply: result, run });
      this.#chosen = this.#entries.length - 1;
      kit.announce(kit.t("replyReady"));
    } catch (error) {
      if (this.#work !== work) return;
      this.#problem = error.name === "AbortError" ? null : error;
      if (this.#problem) kit.announce(kit.t(textsOf(error)[0], valuesOf(error)));
    }
    this.#work = null;
    this.render();
  }

  #stop() {
    this.#work?.abort.abort();
    this.#work = null;
    this.render();
  }
}
