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
 * Replace an element's content; what stays in it is not moved, and the focus stays, see `keepFocus`.
 */
export function refill(parent, ...children) {
  const wanted = children.flat().filter(Boolean);
  keepFocus(parent, () => {
    for (const child of [...parent.childNodes]) if (!wanted.includes(child)) child.remove();
    let place = parent.firstChild;
    for (const child of wanted) {
      if (child === place) place = place.nextSibling;
      else if (place) place.before(child);
      else parent.append(child);
    }
  });
}

/**
 * Draw an element anew. If the focus was inside, what had it gets it again, else the new element with the same `data-key`,
 * else one with `data-focus`, else the element itself: what arrives never throws the focus out of the part that the agent
 * is in.
 */
export function keepFocus(parent, draw) {
  const focused = focusedIn(parent);
  draw();
  if (!focused || focused === parent || document.activeElement === focused) return;
  // What has only moved within loses the focus, too.
  if (parent.contains(focused)) focused.focus({ preventScroll: true });
  else focusAgain(parent, focused.dataset.key);
}

/**
 * What has the focus in an element, or null. A frame may still name what had it when an agent writes in the page around it:
 * to give that the focus again would take it from there.
 */
export function focusedIn(parent) {
  const { activeElement } = document;
  return document.hasFocus() && parent.contains(activeElement) ? activeElement : null;
}

function focusAgain(parent, key) {
  const same = [...parent.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
  const next = same ?? parent.querySelector("[data-focus]") ?? parent;
  if (next === parent) parent.setAttribute("tabindex", "-1");
  next.focus({ preventScroll: true });
}

/** Whether a key belongs to the composition of a syllable: in Safari the one that ends it says so by its code alone. */
export function composes({ isComposing, keyCode }) {
  return isComposing || keyCode === 229;
}

function plainClick(event) {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}
