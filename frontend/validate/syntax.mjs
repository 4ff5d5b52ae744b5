// Parses files without running them. Node needs --experimental-vm-modules for that, so it is a process of its own, unless
// that was given: `node --experimental-vm-modules syntax.mjs FILE…` prints `[[file, message], …]` of what does not parse.

import { readFileSync } from "node:fs";
import vm from "node:vm";
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";

/** Whether this process can parse modules. */
export const able = typeof vm.SourceTextModule === "function";

/** `[[file, message], …]` of the files that do not parse. */
export function unparsed(files) {
  return files.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    // One of the two will do: a page loads most files as modules, and some as scripts.
    const failures = [() => new vm.Script(text), () => new vm.SourceTextModule(text)].flatMap(failureOf);
    return failures.length < 2 ? [] : [[file, failures[1]]];
  });
}

function failureOf(parse) {
  try {
    return parse() && [];
  } catch (error) {
    return [error.message];
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(unparsed(process.argv.slice(2))));
}
