// The modal's end of the wide view: it is told what the sidebar's view is told (wide_view.js), and has the sidebar do what
// is to be done.

import { Problem } from "../serve/problem.js";
import { ViewRecord } from "./view_record.js";

/** The modal's end; `host` is `{send, onMessage}`. */
export class Follower {
  #send;
  #works = new Map();
  #number;
  #view = null;

  constructor(host, { number = 0 } = {}) {
    this.#send = host.send;
    this.#number = number;
    host.onMessage((message) => this.#heard(message));
  }

  /** Show in `view` what the sidebar shows, from the calls that came with the modal on. */
  show(view, calls = []) {
    this.#view = view;
    this.#play(calls);
    // What came since the modal was opened is not in these.
    this.#hello();
  }

  /** What a `CanvasView` may do; the sidebar does it. */
  actions() {
    const act = (name) => (...args) => this.act(name, args);
    const asking = (name) => (body, options) => this.act(name, [body], options);
    const quick = Object.fromEntries(["tell", "retry", "share"].map((name) => [name, act(name)]));
    return { ...quick, insert: act("insert"), ask: asking("ask"), generate: asking("generate") };
  }

  /** Have something done; resolves to its value, or throws its `Problem`. */
  act(name, args, { signal, on = {} } = {}) {
    const id = `${Date.now()}-${Math.random()}`;
    return new Promise((resolve, reject) => {
      this.#works.set(id, { resolve, reject, on });
      signal?.addEventListener("abort", () => this.#stop(id, signal), { once: true });
      this.#send({ pc: "act", id, name, args: JSON.parse(JSON.stringify(args)) });
    });
  }

  /** Nobody looks any more. */
  leave() {
    this.#send({ pc: "bye" });
  }

  #heard(message) {
    const answers = { calls: this.#calls, on: this.#on, done: this.#done };
    if (Object.hasOwn(answers, message?.pc)) answers[message.pc].call(this, message);
  }

  #on({ id, event, value }) {
    this.#works.get(id)?.on[event]?.(value);
  }

  /** A bundle that was lost is made up for by everything anew. */
  #calls({ number, calls }) {
    const whole = calls[0][0] === "clear";
    if (number !== this.#number + 1 && !whole) return this.#hello();
    this.#number = number;
    return this.#play(calls);
  }

  #hello() {
    this.#send({ pc: "hello", number: this.#number });
  }

  #play(calls) {
    for (const [method, ...args] of calls) if (ViewRecord.METHODS.includes(method)) this.#view?.[method](...args);
  }

  #done({ id, value, problem }) {
    const work = this.#works.get(id);
    this.#works.delete(id);
    if (problem) work?.reject(new Problem(problem));
    else work?.resolve(value);
  }

  #stop(id, signal) {
    this.#works.get(id)?.reject(signal.reason);
    this.#works.delete(id);
    this.#send({ pc: "stop", id });
  }
}
