// The folders of app/scripts import each other in one direction: what stands below knows nothing of what is built on it. So
// a folder can be read with those that it names here, and no other.

import { dirname, join, relative } from "node:path/posix";

import { withoutComments } from "./scripts.mjs";

const SCRIPTS = "app/scripts";
const IMPORTS = /\b(?:import|export)\b[^"';()=]*?\bfrom\s*["'](\.[^"']+)["']|\bimport\s*["'](\.[^"']+)["']/g;
/** Which folders one may import from, beside itself; the pages' starts (app.js, modal.js, mount.js) may import all. */
const BELOW = {
  texts: [],
  serve: [],
  elements: ["serve"],
  freshdesk: ["texts", "serve"],
  canvas: ["texts", "serve"],
  work: ["elements", "serve"],
  view: ["texts", "serve", "elements", "work"],
  wide: ["serve"],
};
/** What the admin page shares with the sidebar. */
const SHARED = ["texts", "serve", "elements", "freshdesk"];

/** Check that no module imports from a folder above its own, and that each folder stands here. */
export function checkLayers(app) {
  const own = app.ending(".js", { own: true });
  for (const folder of new Set(own.map(folderOf).filter(Boolean))) {
    if (!(folder in BELOW)) app.find(`${SCRIPTS}/${folder}`, "is in no order with the others", "name it in validate/layers.mjs");
  }
  for (const file of own) {
    const allowed = allowedFor(file);
    if (!allowed) continue;
    for (const [, from, bare] of withoutComments(app.text(file)).matchAll(IMPORTS)) {
      const target = join(dirname(file), from ?? bare);
      const folder = folderOf(target);
      if (allowed.includes(folder) || dirname(target) === dirname(file)) continue;
      app.find(file, `imports ${relative("app", target)}, which is built on it`, "move what both need to a folder below");
    }
  }
}

/** Folders that a module may import from, or null where it may from all. */
function allowedFor(file) {
  if (file.startsWith("app/admin/")) return SHARED;
  const folder = folderOf(file);
  return folder ? [folder, ...(BELOW[folder] ?? [])] : null;
}

/** The folder of a module of the sidebar, "" for one that starts a page, null for what is none of these. */
function folderOf(file) {
  if (!file.startsWith(`${SCRIPTS}/`)) return null;
  const [, , folder, name] = file.split("/");
  return name ? folder : "";
}
