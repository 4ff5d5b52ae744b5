// Parses files without running them; prints `[[file, message], …]` of those that do not parse. A process of its own,
// since it needs --experimental-vm-modules.

import { readFileSync } from "node:fs";
import { Script, SourceTextModule } from "node:vm";

const wrong = process.argv.slice(2).flatMap((file) => {
  const text = readFileSync(file, "utf8");
  try {
    // What is loaded without type="module" is a script; modules are a stricter language.
    if (/^\s*(?:import|export)\b/m.test(text)) new SourceTextModule(text);
    else new Script(text);
    return [];
  } catch (error) {
    return [[file, error.message]];
  }
});
console.log(JSON.stringify(wrong));
