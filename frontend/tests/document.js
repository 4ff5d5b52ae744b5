// A real DOM in Node (jsdom): one page for a file of tests. Requests, aborts and timers stay Node's own.

import { webcrypto } from "node:crypto";

import { JSDOM } from "jsdom";

/** What the app's modules and their tests find in a browser's global object. */
const NAMES = ["window", "document", "location", "sessionStorage", "Element", "HTMLElement", "Node", "Text", "Event"];
const EVENTS = ["MouseEvent", "KeyboardEvent", "CustomEvent", "InputEvent"];

// Node 18 has it in a module alone.
globalThis.crypto ??= webcrypto;

/** Open a page and make its names global; returns its window. `languages` are the browser's. */
export function openPage(html = "", { url = "https://app.example/index.html", languages = ["en-GB"] } = {}) {
  const { window } = new JSDOM(`<!doctype html><html><body>${html}</body></html>`, { url, pretendToBeVisual: true });
  for (const name of [...NAMES, ...EVENTS]) define(name, window[name]);
  define("navigator", Object.create(window.navigator, { languages: { value: languages }, onLine: value(true), clipboard: value(null) }));
  for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) define(name, window[name].bind(window));
  return window;
}

/** An element with these children, as a part of the page. */
export function placed(...children) {
  const element = document.createElement("div");
  element.append(...children.flat().filter(Boolean));
  document.body.append(element);
  return element;
}

/** The words of elements that are seen, with single spaces between what stands in different elements. */
export function wordsOf(...elements) {
  const texts = elements.flat().filter(Boolean).map(textOf);
  return texts.join(" ").replace(/\s+/g, " ").trim();
}

/** The element of a `data-key`. */
export function keyed(root, key) {
  return [...root.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
}

/** Press a key in an element; returns whether the browser may still act on it. */
export function press(element, key, options = {}) {
  return element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));
}

/** Type into a field, or choose in a list: its value, and what it tells. */
export function type(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function textOf(node) {
  if (typeof node === "string") return node;
  if (node.hidden) return "";
  return node.childNodes?.length ? [...node.childNodes].map(textOf).join(" ") : (node.textContent ?? "");
}

function define(name, content) {
  Object.defineProperty(globalThis, name, { value: content, configurable: true, writable: true });
}

function value(content) {
  return { value: content, configurable: true, writable: true };
}
