// The pieces of the reply box: the box in which a reply is edited, the words of one that is being written, and what can
// be asked for. Functions from data to elements, without state.

import { el } from "./dom.js";
import { button } from "./parts.js";

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
    if (event.isComposing || !finishes(event)) return;
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
