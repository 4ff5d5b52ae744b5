// What the agent does with suggestions, told to serve in batches. Each entry has a name, so that sending it again
// counts once; that of "shown" follows from what was shown, so that a Canvas counts once however often it is opened.

const WAIT_MS = 2000;
/** Serve takes 100 at once; what is sent while a page is left may have 64 KB. */
const MOST_AT_ONCE = 100;
const MOST_WAITING = 300;
const ETAG_CHARACTERS = 12;

/** Collects entries; `send(entries)` resolves when they are kept, and rejects with a Problem. */
export class Feedback {
  #send;
  #waitMs;
  #waiting = new Map();
  #seen = new Set();
  #timer = null;

  constructor({ send, waitMs = WAIT_MS }) {
    this.#send = send;
    this.#waitMs = waitMs;
  }

  /** `{ticket_id, kind, action, item?, reason?, etag?, run?}`, of a suggestion that was "shown" once. */
  tell(entry) {
    const id = entry.action === "shown" ? shownId(entry) : crypto.randomUUID?.() ?? randomId();
    if (this.#seen.has(id)) return;
    if (entry.action === "shown") this.#seen.add(id);
    this.#waiting.set(id, { ...clean(entry), id });
    if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value);
    this.#timer ??= setTimeout(() => this.flush(), this.#waitMs);
  }

  /** Send what waits, now: the page may be about to go. What fails and may pass is sent with the next. */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const entries = [...this.#waiting.values()].slice(0, MOST_AT_ONCE);
    if (!entries.length) return;
    for (const { id } of entries) this.#waiting.delete(id);
    try {
      await this.#send(entries);
    } catch (error) {
      if (error.transient) for (const entry of entries) this.#waiting.set(entry.id, entry);
      return;
    }
    if (this.#waiting.size) this.#timer ??= setTimeout(() => this.flush(), this.#waitMs);
  }
}

function clean(entry) {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined && value !== ""));
}

function shownId({ kind, item = "", ticket_id: ticket, etag = "", run = "" }) {
  const of = run.replace("/runs/", "") || etag.replace(/^W\//, "").replaceAll('"', "");
  return ["s", kind.slice(0, 4), item, ticket, of.slice(0, ETAG_CHARACTERS)].join(":").replace(/[^\w.:-]/g, "_");
}

/** Where the page is no secure context there is no `randomUUID`. */
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
