// One sidebar: which ticket is open, what was asked, what to do next. A newer ticket aborts everything of the old one,
// so a late answer never shows up beside the wrong ticket.
//
// hit: paint. stale: paint, follow the run, replace its parts. miss: follow the run from nothing. As soon as a run says
// that its Canvas is stored (`canvas`) and at its end `/init` is asked once more, since only the stored Canvas says
// which models made it and whether it is current.

import { isGone, parsed, Problem, problemIn, textsOf, valuesOf } from "../serve/problem.js";
import { follow, sleep } from "../serve/stream.js";
import { CanvasCache } from "./cache.js";
import { eventLine, restLine, runLine, troubleLine } from "./status_lines.js";
import { WAITS } from "./waits.js";

const PARTS = new Set(["summary", "similar", "solutions", "replies"]);
const PART_OF_DELTA = { "summary.delta": "summary", "reply.delta": "replies" };
const PART_OF_RESET = { summary: "summary", reply: "replies" };

export class Sidebar {
  #api;
  #view;
  #waits;
  #cache;
  #ticket = null;
  #abort = new AbortController();
  #looks = [];
  #touched = false;
  #expected = "";
  #line = [];
  #resting = true;
  #suspended = false;

  constructor({ api, view, cache = new CanvasCache(), waits = WAITS }) {
    this.#api = api;
    this.#view = view;
    this.#cache = cache;
    this.#waits = waits;
  }

  /** Show the Canvas of a ticket; `revision` is the ticket's `updated_at`, where the host page knows it. */
  open(ticketId, { revision = "" } = {}) {
    this.#leave();
    this.#ticket = ticketId;
    this.#expected = revision;
    this.#looks = revision ? [...this.#waits.look] : [];
    this.#view.open?.(ticketId);
    this.#say("busy", "opening");
    const known = this.#cache.get(ticketId);
    if (known) this.#view.canvas(known.canvas, { etag: known.etag, remembered: true });
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

  /** The Canvas that rests on the page as `{ticketId, etag}`, or null while something is going on. */
  get resting() {
    const known = this.#resting && !this.#suspended && this.#ticket !== null && this.#cache.get(this.#ticket);
    return known ? { ticketId: this.#ticket, etag: known.etag } : null;
  }

  /** Ask again now. */
  retry() {
    if (this.#ticket !== null) this.#start();
  }

  /** No ticket is open. */
  close() {
    this.#leave();
    this.#view.empty?.();
  }

  /** Nobody looks: hold no stream and no timer until `resume`. */
  suspend() {
    this.#suspended = true;
    this.#abort.abort();
  }

  /** Somebody looks again. */
  resume() {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.retry();
  }

  #leave() {
    this.#abort.abort();
    this.#ticket = null;
    this.#looks = [];
    this.#touched = false;
    this.#suspended = false;
    this.#expected = "";
    this.#view.clear();
  }

  async #start() {
    this.#abort.abort();
    if (this.#suspended) return;
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
    const waits = { again: [...this.#waits.again], retry: [...this.#waits.retry], poll: [...(this.#waits.poll ?? [])] };
    const told = { story: null };
    for (;;) {
      let wait;
      try {
        wait = await this.#step(waits, told, signal);
      } catch (error) {
        signal.throwIfAborted();
        wait = this.#trouble(problemIn(error), waits.retry);
      }
      if (wait === null) return;
      await this.#rest(wait, signal);
    }
  }

  /** Ask once and act on it; returns how long to wait before the next time (ms), or null where all is done. */
  async #step(waits, told, signal) {
    const answer = await this.#ask(signal);
    const unfinished = answer.stale || answer.kind === "run";
    if (unfinished && answer.run) return this.#joined(answer, waits, told, signal);
    if (answer.kind === "run") return this.#poll(waits);
    this.#settle(answer, told.story);
    if (!this.#looksAgain(answer)) return null;
    told.story = null;
    return this.#looks.shift();
  }

  /** Follow a run; afterwards the Canvas is asked for, at once or where the ticket stays due ever more slowly. */
  async #joined(answer, waits, told, signal) {
    told.story = await this.#watch(answer, signal);
    if (!told.story.stale) return 0;
    return waits.again.length ? waits.again.shift() : this.#giveUp();
  }

  /** A pause that a change of the ticket ends. */
  async #rest(ms, signal) {
    if (ms === 0) return signal.throwIfAborted();
    this.#resting = true;
    await sleep(ms, signal);
    this.#resting = false;
  }

  /** Ask, and show what has come; while a run is `finishing`, the changes that it has taken in still count as newer ones. */
  async #ask(signal, { finishing = false, ...options } = {}) {
    const ticketId = this.#ticket;
    const known = this.#cache.get(ticketId) ?? { etag: "" };
    const answer = await this.#api.init(ticketId, { etag: known.etag, signal, ...options });
    signal.throwIfAborted();
    this.#view.direct?.(!this.#api.blocked);
    if (answer.kind === "run") return { ...answer, canvas: null, news: false };
    if (answer.kind === "canvas") this.#cache.put(ticketId, answer);
    const { canvas, etag } = answer.kind === "canvas" ? answer : known;
    this.#view.canvas(canvas, { etag, newer: finishing ? 0 : answer.newer });
    return { ...answer, canvas, news: etag !== known.etag };
  }

  /** Follow a run to its end; its story is what the status line tells afterwards. */
  async #watch(answer, signal) {
    const began = performance.now() - answer.ms;
    const story = { refreshing: answer.canvas !== null, ms: 0, stale: false };
    this.#tell(runLine(answer));
    this.#view.skeletons();
    const events = follow({
      open: (lastEventId) => this.#api.events(answer.run, { lastEventId, signal }),
      first: answer.response ?? null,
      signal,
      onCut: () => this.#tell(["busy", "cut", {}]),
    });
    for await (const { event, data } of events) {
      signal.throwIfAborted();
      if (this.#line[1] === "cut") this.#tell(runLine(answer));
      await this.#hear(event, parsed(data), { answer, story, signal });
    }
    story.ms = performance.now() - began;
    return story;
  }

  /** One event of a run. */
  async #hear(event, value, { answer, story, signal }) {
    if (event === "error") throw new Problem(value);
    if (event === "done") story.stale = value.stale === true;
    else if (event === "canvas") await this.#reload(signal);
    else this.#show(event, value, { answer });
  }

  #say(...line) {
    this.#line = line;
    this.#view.say(...line);
  }

  /** A run's status line; the same again is not said again. */
  #tell(line) {
    if (this.#line[1] !== line[1]) this.#say(...line);
  }

  /** The run has stored its Canvas: show it now. What fails here is asked for again at the run's end. */
  async #reload(signal) {
    try {
      await this.#ask(signal, { stream: false, finishing: true });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Problem)) throw error;
    }
  }

  #show(event, data, { answer }) {
    const view = this.#view;
    const line = eventLine(event, answer);
    if (line) this.#tell(line);
    else if (event in PART_OF_DELTA) view.delta(PART_OF_DELTA[event], data.text);
    else if (PARTS.has(event)) view.part(event, data);
    else if (event === "reset") view.reset(PART_OF_RESET[data.part]);
    else if (event === "stage") view.stage(data);
  }

  #settle(answer, story) {
    const behind = this.#isBehind(answer);
    this.#view.finish();
    const about = { behind, looking: this.#looks.length > 0, news: this.#touched && answer.news };
    const line = restLine(answer, story, about);
    // The same Canvas was looked at again: that is not worth another word, which a screen reader would read out.
    if (line[1] === "hit" && this.#line[0] === "hit") return;
    this.#say(...line);
  }

  #giveUp() {
    this.#view.finish();
    this.#say("quiet", "behind");
    return null;
  }

  /** A run that can't be followed: say so, and look again. */
  #poll(waits) {
    if (!this.#view.filled) this.#view.skeletons();
    this.#say("stream", "polling");
    return waits.poll.shift() ?? this.#waits.slow;
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
    this.#view.direct?.(!this.#api.blocked);
    // The run's log is gone, its Canvas perhaps is not: `/init` knows.
    if (problem.code === "run-missing" && waits.length) return waits.shift();
    const view = this.#view;
    const [texts, values] = [textsOf(problem), valuesOf(problem)];
    const again = problem.transient && waits.length > 0;
    const wait = this.#pauseAfter(problem, waits);
    const until = wait && Date.now() + wait;
    this.#forget(problem);
    view.finish();
    this.#say(...troubleLine(texts, values, { again, until, translate: view.translate }));
    if (!view.filled) view.problem(...texts, { ...values, until }, !(isGone(problem)));
    return wait;
  }

  #pauseAfter(problem, waits) {
    const pause = waits.shift() ?? this.#waits.slow;
    return problem.transient && pause ? Math.max(pause, problem.retryAfterMs) : null;
  }

  /** What the agent may not see (any more) is neither kept nor shown. */
  #forget(problem) {
    if (isGone(problem) || problem.status === 403) this.#cache.drop(this.#ticket);
    else if (problem.status === 401) this.#cache.clear();
    else return;
    const ticket = this.#ticket;
    this.#view.forget?.();
    this.#view.clear();
    this.#view.open?.(ticket);
  }
}
