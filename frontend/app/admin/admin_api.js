// What the administration page asks of serve: directly with a bearer token, as streams where it watches; through the
// platform's request templates where the browser may not reach serve. Templates are scarce (50 a minute for the whole
// account), so once a direct call was blocked, progress is polled slowly. The token has an admin's rights, which those of
// other pages lack, and comes by a template of its own.

import { Direct } from "../scripts/serve/direct.js";
import { invoked, jsonOf } from "../scripts/freshdesk/fdk_calls.js";
import { parsed, Problem } from "../scripts/serve/problem.js";
import { Session } from "../scripts/serve/session.js";
import { follow, sleep } from "../scripts/serve/stream.js";
import { ENDED } from "./figures.js";

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

/** Talks to one serve for one admin. */
export class AdminApi {
  #client;
  #session;
  #direct;
  /** Whether the browser may not reach serve directly. */
  blocked = false;

  /** `client` is FDK's; `base` is where serve answers. */
  constructor({ client, base }) {
    this.#client = client;
    this.#session = new Session({ mint: async () => jsonOf(await invoked(client, "admin_session")) });
    this.#direct = new Direct({ base, credentials: (options) => this.#session.headers(options) });
  }

  /** `{host, admin}` of the app's key; a `Problem` (403) where it is no admin's. */
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
    const open = () => this.#direct.send(path, { headers: { Accept: "text/event-stream" } }, signal);
    const first = await open().catch((error) => this.#noteBlocked(error));
    for await (const { event, data } of follow({ open, first, signal, onCut })) {
      if (event === "progress") yield parsed(data);
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
        return await (await this.#direct.send(path(context), { method, ...sent })).json();
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
}

/** A browser does not tell CORS from a dead line: both are tried by template. */
function isBlocked(error) {
  return error instanceof Problem && error.code === "network";
}
