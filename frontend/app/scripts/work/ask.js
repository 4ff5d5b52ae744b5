// The question box: what the agent wants to know, over the kinds of content that are chosen, answered with citations.
// The answer is for the agent alone, so it can be copied but not inserted.

import { composes, el, link, refill } from "../elements/dom.js";
import { textElement } from "../elements/markdown.js";
import { button, trouble } from "../elements/pieces.js";
import { problemIn, textsOf, valuesOf } from "../serve/problem.js";
import { Recall } from "./recall.js";
import { Thumbs } from "./thumbs.js";
import { Writing } from "./writing.js";

const TYPES = ["tickets", "solutions", "images", "attachments"];
const MOST_CHARACTERS = 2000;

/** The section with the box and its answer. */
export class AskBox {
  #kit;
  #types = new Set();
  #box = el("textarea", { rows: 1, maxlength: MOST_CHARACTERS, class: "pc-question" });
  #go = button("", "ask", "pc-primary", () => (this.#work ? this.#stop() : this.#ask()));
  #chips = el("div", { class: "pc-choices", role: "group" });
  #answer = el("div", { class: "pc-answer", hidden: true });
  #thumbs;
  #recall = new Recall();
  #ticket = null;
  #work = null;
  #last = null;
  /** The answer's text as it was written word by word. */
  #grown = null;
  element = el("section", { class: "pc-ask", hidden: true });

  /** `kit()` gives what parts share; its `actions.ask(body, {signal, on})` asks. */
  constructor(kit) {
    this.#kit = kit;
    this.#thumbs = new Thumbs((entry) => this.#kit().tell(entry));
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#box.addEventListener("input", () => this.#grow());
    this.element.append(this.#answer, this.#chips, el("div", { class: "pc-ask-row" }, this.#box, this.#go));
  }

  /** The language may have changed. */
  relabel() {
    const { t } = this.#kit();
    this.element.setAttribute("aria-label", t("ask"));
    this.#box.setAttribute("aria-label", t("question"));
    this.#box.placeholder = t("question");
    this.#box.title = t("askHint");
    this.#chips.setAttribute("aria-label", t("searchIn"));
    refill(this.#chips, TYPES.map((type) => this.#chip(type, t)));
    this.#render();
  }

  /** A ticket is opened: its last answer, and what the agent had begun to ask. */
  open(ticketId) {
    this.#ticket = ticketId;
    const { last = null, begun = "" } = this.#recall.get(ticketId) ?? {};
    this.#last = last;
    this.#box.value = begun;
    this.#grow();
    this.#render();
  }

  /** Another ticket: its question is another one. */
  clear() {
    this.#work?.stop();
    const [last, begun] = [this.#last?.result ? this.#last : null, this.#box.value];
    this.#recall.put(this.#ticket, last || begun ? { last, begun } : null);
    this.#work = null;
    this.open(null);
  }

  /** Put nothing aside, and forget what was. */
  forget() {
    this.#recall.clear();
    this.#ticket = null;
  }

  /** An answer that was given in another view: `{question, result, run}`. */
  shared(answered) {
    if (this.#work) return;
    this.#last = answered;
    this.#render();
  }

  #chip(type, t) {
    const pressed = String(this.#types.has(type));
    const toggle = () => {
      if (!this.#types.delete(type)) this.#types.add(type);
      this.relabel();
    };
    const attributes = { type: "button", class: "pc-choice", "data-key": `type-${type}`, "aria-pressed": pressed };
    return el("button", { ...attributes, onclick: toggle }, t(`type_${type}`));
  }

  #key(event) {
    // Enter also ends the composition of a Korean syllable: that is no question yet.
    if (event.key !== "Enter" || event.shiftKey || composes(event)) return;
    event.preventDefault();
    this.#ask();
  }

  #grow() {
    this.#box.rows = Math.min(5, this.#box.value.split("\n").length);
  }

  async #ask() {
    const question = this.#box.value.trim();
    if (!question) return this.#box.focus();
    this.#work?.stop();
    const kit = this.#kit();
    const work = (this.#work = Object.assign(new Writing(kit.t, "searching", (source) => citation(source, kit)), { question }));
    this.#last = null;
    this.#render();
    const body = { question, types: [...this.#types] };
    try {
      const found = await kit.actions.ask(body, { signal: work.signal, on: work.on });
      if (this.#work !== work) return;
      this.#asked(question);
      kit.actions.share?.("answer", { question, ...found });
      this.#grown = work.grownFrom(found.result.sources);
      this.#end({ question, ...found }, kit.t("answerReady"));
    } catch (error) {
      if (this.#work !== work) return;
      const problem = problemIn(error);
      this.#end({ question, problem }, kit.t(textsOf(problem)[0], valuesOf(problem)));
    }
  }

  /** What the agent has begun to ask meanwhile stays. */
  #asked(question) {
    if (this.#box.value.trim() === question) this.#box.value = "";
    this.#grow();
  }

  #end(last, said) {
    this.#work = null;
    this.#last = last;
    this.#kit().announce(said);
    this.#render();
    this.#grown = null;
    if (last.result) this.#kit().tell({ kind: "answer", run: last.run, action: "shown" });
  }

  #stop() {
    this.#work?.stop();
    this.#work = null;
    this.#render();
  }

  #dismiss() {
    this.#work?.stop();
    this.#work = this.#last = null;
    this.#render();
    this.#box.focus();
  }

  #render() {
    const kit = this.#kit();
    this.#go.textContent = kit.t(this.#work ? "stop" : "askNow");
    const shown = this.#work ?? this.#last;
    this.#answer.hidden = !shown;
    this.#answer.toggleAttribute("aria-busy", Boolean(this.#work));
    this.#thumbs.show(this.#last?.result ? { kind: "answer", run: this.#last.run } : null, kit.t);
    if (!shown) return this.#answer.replaceChildren();
    const named = { type: "button", class: "pc-close", "data-key": "close", "aria-label": kit.t("close") };
    const close = el("button", { ...named, onclick: () => this.#dismiss() }, "×");
    const head = el("header", {}, el("h2", { class: "pc-text" }, shown.question), close);
    return refill(this.#answer, head, ...this.#content(shown, kit));
  }

  #content({ element, problem, result }, kit) {
    if (element) return [element];
    if (problem) return [trouble(problem, kit), this.#again(kit)];
    const cite = (number) => citation(result.sources.find((source) => source.number === number), kit);
    const copy = async (event) => {
      const copied = await kit.copy(result.text, event.currentTarget);
      if (copied) kit.tell({ kind: "answer", run: this.#last.run, action: "copied" });
    };
    const buttons = el("div", { class: "pc-buttons" }, button(kit.t("copy"), "copy", "", copy), this.#thumbs.buttons);
    return [
      textElement(result.text, { class: "pc-text", lang: result.language }, { cite, grown: this.#grown }),
      result.degraded && el("p", { class: "pc-note" }, kit.t("answerDegraded")),
      result.sources.length > 0 && sourceList(result.sources, kit),
      buttons,
      this.#thumbs.reasons,
    ];
  }

  #again(kit) {
    return button(kit.t("retry"), "again", "", () => ((this.#box.value ||= this.#last.question), this.#ask()));
  }
}

/** `[1]` as a link to its source. */
function citation(source, kit) {
  if (!source) return null;
  const label = kit.t("citation", { number: source.number, title: source.title });
  const attributes = { class: "pc-cite", title: source.title, "aria-label": label };
  return link(source.url, `[${source.number}]`, attributes, opener(source, kit));
}

function sourceList(sources, kit) {
  const item = (source) => {
    const named = { class: "pc-source", "data-key": `source-${source.number}` };
    const title = link(source.url, source.title, named, opener(source, kit));
    // That customers can't see other customers' tickets goes without saying.
    const hidden = source.public || source.kind === "ticket" ? "" : ` · ${kit.t("agentsOnly")}`;
    return el("li", { value: source.number }, title, el("span", { class: "pc-meta" }, kit.t(`kind_${source.kind}`), hidden));
  };
  return el("ol", { class: "pc-sources", "aria-label": kit.t("answerSources") }, sources.map(item));
}

/** How the host page shows a source itself, or null where its link has to do. */
function opener(source, { actions }) {
  if (source.kind === "article") return actions.openArticle && (() => actions.openArticle(source.article_id));
  return source.kind === "ticket" && actions.openTicket ? () => actions.openTicket(source.ticket_id) : null;
}
