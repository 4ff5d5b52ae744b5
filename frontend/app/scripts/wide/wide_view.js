// The wide view (modal.html) beside the sidebar: it hears whatever the sidebar's own view is told, and what it wants done
// the sidebar does. The two are instances of the app that send each other messages through the platform.
//
//   sidebar -> modal   {pc: "calls", number, calls: [[method, …arguments]]}, {pc: "on", id, event, value},
//                      {pc: "done", id, value | problem}
//   modal -> sidebar   {pc: "hello", number} (everything anew, if that was not the last bundle), {pc: "bye"},
//                      {pc: "act", id, name, args}, {pc: "stop", id}

import { ViewRecord } from "./view_record.js";

/** Calls are sent in bundles: a model writes more words a second than messages should be sent. */
const BUNDLE_MS = 40;
const NAMES = ["insert", "ask", "generate", "tell", "retry", "share"];
const HEARD = ["delta", "reset", "sources", "cut", "waiting", "begun"];

/** The sidebar's end. */
export class WideView {
  #send;
  #openModal;
  #actions;
  #state = new ViewRecord();
  #waiting = [];
  #timer = null;
  #open = false;
  #number = 0;
  #works = new Map();

  /** `host` as in fdk_host.js; `actions` are what the modal may have done (see `CanvasView`). */
  constructor({ host, actions }) {
    this.#send = host.send;
    this.#openModal = host.openModal;
    this.#actions = actions;
    host.onMessage((message) => this.#heard(message));
  }

  /** What the sidebar's view was told. */
  tell(method, args) {
    this.#state.apply(method, args);
    if (!this.#open) return;
    this.#waiting.push([method, ...args]);
    this.#timer ??= setTimeout(() => this.#flush(), BUNDLE_MS);
  }

  /** Open the modal, with what the sidebar shows at this moment; `settings`: `{language, show}`. */
  open(settings) {
    this.#open = true;
    this.#waiting = [];
    return this.#openModal({ ...settings, number: this.#number, calls: this.#state.snapshot() });
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const calls = this.#waiting.splice(0);
    if (calls.length) this.#send({ pc: "calls", number: (this.#number += 1), calls });
  }

  #heard(message) {
    const answers = { hello: this.#greet, bye: this.#leave, act: this.#act, stop: this.#stop };
    if (Object.hasOwn(answers, message?.pc)) answers[message.pc].call(this, message);
  }

  #greet({ number }) {
    this.#open = true;
    if (number !== this.#number) this.#waiting = [["clear"], ...this.#state.snapshot()];
    this.#flush();
  }

  #stop({ id }) {
    this.#works.get(id)?.abort();
  }

  #leave() {
    this.#open = false;
    this.#waiting = [];
    for (const work of this.#works.values()) work.abort();
  }

  async #act({ id, name, args = [] }) {
    if (!NAMES.includes(name) || !this.#actions[name]) return this.#send({ pc: "done", id, value: false });
    const work = new AbortController();
    this.#works.set(id, work);
    try {
      const value = await this.#actions[name](...args, { signal: work.signal, on: this.#listener(id) });
      this.#send({ pc: "done", id, value: value ?? true });
    } catch (error) {
      if (!work.signal.aborted) this.#send({ pc: "done", id, problem: plain(error) });
    } finally {
      this.#works.delete(id);
    }
  }

  /** The events of a question or a reply go to who asked for it. */
  #listener(id) {
    const to = (event) => (value) => this.#send({ pc: "on", id, event, value });
    return Object.fromEntries(HEARD.map((event) => [event, to(event)]));
  }
}

/** A view that does what `view` does, and tells `heard(method, args)` of it. */
export function overheard(view, heard) {
  const tee = { translate: (...args) => view.translate(...args) };
  Object.defineProperty(tee, "filled", { get: () => view.filled });
  for (const method of ViewRecord.METHODS) {
    tee[method] = (...args) => {
      heard(method, args);
      return view[method](...args);
    };
  }
  return tee;
}

/** A problem as a message can carry it. */
function plain({ name, status = 0, code = "", title = "", message = "", retryAfterMs = 0 }) {
  return { name, status, type: code, title: title || message, retryAfterMs };
}
