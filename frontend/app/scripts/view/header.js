// The header: name and badges, the status line, how old the Canvas is, and the progress of a run. Built once: a live region
// that is replaced is not read out.

import { el, refill } from "../elements/dom.js";

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
    { class: "pc-header", tabindex: "-1" },
    el("div", { class: "pc-name" }, el("h1", {}, "Prompt Canvas"), this.#badges, this.#wide),
    el("p", { class: "pc-status" }, this.#light, this.#line, this.#count),
    this.#age,
  );

  #openWide;

  /** A button for the wide view, where the host page can show one. */
  constructor(openWide = null) {
    this.#openWide = openWide;
    if (openWide) this.#wide.addEventListener("click", openWide);
  }

  /** Whether there is anything to be shown in it. */
  offerWide(offered) {
    this.#wide.hidden = !offered || !this.#openWide;
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

/** What a Canvas says about its own quality, and that it came by way of the platform. */
export function badgesOf({ status, direct }, t) {
  const chip = (text, why, style) => el("span", { class: `pc-chip ${style}`, title: why }, text);
  return [
    status && status !== "ready" && chip(t(`status_${status}`), t(`why_${status}`), `pc-${status}`),
    !direct && chip(t("roundabout"), t("roundaboutWhy"), "pc-roundabout"),
  ];
}
