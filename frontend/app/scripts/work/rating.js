// What is said about the parts of a Canvas: thumbs beside each, and a word to serve that it was shown.

import { Thumbs } from "./thumbs.js";

/** What feedback calls a part, and where its single items' ids stand. */
const KIND_OF_PART = { summary: "summary", similar: "similar", solutions: "solution" };
const ID_OF_ITEM = { similar: "ticket_id", solutions: "article_id" };

/** Thumbs by part; `tell(entry)` hears what the agent says. Replies have their own ways (`ReplyBox`). */
export class Rating {
  #tell;
  #thumbs;

  constructor(parts, tell) {
    this.#tell = tell;
    this.#thumbs = Object.fromEntries(parts.map((name) => [name, new Thumbs(tell)]));
  }

  /** The thumbs of a part. */
  of(name) {
    return this.#thumbs[name];
  }

  /** A part of a whole Canvas is on the page. */
  show(name, value, t) {
    const kind = KIND_OF_PART[name];
    if (!kind) return;
    const items = itemsOf(name, value);
    this.#thumbs[name].show(items.length ? { kind } : null, t);
    for (const item of items) this.#tell({ kind, item, action: "shown" });
  }

  /** Another suggestion has taken a part's place; without a name, of all parts. */
  forget(name = null) {
    for (const one of name ? [name] : Object.keys(this.#thumbs)) this.#thumbs[one].forget();
  }
}

/** Ids of what is shown; of a part that is one thing, one without an id. */
function itemsOf(name, value) {
  const id = ID_OF_ITEM[name];
  if (id) return (value ?? []).map((one) => one[id]);
  return value ? [undefined] : [];
}
