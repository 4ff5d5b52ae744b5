// What an agent has begun beside a ticket (an edited reply, a question), for when the ticket is opened again. In memory
// only: it ends with the page.

const MOST_TICKETS = 30;

/** Remembers one value a ticket. */
export class Recall {
  #kept = new Map();

  /** What was kept of a ticket, or undefined. */
  get(ticketId) {
    return this.#kept.get(ticketId);
  }

  /** Keep; null keeps nothing. */
  put(ticketId, value) {
    if (ticketId === null) return;
    this.#kept.delete(ticketId);
    if (value) this.#kept.set(ticketId, value);
    if (this.#kept.size > MOST_TICKETS) this.#kept.delete(this.#kept.keys().next().value);
  }

  /** Whoever asks is not known any more: nothing of anybody's may stay. */
  clear() {
    this.#kept.clear();
  }
}
