// What a view shows, as the calls that bring an empty one there: the newest of each kind, without the way that led to it.

/** What the latest call of a kind makes void; kinds carry the part's name where there is one: `delta:summary`. */
const ENDS = {
  clear: ["open", "say", "canvas", "part:", "delta:", "stage:", "skeletons", "problem", "shared:", "empty"],
  canvas: ["part:", "delta:", "stage:", "skeletons", "problem", "empty"],
  finish: ["stage:", "skeletons"],
  problem: ["stage:", "skeletons"],
  skeletons: ["problem", "empty"],
};

/** Takes calls (`apply`) and gives them back (`snapshot`). */
export class ViewRecord {
  static METHODS = [
    "open", "clear", "say", "canvas", "part", "delta", "reset", "stage", "skeletons", "finish", "problem", "empty",
    "direct", "shared", "forget", "setLanguage",
  ];
  #calls = new Map();
  #number = 0;

  apply(method, args = []) {
    for (const kind of ENDS[method] ?? []) this.#end(kind);
    if (method === "delta") this.#delta(...args);
    else if (method === "reset") this.#reset(...args);
    else if (!["clear", "finish", "forget"].includes(method)) this.#put(this.#kind(method, args), [method, ...args]);
    if (method === "part") this.#end(`delta:${args[0]}`);
  }

  /** `[[method, …arguments], …]`, in the order in which they came. */
  snapshot() {
    return [...this.#calls.values()];
  }

  #kind(method, [first]) {
    if (method === "part") return `part:${first}`;
    if (method === "stage") return `stage:${first.name}`;
    return method === "shared" ? `shared:${(this.#number += 1)}` : method;
  }

  #put(kind, call) {
    this.#calls.delete(kind);
    this.#calls.set(kind, call);
  }

  #delta(name, text) {
    const [, , before = ""] = this.#calls.get(`delta:${name}`) ?? [];
    this.#calls.set(`delta:${name}`, ["delta", name, before + text]);
  }

  #reset(name = null) {
    this.#end(name ? `delta:${name}` : "delta:");
    if (!name) this.#end("stage:");
  }

  #end(kind) {
    const ended = (known) => known === kind || (kind.endsWith(":") && known.startsWith(kind));
    for (const known of [...this.#calls.keys()].filter(ended)) this.#calls.delete(known);
  }
}
