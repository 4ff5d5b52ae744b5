// Copies the Crayons components that the app uses out of the npm package, and nothing else of it:
//
//   npm pack @freshworks/crayons@4.2.0 && tar xf freshworks-crayons-4.2.0.tgz
//   node frontend/crayons/copy.mjs package
//
// Besides the components' chunks as they are, it writes a loader of their own. The package's loader knows all components
// and makes its import by `new Function`, which a content security policy may forbid.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What the pages use. fw-icon stays out (it fetches pictures from a foreign host), fw-pill too (red and yellow lack contrast). */
const USED = ["fw-button", "fw-spinner"];
/** The install page can reach its own folder only, so it has a copy. */
const TARGETS = ["app/crayons", "config/assets/crayons"];
/** The core hides components until they are ready by a style element, which a content security policy may forbid. */
const HIDING = ",o.insertBefore(r,i?i.nextSibling:o.firstChild)";
const FRONTEND = fileURLToPath(new URL("..", import.meta.url));

/** The components of the package: [[chunk, [[flags, tag, properties], …]], …]. */
function tableOf(loader) {
  const text = loader.match(/JSON\.parse\('(.*?)'\)/s)?.[1];
  if (!text) throw new Error("crayons.esm.js has another form than that of 4.2.0: see copy.mjs");
  return JSON.parse(text);
}

/** Of the table what is used. */
function usedOf(table) {
  const kept = table.map(([chunk, components]) => [chunk, components.filter(([, tag]) => USED.includes(tag))]);
  const found = kept.filter(([, components]) => components.length);
  const missing = USED.filter((tag) => !JSON.stringify(found).includes(`"${tag}"`));
  if (missing.length) throw new Error(`The package has no ${missing.join(", ")}`);
  return found;
}

/** A file and all that it imports. */
function withImports(folder, name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  const text = readFileSync(join(folder, name), "utf8");
  for (const [, next] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)) withImports(folder, next, seen);
  return seen;
}

/** The core without its one style element; our own style sheets say the same of `:not(.hydrated)`. */
function coreOf(path) {
  const text = readFileSync(path, "utf8");
  if (text.split(HIDING).length !== 2) throw new Error("The core has another form than that of 4.2.0: see copy.mjs");
  return text.replace(HIDING, "");
}

function loaderOf(core, used, version) {
  return `// Written by frontend/crayons/copy.mjs from @freshworks/crayons ${version} (MIT, see LICENSE.md).
import { b as bootstrap } from "./${core}";

globalThis.__sc_import_crayons = (path) => import(path);
bootstrap(${JSON.stringify(used)}, { resourcesUrl: new URL(".", import.meta.url).href });
`;
}

function copy(packageFolder) {
  const { version } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));
  const source = join(packageFolder, "dist/crayons");
  const loader = readFileSync(join(source, "crayons.esm.js"), "utf8");
  const core = loader.match(/from"\.\/([^"]+)"/)[1];
  const used = usedOf(tableOf(loader));
  const files = new Set([core, ...used.map(([chunk]) => `${chunk}.entry.js`)].flatMap((n) => [...withImports(source, n)]));
  for (const target of TARGETS.map((name) => join(FRONTEND, name))) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    for (const name of files) copyFileSync(join(source, name), join(target, name));
    writeFileSync(join(target, core), coreOf(join(source, core)));
    copyFileSync(join(packageFolder, "LICENSE.md"), join(target, "LICENSE.md"));
    writeFileSync(join(target, "crayons.js"), loaderOf(core, used, version));
  }
  console.log(`@freshworks/crayons ${version}: ${files.size} files for ${USED.join(", ")} in ${TARGETS.join(", ")}`);
}

if (process.argv.length !== 3) {
  console.error("usage: node frontend/crayons/copy.mjs FOLDER_OF_THE_UNPACKED_PACKAGE");
  process.exit(2);
}
copy(process.argv[2]);
