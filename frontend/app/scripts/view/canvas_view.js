// The sidebar on the page. It is told what came (`part`, `delta`, `reset`, `canvas` …) and changes only what differs,
// so that a refresh moves neither the focus nor the eye. It knows nothing of requests.

import { el, refill } from "../elements/dom.js";
import { translator } from "../texts/texts.js";
import { AskBox } from "../work/ask.js";
import { Rating } from "../work/rating.js";
import { ReplyBox } from "../work/replies.js";
import { Cards, flash, PARTS, tagOf } from "./cards.js";
import { failedParts, failedText } from "./failed_parts.js";
import { countdown, freshnessLine } from "./freshness.js";
import { badgesOf, Progress, StatusHead } from "./header.js";
import { IncidentLine } from "./incident.js";
import { Message } from "./message.js";
import { kitOf } from "./part_kit.js";
import { makers, provenancePart } from "./provenance.js";
import { SimilarBox } from "./similar.js";
import { solutionsPart } from "./solutions.js";
import { extractiveNote, sentimentChip, summaryPart } from "./summary.js";

const TICK_MS = 1000;

export class CanvasView {
  #actions;
  #language;
  #t;
  #head;
  #progress = new Progress();
  #message = new Message();
  #incident = new IncidentLine();
  #rating = new Rating(PARTS, (entry) => this.#tell(entry));
  #cards;
  #replies;
  #similar;
  #ask = new AskBox(() => this.#kit());
  #made = el("details", { class: "pc-made", hidden: true });
  /** What is read out when something that was asked for has come. */
  #said = el("p", { class: "pc-offscreen", role: "status", "aria-live": "polite" });
  /** Finished parts as shown, and the last whole Canvas with what was told about it. */
  #shown = {};
  #meta = null;
  #told = {};
  #ticket = null;
  #direct = true;
  #status = ["quiet", "opening", {}];
  #trouble = null;

  /**
   * `actions`: `retry()`, `tell(feedback)`, `share(kind, value)` (see `shared`), and where the host page can:
   * `insert(html, {replace, text})`, `openTicket(id)`, `openArticle(id)`, `ask(body, {signal, on})`,
   * `generate(body, {signal, on})`, `wide()`. `show` names the parts that are wanted (of all, and `ask`), or is null.
   */
  constructor(root, { language, actions = {}, show = null }) {
    this.#actions = actions;
    this.#cards = new Cards({ show: show ?? [...PARTS, "ask"], thumbs: (name) => this.#rating.of(name) });
    this.#head = new StatusHead(actions.wide);
    this.root = root;
    root.classList.add("pc");
    this.#build();
    this.setLanguage(language);
    setInterval(() => root.ownerDocument.hidden || this.#tick(), TICK_MS);
  }

  #build() {
    const kit = () => this.#kit();
    this.#replies = new ReplyBox({ kit, section: this.#cards.of("replies"), thumbs: this.#rating.of("replies") });
    this.#similar = new SimilarBox({ kit, body: this.#cards.of("similar").body });
    const above = [this.#head, this.#progress, this.#message, this.#incident, this.#cards].map(({ element }) => element);
    this.root.replaceChildren(...above, this.#made, this.#ask.element, this.#said);
  }

  /** Change the language of everything on the page at once. */
  setLanguage(language) {
    this.#language = language;
    this.#t = translator(language);
    this.root.lang = language;
    this.#head.label(this.#t);
    this.#progress.label(this.#t);
    this.#ask.relabel();
    for (const name of PARTS) {
      this.#cards.of(name).title.textContent = this.#t(name);
      if (name in this.#shown) this.#render(name);
    }
    if (this.#meta) this.#describe(this.#meta);
    this.say(...this.#status);
    if (this.#trouble) this.problem(...this.#trouble);
  }

  /** A text of the table, in the view's language. */
  translate = (key, values) => this.#t(key, values);

  /** A ticket is opened: questions and replies are about this one. */
  open(ticketId) {
    this.#ticket = ticketId;
    this.#head.offerWide(true);
    this.#replies.open(ticketId);
    this.#ask.open(ticketId);
    this.#ask.element.hidden = !this.#actions.ask || !this.#cards.wants("ask");
  }

  /** No ticket is open. */
  empty() {
    this.problem("problem_none", "advice_none", {}, false);
    this.say("quiet", "noTicket");
  }

  /** Another ticket: show nothing of this one. */
  clear() {
    this.#shown = {};
    this.#told = {};
    this.#meta = this.#ticket = null;
    this.#head.offerWide(false);
    this.#calm();
    this.finish();
    this.#badge();
    this.#incident.show(null);
    this.#made.hidden = this.#ask.element.hidden = true;
    this.#replies.clear();
    this.#similar.clear();
    this.#ask.clear();
    this.#rating.forget();
    this.#cards.away();
    this.#tick();
  }

  /** Who looks may not see (any more) what was written: nothing of it is remembered. */
  forget() {
    this.#replies.forget();
    this.#ask.forget();
  }

  /** Whether results come directly, or by way of the platform: whole, and a little later. */
  direct(direct) {
    this.#direct = direct;
    this.#badge();
  }

  /** Show that something will be there. */
  skeletons() {
    this.#calm();
    this.#progress.begin();
    for (const name of PARTS) if (!(name in this.#shown)) this.#cards.skeleton(name);
  }

  /**
   * The status line: `kind` is its colour (hit, busy, stream, quiet, bad), the rest a text's key and values; `until`
   * among these is a time that is counted down to.
   */
  say(kind, key, values = {}) {
    this.#status = [kind, key, values];
    this.#head.say(kind, this.#t(key, values));
    this.#tick();
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
    if (known && JSON.stringify(this.#shown[name]) === JSON.stringify(value)) return;
    this.#shown[name] = value;
    if (known) this.#rating.forget(name);
    this.#render(name);
    if (known) flash(this.#cards.of(name).element);
  }

  /** The next words of a part that is being written; with a finished one on the page they are kept back. */
  delta(name, text) {
    if (!(name in this.#shown)) this.#cards.write(name, text);
  }

  /** Take back the words of an unfinished part, or of all: another writer begins. */
  reset(name = null) {
    for (const part of name ? [name] : PARTS) if (!(part in this.#shown)) this.#cards.skeleton(part);
    if (!name) this.#progress.restart();
  }

  /** A stage of the run has ended. */
  stage(report) {
    this.#progress.stage(report, this.#t);
    for (const [name, reason] of Object.entries(failedParts([report])))
      if (!(name in this.#shown)) this.#fail(name, reason);
  }

  /** The run is over: no more progress line. */
  finish = () => this.#progress.end();

  /** What came in another view of this ticket: a `reply`, an `edit` or an `answer`, as `actions.share` was told it. */
  shared(kind, value) {
    if (kind === "answer") this.#ask.shared(value);
    else this.#replies.shared(kind, value);
  }

  /** Nothing can be shown: say why, and what to do; `values.until` is when it is tried again. */
  problem(titleKey, adviceKey, values, retry) {
    this.#trouble = [titleKey, adviceKey, values, retry];
    this.finish();
    const texts = { title: this.#t(titleKey, values), advice: this.#t(adviceKey, values), retryText: this.#t("retry") };
    this.#message.show(titleKey.replace("problem_", ""), { ...texts, retry: retry && this.#actions.retry });
    for (const name of PARTS) if (!(name in this.#shown)) this.#cards.hide(name);
    this.#tick();
  }

  /** Whether a Canvas, or some of it, is on the page. */
  get filled() {
    return Object.keys(this.#shown).length > 0;
  }

  #calm() {
    this.#trouble = null;
    this.#message.hide(this.#head.element);
  }

  /** What a Canvas says about itself: badges, age, language, and how it was made. */
  #describe(canvas) {
    const otherMakers = makers(canvas) !== makers(this.#meta);
    this.#meta = canvas;
    this.#incident.show(canvas.incident, this.#kit());
    this.#badge();
    this.#cards.speak(tagOf(canvas.language));
    refill(this.#made, ...provenancePart(canvas.provenance, this.#kit()));
    this.#made.hidden = false;
    for (const name of ["summary", "replies"]) if (otherMakers && name in this.#shown) this.#render(name);
    this.#tick();
  }

  #badge() {
    this.#head.badges(...badgesOf({ status: this.#meta?.status, direct: this.#direct }, this.#t));
  }

  #render(name) {
    const [value, kit, { head, body }] = [this.#shown[name], this.#kit(), this.#cards.of(name)];
    this.#cards.reveal(name);
    const [note, grown] = [extractiveNote(name, value, this.#meta, kit), this.#cards.grown(name)];
    if (name === "replies") return this.#replies.update(value, { why: this.#meta?.no_replies, note, grown });
    this.#rate(name);
    if (name === "similar") return this.#similar.update(value);
    if (name === "solutions") return refill(body, ...solutionsPart(value, kit));
    refill(head, sentimentChip(value, kit));
    return refill(body, ...summaryPart(value, kit, grown), note);
  }

  #rate(name) {
    if (this.#meta && this.#cards.wants(name)) this.#rating.show(name, this.#shown[name], this.#t);
  }

  /** Feedback about what is shown; of a Canvas that is still being made nothing is told. */
  #tell(entry) {
    if (this.#ticket === null || (!entry.run && !this.#told.etag)) return;
    const about = entry.run ? {} : { etag: this.#told.etag };
    this.#actions.tell?.({ ticket_id: this.#ticket, ...about, ...entry });
  }

  /** What parts share: texts, the host page's actions, and what buttons do. */
  #kit() {
    return kitOf({
      t: this.#t,
      language: this.#language,
      actions: this.#actions,
      ticketId: this.#ticket,
      tell: (entry) => this.#tell(entry),
      announce: (text) => (this.#said.textContent = text),
    });
  }

  #fail(name, reason) {
    delete this.#shown[name];
    this.#cards.fail(name, failedText(reason, this.#t));
  }

  /** What changes by itself as time passes: the Canvas's age, and the seconds until the next try. */
  #tick() {
    this.#head.age(freshnessLine(this.#meta, this.#told, this.#t, this.#language));
    this.#head.count(this.#trouble ? "" : countdown(this.#status[2].until, this.#t));
    this.#message.count(countdown(this.#trouble?.[2].until, this.#t));
  }
}
