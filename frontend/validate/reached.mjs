// The modules that a page reaches by static imports. Each is named in the page (`modulepreload`): else a browser learns of
// them level by level, which costs a round trip each.

import { dirname, join, relative } from "node:path/posix";

import { withoutComments } from "./scripts.mjs";

const IMPORTS = /\b(?:import|export)\b[^"';()=]*?\bfrom\s*["'](\.[^"']+)["']|\bimport\s*["'](\.[^"']+)["']/g;
const START = /<script type="module" src="([^"]+)"><\/script>/g;
const PRELOAD = /^ *<link rel="modulepreload" href="[^"]+" \/>\n/gm;

/** Files below a page's own modules, by their path from the page: those that it should preload. */
export function preloadsOf(app, page) {
  const starts = [...app.text(page).matchAll(START)].map(([, src]) => join(dirname(page), src));
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file) || !app.has(file)) return;
    seen.add(file);
    for (const [, from, bare] of withoutComments(app.text(file)).matchAll(IMPORTS)) visit(join(dirname(file), from ?? bare));
  };
  starts.forEach(visit);
  return [...seen]
    .filter((file) => !starts.includes(file))
    .map((file) => relative(dirname(page), file))
    .sort();
}

/** A page's text with the right preloads before its first module. */
export function withPreloads(app, page) {
  const links = preloadsOf(app, page).map((href) => `    <link rel="modulepreload" href="${href}" />\n`);
  const bare = app.text(page).replace(PRELOAD, "");
  return bare.replace(/^ *<script type="module"/m, (start) => links.join("") + start);
}

/** Check that each page has them. */
export function checkPreloads(app) {
  for (const page of app.ending(".html").filter((file) => app.text(file) !== withPreloads(app, file))) {
    app.find(page, "does not preload exactly the modules that it reaches", "run `node frontend/preload.mjs`");
  }
}
