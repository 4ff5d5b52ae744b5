// What the sidebar asks of serve: `/init` for a Canvas, `/runs` for the events that make one.
//
// Credentials come from a function that the host page gives, so that a short-lived token can be renewed there. Every
// failure is a `Problem` (RFC 9457), the network's included; an abort stays an AbortError.

const HEADERS_WITHIN_MS = 15_000;
const PREFIX = "urn:prompt-canvas:";

/** An answer that is no success: `code` is stable, `status` 0 means that nothing answered. */
export class Problem extends Error {
  constructor({ status = 0, type = "", title = "", detail = "", retryAfterMs = 0 }) {
    super(detail || title || type);
    this.name = "Problem";
    this.status = status;
    this.code = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : type || `http-${status}`;
    this.title = title;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether asking again later may help. */
  get transient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Talks to one serve on behalf of one agent. */
export class CanvasApi {
  #base;
  #credentials;
  #fetch;

  /** `credentials()` returns (a promise of) the headers that say who asks. */
  constructor({ base = "", credentials, fetch = globalThis.fetch.bind(globalThis) }) {
    this.#base = base;
    this.#credentials = credentials;
    this.#fetch = fetch;
  }

  /**
   * The Canvas of a ticket, or the run that makes it:
   * `{kind: "canvas", canvas, etag}`, `{kind: "unchanged"}` (the Canvas of `etag` still holds) or
   * `{kind: "run", response}` (an open event stream), each with `ms` (round trip), `stale` and `run`.
   */
  async init(ticketId, { etag = "", signal } = {}) {
    const headers = { Accept: "application/json, text/event-stream" };
    if (etag) headers["If-None-Match"] = etag;
    const began = performance.now();
    const response = await this.#get(`/init/${encodeURIComponent(ticketId)}`, headers, signal);
    const told = {
      stale: /;\s*detail=stale\b/.test(response.headers.get("Cache-Status") ?? ""),
      run: response.headers.get("Canvas-Run") ?? response.headers.get("Location") ?? "",
    };
    if (response.status === 304) return { kind: "unchanged", ms: performance.now() - began, ...told };
    if (isStream(response)) return { kind: "run", response, ms: performance.now() - began, ...told };
    const body = await this.#json(response);
    const ms = performance.now() - began;
    if (response.status === 202) return { kind: "run", response: null, ms, ...told };
    return { kind: "canvas", canvas: body, etag: response.headers.get("ETag") ?? "", ms, ...told };
  }

  /** The event stream of a run (`/runs/…`), after the event `lastEventId` where one is given. */
  async events(run, { lastEventId = "", signal } = {}) {
    const headers = { Accept: "text/event-stream" };
    if (lastEventId) headers["Last-Event-ID"] = lastEventId;
    const response = await this.#get(run, headers, signal);
    if (!isStream(response)) throw new Problem({ status: 502, type: "not-a-stream" });
    return response;
  }

  async #get(path, headers, signal) {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), HEADERS_WITHIN_MS);
    const stop = () => deadline.abort();
    signal?.throwIfAborted();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const given = await this.#credentials();
      const request = { headers: { ...headers, ...given }, signal: deadline.signal, cache: "no-store" };
      const response = await this.#fetch(this.#base + path, request);
      if (!response.ok && response.status !== 304) throw await problemOf(response);
      return response;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof Problem) throw error;
      throw new Problem({ type: "network", title: String(error.message ?? error) });
    } finally {
      clearTimeout(timer);
      // From here on an abort has to reach the body: the listener stays until the signal is gone.
    }
  }

  async #json(response) {
    try {
      return await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem({ status: 502, type: "not-json" });
    }
  }
}

function isStream(response) {
  return (response.headers.get("Content-Type") ?? "").startsWith("text/event-stream");
}

async function problemOf(response) {
  const document = await response.json().catch(() => ({}));
  const retryAfterMs = 1000 * (Number(response.headers.get("Retry-After")) || 0);
  return new Problem({ ...document, status: response.status, retryAfterMs });
}
