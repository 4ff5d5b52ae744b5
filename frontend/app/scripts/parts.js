// How the parts of a Canvas look: functions from data to elements, without state.
//
// `kit` is what they share: `{t, language, actions, copy, put, did, tell, announce}`, see kit.js. Actions
// may be missing: what the host page can't do has no button (insert) or is a plain link (tickets, articles).

import { el, link } from "./dom.js";
import { linkHtml, markdown } from "./markdown.js";
import { textsOf, valuesOf } from "./problem.js";

const REPEATED = 0.8;
const INCIDENT_TICKETS = 5;
/** What is longer than its two lines can be unfolded. */
const SNIPPET_CHARACTERS = 110;

/** Summary: the text, then what it does not say already of problem, attempts and next step. */
export function summaryPart(summary, kit) {
  if (!summary) return [quiet(kit.t("noSummary"))];
  const facts = ["problem", "tried", "next_step"].filter(
    (name) => summary[name] && !saysSo(summary.text, summary[name]),
  );
  const row = (name) => el("div", {}, el("dt", {}, kit.t(name)), el("dd", {}, summary[name]));
  return [
    el("div", { class: "pc-text" }, markdown(summary.text)),
    facts.length > 0 && el("dl", { class: "pc-facts" }, facts.map(row)),
  ];
}

/** The requester's mood, where it matters. */
export function sentimentChip(summary, kit) {
  if (!summary || summary.sentiment === "neutral") return null;
  return el("span", { class: `pc-chip pc-${summary.sentiment}` }, kit.t(`sentiment_${summary.sentiment}`));
}

/** Two lines of a text, and a button for the rest where there is more. */
export function snippet(text, key, { t }) {
  const words = el("p", { class: "pc-snippet" }, text);
  if (text.length <= SNIPPET_CHARACTERS) return words;
  const more = button(t("showAll"), key, "pc-link", () => {
    const all = words.classList.toggle("pc-all");
    more.textContent = t(all ? "showLess" : "showAll");
    more.setAttribute("aria-expanded", String(all));
  });
  more.setAttribute("aria-expanded", "false");
  return [words, more];
}

/** Solution articles; those that customers can't see say so, and can't be put into a reply. */
export function solutionsPart(solutions, kit) {
  if (!solutions.length) return [quiet(kit.t("noSolutions"))];
  const { openArticle } = kit.actions;
  const item = (article) => {
    const title = { class: "pc-title", "data-key": `article-${article.article_id}` };
    const open = openArticle && (() => openArticle(article.article_id));
    return el(
      "li",
      {},
      link(article.url, article.title, title, open),
      !article.public && el("span", { class: "pc-chip" }, kit.t("agentsOnly")),
      article.cited > 0 && el("p", { class: "pc-meta" }, kit.t("cited", { count: article.cited })),
      article.snippet && el("p", { class: "pc-snippet" }, article.snippet),
      article.public && kit.actions.insert && solutionButtons(article, kit),
    );
  };
  return [el("ul", { class: "pc-items" }, solutions.map(item))];
}

function solutionButtons(article, kit) {
  const { article_id: item, title, url, snippet: words } = article;
  const put = (text, html) => (event) => kit.put(event.currentTarget, { text, html }, { kind: "solution", item });
  return el(
    "div",
    { class: "pc-buttons pc-small" },
    button(kit.t("insertLink"), `link-${item}`, "pc-link", put(`${title}: ${url}`, linkHtml(url, title))),
    words && button(kit.t("insertText"), `text-${item}`, "pc-link", put(words)),
  );
}

/** Why there is no reply to recommend; `why` is the Canvas's `no_replies`. */
export function noRepliesPart(why, kit) {
  return [quiet(kit.t(why ? `noReplies_${why}` : "noReplies"))];
}

/** Many tickets about the same within hours: how many, since when, and the newest of them. */
export function incidentPart(incident, kit) {
  const { openTicket } = kit.actions;
  const since = new Date(incident.first_seen);
  const time = since.toLocaleString(kit.language, { dateStyle: "short", timeStyle: "short" });
  const ticket = (id) => {
    const attributes = { class: "pc-source", "data-key": `incident-${id}` };
    if (!openTicket) return el("span", attributes, `#${id}`);
    return el("button", { type: "button", ...attributes, onclick: () => openTicket(id) }, `#${id}`);
  };
  const named = incident.tickets.slice(0, INCIDENT_TICKETS);
  const more = incident.count - 1 - named.length;
  return [
    el("p", {}, kit.t("incident", { count: incident.count, time })),
    el("p", { class: "pc-meta" }, el("span", {}, named.map(ticket)), more > 0 && el("span", {}, kit.t("incidentMore", { count: more }))),
  ];
}

/** One recommended reply, and the buttons that belong to it. */
export function replyPart(reply, kit, buttons) {
  const said = el("div", { class: "pc-reply" }, el("div", { class: "pc-text pc-reply-text" }, markdown(reply.text)));
  return [
    said,
    el(
      "p",
      { class: "pc-meta" },
      reply.tone && el("span", {}, kit.t(`tone_${reply.tone}`)),
      (reply.marks ?? []).map((mark) => el("span", { class: "pc-mark" }, mark)),
      reply.sources.length > 0 &&
        el(
          "span",
          {},
          `${kit.t("sources")} `,
          reply.sources.map((source) => sourceLink(source, kit)),
        ),
    ),
    el("div", { class: "pc-buttons" }, buttons),
  ];
}

/** Long replies are folded; a button shows the rest. */
export function foldLongReply(body, kit) {
  const text = body.querySelector(".pc-reply-text");
  if (!text || text.scrollHeight <= text.clientHeight + 2) return;
  text.classList.add("pc-folded");
  const more = button(kit.t("showAll"), "more", "pc-link", () => {
    const folded = text.classList.toggle("pc-folded");
    text.classList.toggle("pc-all", !folded);
    more.textContent = kit.t(folded ? "showAll" : "showLess");
    more.setAttribute("aria-expanded", String(!folded));
  });
  more.setAttribute("aria-expanded", "false");
  text.after(more);
}

/** Which of several replies is shown: "1 2 3". */
export function replyPager(replies, chosen, kit, choose) {
  if (replies.length < 2) return null;
  const page = (_, index) =>
    el(
      "button",
      {
        type: "button",
        "data-key": `reply-${index}`,
        "aria-label": kit.t("replyNumber", { number: index + 1 }),
        "aria-pressed": String(index === chosen),
        onclick: () => choose(index),
      },
      String(index + 1),
    );
  return el("span", { class: "pc-pager", role: "group", "aria-label": kit.t("replies") }, replies.map(page));
}

/** Who and what made this Canvas: models, tokens, cost and the time of each stage. */
export function provenancePart(provenance, kit) {
  const { t } = kit;
  const by = el("span", {}, writers(provenance.models, t));
  const models = Object.entries(provenance.models);
  const rows = models.map(([task, model]) => [
    t(`model_${task}`),
    model === "extractive" ? t("modelExtractive") : model,
  ]);
  const { input = 0, output = 0 } = provenance.tokens;
  if (input + output > 0) rows.push([t("tokens"), t("tokensValue", { input, output })]);
  if (provenance.cost) rows.push([t("cost"), `$${provenance.cost.toFixed(4)}`]);
  const stages = provenance.stages.map(
    (stage) => `${stage.name} ${Math.round(stage.ms)} ms${stage.error ? ` (${stage.error})` : ""}`,
  );
  if (stages.length) rows.push([t("stages"), stages.join(" · ")]);
  return [
    el("summary", { "data-key": "made" }, t("made"), by),
    el(
      "dl",
      {},
      rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    ),
  ];
}

/** Says so where no model wrote a part (`summary`, `replies`), else null. */
export function extractiveNote(name, model, { t, language }) {
  const key = { summary: "extractiveSummary", replies: "extractiveReplies" }[name];
  return key && model === "extractive" ? el("p", { class: "pc-note", lang: language }, t(key)) : null;
}

/** Names of who wrote the texts of a Canvas. */
function writers(models, t) {
  const names = new Set([models.summary, models.replies].filter(Boolean));
  return [...names].map((model) => (model === "extractive" ? t("extractive") : model)).join(", ");
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

/** A button; `key` is what keeps the focus on it when its part is drawn anew. */
export function button(text, key, style, onclick) {
  return el("button", { type: "button", class: `pc-button ${style}`.trim(), "data-key": key, onclick }, text);
}

/** `ticket:12` and `article:7` lead to the ticket or article where the host page can show it; `agent` is its own wish. */
function sourceLink(source, kit) {
  const [kind, id] = source.split(":");
  const known = ["ticket", "article", "canned"].includes(kind) || source === "agent";
  const text = known ? kit.t(`source_${kind}`, { id }) : source;
  const open = { ticket: kit.actions.openTicket, article: kit.actions.openArticle }[kind];
  if (!open) return el("span", { class: "pc-source" }, text);
  return el(
    "button",
    { type: "button", class: "pc-source", "data-key": `source-${source}`, onclick: () => open(Number(id)) },
    text,
  );
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
