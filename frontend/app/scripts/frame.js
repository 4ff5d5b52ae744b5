// What stands around a Canvas: name and badges, the status line, the progress of a run, and the message in its place
// where there is none. Built once: a live region that is replaced is not read out.

import { el, refill } from "./dom.js";
import { button, incidentPart } from "./parts.js";

/** What stays empty when a stage fails. */
const PARTS_OF_STAGE = {
  summarize: ["summary"],
  embed: ["similar", "solutions"],
  similar: ["similar", "solutions"],
  recommend: ["replies"],
};
const STAGES = ["fetch", "clean", "embed", "similar", "summarize", "recommend"];

/** The header: which light is on, what the status line says, and how old the Canvas is. */
export class StatusHead {
  #light = el("span", { class: "pc-light", "aria-hidden": "true" });
  #line = el("span", { role: "status", "aria-live": "polite" });
  /** Seconds that are counted down: to be seen, not to be read out each. */
  #count = el("span", { class: "pc-count", "aria-hidden": "true" });
  #age = el("p", { class: "pc-age" });
  #badges = el("span", { class: "pc-badges" });
  #wide = el("button", { type: "button", class: "pc-icon pc-wide-open", "data-key": "wide", hidden: true });
  element = el(
    "header",
    { class: "pc-header" },
    el("div", { class: "pc-name" }, el("h1", {}, "Prompt Canvas"), this.#badges, this.#wide),
    el("p", { class: "pc-status" }, this.#light, this.#line, this.#count),
    this.#age,
  );

  /** A button for the wide view, where the host page can show one. */
  constructor(openWide = null) {
    this.#wide.hidden = !openWide;
    if (openWide) this.#wide.addEventListener("click", openWide);
  }

  label(t) {
    this.#wide.title = t("wide");
    this.#wide.setAttribute("aria-label", t("wide"));
  }

  say(kind, text) {
    this.#light.className = `pc-light pc-${kind}`;
    // Setting the same words again would read them out again.
    if (this.#line.textContent !== text) this.#line.textContent = text;
  }

  count(text) {
    this.#count.textContent = text;
  }

  age(text) {
    this.#age.textContent = text;
  }

  badges(...badges) {
    refill(this.#badges, ...badges);
  }
}

/** Six thin bars that fill as the stages end, and the name of one that is at work. */
export class Progress {
  #bars = STAGES.map((name) => el("li", { "data-stage": name }));
  #list = el("ol", {}, this.#bars);
  #name = el("span", { class: "pc-stage" });
  element = el("div", { class: "pc-progress", hidden: true }, this.#list, this.#name);

  label(t) {
    this.#list.setAttribute("aria-label", t("progress"));
    for (const bar of this.#bars) bar.title = t(`stage_${bar.dataset.stage}`);
  }

  begin() {
    this.element.hidden = false;
  }

  stage({ name, error }, t) {
    this.begin();
    const ended = this.#bars.find((bar) => bar.dataset.stage === name);
    if (ended) ended.className = error ? "pc-failed" : "pc-done";
    const next = this.#bars.find((bar) => !bar.className);
    this.#name.textContent = next ? t(`stage_${next.dataset.stage}`) : "";
  }

  restart() {
    for (const bar of this.#bars) bar.className = "";
    this.#name.textContent = "";
  }

  end() {
    this.restart();
    this.element.hidden = true;
  }
}

/** A line above all parts while a ticket is one of many about the same thing. */
export class IncidentLine {
  element = el("section", { class: "pc-incident", role: "status", hidden: true });

  show(incident, kit) {
    this.element.hidden = !incident;
    refill(this.element, ...(incident ? incidentPart(incident, kit) : []));
  }
}

/** A calm message where nothing can be shown: what is wrong, what to do, and when it is tried again. */
export class Message {
  #count = el("p", { class: "pc-count", "aria-hidden": "true" });
  element = el("section", { class: "pc-problem", hidden: true });

  /** `kind` is the problem's name, for its picture: the title's key without `problem_`. */
  show(kind, { title, advice, retryText, retry }) {
    const again = retry ? button(retryText, "retry", "pc-primary", retry) : null;
    this.element.dataset.kind = kind;
    refill(this.element, el("h2", {}, title), el("p", {}, advice), this.#count, again);
    this.element.hidden = false;
  }

  count(text) {
    this.#count.textContent = text;
  }

  hide() {
    this.element.hidden = true;
  }
}

/** A part's card: title, what stands beside it, the thumbs, and the body. */
export function section(name, thumbs) {
  const title = el("h2", { id: `pc-${name}` });
  const head = el("span", { class: "pc-head" });
  const body = el("div", { class: "pc-body" });
  const attributes = { class: `pc-part pc-part-${name}`, "aria-labelledby": `pc-${name}`, hidden: true };
  const header = el("header", {}, title, head, thumbs.buttons);
  return { element: el("section", attributes, header, thumbs.reasons, body), title, head, body };
}

/** What a Canvas says about its own quality, and that it came by way of the platform. */
export function badgesOf({ status, direct }, t) {
  const chip = (text, why, style) => el("span", { class: `pc-chip ${style}`, title: why }, text);
  return [
    status && status !== "ready" && chip(t(`status_${status}`), t(`why_${status}`), `pc-${status}`),
    !direct && chip(t("roundabout"), t("roundaboutWhy"), "pc-roundabout"),
  ];
}

/** Parts that stay empty because of failed stages: `{summary: "timeout"}`. */
export function failedParts(stages) {
  const failed = stages.filter((stage) => stage.error);
  return Object.fromEntries(
    failed.flatMap((stage) => partsOf(stage).map((part) => [part, stage.error])),
  );
}

/** The names of stages come with the answer: "constructor" is none of ours. */
function partsOf({ name }) {
  return Object.hasOwn(PARTS_OF_STAGE, name) ? PARTS_OF_STAGE[name] : [];
}

/** Let an element's border light up: something in it has changed. */
export function flash(element) {
  element.classList.remove("pc-changed");
  void element.offsetWidth; // restarts the animation
  element.classList.add("pc-changed");
}

/** Who wrote a Canvas, and why it has no reply: what the shown parts say about themselves. */
export function makers(canvas) {
  return canvas && JSON.stringify([canvas.provenance.models, canvas.no_replies]);
}

/** A language as an element may name it; what is no tag names none. */
export function tagOf(language) {
  return /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(language) ? language : "";
}
