// The app as it lies on disk, read once for all rules: the files that a package holds, its JSON, and a list of findings.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** What `fdk pack` takes; the rest of the folder (this script, tests, node_modules) stays here. */
const PACKED = ["manifest.json", "README.md", "app", "config", "server"];
/** Code of others, as it came from npm. */
const VENDORED = /(^|\/)crayons\//;

/** An app in a folder. `findings` are `{file, what, remedy}`. */
export class AppPackage {
  findings = [];

  constructor(folder) {
    this.folder = folder;
    this.files = PACKED.filter((name) => existsSync(join(folder, name))).flatMap((name) => this.#within(name));
  }

  /** Note that something is wrong, and what to do. */
  find(file, what, remedy) {
    this.findings.push({ file, what, remedy });
  }

  has(file) {
    return this.files.includes(file);
  }

  text(file) {
    return readFileSync(join(this.folder, file), "utf8");
  }

  size(file) {
    return statSync(join(this.folder, file)).size;
  }

  path(file) {
    return join(this.folder, file);
  }

  /** A JSON file, or null where it can't be read: that is a finding. */
  json(file) {
    try {
      return JSON.parse(this.text(file));
    } catch (error) {
      this.find(file, `can't be read: ${error.message}`, "write it as JSON");
      return null;
    }
  }

  /** Files whose names end so; `own` leaves out what came from npm. */
  ending(ends, { own = false } = {}) {
    return this.files.filter((file) => file.endsWith(ends) && !(own && VENDORED.test(file)));
  }

  #within(name) {
    const path = join(this.folder, name);
    if (!statSync(path).isDirectory()) return [name];
    const entries = readdirSync(path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.folder, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join("/"))
      .sort();
  }
}
