// Server-sent events over fetch: EventSource can send no headers, and so neither a credential nor a chosen start.
//
// `EventParser` is the format (WHATWG HTML, "Parsing an event stream"), `readEvents` one connection, `follow` a run
// to its end over as many connections as it takes: it resumes after the last id, and waits longer each time.

import { networkProblem } from "./problem.js";

export const FINAL_EVENTS = ["done", "error"];
/** The server sends a comment every 15 s; three missed ones mean that the line is dead. */
const IDLE_MS = 45_000;
const MAX_ATTEMPTS = 8;
const MAX_WAIT_MS = 15_000;

/** Text in, events out: `{id, event, data}`. Lines may end in CRLF, LF or CR, and chunks may be cut anywhere. */
export class EventParser {
  /** Id to resume after; it stays until another one comes. */
  lastEventId = "";
  /** Wait before a new connection, as the server wishes (ms). */
  retryMs = 1000;
  #rest = "";
  #afterCarriageReturn = false;
  #fresh = true;
  #event = "";
  #data = [];

  /** The events that are complete with this piece of the stream. */
  push(text) {
    if (this.#fresh && text) {
      this.#fresh = false;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    // A CR at the end of the last piece has ended its line already: an LF now belongs to it.
    if (this.#afterCarriageReturn && text.startsWith("\n")) text = text.slice(1);
    if (text) this.#afterCarriageReturn = text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    return lines.map((line) => this.#line(line)).filter(Boolean);
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon < 0) this.#field(line, "");
    else if (colon > 0) this.#field(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
    return null;
  }

  #field(field, value) {
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.lastEventId = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch() {
    const { length } = this.#data;
    const complete = { id: this.lastEventId, event: this.#event || "message", data: this.#data.join("\n") };
    this.#event = "";
    this.#data = [];
    return length ? complete : null;
  }
}

/** The events of one response's body, up to its end. Throws where the connection breaks or stays silent. */
export async function* readEvents(body, parser = new EventParser(), idleMs = IDLE_MS) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), idleMs);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** How long to wait before connection number `attempt` (1 = the first again): doubling, with half of it at random. */
export function backoff(attempt, retryMs = 1000, random = Math.random) {
  const full = Math.min(MAX_WAIT_MS, retryMs * 2 ** (attempt - 1));
  return full / 2 + (random() * full) / 2;
}

/**
 * The events of a run up to `done` or `error`, whatever happens to the connection.
 *
 * `open(lastEventId)` resolves to a response with a body; what it throws with `transient` set, and a broken
 * connection, is tried again; a line that keeps breaking is a `Problem` of the network at last. `first` is a response
 * that is open already. `onCut(attempt)` tells that the line is down.
 */
export async function* follow({ open, first = null, signal, onCut = () => {}, pause = sleep }) {
  const line = { open, response: first, lastEventId: "", parser: new EventParser(), attempt: 0 };
  for (;;) {
    try {
      if (yield* connection(line)) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTransient(error)) throw error;
      if (line.attempt >= MAX_ATTEMPTS) throw error.transient ? error : networkProblem(error);
    }
    signal?.throwIfAborted();
    line.attempt += 1;
    if (line.attempt > MAX_ATTEMPTS) throw networkProblem("The stream ended before its last event");
    onCut(line.attempt);
    await pause(backoff(line.attempt, line.parser.retryMs), signal);
  }
}

/** The events of one connection; returns whether the last one of the run was among them. */
async function* connection(line) {
  const response = line.response ?? (await line.open(line.lastEventId));
  line.response = null;
  // Half an event of a broken connection must not run into the next one.
  line.parser = fresh(line.parser);
  for await (const event of readEvents(response.body, line.parser)) {
    line.attempt = 0;
    line.lastEventId = event.id || line.lastEventId;
    yield event;
    if (FINAL_EVENTS.includes(event.event)) return true;
  }
  return false;
}

/** Resolves after `ms`, or rejects as soon as `signal` aborts. */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** A parser for a new connection: all that lasts is how long the server wishes to be left alone. */
function fresh(old) {
  const parser = new EventParser();
  parser.retryMs = old.retryMs;
  return parser;
}

/** Failures of the network are TypeErrors; an answer that is an error says itself whether it may be tried again. */
function isTransient(error) {
  return error.transient ?? (error instanceof TypeError || error.name === "TimeoutError");
}

async function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("Nothing came for too long", "TimeoutError")), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
