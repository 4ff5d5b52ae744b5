// Parses files without running them; prints `[[file, message], …]` of those that do not parse. A process of its own,
// since it needs --experimental-vm-modules.

import { readFileSync } from "node:fs";
import { Script, SourceTextModule } from "node:vm";

const wrong = process.argv.slice(2).flatMap((file) => {
  const text = readFileSync(file, "utf8");
  // One of the two will do: a page loads most files as modules, and some as scripts.
  const failures = [() => new Script(text), () => new SourceTextModule(text)].flatMap((parse) => {
    try {
      return parse() && [];
    } catch (error) {
      return [error.message];
    }
  });
  return failures.length < 2 ? [] : [[file, failures[1]]];
});
console.log(JSON.stringify(wrong));
