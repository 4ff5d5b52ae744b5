// The pieces of the reply box: a reply and what stands around it, the box in which it is edited, the words of one that is
// being written, and what can be asked for. Functions from data to elements, without state.

import { composes, el } from "../elements/dom.js";
import { textElement } from "../elements/markdown.js";
import { whenSized } from "../elements/measured.js";
import { button, quiet } from "../elements/pieces.js";

export const TONES = ["friendly", "formal", "brief"];
const LANGUAGES = ["customer", "ko", "en"];
const MOST_CHARACTERS = 2000;

/** A box with the reply's text; `on`: `write(text)` at each change, `done()`, `undo()`. */
export function editor(text, kit, on) {
  const box = el("textarea", { class: "pc-edit", rows: 8, "data-key": "editor", "aria-label": kit.t("editReply") });
  box.value = text;
  box.addEventListener("input", () => on.write(box.value));
  box.addEventListener("keydown", (event) => {
    // Escape also ends the composition of a Korean syllable.
    if (composes(event) || !finishes(event)) return;
    event.preventDefault();
    on.done();
  });
  const buttons = [
    button(kit.t("done"), "done", "pc-primary", on.done),
    button(kit.t("undo"), "undo", "", on.undo),
  ];
  return [box, el("div", { class: "pc-buttons" }, buttons, el("span", { class: "pc-hint" }, kit.t("editHint")))];
}

function finishes({ key, ctrlKey, metaKey }) {
  return key === "Escape" || (key === "Enter" && (ctrlKey || metaKey));
}

/** A reply while it is being written. */
export function streamed({ element }, kit, stop) {
  const buttons = el("div", { class: "pc-buttons" }, button(kit.t("stop"), "stop", "", stop));
  return [el("div", { class: "pc-reply" }, element), buttons];
}

/**
 * The line "write anew", and below it, where it is open, what can be asked for.
 *
 * `box`: `open`, `wishes`, `toggle()`, `write(text)`, `ask({tone?, language?, instructions?, draft?: true})`,
 * `replace(button)` or null. `reply` is the one that is shown, or null.
 */
export function toolbox(reply, box, kit) {
  const { t } = kit;
  const toggle = button(t(reply ? "writeAnew" : "writeOne"), "tools", "pc-link pc-more", box.toggle);
  toggle.setAttribute("aria-expanded", String(box.open));
  if (!box.open) return [toggle];
  return [toggle, el("div", { class: "pc-tools" }, ...choices(reply, box, t), ...wishes(reply, box, t))];
}

function choices(reply, box, t) {
  const tone = (name) => choice(t(`tone_${name}`), `tone-${name}`, () => box.ask({ tone: name, draft: Boolean(reply) }));
  const other = (name) =>
    choice(t(`in_${name}`), `in-${name}`, () => box.ask({ language: name, draft: Boolean(reply) }));
  const rows = [
    [t("tone"), TONES.map(tone)],
    [t("language"), LANGUAGES.map(other)],
  ];
  if (reply) rows.unshift([t("thisReply"), changes(reply, box, t)]);
  return rows.map(([name, buttons]) =>
    el("div", { class: "pc-choices", role: "group", "aria-label": name }, el("span", {}, name), buttons),
  );
}

function changes(reply, box, t) {
  const shorter = { instructions: t("wish_shorter"), draft: true };
  return [
    box.replace && choice(t("replace"), "replace", (event) => box.replace(event.currentTarget)),
    choice(t("shorter"), "shorter", () => box.ask(shorter)),
    choice(t("regenerate"), "regenerate", () => box.ask({ tone: reply.tone })),
  ];
}

function wishes(reply, box, t) {
  const field = el("textarea", {
    class: "pc-wishes",
    rows: 2,
    maxlength: MOST_CHARACTERS,
    "data-key": "wishes",
    "aria-label": t("wishes"),
    placeholder: t("wishes"),
  });
  field.value = box.wishes;
  field.addEventListener("input", () => box.write(field.value));
  const write = () => box.ask({ instructions: field.value.trim(), draft: Boolean(reply) });
  return [field, el("div", { class: "pc-buttons" }, button(t("write"), "write", "", write))];
}

function choice(text, key, onclick) {
  return el("button", { type: "button", class: "pc-choice", "data-key": key, onclick }, text);
}

/** Why there is no reply to recommend; `why` is the Canvas's `no_replies`. */
export function noRepliesPart(why, kit) {
  return [quiet(kit.t(why ? `noReplies_${why}` : "noReplies"))];
}

/** One recommended reply, and the buttons that belong to it; `grown` as for `textElement`. */
export function replyPart(reply, kit, buttons, grown) {
  const said = el("div", { class: "pc-reply" }, textElement(reply.text, { class: "pc-text pc-reply-text" }, { grown }));
  return [
    said,
    el(
      "p",
      { class: "pc-meta" },
      TONES.includes(reply.tone) && el("span", {}, kit.t(`in_tone_${reply.tone}`)),
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

/** Long replies are folded, unless they are `open`; a button shows the rest, and `opened(open)` hears of it. */
export function foldLongReply(body, kit, { open, opened }) {
  const text = body.querySelector(".pc-reply-text");
  if (!text) return;
  const more = button("", "more", "pc-link", () => (opened(!isOpen()), fold(!isOpen())));
  const isOpen = () => text.classList.contains("pc-all");
  const fold = (unfolded) => {
    text.classList.toggle("pc-all", unfolded);
    text.classList.toggle("pc-folded", !unfolded);
    more.textContent = kit.t(unfolded ? "showLess" : "showAll");
    more.setAttribute("aria-expanded", String(unfolded));
  };
  const measure = () => {
    const unfolded = isOpen();
    text.classList.remove("pc-all", "pc-folded");
    more.hidden = text.scrollHeight <= text.clientHeight + 2;
    if (!more.hidden) fold(unfolded);
  };
  text.classList.toggle("pc-all", open);
  text.after(more);
  measure();
  whenSized(text, measure);
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
