// Recommended replies and what an agent does with them: insert, copy, edit, and have written anew, in another tone,
// shorter, in another language, by the agent's own wish. What an agent has begun survives a newer Canvas, and a visit to
// another ticket; a reply that was written anew stands beside the one before, which stays.

import { focusedIn, keepFocus, refill } from "../elements/dom.js";
import { htmlOf } from "../elements/html.js";
import { button, trouble } from "../elements/pieces.js";
import { problemIn, textsOf, valuesOf } from "../serve/problem.js";
import { GrownTexts } from "./grown_texts.js";
import { Recall } from "./recall.js";
import { editor, foldLongReply, noRepliesPart, replyPager, replyPart, streamed, toolbox } from "./reply_parts.js";
import { Writing } from "./writing.js";

/** The body of the replies' section. */
export class ReplyBox {
  #kit;
  #section;
  #thumbs;
  #recall = new Recall();
  #ticket = null;
  #given = [];
  #about = {};
  /** Replies that were written on demand: `{reply, run}`. */
  #own = [];
  #edits = new Map();
  #grown = new GrownTexts();
  #chosen = 0;
  /** The name of the reply that was read when the ticket was left, until it is there again. */
  #awaited = "";
  #editing = false;
  #open = false;
  #wishes = "";
  #work = null;
  #problem = null;
  /** The key of the button that had something written. */
  #pressed = "";

  /** `kit()` gives what parts share; `section` is `{element, head, body}`. */
  constructor({ kit, section, thumbs }) {
    this.#kit = kit;
    this.#section = section;
    this.#thumbs = thumbs;
  }

  /** A ticket is opened: go on where the agent was. */
  open(ticketId) {
    this.#ticket = ticketId;
    const begun = { own: [], edits: new Map(), read: "", wishes: "", open: false, ...this.#recall.get(ticketId) };
    ({ own: this.#own, edits: this.#edits, read: this.#awaited, wishes: this.#wishes, open: this.#open } = begun);
    this.#chosen = 0;
  }

  /** The Canvas's replies; `about`: `{why, note, grown}`, why there is none, who wrote them, and what grew on the page. */
  update(replies, about) {
    const [read, editing] = [this.#read, this.#editing && this.#current];
    this.#awaited = "";
    this.#given = replies;
    this.#about = about;
    this.#grown.saw(about.grown);
    const place = () => this.#entries.findIndex((entry) => nameOf(entry) === read);
    // One that is edited and that the new Canvas has no more becomes the agent's own.
    if (editing && place() < 0) this.#own.push({ ...editing, run: editing.run ?? "", name: read });
    if (place() >= 0) this.#chosen = place();
    this.#chosen = Math.max(0, Math.min(this.#chosen, this.#entries.length - 1));
    this.render();
  }

  /** Another ticket: stop what is being written, put aside what was. */
  clear() {
    this.#work?.stop();
    const begun = this.#own.length > 0 || this.#edits.size > 0 || this.#wishes !== "";
    const kept = { own: this.#own, edits: this.#edits, read: this.#read, wishes: this.#wishes, open: this.#open };
    this.#recall.put(this.#ticket, begun ? kept : null);
    this.#work = this.#problem = null;
    this.#given = [];
    this.#about = {};
    this.#grown.clear();
    this.#editing = false;
    this.open(null);
  }

  /** Put nothing aside, and forget what was. */
  forget() {
    this.#recall.clear();
    this.#ticket = null;
  }

  /** A `reply` that was written in another view, or the agent's `edit` of one. */
  shared(kind, value) {
    if (kind === "edit") this.#write(value, value.text);
    else if (!this.#own.some(({ run, reply }) => run === value.run && reply.text === value.reply.text)) this.#own.push(value);
    if (!this.#editing) this.render();
  }

  /** Draw everything, but never over a box in which the agent writes. */
  render() {
    const kit = this.#kit();
    const entry = this.#current;
    refill(this.#section.head, replyPager(this.#entries, this.#chosen, kit, (index) => this.#choose(index)));
    this.#thumbs.show(entry && !this.#work ? this.#subject(entry) : null, kit.t);
    if (this.#editing && this.#section.body.querySelector(".pc-edit")) return;
    keepFocus(this.#section.body, () => refill(this.#section.body, ...this.#content(entry, kit)));
    if (entry && !this.#work) this.#drawn(entry, kit);
  }

  #drawn(entry, kit) {
    foldLongReply(this.#section.body, kit, this.#grown.folding(this.#text(entry)));
    kit.tell({ ...this.#subject(entry), action: "shown" });
  }

  get #entries() {
    const given = this.#given.map((reply, item) => ({ reply, item }));
    return [...given, ...this.#own];
  }

  get #current() {
    return this.#entries[this.#chosen];
  }

  get #read() {
    return this.#awaited || (this.#current ? nameOf(this.#current) : "");
  }

  /** What feedback calls this reply. */
  #subject({ item, run }) {
    return run === undefined ? { kind: "reply", item } : { kind: "generated_reply", run };
  }

  #text(entry) {
    return this.#edits.get(nameOf(entry)) ?? entry.reply.text;
  }

  /** The agent's words in place of a reply's own; null, or the same, are none. */
  #write({ of, own }, text) {
    if (text === null || text === own) this.#edits.delete(of);
    else this.#edits.set(of, text);
  }

  #content(entry, kit) {
    if (this.#work) return streamed(this.#work, kit, () => this.#stop());
    if (!entry) return [...noRepliesPart(this.#about.why, kit), ...this.#tools(null, kit), this.#trouble(kit)];
    if (this.#editing) return this.#editor(entry, kit);
    const shown = { ...entry.reply, text: this.#text(entry), marks: this.#marks(entry, kit) };
    const note = entry.run === undefined && this.#about.note;
    const below = [note, ...this.#tools(entry, kit), this.#trouble(kit)];
    return [...replyPart(shown, kit, this.#buttons(entry, kit), this.#grown.as(shown.text)), ...below];
  }

  #trouble(kit) {
    return this.#problem && trouble(this.#problem, kit);
  }

  /** What is to be known of a reply beside its tone. */
  #marks(entry, { t }) {
    const { text, degraded } = entry.reply;
    const known = { edited: this.#text(entry) !== text, ownReply: entry.run !== undefined, fallback: degraded };
    return Object.keys(known).filter((name) => known[name]).map((name) => t(name));
  }

  #buttons(entry, kit) {
    const press = (work) => (event) => work.call(this, entry, event.currentTarget);
    const insert = kit.actions.insert && button(kit.t("insert"), "insert", "pc-primary", press(this.#insert));
    if (insert) insert.title = kit.t("insertHint");
    const changed = this.#edits.has(nameOf(entry));
    return [
      insert,
      button(kit.t("copy"), "copy", "", press(this.#copy)),
      button(kit.t("edit"), "edit", "", () => this.#edit()),
      changed && button(kit.t("undo"), "undo", "pc-link", () => this.#undo(entry)),
    ];
  }

  #editor(entry, kit) {
    const write = (text) => this.#write(edited(entry), text);
    return editor(this.#text(entry), kit, { write, done: () => this.#done(entry), undo: () => this.#undo(entry) });
  }

  /** What can be asked for, where the host page can ask. */
  #tools(entry, kit) {
    if (!kit.actions.generate) return [];
    const { insert, canReplace } = kit.actions;
    const box = {
      open: this.#open,
      wishes: this.#wishes,
      toggle: () => ((this.#open = !this.#open), this.render()),
      write: (text) => (this.#wishes = text),
      ask: (wish) => this.#generate({ ...wish, ...(wish.draft && { draft: this.#text(entry) }) }),
      replace:
        entry && insert && canReplace !== false && ((button) => this.#insert(entry, button, { replace: true })),
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
    const text = this.#text(entry);
    if (text !== entry.reply.text) this.#kit().tell({ ...this.#subject(entry), action: "edited" });
    this.#share("edit", { ...edited(entry), text });
    this.#leaveEditor();
  }

  #undo(entry) {
    this.#write(edited(entry), null);
    this.#share("edit", { ...edited(entry), text: null });
    this.#leaveEditor();
  }

  #leaveEditor() {
    this.#editing = false;
    this.#section.body.querySelector(".pc-edit")?.remove();
    this.render();
    this.#section.body.querySelector('[data-key="edit"]')?.focus();
  }

  #share(kind, value) {
    this.#kit().actions.share?.(kind, value);
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
    this.#work?.stop();
    const kit = this.#kit();
    const work = (this.#work = new Writing(kit.t, "writing"));
    this.#problem = null;
    this.#pressed = document.activeElement?.dataset.key ?? "";
    this.render();
    this.#section.body.querySelector('[data-key="stop"]')?.focus();
    try {
      const written = await kit.actions.generate(wish, { signal: work.signal, on: work.on });
      if (this.#work === work) this.#written({ reply: written.result, run: written.run }, work.grown);
    } catch (error) {
      if (this.#work === work) this.#failed(error);
    }
  }

  #written(entry, grown) {
    const kit = this.#kit();
    this.#work = null;
    this.#grown.saw(grown);
    this.#own.push(entry);
    this.#chosen = this.#entries.length - 1;
    this.#share("reply", entry);
    kit.announce(kit.t("replyReady"));
    this.#back();
  }

  #failed(error) {
    const kit = this.#kit();
    this.#work = null;
    const problem = (this.#problem = error.name === "AbortError" ? null : problemIn(error));
    if (problem) kit.announce(kit.t(textsOf(problem)[0], valuesOf(problem)));
    this.#back();
  }

  #stop() {
    this.#work?.stop();
    this.#work = null;
    this.#back();
  }

  /** Draw what has taken the place of the words that were written; who had asked for them is where it was. */
  #back() {
    const inside = focusedIn(this.#section.body);
    this.render();
    const buttons = [...this.#section.body.querySelectorAll("[data-key]")];
    if (inside) buttons.find(({ dataset }) => dataset.key === this.#pressed)?.focus();
  }
}

/** What edits of a reply are kept under: another run that wrote the same words has written another reply. */
function nameOf({ reply, run, name }) {
  return name ?? (run === undefined ? reply.text : `${run} ${reply.text}`);
}

/** Whose edit it is, and the words that are none. */
function edited(entry) {
  return { of: nameOf(entry), own: entry.reply.text };
}
