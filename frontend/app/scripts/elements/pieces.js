// Small pieces that all parts of the page use: buttons, quiet lines, grey bars, texts that are folded. `t` is a translator.

import { textsOf, valuesOf } from "../serve/problem.js";
import { el } from "./dom.js";
import { whenSized } from "./measured.js";

/** What is longer may need more than two lines; until it is measured, that is the guess. */
const SNIPPET_CHARACTERS = 110;

/** A button; `key` is what keeps the focus on it when its part is drawn anew. */
export function button(text, key, style, onclick) {
  return el("button", { type: "button", class: `pc-button ${style}`.trim(), "data-key": key, onclick }, text);
}

/** A line for what is empty or failed. */
export function quiet(text) {
  return el("p", { class: "pc-quiet" }, text);
}

/** Why something that was asked for has not come, and what helps. */
export function trouble(problem, { t }) {
  const [title, advice] = textsOf(problem);
  const values = valuesOf(problem);
  // What is asked for is not tried again by itself.
  const helps = advice === "advice_other" || problem.status === 401 ? advice : "advice_late";
  return quiet(`${t(title, values)}. ${t(helps, values)}`);
}

/** Grey bars where text will stand; they appear only if it takes longer than a blink (see the style sheet). */
export function skeleton(lines) {
  const bars = Array.from({ length: lines }, () => el("span", { class: "pc-bar" }));
  return el("div", { class: "pc-skeleton", "aria-hidden": "true" }, bars);
}

/** Two lines of a text, and a button for the rest where there is more. */
export function snippet(text, key, { t }) {
  const words = el("p", { class: "pc-snippet" }, text);
  const isOpen = () => words.classList.contains("pc-all");
  const more = button(t("showAll"), key, "pc-link", () => {
    words.classList.toggle("pc-all");
    more.textContent = t(isOpen() ? "showLess" : "showAll");
    more.setAttribute("aria-expanded", String(isOpen()));
  });
  more.setAttribute("aria-expanded", "false");
  more.hidden = text.length <= SNIPPET_CHARACTERS;
  whenSized(words, () => (more.hidden = !isOpen() && words.scrollHeight <= words.clientHeight + 1));
  return [words, more];
}
