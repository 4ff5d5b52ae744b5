// The only place that makes elements. Strings become text nodes, so nothing that a model, a customer or an article
// wrote can become markup; links lead to http(s) only.

/** An element: `el("p", {class: "x", "aria-busy": "true", onclick: f}, "text", child, null)`. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/**
 * A link to an outside page, or plain text where the address is not http(s).
 * `open()` replaces following it where the host page can show the thing itself.
 */
export function link(address, text, attributes = {}, open = null) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !["http:", "https:"].includes(url.protocol)) return el("span", attributes, text);
  const follow = open && { onclick: (event) => plainClick(event) && (event.preventDefault(), open()) };
  return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer", ...attributes, ...follow }, text);
}

/**
 * Replace an element's content; if the focus was inside, the new element with the same `data-key` gets it, else one with
 * `data-focus`, else the element itself: what arrives never throws the focus out of the part that the agent is in.
 */
export function refill(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  parent.replaceChildren(...children.flat().filter(Boolean));
  if (focused && focused !== parent && !parent.contains(focused)) focusAgain(parent, focused.dataset.key);
}

function focusAgain(parent, key) {
  const same = [...parent.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
  const next = same ?? parent.querySelector("[data-focus]") ?? parent;
  if (next === parent) parent.setAttribute("tabindex", "-1");
  next.focus({ preventScroll: true });
}

/** Copy text; resolves to whether it worked. Inside other sites' frames the clipboard API may be switched off. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "pc-offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

function plainClick(event) {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}
