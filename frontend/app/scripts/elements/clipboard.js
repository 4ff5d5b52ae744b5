// What is copied goes as HTML and as plain text, so that an editor gets bold words and lists, and anything else no signs.

import { el } from "./dom.js";

/** Copy; resolves to whether it worked. Inside other sites' frames the clipboard API may be switched off. */
export async function copyText(text, html = "") {
  try {
    await toClipboard(text, html);
    return true;
  } catch {
    return byCommand(text, html);
  }
}

function toClipboard(text, html) {
  const { clipboard } = navigator;
  if (!html || !clipboard.write || !globalThis.ClipboardItem) return clipboard.writeText(text);
  const blob = (type, content) => [type, new Blob([content], { type })];
  const item = new ClipboardItem(Object.fromEntries([blob("text/plain", text), blob("text/html", html)]));
  return clipboard.write([item]);
}

/** The old way, for as long as the agent's click counts. */
function byCommand(text, html) {
  const area = el("textarea", { class: "pc-offscreen", "aria-hidden": "true" });
  const before = document.activeElement;
  const both = (event) => {
    event.clipboardData.setData("text/plain", text);
    if (html) event.clipboardData.setData("text/html", html);
    event.preventDefault();
  };
  area.value = text;
  area.addEventListener("copy", both);
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  before?.focus({ preventScroll: true });
  return copied;
}
