// The sidebar on the page. It is told what came (`part`, `delta`, `reset`, `canvas` …) and changes only what differs,
// so that a refresh moves neither the focus nor the eye. It knows nothing of requests.

import { AskBox } from "./ask.js";
import { el, refill } from "./dom.js";
import { failedParts, flash, IncidentLine, makers, Message, Progress, section, StatusHead, tagOf } from "./frame.js";
import { freshnessLine } from "./freshness.js";
import { kitOf } from "./kit.js";
import * as parts from "./parts.js";
import { ReplyBox } from "./replies.js";
import { translator } from "./texts.js";
import { Thumbs } from "./thumbs.js";

const PARTS = ["summary", "replies", "similar", "solutions"];
const SKELETON_LINES = { summary: 5, replies: 5, similar: 6, solutions: 3 };
const EXTRACTIVE_NOTES = { summary: "extractiveSummary", replies: "extractiveReplies" };
/** What feedback calls a part, and where its single items' ids stand. */
const KIND_OF_PART = { summary: "summary", similar: "similar", solutions: "solution" };
const ID_OF_ITEM = { similar: "ticket_id", solutions: "article_id" };
const AGE_EVERY_MS = 1000;

export class CanvasView {
  #actions;
  #language;
  #t;
  #head = new StatusHead();
  #progress = new Progress();
  #message = new Message();
  #incident = new IncidentLine();
  #thumbs = Object.fromEntries(PARTS.map((name) => [name, new Thumbs((entry) => this.#tell(entry))]));
  #sections = Object.fromEntries(PARTS.map((name) => [name, section(name, this.#thumbs[name])]));
  #replies = new ReplyBox({ kit: () => this.#kit(), section: this.#sections.replies, thumbs: this.#thumbs.replies });
  #ask = new AskBox(() => this.#kit());
  #made = el("details", { class: "pc-made", hidden: true });
  /** What is read out when something that was asked for has come. */
  #said = el("p", { class: "pc-offscreen", role: "status", "aria-live": "polite" });
  /** Finished parts as shown, text nodes of unfinished ones, and the last whole Canvas with what was told about it. */
  #shown = {};
  #streams = {};
  #meta = null;
  #told = {};
  #ticket = null;
  #status = ["quiet", "opening", {}];
  #trouble = null;
  #filter = "all";

  /**
   * `actions`: `retry()`, `tell(feedback)`, and where the host page can: `insert(html, {replace, text})`,
   * `openTicket(id)`, `openArticle(id)`, `ask(body, {signal, on})`, `generate(body, {signal, on})`.
   */
  constructor(root, { language, actions = {} }) {
    this.#actions = actions;
    this.root = root;
    root.classList.add("pc");
    const sections = PARTS.map((name) => this.#sections[name].element);
    const frame = [this.#head, this.#progress, this.#message, this.#incident].map(({ element }) => element);
    root.replaceChildren(...frame, ...sections, this.#made, this.#ask.element, this.#said);
    this.setLanguage(language);
    setInterval(() => this.#showAge(), AGE_EVERY_MS);
  }

  /** Change the language of everything on the page at once. */
  setLanguage(language) {
    this.#language = language;
    this.#t = translator(language);
    this.root.lang = language;
    this.#progress.label(this.#t);
    this.#ask.relabel();
    for (const name of PARTS) {
      this.#sections[name].title.textContent = this.#t(name);
      if (name in this.#shown) this.#render(name);
    }
    if (this.#meta) this.#describe(this.#meta);
    this.say(...this.#status);
    if (this.#trouble) this.problem(...this.#trouble);
  }

  /** A text of the table, in the view's language. */
  translate(key, values) {
    return this.#t(key, values);
  }

  /** A ticket is opened: questions and replies are about this one. */
  open(ticketId) {
    this.#ticket = ticketId;
    this.#ask.element.hidden = !this.#actions.ask;
  }

  /** No ticket is open. */
  empty() {
    this.problem("problem_none", "advice_none", {}, false);
    this.say("quiet", "noTicket");
  }

  /** Another ticket: forget everything. */
  clear() {
    this.#shown = {};
    this.#streams = {};
    this.#meta = null;
    this.#told = {};
    this.#ticket = null;
    this.#filter = "all";
    this.#calm();
    this.finish();
    this.#head.badges();
    this.#incident.show(null);
    this.#showAge();
    this.#made.hidden = this.#ask.element.hidden = true;
    this.#replies.clear();
    this.#ask.clear();
    for (const name of PARTS) this.#thumbs[name].forget();
    for (const { element } of Object.values(this.#sections)) element.hidden = true;
  }

  /** Show that something will be there. */
  skeletons() {
    this.#calm();
    this.#progress.begin();
    for (const name of PARTS) if (!(name in this.#shown)) this.#skeleton(name);
  }

  /** The status line: `kind` is its colour (hit, busy, stream, quiet, bad), the rest a text's key and values. */
  say(kind, key, values = {}) {
    this.#status = [kind, key, values];
    this.#head.say(kind, this.#t(key, values));
    this.#showAge();
  }

  /** A whole Canvas; `told`: `{etag, newer}`, its name, and how many changes are not in it. */
  canvas(canvas, told = {}) {
    this.#calm();
    this.#told = told;
    this.#describe(canvas);
    const { summary, replies, similar_tickets: similar, solutions } = canvas;
    const failed = failedParts(canvas.provenance.stages);
    for (const [name, value] of Object.entries({ summary, replies, similar, solutions })) {
      const empty = !value || value.length === 0;
      if (empty && name in failed) this.#fail(name, failed[name]);
      else this.part(name, value);
      this.#rate(name);
    }
    this.finish();
  }

  /** One finished part; nothing happens if it is shown already. */
  part(name, value) {
    const known = name in this.#shown;
    delete this.#streams[name];
    if (known && JSON.stringify(this.#shown[name]) === JSON.stringify(value)) return;
    this.#shown[name] = value;
    if (known) this.#thumbs[name].forget();
    this.#render(name);
    if (known) flash(this.#sections[name].element);
  }

  /** The next words of a part that is being written; with a finished one on the page they are kept back. */
  delta(name, text) {
    if (name in this.#shown) return;
    if (!this.#streams[name]) {
      this.#streams[name] = document.createTextNode("");
      refill(this.#sections[name].body, el("p", { class: "pc-text pc-streaming" }, this.#streams[name]));
    }
    this.#streams[name].appendData(text);
  }

  /** Take back the words of an unfinished part, or of all: another writer begins. */
  reset(name = null) {
    for (const part of name ? [name] : PARTS) {
      delete this.#streams[part];
      if (!(part in this.#shown)) this.#skeleton(part);
    }
    if (!name) this.#progress.restart();
  }

  /** A stage of the run has ended. */
  stage(report) {
    this.#progress.stage(report, this.#t);
    for (const [name, reason] of Object.entries(failedParts([report])))
      if (!(name in this.#shown)) this.#fail(name, reason);
  }

  /** The run is over: no more progress line. */
  finish() {
    this.#progress.end();
  }

  /** Nothing can be shown: say why, and what to do. */
  problem(titleKey, adviceKey, values, retry) {
    this.#trouble = [titleKey, adviceKey, values, retry];
    this.finish();
    const again = retry && this.#actions.retry;
    this.#message.show(this.#t(titleKey, values), this.#t(adviceKey, values), this.#t("retry"), again);
    for (const name of PARTS) this.#sections[name].element.hidden = !(name in this.#shown);
  }

  /** Whether a Canvas, or some of it, is on the page. */
  get filled() {
    return Object.keys(this.#shown).length > 0;
  }

  #calm() {
    this.#trouble = null;
    this.#message.hide();
  }

  /** What a Canvas says about itself: badges, age, language, and how it was made. */
  #describe(canvas) {
    const { models } = canvas.provenance;
    const otherMakers = makers(canvas) !== makers(this.#meta);
    this.#meta = canvas;
    this.#incident.show(canvas.incident, this.#kit());
    this.#head.badges(this.#badge(canvas.status));
    for (const name of PARTS) this.#sections[name].body.lang = tagOf(canvas.language);
    const summary = el("summary", { "data-key": "made" }, this.#t("made"), el("span", {}, parts.writers(models, this.#t)));
    refill(this.#made, summary, ...parts.provenancePart(canvas.provenance, this.#kit()));
    this.#made.hidden = false;
    const shown = ["summary", "replies"].filter((name) => otherMakers && name in this.#shown);
    for (const name of shown) this.#render(name);
    this.#showAge();
  }

  #badge(status) {
    if (status === "ready") return null;
    const attributes = { class: `pc-chip pc-${status}`, title: this.#t(`why_${status}`) };
    return el("span", attributes, this.#t(`status_${status}`));
  }

  #render(name) {
    const [value, kit, { element, head, body }] = [this.#shown[name], this.#kit(), this.#sections[name]];
    element.hidden = false;
    element.removeAttribute("aria-busy");
    if (name === "replies") {
      const note = this.#note("replies", value[0]);
      return this.#replies.update(value, { why: this.#meta?.no_replies, note });
    }
    this.#rate(name);
    if (name === "similar") return refill(body, ...parts.similarPart(value, kit));
    if (name === "solutions") return refill(body, ...parts.solutionsPart(value, kit));
    refill(head, parts.sentimentChip(value, kit));
    return refill(body, ...parts.summaryPart(value, kit), this.#note(name, value));
  }

  /** Thumbs beside a part of a whole Canvas, and a word that it was shown; replies have their own. */
  #rate(name) {
    const value = this.#shown[name];
    if (name === "replies" || !this.#meta) return;
    const shown = Array.isArray(value) ? value.length > 0 : Boolean(value);
    this.#thumbs[name].show(shown ? { kind: KIND_OF_PART[name] } : null, this.#t);
    const items = name in ID_OF_ITEM ? (value ?? []).map((one) => one[ID_OF_ITEM[name]]) : [undefined];
    if (shown) for (const item of items) this.#tell({ kind: KIND_OF_PART[name], item, action: "shown" });
  }

  /** Feedback about what is shown; of a Canvas that is still being made nothing is told. */
  #tell(entry) {
    if (this.#ticket === null || (!entry.run && !this.#told.etag)) return;
    const about = entry.run ? {} : { etag: this.#told.etag };
    this.#actions.tell?.({ ticket_id: this.#ticket, ...about, ...entry });
  }

  /** Says so where no model wrote a part. */
  #note(name, value) {
    if (!value || this.#meta?.provenance.models[name] !== "extractive") return null;
    return el("p", { class: "pc-note", lang: this.#language }, this.#t(EXTRACTIVE_NOTES[name]));
  }

  /** What parts share: texts, the host page's actions, and what buttons do. */
  #kit() {
    return kitOf({
      t: this.#t,
      language: this.#language,
      actions: this.#actions,
      ticketId: this.#ticket,
      filter: { chosen: this.#filter, choose: (name) => ((this.#filter = name), this.#render("similar")) },
      tell: (entry) => this.#tell(entry),
      announce: (text) => (this.#said.textContent = text),
    });
  }

  #skeleton(name) {
    const { element, head, body } = this.#sections[name];
    element.hidden = false;
    element.setAttribute("aria-busy", "true");
    refill(head);
    refill(body, parts.skeleton(SKELETON_LINES[name]));
  }

  #fail(name, reason) {
    const { element, head, body } = this.#sections[name];
    delete this.#shown[name];
    element.hidden = false;
    element.removeAttribute("aria-busy");
    refill(head);
    refill(body, parts.quiet(this.#t("partFailed", { reason })));
  }

  #showAge() {
    this.#head.age(freshnessLine(this.#meta, this.#told, this.#t, this.#language));
  }
}
