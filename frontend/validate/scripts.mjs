// JavaScript: it parses, imports what is there, does nothing that Freshworks or we forbid, and is simple enough. For the
// last ESLint is needed (`npm ci` in frontend/); without it the rest is checked, and that is said.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { fileURLToPath, pathToFileURL } from "node:url";

import { checkOrigins } from "./pages.mjs";
import { able, unparsed } from "./syntax.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Never, in whatever code. */
const FORBIDDEN = [
  [/\beval\s*\(|\bnew\s+Function\b|\bset(?:Timeout|Interval)\s*\(\s*["'`]/, "runs text as code", "write a function"],
  [/\bdocument\.write\b/, "uses document.write", "make elements"],
];
/** Not in ours. */
const AVOIDED = [
  [/(?<![.\w])(?:alert|confirm|prompt)\s*\(/, "opens a browser dialog", "use client.interface.trigger"],
  [/\.(?:innerHTML|outerHTML)\s*=|insertAdjacentHTML/, "writes markup", "use el() of dom.js"],
  [/\bdebugger\b/, "stops in a debugger", "remove it"],
  [/console\.(?:log|debug)\s*\(/, "writes into the console", "remove it"],
];
const SECRETS = /\b(?:sk-[\w-]{20,}|AKIA[0-9A-Z]{16})\b|-----BEGIN [A-Z ]*PRIVATE KEY/;

/** Check them; resolves to notes on what could not be checked. */
export async function checkScripts(app, { eslint = true } = {}) {
  checkSyntax(app);
  for (const file of app.ending(".js")) {
    const code = withoutComments(app.text(file));
    for (const [pattern, what, remedy] of FORBIDDEN) if (pattern.test(code)) app.find(file, what, remedy);
    checkImports(app, file, code);
    checkOrigins(app, file, code);
  }
  for (const file of app.ending(".js", { own: true })) {
    const code = withoutComments(app.text(file));
    for (const [pattern, what, remedy] of AVOIDED) if (pattern.test(code)) app.find(file, what, remedy);
  }
  for (const file of app.files) {
    if (SECRETS.test(app.text(file))) app.find(file, "holds what looks like a secret", "make it a secure setting");
  }
  await checkTexts(app);
  return eslint ? lint(app) : [];
}

function checkSyntax(app) {
  const files = app.ending(".js");
  const paths = files.map((file) => app.path(file));
  for (const [path, message] of able ? unparsed(paths) : unparsedBeside(paths)) {
    app.find(files[paths.indexOf(path)], `does not parse: ${message}`, "mend the syntax");
  }
}

function unparsedBeside(paths) {
  const args = ["--experimental-vm-modules", "--no-warnings", join(HERE, "syntax.mjs"), ...paths];
  return JSON.parse(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout);
}

function checkImports(app, file, code) {
  const named = /\b(?:import|export)\b[^"';()=]*?\bfrom\s*["']([^"']+)["']|\bimport\s*["']([^"']+)["']/g;
  for (const [, from, bare] of code.matchAll(named)) {
    const name = from ?? bare;
    if (!name.startsWith(".")) app.find(file, `imports ${name}`, "a package has its own files alone");
    else if (!app.has(join(dirname(file), name))) app.find(file, `imports ${name}, which is not there`, "mend the path");
  }
}

/** Every table of texts has each in Korean and English, with the same places to fill. */
async function checkTexts(app) {
  const places = (text) => [...String(text).matchAll(/\{\w+\}/g)].map(String).sort().join();
  for (const file of app.ending("texts.js", { own: true })) {
    const exported = await import(pathToFileURL(app.path(file)).href).catch(() => ({}));
    const tables = Object.values(exported).filter((value) => value && typeof value === "object");
    for (const [key, { en, ko }] of tables.flatMap((table) => Object.entries(table))) {
      if (!en || !ko) app.find(file, `${key} is missing in ${en ? "Korean" : "English"}`, "write it");
      else if (places(en) !== places(ko)) app.find(file, `${key} has other places to fill in each language`, "make them the same");
    }
  }
}

/** With eslint.config.js: complexity above 7, `async` without `await`, unused names and more. */
function lint(app) {
  const eslint = join(HERE, "../node_modules/eslint/bin/eslint.js");
  if (!existsSync(eslint)) return ["complexity was not counted: run `npm ci` in frontend/ for ESLint"];
  const args = [eslint, "--config", join(HERE, "../eslint.config.js"), "--format", "json", ...app.ending(".js", { own: true })];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: app.folder });
  if (!stdout.startsWith("[")) return [`ESLint did not run: ${stderr.split("\n")[0]}`];
  for (const { filePath, messages } of JSON.parse(stdout)) {
    const file = app.files.find((name) => filePath.endsWith(`/${name}`)) ?? filePath;
    for (const { line, message, ruleId } of messages) {
      const remedy = String(ruleId).endsWith("complexity") ? "split the function" : `see ESLint's ${ruleId}`;
      app.find(`${file}:${line}`, message.replace(/\.$/, ""), remedy);
    }
  }
  return [];
}

/** Code without comments; what stands in strings stays. Good enough for the patterns above. */
export function withoutComments(text) {
  const pieces = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\*.*?\*\/|(?<![:\\"'])\/\/[^\n]*/gs;
  return text.replace(pieces, (piece) => (piece.startsWith("/*") || piece.startsWith("//") ? " " : piece));
}
