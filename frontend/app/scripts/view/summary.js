// The summary: its text, what it leaves out, the requester's mood, and whether a model wrote it. Functions from data to
// elements; `kit` is what parts share, see part_kit.js.

import { el } from "../elements/dom.js";
import { textElement } from "../elements/markdown.js";
import { quiet } from "../elements/pieces.js";

/** A fact of which so much stands in the text already is not said again. */
const REPEATED = 0.8;

/**
 * Summary: the text, then what it does not say already of problem, attempts and next step; `grown` is what was written of
 * it, word by word.
 */
export function summaryPart(summary, kit, grown) {
  if (!summary) return [quiet(kit.t("noSummary"))];
  const facts = ["problem", "tried", "next_step"].filter(
    (name) => summary[name] && !saysSo(summary.text, summary[name]),
  );
  const row = (name) => el("div", {}, el("dt", {}, kit.t(name)), el("dd", {}, summary[name]));
  return [
    textElement(summary.text, { class: "pc-text" }, { grown }),
    facts.length > 0 && el("dl", { class: "pc-facts" }, facts.map(row)),
  ];
}

/** The requester's mood, where it matters. */
export function sentimentChip(summary, kit) {
  if (!summary || summary.sentiment === "neutral") return null;
  return el("span", { class: `pc-chip pc-${summary.sentiment}` }, kit.t(`sentiment_${summary.sentiment}`));
}

/** Says so where no model wrote what a part shows (`summary`, `replies`), else null; `canvas` may be null. */
export function extractiveNote(name, value, canvas, { t, language }) {
  const key = { summary: "extractiveSummary", replies: "extractiveReplies" }[name];
  const written = canvas?.provenance.models[name] === "extractive" && value && value.length !== 0;
  return key && written ? el("p", { class: "pc-note", lang: language }, t(key)) : null;
}

/** Whether nearly all words of a fact stand in the text: extracted facts are parts of it. */
function saysSo(text, fact) {
  const said = new Set(words(text));
  const wanted = words(fact);
  return wanted.filter((word) => said.has(word)).length >= REPEATED * wanted.length;
}

function words(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
