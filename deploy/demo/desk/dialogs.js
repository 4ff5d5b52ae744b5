// The two dialogs: choosing (or writing) a new ticket, and reading an article.

import { el, refill } from "/desk/app/scripts/elements/dom.js";

/** Asks for a new ticket; resolves to `{sample, subject, text, open}`, or null where it was cancelled. */
export function chooseTicket(dialog, samples, t, language) {
  const form = dialog.querySelector("form");
  const radio = (value, text, attributes = {}) =>
    el("label", {}, el("input", { type: "radio", name: "sample", value, ...attributes }), text);
  const sorted = [...samples].sort((a, b) => (b.language === language) - (a.language === language));
  refill(
    form.querySelector("#samples"),
    sorted.map(({ id, subject, product, language: lang }, index) =>
      radio(id, el("span", { lang }, subject, el("small", {}, product)), { checked: index === 0 }),
    ),
    radio("", el("span", {}, t("ownTicket"))),
  );
  for (const field of [form.subject, form.text]) field.value = "";
  const own = form.querySelector('input[name="sample"][value=""]');
  const required = () => (form.text.required = own.checked);
  form.onchange = required;
  required();
  // Who starts to write wants to send that.
  for (const field of [form.subject, form.text]) field.oninput = () => ((own.checked = true), required());
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const { sample, subject, text, open } = form;
      const chosen = { sample: sample.value, subject: subject.value, text: text.value, open: open.checked };
      if (chosen.sample) chosen.subject = chosen.text = "";
      resolve(dialog.returnValue === "create" ? chosen : null);
    };
  });
}

/** Shows an article's text. */
export function showArticle(dialog, { title, text }) {
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector(".words").textContent = text;
  dialog.showModal();
}
