// What serve looks like to the sidebar: scripted answers over HTTP, and a view that writes down what it is told.

import { createServer } from "node:http";
import { once } from "node:events";

export const CANVAS = {
  ticket_id: 7,
  revision: "2026-06-01T10:00:00Z",
  status: "ready",
  language: "en",
  generated_at: "2026-06-01T10:00:01Z",
  summary: { text: "It is broken.", problem: "", tried: "", next_step: "", sentiment: "neutral" },
  similar_tickets: [],
  solutions: [],
  replies: [],
  provenance: { models: { summary: "extractive" }, tokens: {}, cost: 0, stages: [] },
};

export const hit = (changes = {}, headers = {}) => ({
  json: { ...CANVAS, ...changes },
  headers: { ETag: `"${JSON.stringify(changes).length}"`, "Cache-Status": "prompt-canvas; hit", ...headers },
});
export const stale = (changes, run) =>
  hit(changes, { "Cache-Status": "prompt-canvas; hit; detail=stale", "Canvas-Run": run });
export const unchanged = { status: 304, headers: { "Cache-Status": "prompt-canvas; hit" } };
export const problem = (status, code, headers = {}) => ({
  status,
  headers,
  json: { type: `urn:prompt-canvas:${code}`, title: code, status },
});
/** An event stream; `cut` breaks the connection after the last event, `hold` keeps it open. */
export const stream = (events, { cut = false, hold = false, run = "/runs/r1" } = {}) => ({
  events,
  cut,
  hold,
  headers: { "Content-Type": "text/event-stream", "Canvas-Run": run, "Cache-Status": "prompt-canvas; fwd=uri-miss" },
});

/** Serves `routes`: a list of answers by path (with its query or without), one a request; the last one stays. An answer may be a promise. */
export async function lookAlike(routes) {
  const requests = [];
  const open = new Set();
  const server = createServer(async (request, response) => {
    const told = { method: request.method, path: request.url, headers: request.headers, body: "" };
    requests.push(told);
    for await (const piece of request) told.body += piece;
    const answers = routes[request.url] ?? routes[request.url.split("?")[0]] ?? [problem(404, "run-missing")];
    const answer = await (answers.length > 1 ? answers.shift() : answers[0]);
    const type = { "Content-Type": answer.status >= 400 ? "application/problem+json" : "application/json" };
    response.writeHead(answer.status ?? 200, { ...type, ...answer.headers });
    if (answer.events) open.add(request.url);
    response.on("close", () => open.delete(request.url));
    if (!answer.events) return response.end(answer.json ? JSON.stringify(answer.json) : undefined);
    response.write(": canvas\nretry: 1\n\n");
    for (const [id, event, data] of answer.events) {
      response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    }
    if (answer.cut) setTimeout(() => response.destroy(), 20);
    else if (!answer.hold) response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, requests, open, close };
}

/** Stands in for the page: every call is a line of `told`, and the words of unfinished parts are in `words`. */
export class RecordingView {
  told = [];
  words = {};
  filled = false;

  translate = (key) => key;
  finish() {}
  skeletons = () => this.#tell("skeletons");
  say = (kind, key) => this.#tell(`say ${key}`);
  stage = (report) => this.#tell(`stage ${report.name}`);
  problem = (title, advice, values, retry) => this.#tell(`problem ${title} ${retry ? "retry" : "final"}`);

  clear() {
    this.filled = false;
    this.#tell("clear");
  }

  canvas(canvas) {
    this.filled = true;
    this.#tell(`canvas ${canvas.ticket_id} ${canvas.summary.text}`);
  }

  part(name) {
    this.filled = true;
    this.#tell(`part ${name}`);
  }

  delta(name, text) {
    this.words[name] = (this.words[name] ?? "") + text;
  }

  reset(name) {
    if (name) delete this.words[name];
    else this.words = {};
    this.#tell(`reset ${name ?? "all"}`);
  }

  #tell(line) {
    this.told.push(line);
  }
}

/** Resolves as soon as the condition holds. */
export async function until(condition, what = condition.toString()) {
  const end = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Not in 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A Storage: its keys are its own properties, as in a browser. */
export class MemoryStorage {
  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}
