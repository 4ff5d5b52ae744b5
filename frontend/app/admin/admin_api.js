// What the administration page asks of serve: directly with a bearer token, as streams where it watches; through the
// platform's request templates where the browser may not reach serve. Templates are scarce (50 a minute for the whole
// account), so once a direct call was blocked, progress is polled slowly.

import { invoked, jsonOf } from "../scripts/fdk_calls.js";
import { networkProblem, Problem, problemOf } from "../scripts/problem.js";
import { Session } from "../scripts/session.js";
import { follow, sleep } from "../scripts/stream.js";

/** Between two looks by template: at most 12 of the 50 a minute. */
export const POLL_MS = 5000;
/** Requests by what they do: the template's name, and how to ask directly. */
const REQUESTS = {
  start: { template: "ingest_start", method: "POST", path: () => "/ingest" },
  progress: { template: "ingest_progress", method: "GET", path: ({ id }) => `/ingest/${encodeURIComponent(id)}` },
  steer: { template: "ingest_steer", method: "POST", path: ({ id, order }) => `/ingest/${encodeURIComponent(id)}/${order}` },
  settings: { template: "settings_read", method: "GET", path: () => "/settings" },
  choose: { template: "settings_save", method: "PUT", path: () => "/settings" },
};
const ENDED = ["done", "failed", "cancelled", "over_budget"];

/** Talks to one serve for one admin. */
export class AdminApi {
  #client;
  #base;
  #session;
  #fetch;
  /** Whether the browser may not reach serve directly. */
  blocked = false;

  /** `client` is FDK's; `base` is where serve answers. */
  constructor({ client, base, fetch = globalThis.fetch.bind(globalThis) }) {
    this.#client = client;
    this.#base = base;
    this.#fetch = fetch;
    const mint = async () => jsonOf(await invoked(client, "session"));
    this.#session = new Session({ mint });
  }

  /** `{host, admin}` of the app's key. */
  async holder() {
    await this.#session.headers();
    return this.#session.holder;
  }

  /** The backfill that was begun last, or null. */
  async latest() {
    try {
      return await this.#ask("progress", { id: "latest" });
    } catch (error) {
      if (error.code === "backfill-missing") return null;
      throw error;
    }
  }

  start = (wanted) => this.#ask("start", {}, wanted);
  steer = (id, order) => this.#ask("steer", { id, order });
  settings = () => this.#ask("settings");
  choose = (settings) => this.#ask("choose", {}, settings);

  /**
   * Progress as it changes, up to its end: yields `IngestProgress`. `onCut()` tells that the line is down, `onPolling()`
   * that it goes by template.
   */
  async *watch(id, { signal, onCut = () => {}, onPolling = () => {} }) {
    try {
      if (!this.blocked) return yield* this.#streamed(id, { signal, onCut });
    } catch (error) {
      signal?.throwIfAborted();
      if (!this.blocked) throw error;
    }
    onPolling();
    yield* this.#polled(id, signal, onCut);
  }

  async *#streamed(id, { signal, onCut }) {
    const path = REQUESTS.progress.path({ id });
    const open = () => this.#direct(path, { headers: { Accept: "text/event-stream" } }, signal);
    const first = await open().catch((error) => this.#noteBlocked(error));
    for await (const { event, data } of follow({ open, first, signal, onCut })) {
      if (event === "progress") yield JSON.parse(data);
    }
  }

  async *#polled(id, signal, onCut) {
    for (;;) {
      const found = await this.#ask("progress", { id }).catch((error) => {
        if (!error.transient) throw error;
        onCut();
        return null;
      });
      signal?.throwIfAborted();
      if (found) yield found;
      if (found && ENDED.includes(found.state)) return;
      await sleep(POLL_MS, signal);
    }
  }

  async #ask(name, context = {}, body = undefined) {
    const { template, method, path } = REQUESTS[name];
    if (!this.blocked) {
      const sent = body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
      try {
        return await (await this.#direct(path(context), { method, ...sent })).json();
      } catch (error) {
        if (!isBlocked(error)) throw error;
        this.blocked = true;
      }
    }
    return jsonOf(await invoked(this.#client, template, context, body));
  }

  #noteBlocked(error) {
    this.blocked = isBlocked(error);
    throw error;
  }

  async #direct(path, { headers = {}, ...request }, signal) {
    const given = await this.#session.headers();
    const response = await this.#once(path, { ...request, headers: { ...headers, ...given } }, signal);
    if (response.status !== 401) return this.#checked(response);
    const renewed = await this.#session.headers({ refused: true });
    return this.#checked(await this.#once(path, { ...request, headers: { ...headers, ...renewed } }, signal));
  }

  async #checked(response) {
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  #once(path, request, signal) {
    return this.#fetch(this.#base + path, { ...request, signal, cache: "no-store" }).catch((error) => {
      signal?.throwIfAborted();
      throw networkProblem(error);
    });
  }
}

/** A browser does not tell CORS from a dead line: both are tried by template. */
function isBlocked(error) {
  return error instanceof Problem && error.code === "network";
}
