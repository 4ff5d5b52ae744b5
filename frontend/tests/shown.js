// A sidebar's view in a page that can do everything, and what was asked of it.

import assert from "node:assert/strict";

import { CanvasView } from "../app/scripts/view/canvas_view.js";
import { ANSWER, FULL, REPLY } from "./canvases.js";
import { keyed, placed, wordsOf } from "./document.js";
import { until } from "./look_alike.js";

/** `told` is the feedback, `did` what the page did; `key(name)` is the element of a `data-key`. */
export function shown({ actions = {}, language = "en", show = null, canvas = FULL } = {}) {
  const [told, did] = [[], []];
  const all = {
    retry: () => did.push("retry"),
    tell: ({ kind, action, item, run, reason }) => told.push([kind, action, item ?? run ?? reason].filter((part) => part !== undefined).join(" ")),
    insert: async (html, options) => did.push([html, options]) > 0,
    openTicket: (id) => did.push(`ticket ${id}`),
    openArticle: (id) => did.push(`article ${id}`),
    ask: async () => ({ result: ANSWER, run: "/runs/q1" }),
    generate: async () => ({ result: REPLY, run: "/runs/g1" }),
    ...actions,
  };
  const root = placed();
  const view = new CanvasView(root, { language, actions: all, show });
  view.open(7);
  if (canvas) view.canvas(canvas, { etag: '"e1"' });
  const part = (name) => root.querySelector(`.pc-part-${name}`);
  const key = (name) => keyed(root, name) ?? assert.fail(`${name} in ${[...root.querySelectorAll("[data-key]")].map(({ dataset }) => dataset.key)}`);
  return { view, root, told, did, part, key, says: (words) => until(() => wordsOf(root).includes(words), `${words} in ${wordsOf(root)}`) };
}
