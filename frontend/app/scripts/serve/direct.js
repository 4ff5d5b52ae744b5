// Requests that the browser itself sends to serve, with the credential that the host gives: one that is refused is renewed
// once. Each is answered in time or fails, since a line may stay open and silent. Every failure is a `Problem` (RFC 9457),
// the network's included; an abort stays an AbortError.

import { isStream, networkProblem, Problem, problemOf } from "./problem.js";

const WITHIN_MS = 15_000;
/** A `Response` of these may have no body, not even an empty one. */
const BODILESS = [204, 205, 304];

/** Sends to one serve. */
export class Direct {
  #base;
  #credentials;
  #fetch;
  #withinMs;

  /**
   * `credentials({refused})` returns (a promise of) the headers that say who asks; `refused` are those that were not
   * accepted, where it is asked again because of that. `base` is where serve answers ("" = here).
   */
  constructor({ base = "", credentials, fetch = globalThis.fetch.bind(globalThis), withinMs = WITHIN_MS }) {
    this.#base = base;
    this.#credentials = credentials;
    this.#fetch = fetch;
    this.#withinMs = withinMs;
  }

  /** The response (of success, or 304): an event stream that is still open, or one whose body has come. */
  async send(path, request, signal) {
    const given = await this.#given(signal);
    try {
      return await this.#once(path, request, given, signal);
    } catch (error) {
      if (error.status !== 401) throw error;
      const renewed = await this.#given(signal, { refused: given });
      if (JSON.stringify(renewed) === JSON.stringify(given)) throw error;
      return this.#once(path, request, renewed, signal);
    }
  }

  #given(signal, options) {
    signal?.throwIfAborted();
    return this.#credentials(options);
  }

  async #once(path, { headers, ...request }, given, signal) {
    // An abort between two turns of the loop would be missed by a listener that comes after it.
    signal?.throwIfAborted();
    const line = new AbortController();
    const hangUp = () => line.abort();
    const timer = setTimeout(hangUp, this.#withinMs);
    signal?.addEventListener("abort", hangUp, { once: true });
    let response = null;
    try {
      const sent = { ...request, headers: { ...headers, ...given }, signal: line.signal, cache: "no-store" };
      response = await this.#fetch(this.#base + path, sent);
      if (!response.ok && response.status !== 304) throw await problemOf(response);
      return isStream(response) ? response : await arrived(response);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof Problem ? error : networkProblem(error);
    } finally {
      clearTimeout(timer);
      // An abort has to reach the body of a stream: that listener stays until the signal is gone.
      if (!response?.ok || !isStream(response)) signal?.removeEventListener("abort", hangUp);
    }
  }
}

/** A response from its parts; `body` is text. */
export function responseOf(status, headers, body) {
  return new Response(BODILESS.includes(status) ? null : body, { status, headers });
}

async function arrived(response) {
  return responseOf(response.status, response.headers, await response.text());
}
