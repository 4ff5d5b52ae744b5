#!/usr/bin/env node
// Checks the app's package as `fdk validate` does, and what we ask of it beyond that; for machines without FDK.
//
//   node frontend/validate.mjs [--no-lint] [FOLDER]
//
// Each finding names the file and what to do. Exit codes: 0 nothing found, 1 findings, 2 it could not be run.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { checkLayers } from "./validate/layers.mjs";
import { checkManifest } from "./validate/manifest.mjs";
import { AppPackage } from "./validate/package.mjs";
import { checkPages } from "./validate/pages.mjs";
import { checkPreloads } from "./validate/reached.mjs";
import { checkScripts } from "./validate/scripts.mjs";
import { checkTemplates } from "./validate/templates.mjs";

/** Bytes: what the platform's upload surely takes, and what a page loads quickly. */
const MOST_BYTES = 1_000_000;

/** All findings of an app's folder, and notes on what was not checked. */
export async function validate(folder, { eslint = true } = {}) {
  const app = new AppPackage(folder);
  const manifest = checkManifest(app);
  checkTemplates(app, manifest);
  checkPages(app);
  checkPreloads(app);
  checkLayers(app);
  const notes = await checkScripts(app, { eslint });
  const bytes = app.files.reduce((sum, file) => sum + app.size(file), 0);
  if (bytes > MOST_BYTES) app.find(".", `the package has ${bytes} bytes`, `${MOST_BYTES} is the most: leave something out`);
  if (!app.has("README.md")) app.find("README.md", "is missing", "Freshworks asks for one");
  return { findings: app.findings, notes, files: app.files.length, bytes };
}

async function main(args) {
  const folder = resolve(args.find((arg) => !arg.startsWith("-")) ?? fileURLToPath(new URL(".", import.meta.url)));
  if (!existsSync(join(folder, "app"))) {
    console.error(`${folder} is no app: it has no folder app/`);
    return 2;
  }
  const { findings, notes, files, bytes } = await validate(folder, { eslint: !args.includes("--no-lint") });
  for (const { file, what, remedy } of findings) console.log(`${file}: ${what}. ${remedy[0].toUpperCase()}${remedy.slice(1)}.`);
  for (const note of notes) console.log(`note: ${note}`);
  console.log(`${files} files, ${Math.round(bytes / 1000)} KB, ${findings.length || "no"} finding${findings.length === 1 ? "" : "s"}`);
  return findings.length ? 1 : 0;
}

if (process.argv[1] && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  process.exitCode = await main(process.argv.slice(2));
}
