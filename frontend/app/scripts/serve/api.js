// What the sidebar asks of serve: `/init` for a Canvas, `/runs` for the events that make one, questions and replies as
// streams, and `/feedback`.
//
// The browser asks itself (direct.js); where it may not (CORS), the host's request templates do: whole answers only.
// Every failure is a `Problem`, an abort stays an AbortError.

import { isCanvas } from "./canvas_shape.js";
import { Direct, responseOf } from "./direct.js";
import { isStream, Problem, problemOf } from "./problem.js";

/** How long direct calls are left alone after they were blocked. */
const BLOCKED_FOR_MS = 60_000;
const TEMPLATE_OF = { "/query/stream": "query", "/generate_reply/stream": "generate_reply" };

/** Talks to one serve on behalf of one agent. */
export class CanvasApi {
  #direct;
  #template;
  #blockedUntil = 0;

  /**
   * `base` and `credentials` are as in direct.js; `template(name, context, body)` asks through the platform, and resolves
   * to `{status, headers, body}` (text).
   */
  constructor({ template = null, ...direct }) {
    this.#direct = new Direct(direct);
    this.#template = template;
  }

  /**
   * The Canvas of a ticket, or the run that makes it:
   * `{kind: "canvas", canvas, etag}`, `{kind: "unchanged"}` (the Canvas of `etag` still holds) or
   * `{kind: "run", response}` (an open event stream), each with `ms` (round trip), `stale`, `newer` (changes that are
   * not in it) and `run`. `run` is "" where its events can't be followed. `stream: false` wants no stream, and
   * `byPlatform: false` rather nothing than a call of the platform, which are counted.
   */
  init(ticketId, { etag = "", signal, stream = true, byPlatform = true } = {}) {
    const began = performance.now();
    const headers = { Accept: stream ? "application/json, text/event-stream" : "application/json" };
    if (etag) headers["If-None-Match"] = etag;
    const path = `/init/${encodeURIComponent(ticketId)}`;
    const direct = async () => this.#initOf(await this.#direct.send(path, { headers }, signal), began);
    return byPlatform ? this.#either(direct, () => this.#byTemplate(ticketId, began, signal)) : direct();
  }

  /** Whether direct calls are left alone for the moment. */
  get blocked() {
    return this.#blockedUntil > Date.now();
  }

  /** The event stream of a run (`/runs/…`), after the event `lastEventId` where one is given. */
  async events(run, { lastEventId = "", signal } = {}) {
    const headers = { Accept: "text/event-stream" };
    if (lastEventId) headers["Last-Event-ID"] = lastEventId;
    return streamOf(await this.#direct.send(run, { headers }, signal));
  }

  /**
   * Ask for an answer (`/query/stream`) or a reply (`/generate_reply/stream`); resolves to an open event stream, or to
   * a response of JSON where the platform had to ask.
   */
  ask(path, body, { signal } = {}) {
    const headers = { Accept: "text/event-stream", "Content-Type": "application/json" };
    const direct = async () =>
      streamOf(await this.#direct.send(path, { method: "POST", headers, body: JSON.stringify(body) }, signal));
    return this.#either(direct, () => this.#whole(TEMPLATE_OF[path], {}, body, signal));
  }

  /** Tell what the agent did with suggestions; it is sent even where the page is being left. */
  async feedback(entries) {
    const headers = { "Content-Type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(entries), keepalive: true };
    await this.#either(
      () => this.#direct.send("/feedback", request),
      () => this.#whole("feedback", {}, entries),
    );
  }

  /** Directly, or by the platform where that is not possible (for the moment). */
  async #either(direct, byTemplate) {
    if (this.blocked) return byTemplate();
    try {
      return await direct();
    } catch (error) {
      if (error.code !== "network" || !this.#template) throw error;
      return this.#instead(error, byTemplate);
    }
  }

  /** The platform's way round a wall; where it leads nowhere either, the wall is no matter of rights. */
  async #instead(wall, byTemplate) {
    try {
      const found = await byTemplate();
      this.#blockedUntil = Date.now() + BLOCKED_FOR_MS;
      return found;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 0) throw wall;
      this.#blockedUntil = Date.now() + BLOCKED_FOR_MS;
      throw error;
    }
  }

  /** The response of a request template that is no refusal. */
  async #whole(name, context, body, signal) {
    const { status, headers, body: text } = await this.#template(name, context, body).catch((error) => {
      throw templateProblem(error);
    });
    signal?.throwIfAborted();
    const response = responseOf(status, headers, text);
    if (!response.ok && status !== 304) throw await problemOf(response);
    return response;
  }

  async #initOf(response, began) {
    const told = toldBy(response.headers, performance.now() - began);
    if (response.status === 304) return { kind: "unchanged", ...told };
    if (isStream(response)) return { kind: "run", response, ...told };
    const body = await jsonOf(response);
    return answer(response.status, body, { ...told, ms: performance.now() - began });
  }

  /** The same by the request template, which can neither stream nor follow a run. */
  async #byTemplate(ticketId, began, signal) {
    const response = await this.#whole("init", { ticket_id: ticketId }, undefined, signal);
    const ms = performance.now() - began;
    return answer(response.status, await jsonOf(response), { ...toldBy(response.headers, ms), run: "" });
  }
}

/** The path of a run that an answer names (`/runs/…`), or "": the token goes to serve alone, whatever stands there. */
export function runOf(headers) {
  const named = headers.get("Canvas-Run") ?? headers.get("Location");
  return named ? new URL(named, "pc://serve").pathname : "";
}

/** Why a request template brought nothing: a platform that could not reach serve is no platform that fails. */
function templateProblem(error) {
  if (!(error instanceof Problem)) return new Problem({ type: "blocked", title: String(error?.message ?? error) });
  return error.code === "platform" && error.status >= 500 ? new Problem({ type: "network", title: error.title }) : error;
}

/** What the headers of `/init` tell beside the Canvas. */
function toldBy(headers, ms) {
  return {
    ms,
    stale: /;\s*detail=stale\b/.test(headers.get("Cache-Status") ?? ""),
    run: runOf(headers),
    newer: Number(headers.get("Canvas-Newer")) || 0,
    etag: headers.get("ETag") ?? "",
  };
}

function answer(status, body, told) {
  if (status === 202) return { kind: "run", response: null, ...told };
  if (!isCanvas(body)) throw new Problem({ status: 502, type: "not-a-canvas" });
  return { kind: "canvas", canvas: body, ...told };
}

function streamOf(response) {
  if (!isStream(response)) throw new Problem({ status: 502, type: "not-a-stream" });
  return response;
}

async function jsonOf(response) {
  try {
    return await response.json();
  } catch {
    throw new Problem({ status: 502, type: "not-json" });
  }
}
