// The sidebar on the page. It is told what came (`part`, `delta`, `reset`, `canvas` …) and changes only what differs,
// so that a refresh moves neither the focus nor the eye. It knows nothing of requests.

import { copyText, el, refill } from "./dom.js";
import { IncidentLine, Message, Progress, StatusHead } from "./frame.js";
import * as parts from "./parts.js";
import { age, translator } from "./texts.js";

const PARTS = ["summary", "replies", "similar", "solutions"];
/** What stays empty when a stage fails. */
const PARTS_OF_STAGE = {
  summarize: ["summary"],
  embed: ["similar", "solutions"],
  similar: ["similar", "solutions"],
  recommend: ["replies"],
};
const SKELETON_LINES = { summary: 5, replies: 5, similar: 6, solutions: 3 };
const EXTRACTIVE_NOTES = { summary: "extractiveSummary", replies: "extractiveReplies" };
const FEEDBACK_MS = 1600;
const AGE_EVERY_MS = 1000;

export class CanvasView {
  #actions;
  #language;
  #t;
  #head = new StatusHead();
  #progress = new Progress();
  #message = new Message();
  #incident = new IncidentLine();
  #sections = Object.fromEntries(PARTS.map((name) => [name, section(name)]));
  #made = el("details", { class: "pc-made", hidden: true });
  /** Finished parts as shown, text nodes of unfinished ones, and the last whole Canvas. */
  #shown = {};
  #streams = {};
  #meta = null;
  #status = ["quiet", "opening", {}];
  #trouble = null;
  #reply = 0;

  /** `actions`: `retry()`, and where the host page can: `insert(text)`, `openTicket(id)`, `openArticle(id)`. */
  constructor(root, { language, actions = {} }) {
    this.#actions = actions;
    this.root = root;
    root.classList.add("pc");
    const sections = PARTS.map((name) => this.#sections[name].element);
    const frame = [this.#head, this.#progress, this.#message, this.#incident].map(({ element }) => element);
    root.replaceChildren(...frame, ...sections, this.#made);
    this.setLanguage(language);
    setInterval(() => this.#showAge(), AGE_EVERY_MS);
  }

  /** Change the language of everything on the page at once. */
  setLanguage(language) {
    this.#language = language;
    this.#t = translator(language);
    this.root.lang = language;
    this.#progress.label(this.#t);
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

  /** Another ticket: forget everything. */
  clear() {
    this.#shown = {};
    this.#streams = {};
    this.#meta = null;
    this.#reply = 0;
    this.#calm();
    this.finish();
    this.#head.badges();
    this.#incident.show(null);
    this.#showAge();
    this.#made.hidden = true;
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

  /** A whole Canvas. */
  canvas(canvas) {
    this.#calm();
    this.#describe(canvas);
    const { summary, replies, similar_tickets: similar, solutions } = canvas;
    const failed = failedParts(canvas.provenance.stages);
    for (const [name, value] of Object.entries({ summary, replies, similar, solutions })) {
      const empty = !value || value.length === 0;
      if (empty && name in failed) this.#fail(name, failed[name]);
      else this.part(name, value);
    }
    this.finish();
  }

  /** One finished part; nothing happens if it is shown already. */
  part(name, value) {
    const known = name in this.#shown;
    delete this.#streams[name];
    if (known && JSON.stringify(this.#shown[name]) === JSON.stringify(value)) return;
    this.#shown[name] = value;
    if (name === "replies") this.#reply = Math.min(this.#reply, Math.max(0, value.length - 1));
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
    const before = this.#meta;
    const otherModels = JSON.stringify(models) !== JSON.stringify(before?.provenance.models);
    this.#meta = canvas;
    this.#incident.show(canvas.incident, this.#kit());
    this.#head.badges(this.#badge(canvas.status));
    for (const name of PARTS) this.#sections[name].body.lang = canvas.language;
    const summary = el("summary", { "data-key": "made" }, this.#t("made"), el("span", {}, writers(models, this.#t)));
    refill(this.#made, summary, ...parts.provenancePart(canvas.provenance, this.#kit()));
    this.#made.hidden = false;
    if (otherModels || before?.no_replies !== canvas.no_replies) for (const name of ["summary", "replies"]) if (name in this.#shown) this.#render(name);
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
    if (name === "replies") return this.#renderReplies(value, kit);
    if (name === "similar") return refill(body, ...parts.similarPart(value, kit));
    if (name === "solutions") return refill(body, ...parts.solutionsPart(value, kit));
    refill(head, parts.sentimentChip(value, kit));
    return refill(body, ...parts.summaryPart(value, kit), this.#note(name, value));
  }

  #renderReplies(replies, kit) {
    const { head, body } = this.#sections.replies;
    const choose = (index) => {
      this.#reply = index;
      this.#render("replies");
    };
    const reply = replies[this.#reply];
    refill(head, parts.replyPager(replies, this.#reply, kit, choose));
    refill(
      body,
      ...(reply ? parts.replyPart(reply, kit) : parts.noRepliesPart(this.#meta?.no_replies, kit)),
      this.#note("replies", reply),
    );
    parts.foldLongReply(body, kit);
  }

  /** Says so where no model wrote a part. */
  #note(name, value) {
    if (!value || this.#meta?.provenance.models[name] !== "extractive") return null;
    return el("p", { class: "pc-note", lang: this.#language }, this.#t(EXTRACTIVE_NOTES[name]));
  }

  #kit() {
    const feedback = async (button, work, done) => {
      const text = button.textContent;
      button.textContent = this.#t((await work()) === false ? "notAllowed" : done);
      setTimeout(() => (button.textContent = text), FEEDBACK_MS);
    };
    return {
      t: this.#t,
      language: this.#language,
      actions: this.#actions,
      copy: (reply, button) => feedback(button, () => copyText(reply.text), "copied"),
      insert: (reply, button) => feedback(button, () => this.#actions.insert(reply.text), "inserted"),
    };
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
    if (!this.#meta) return this.#head.age("");
    const passed = Math.max(0, Date.now() - Date.parse(this.#meta.generated_at));
    return this.#head.age(this.#t("computed", { age: age(passed, this.#language, this.#t("justNow")) }));
  }
}

/** A part's card: title, what stands beside it, and the body. */
function section(name) {
  const title = el("h3", { id: `pc-${name}` });
  const head = el("span", { class: "pc-head" });
  const body = el("div", { class: "pc-body" });
  const attributes = { class: `pc-part pc-part-${name}`, "aria-labelledby": `pc-${name}`, hidden: true };
  return { element: el("section", attributes, el("header", {}, title, head), body), title, head, body };
}

/** Parts that stay empty because of failed stages: `{summary: "timeout"}`. */
function failedParts(stages) {
  const failed = stages.filter((stage) => stage.error);
  return Object.fromEntries(
    failed.flatMap((stage) => (PARTS_OF_STAGE[stage.name] ?? []).map((part) => [part, stage.error])),
  );
}

function writers(models, t) {
  const names = new Set([models.summary, models.replies].filter(Boolean));
  return [...names].map((model) => (model === "extractive" ? t("extractive") : model)).join(", ");
}

function flash(element) {
  element.classList.remove("pc-changed");
  void element.offsetWidth; // restarts the animation
  element.classList.add("pc-changed");
}
