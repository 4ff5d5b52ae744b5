// One sidebar: which ticket is open, what was asked, what to do next. A newer ticket aborts everything of the old one,
// so a late answer never shows up beside the wrong ticket.
//
// hit: paint. stale: paint, follow the run, replace its parts. miss: follow the run from nothing. At a run's end
// `/init` is asked once more, since only the stored Canvas says which models made it and whether it is current.

import { Problem } from "./api.js";
import { follow, sleep } from "./stream.js";
import { duration } from "./texts.js";

const REMEMBERED = 50;
/** Pauses in ms, in order. */
export const WAITS = {
  /** After a change of the ticket its webhook may take a moment: pauses between looks, each of which costs a 304. */
  look: [300, 900, 2000, 5000],
  /** A ticket that stays due (a model is down) is followed again, but ever more slowly. */
  again: [0, 300, 1000, 3000, 10_000, 30_000],
  /** After a failure that may pass. */
  retry: [1000, 3000, 8000, 20_000, 60_000],
};
const PARTS = new Set(["summary", "similar", "solutions", "replies"]);
const PART_OF_DELTA = { "summary.delta": "summary", "reply.delta": "replies" };
const PART_OF_RESET = { summary: "summary", reply: "replies" };
const GONE = { "ticket-missing": "missing", "ticket-deleted": "deleted", "ticket-spam": "spam" };

export class Sidebar {
  #api;
  #view;
  #waits;
  #memory = new Map();
  #ticket = null;
  #abort = new AbortController();
  #looks = [];
  #touched = false;
  #expected = "";
  #resting = true;

  constructor({ api, view, waits = WAITS }) {
    this.#api = api;
    this.#view = view;
    this.#waits = waits;
  }

  /** Show the Canvas of a ticket; `revision` is the ticket's `updated_at`, where the host page knows it. */
  open(ticketId, { revision = "" } = {}) {
    this.close();
    this.#ticket = ticketId;
    this.#expected = revision;
    this.#looks = revision ? [...this.#waits.look] : [];
    this.#view.say("busy", "opening");
    const known = this.#memory.get(ticketId);
    if (known) this.#view.canvas(known.canvas);
    return this.#start();
  }

  /** The open ticket has changed: look until its Canvas follows. */
  touch(revision = "") {
    if (this.#ticket === null) return;
    this.#expected = revision || this.#expected;
    this.#looks = [...this.#waits.look];
    this.#touched = true;
    if (this.#resting) this.#start();
  }

  /** Ask again now. */
  retry() {
    if (this.#ticket !== null) this.#start();
  }

  /** No ticket is open. */
  close() {
    this.#abort.abort();
    this.#ticket = null;
    this.#looks = [];
    this.#touched = false;
    this.#expected = "";
    this.#view.clear();
  }

  async #start() {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    this.#resting = false;
    try {
      await this.#untilCurrent(signal);
      this.#resting = true;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Ask, follow and ask again until the Canvas is current, the ticket is gone, or there is no point in going on. */
  async #untilCurrent(signal) {
    const waits = { again: [...this.#waits.again], retry: [...this.#waits.retry] };
    let story = null;
    for (;;) {
      try {
        const answer = await this.#ask(signal);
        if (answer.run && (answer.stale || answer.kind === "run")) {
          story = await this.#watch(answer, signal);
          if (story.stale && !waits.again.length) return this.#giveUp();
          if (story.stale) await this.#rest(waits.again.shift(), signal);
          continue;
        }
        this.#settle(answer, story);
        if (!this.#looksAgain(answer)) return;
        story = null;
        await this.#rest(this.#looks.shift(), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Problem)) throw error;
        const wait = this.#trouble(error, waits.retry);
        if (wait === null) return;
        await this.#rest(wait, signal);
      }
    }
  }

  /** A pause that a change of the ticket ends. */
  async #rest(ms, signal) {
    this.#resting = true;
    await sleep(ms, signal);
    this.#resting = false;
  }

  async #ask(signal) {
    const ticketId = this.#ticket;
    const known = this.#memory.get(ticketId);
    const answer = await this.#api.init(ticketId, { etag: known?.etag, signal });
    signal.throwIfAborted();
    if (answer.kind === "canvas") this.#remember(ticketId, answer);
    const canvas = answer.canvas ?? (answer.kind === "unchanged" ? known.canvas : null);
    if (canvas) this.#view.canvas(canvas);
    return { ...answer, canvas, news: answer.kind === "canvas" && answer.etag !== known?.etag };
  }

  /** Follow a run to its end; its story is what the status line tells afterwards. */
  async #watch(answer, signal) {
    const began = performance.now() - answer.ms;
    const refreshing = answer.canvas !== null;
    const story = { refreshing, firstMs: 0, ms: 0, stale: false };
    if (refreshing) this.#view.say("busy", "refreshing", { ms: duration(answer.ms) });
    else this.#view.say("stream", "waiting");
    this.#view.skeletons();
    const events = follow({
      open: (lastEventId) => this.#api.events(answer.run, { lastEventId, signal }),
      first: answer.response ?? null,
      signal,
      onCut: () => this.#view.say("busy", "cut"),
    });
    for await (const { event, data } of events) {
      signal.throwIfAborted();
      story.firstMs ||= performance.now() - began;
      const value = parse(data);
      if (event === "error") throw new Problem(value);
      if (event === "done") story.stale = value.stale === true;
      else this.#show(event, value, refreshing);
    }
    story.ms = performance.now() - began;
    return story;
  }

  #show(event, data, refreshing) {
    const view = this.#view;
    if (event in PART_OF_DELTA) view.delta(PART_OF_DELTA[event], data.text);
    else if (PARTS.has(event)) view.part(event, data);
    else if (event === "reset") view.reset(PART_OF_RESET[data.part]);
    else if (event === "stage") view.stage(data);
    else if (event === "waiting") view.say("busy", "no_worker");
    else if (event === "queued" && !refreshing) view.say("stream", "queued");
    else if (event === "started" && !refreshing) view.say("stream", "waiting");
  }

  #settle(answer, story) {
    const view = this.#view;
    view.finish();
    if (this.#isBehind(answer)) view.say("busy", this.#looks.length ? "changed" : "behind");
    else if (story?.refreshing) view.say("hit", "refreshed", { ms: duration(story.ms) });
    else if (story) view.say("hit", "streamed", { first: duration(story.firstMs), ms: duration(story.ms) });
    else view.say("hit", this.#touched && answer.news ? "updated" : "hit", { ms: duration(answer.ms) });
  }

  #giveUp() {
    this.#view.finish();
    this.#view.say("quiet", "behind");
  }

  /** Times are cut to the second, so an equal one proves nothing right after a change; new content does. */
  #looksAgain(answer) {
    if (!this.#isBehind(answer) && (answer.news || !this.#touched)) {
      this.#looks = [];
      this.#touched = false;
    }
    return this.#looks.length > 0;
  }

  #isBehind(answer) {
    return Boolean(this.#expected) && Date.parse(answer.canvas.revision) < Date.parse(this.#expected);
  }

  /** Say what went wrong; returns when to try again (ms), or null where only a person can mend it. */
  #trouble(problem, waits) {
    // The run's log is gone, its Canvas perhaps is not: `/init` knows.
    if (problem.code === "run-missing" && waits.length) return waits.shift();
    const view = this.#view;
    const [title, advice] = textsOf(problem);
    const again = problem.transient && waits.length > 0;
    if (problem.code in GONE) this.#forget();
    view.finish();
    view.say(again ? "busy" : "bad", again ? "retrying" : title, { title: view.translate(title) });
    if (!view.filled) view.problem(title, advice, { title: problem.title || problem.message }, !(problem.code in GONE));
    return again ? Math.max(waits.shift(), problem.retryAfterMs) : null;
  }

  #remember(ticketId, { canvas, etag }) {
    this.#memory.delete(ticketId);
    this.#memory.set(ticketId, { canvas, etag });
    if (this.#memory.size > REMEMBERED) this.#memory.delete(this.#memory.keys().next().value);
  }

  #forget() {
    this.#memory.delete(this.#ticket);
    this.#view.clear();
  }
}

/** Keys of a problem's title and advice. */
function textsOf(problem) {
  const { code } = problem;
  if (code in GONE) return [`problem_${GONE[code]}`, `advice_${GONE[code]}`];
  if (code === "unauthorized" || code === "network") return [`problem_${code}`, `advice_${code}`];
  if (code.startsWith("freshdesk")) return ["problem_freshdesk", "advice_unavailable"];
  return problem.transient ? ["problem_unavailable", "advice_unavailable"] : ["problem_other", "advice_other"];
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    throw new Problem({ status: 502, type: "not-json" });
  }
}
