// Canvases that were seen: in memory, and a few of them in the tab's own storage, so that a frame that is loaded anew
// paints at once. What is stored belongs to one agent of one account; it ends with the tab, a working day, and a refused
// token.

import { isCanvas } from "../serve/canvas_shape.js";

const PREFIX = "pc:canvas:";
const MOST_IN_MEMORY = 50;
const MOST_STORED = 20;
/** A Canvas has about 6 KB; one of more characters is not worth the time that storing it takes. */
const MOST_CHARACTERS = 100_000;
/** Browsers give a tab that they restore its storage, too; other apps of the account share it. */
const MOST_AGE_MS = 8 * 3_600_000;

/** Remembers `{canvas, etag}` by ticket; `storage` is a Storage or null. */
export class CanvasCache {
  #storage;
  #owner = "";
  #memory = new Map();

  constructor({ storage = null } = {}) {
    this.#storage = storage;
  }

  /** Say whose Canvases these are (`host`, `agent`): what belongs to anybody else is forgotten. */
  belongsTo({ host, agent }) {
    const owner = `${PREFIX}${host}:${agent}:`;
    if (owner === this.#owner) return;
    if (this.#owner) this.#memory.clear();
    this.#owner = owner;
    this.#remove((key) => !key.startsWith(owner) || this.#isOld(key));
  }

  /** What is remembered of a ticket, or undefined. */
  get(ticketId) {
    return this.#memory.get(ticketId) ?? this.#stored(ticketId);
  }

  /** Remember a Canvas as the ticket's newest. */
  put(ticketId, { canvas, etag }) {
    this.#memory.delete(ticketId);
    this.#memory.set(ticketId, { canvas, etag });
    if (this.#memory.size > MOST_IN_MEMORY) this.#memory.delete(this.#memory.keys().next().value);
    this.#store(ticketId, canvas, etag);
  }

  /** Forget a ticket. */
  drop(ticketId) {
    this.#memory.delete(ticketId);
    this.#remove((key) => key.startsWith(`${this.#owner}${ticketId}:`));
  }

  /** Forget everything, whosever it is. */
  clear() {
    this.#memory.clear();
    this.#remove(() => true);
  }

  #store(ticketId, canvas, etag) {
    if (!this.#owner) return;
    this.#remove((key) => key.startsWith(`${this.#owner}${ticketId}:`));
    const text = JSON.stringify({ at: Date.now(), canvas, etag });
    if (text.length > MOST_CHARACTERS) return;
    this.#makeRoom();
    attempt(() => this.#storage?.setItem(`${this.#owner}${ticketId}:${canvas.revision}`, text));
  }

  #stored(ticketId) {
    if (!this.#owner) return undefined;
    const key = this.#keys().find((name) => name.startsWith(`${this.#owner}${ticketId}:`));
    const found = key && this.#read(key);
    // An earlier version of the app, or another app, may have left it there.
    if (!isCanvas(found?.canvas)) return undefined;
    this.#memory.set(ticketId, { canvas: found.canvas, etag: found.etag });
    return this.#memory.get(ticketId);
  }

  #makeRoom() {
    const keys = this.#keys();
    if (keys.length < MOST_STORED) return;
    const timed = keys.map((key) => [this.#read(key)?.at ?? 0, key]).sort(([one], [other]) => one - other);
    const surplus = timed.slice(0, keys.length - MOST_STORED + 1).map(([, key]) => key);
    this.#remove((key) => surplus.includes(key));
  }

  #isOld(key) {
    return !(Date.now() - this.#read(key)?.at < MOST_AGE_MS);
  }

  #read(key) {
    return attempt(() => JSON.parse(this.#storage.getItem(key)));
  }

  #keys() {
    const keys = attempt(() => Object.keys(this.#storage ?? {}));
    return (keys ?? []).filter((key) => key.startsWith(PREFIX));
  }

  #remove(chosen) {
    for (const key of this.#keys().filter(chosen)) attempt(() => this.#storage.removeItem(key));
  }
}

/** Browsers may forbid storage, or have no room: then nothing is kept. */
function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}
